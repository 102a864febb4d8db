// What wxbase adds to PocketBase's JavaScript hooks. Point to both from a *.pb.js file:
//   /// <reference path="../pb_data/types.d.ts" />
//   /// <reference path="../pb_data/wxbase.d.ts" />
// Every handler must call e.next() or throw. Money is in fen.

interface WxEvent { app: core.App; next(): void }
interface WxLoginEvent extends WxEvent { user: core.Record; appID: string; openID: string; unionID: string; isNew: boolean; request: core.RequestEvent }
interface WxProfileEvent extends WxEvent { user: core.Record; avatar?: any }
interface WxOrderEvent extends WxEvent { order: core.Record }
interface WxRefundEvent extends WxEvent { order: core.Record; refund: core.Record }
interface WxPayoutEvent extends WxEvent { payout: core.Record }
interface WxScanEvent extends WxEvent { code: core.Record; user?: core.Record; invited: boolean }
interface WxPushEvent extends WxEvent {
  appID: string; openID: string; user?: core.Record; at: time.Time; msgType: string; name: string; msgID: string; fields: { [key: string]: any }
  answers?: { template: string; accepted: boolean }[]
  reports?: { template: string; msgID: string; errorCode: number; status: string }[]
  media?: { traceID: string; suggest: string; label: number; errcode: number; check?: core.Record }
  trade?: { order?: core.Record; transactionID: string; outTradeNo: string }
}
interface WxCustomerMessageEvent extends WxEvent {
  appID: string; openID: string; user?: core.Record; chat: core.Record; message: core.Record; at: time.Time
  kind: "text" | "image" | "card" | "other" | "enter"; text: string; from: string
}
interface WxUserForgetEvent extends WxEvent { user: core.Record; openIDs: string[]; unionIDs: string[]; phone: string; email: string }
interface WxRoomMessageEvent extends WxEvent { room: string; name: string; payload: number[] /* bytes */; sender: string }

/** A login that WeChat has confirmed, before the answer goes out. Throwing refuses it. */
declare function onWxLogin(handler: (e: WxLoginEvent) => void): void
/** A new name or avatar, before it is stored. Throwing refuses it. */
declare function onWxProfile(handler: (e: WxProfileEvent) => void): void
/** A new order, inside its transaction: use e.app only, and call nobody. Throwing refuses it. */
declare function onWxOrderCreate(handler: (e: WxOrderEvent) => void): void
/** An order that is paid and committed. Comes at least once; throwing makes it come again. */
declare function onWxOrderPaid(handler: (e: WxOrderEvent) => void): void
/** A refund that has reached the payer. Comes at least once; throwing makes it come again. */
declare function onWxRefundSucceeded(handler: (e: WxRefundEvent) => void): void
/** Money of the shop that has reached a person. Comes at least once; throwing makes it come again. */
declare function onWxPayoutSucceeded(handler: (e: WxPayoutEvent) => void): void
/** A payout that has ended without anybody getting the money. Comes at least once; throwing makes it come again. */
declare function onWxPayoutFailed(handler: (e: WxPayoutEvent) => void): void
/** A mini-program code that somebody opened. */
declare function onWxCodeScanned(handler: (e: WxScanEvent) => void): void

/** A message or an event that WeChat pushed. Comes at least once; throwing makes it come again. */
declare function onWxPush(handler: (e: WxPushEvent) => void): void
/** What a person wrote in the customer chat; kind "enter" when they opened it and said nothing yet. Comes at least once; throwing makes it come again. */
declare function onWxCustomerMessage(handler: (e: WxCustomerMessageEvent) => void): void
/** A person who is being forgotten: delete what you keep of them elsewhere. Comes at least once; throwing makes it come again, and nothing more is erased until then. */
declare function onWxUserForget(handler: (e: WxUserForgetEvent) => void): void
/** A message on its way into a room; JSON.parse(toString(e.payload)) reads it. Runs in every publish. Throwing refuses it. */
declare function onWxRoomMessage(handler: (e: WxRoomMessageEvent) => void): void

declare namespace $wx {
  /** Makes a mini-program code, or finds the one of the same request. Without a user it is nobody's. */
  function code(form: { user?: string; appid?: string; kind?: "unlimited" | "code" | "qrcode"; page?: string; payload?: any; scene?: string; width?: number }): { id: string; kind: string; page: string; scene: string; url: string; reused: boolean }
  /** Sends a subscribe message to a user and returns WeChat's id of it. Throws where the user has not agreed. */
  function sendSubscribeMessage(form: { user?: string; openid?: string; appid?: string; template: string; page?: string; data: { [key: string]: string }; state?: string; lang?: string; trim?: boolean }): string
  /** Answers a customer within WeChat's windows: five answers to each message, for 48 hours. Throws where nothing more may be said. The same key sends once. */
  function sendCustomerMessage(form: { chat?: string; user?: string; openid?: string; appid?: string; text?: string; link?: { title: string; description?: string; url: string; thumbUrl?: string }; card?: { title?: string; page: string; product: string }; key?: string }): core.Record
  /** Makes an order for a user. total and description, or items of the catalogue. The same key gives the same order. */
  function createOrder(form: { user: string; items?: { product: string; quantity: number }[]; total?: number; description?: string; note?: string; key?: string }): core.Record
  /** A code that anybody may scan and pay the order with: for a screen at the counter. What its buyer was about to pay by ends. */
  function payByCode(orderId: string): { codeUrl: string; image: string; expiresAt: string }
  /** Sends money to a user, who has 24 hours to confirm. The same key gives the same payout. amount is in fen. */
  function payout(form: { user: string; amount: number; remark: string; scene: string; reports: { info_type: string; info_content: string }[]; perception?: string; userName?: string; note?: string; key?: string; appid?: string }): core.Record
  /** Takes a payout back that nobody has confirmed. */
  function cancelPayout(id: string): core.Record
  /** Sends an event to everybody in a room; returns to how many connections of this process. */
  function publish(room: string, event: string, payload: any): number
}

// What wxbase adds to PocketBase's JavaScript hooks. Point to both from a *.pb.js file:
//   /// <reference path="../pb_data/types.d.ts" />
//   /// <reference path="../pb_data/wxbase.d.ts" />
// Every handler must call e.next() or throw. Money is in fen.

interface WxEvent { app: core.App; next(): void }
interface WxLoginEvent extends WxEvent { user: core.Record; appID: string; openID: string; unionID: string; isNew: boolean; request: core.RequestEvent }
interface WxProfileEvent extends WxEvent { user: core.Record }
interface WxOrderEvent extends WxEvent { order: core.Record }
interface WxRefundEvent extends WxEvent { order: core.Record; refund: core.Record }
interface WxScanEvent extends WxEvent { code: core.Record; user?: core.Record }

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
/** A mini-program code that somebody opened. */
declare function onWxCodeScanned(handler: (e: WxScanEvent) => void): void

declare namespace $wx {
  /** Makes an order for a user. total and description, or items of the catalogue. The same key gives the same order. */
  function createOrder(form: { user: string; items?: { product: string; quantity: number }[]; total?: number; description?: string; note?: string; key?: string }): core.Record
  /** Sends an event to everybody in a room; returns to how many connections of this process. */
  function publish(room: string, event: string, payload: any): number
}

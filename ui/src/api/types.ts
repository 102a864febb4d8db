// The shapes of /api/wx/admin/*: what internal/desk answers and takes. Money is an integer number of fen, moments are
// RFC 3339 in UTC ("" when not yet), days are "2026-01-31" in Beijing.

export type Page<T> = { items: T[]; page: number; perPage: number; totalItems: number };

// ---- who is signed in

export type Role = "owner" | "manager" | "clerk" | "finance" | "viewer";
export type Permission =
  | "view" // everything that is not named below, without phone numbers
  | "phone" // a buyer's whole phone number, audited
  | "export"
  | "orders" // cancel, ask WeChat, note, send an effect again
  | "ship"
  | "refund"
  | "payout" // send money to people
  | "dispute" // settle a disputed payment
  | "products"
  | "users" // block, log out
  | "outreach" // codes, links, messages, rooms, templates
  | "books" // inbox, bills, alerts
  | "setup" // mini programs, merchants, preferences
  | "staff"
  | "audit";

// POST staff/login {email, password, code?} → Session | 401 staff_login_invalid | 401 staff_code_wanted (send it again with code)
//   | 400 staff_code_invalid | 429 staff_locked {data:{until}}. Any route: 401 staff_sign_in (the session has ended), 403 staff_not_allowed {data:{permission}}
// A superuser's token works on every route too: GET staff/me says who one is.
export type Session = { token: string; me: Me };
export type Me = { id: string; email: string; name: string; role: Role | "superuser"; permissions: Permission[]; totp: boolean; simulated: boolean; shop: string };
// GET staff → {items: Staff[]}; POST staff {email,name,role,password}; PATCH staff/{id} {name?,role?,disabled?,password?,totp?:false}; DELETE staff/{id}. totp: false takes a lost authenticator away
export type Staff = { id: string; email: string; name: string; role: Role; disabled: boolean; totp: boolean; lastSeen: string; sessions: number; created: string };
// GET staff/{id}/sessions → {items}; DELETE staff/sessions/{id}; POST staff/logout ends one's own
export type StaffSession = { id: string; agent: string; ip: string; created: string; seen: string; current: boolean };
// POST staff/me/totp → {secret, url, image} (a data: URL of the QR code); POST staff/me/totp/confirm {code}; DELETE staff/me/totp {password}
// POST staff/me/password {old, new}
// GET roles → {roles: Record<Role, Permission[]>}
// GET audit?actor=&action=&search=&from=&to=&page= → Page<AuditRow>
export type AuditRow = { id: string; at: string; actor: string; role: string; action: string; subject: string; label: string; details: Record<string, unknown>; ip: string; agent: string; status: number };

// ---- overview: GET overview?days=1|7|30

export type Figures = { paid: number; orders: number; average: number; refunded: number; refunds: number; users: number; logins: number; scans: number };
export type Overview = {
  days: number; from: string; to: string;
  now: Figures; before: Figures;
  byDay: { at: string; paid: number; orders: number; refunded: number }[]; // every day of the span (at least 7), zeros included
  byHour: { hour: number; paid: number; orders: number }[]; // 24, summed over the span
  best: { product: string; name: string; quantity: number; amount: number }[];
  online: number;
};
// GET attention → {items}: what needs a person, the most urgent first
export type Attention = {
  id: string; // of the alert; "" when counted from the books
  kind: "disputed" | "refund_abnormal" | "shipping_due" | "bill_diff" | "effect_failed" | "certificate" | "secret" | "backup" | "held_text" | string; // or a kind of wx_alerts
  count: number; subject: string; details: string; since: string;
  hoursLeft: number | null; // of the most urgent one
  to: string; // route of the page that mends it, such as "/orders?state=disputed"
};

// ---- orders: GET orders?search=&state=&ship=&from=&to=&product=&page=&perPage= (20, at most 200) → Page<OrderRow>
// search: order number, WeChat's number (transactionId, outTradeNo), the whole phone or its last four digits, product name.
// GET orders.csv with the same filters: text/csv with BOM, streamed.

export type OrderState = "UNPAID" | "PAID" | "CANCELLED" | "PART_REFUNDED" | "REFUNDED" | string; // orders.payState as it is stored
export type OrderRow = {
  id: string; number: string; created: string; paidAt: string; expiresAt: string; payState: OrderState; shipState: string;
  total: number; refunded: number; title: string; lines: number; buyer: { id: string; name: string; phone: string }; // phone masked: 138****8000
  note: string; frozen: boolean; due: { deadline: string; hoursLeft: number } | null;
};
export type OrderLine = { product: string; variant: string; name: string; variantName: string; price: number; quantity: number; image: string };
export type Order = OrderRow & {
  items: OrderLine[]; attach: string; remark: string; // remark: the shop's own note, never shown to the buyer
  payments: Payment[]; refunds: Refund[]; shipments: Shipment | null; timeline: Event[];
  can: ("sync" | "cancel" | "refund" | "ship" | "resolve" | "disown" | "resend" | "native")[]; // what the state allows, whoever asks
  refundable: number;
};
export type Payment = { id: string; api: string; tradeType: string; outTradeNo: string; transactionId: string; state: string; amount: number; payerTotal: number; successAt: string; created: string; disputedAt: string; dispute: string; heldTotal: number };
// POST /api/wx/orders/{id}/native → PayCode: a code that anybody may scan and pay; image is a data: URL
export type PayCode = { codeUrl: string; image: string; expiresAt: string };
export type Refund = { id: string; outRefundNo: string; refundId: string; state: string; amount: number; reason: string; requestedBy: string; created: string; successAt: string; refusedCode: string; refusedMessage: string; waitsFor: "" | "second_person" };
export type Shipment = { state: string; parcels: { trackingNo: string; expressCompany: string; itemDesc: string }[]; error: string; sentAt: string };
// one thing that happened, the oldest first
export type Event = { at: string; kind: "created" | "ledger" | "notification" | "refund" | "shipping" | "message" | "effect" | "remark" | "audit" | "payout"; title: string; from: string; to: string; by: string; ref: string; ok: boolean; details: string };
// POST orders/{id}/remark {remark}; POST orders/{id}/resend {effect} → {ok} (effect: ref of an Event of kind effect, shipping or message that is not ok); POST orders/{id}/cancel|sync|refunds|shipments live at /api/wx/orders/{id}/…
// POST orders/{id}/refunds/preview {lines:[{line, quantity}]} → {amount, refundable}: what some lines (from 0) cost, at most what is left
// POST /api/wx/orders/{id}/refunds answers 202 with a Refund whose waitsFor is second_person when somebody else has to approve it
// POST refunds/{id}/approve | refuse → Refund: the second person; id is that of the Refund that waits. 403 refund_same_person, 409 refund_request_decided
// GET carriers → {items:[{id, name}]}: WeChat's delivery companies
// GET picking?ids=a,b → {items: Order[]}; GET orders/{id}/receipt is drawn by the page itself

// ---- products: GET products?search=&active=&category=&page= → Page<Product>; GET products/{id}; POST products; PATCH products/{id}; DELETE products/{id}
// POST and PATCH take name, description, price, stock, active, category, position, variants (all of them: one that is left out is removed; id for those that are there).
// stock -1: never runs out. stockWas beside stock, in products and variants: the stock that the person saw, so that what was sold since stays sold.
// DELETE → {archived: boolean}: what was ever ordered is taken down instead. POST products/order sorts the ids within the places that they have together.
// POST products/{id}/image (multipart "image"); POST products/order {ids}; POST products/bulk {ids, active}; GET categories → {items: string[]}

export type Product = { id: string; name: string; description: string; image: string; price: number; stock: number; active: boolean; category: string; kind: string; position: number; variants: Variant[]; sold: number; updated: string };
export type Variant = { id: string; name: string; price: number; stock: number; active: boolean; position: number };

// ---- people: GET users?search=&blocked=&page= → Page<User>; GET users/{id}; POST users/{id}/phone → {phone}; POST users/{id}/block {blocked}; POST users/{id}/logout

export type User = { id: string; name: string; avatar: string; phone: string; blocked: boolean; created: string; lastSeen: string; orders: number; paid: number };
export type UserStory = User & { identities: { appid: string; openid: string; unionid: string; sessionAt: string }[]; recent: OrderRow[]; invitedBy: { id: string; name: string; at: string } | null; invited: { id: string; name: string; at: string }[]; consents: { templateId: string; remaining: number; answer: string }[] };

// ---- outreach

// GET codes?search=&page= → Page<Code>; POST /api/wx/codes makes one; GET codes/{id}; GET codes/{id}/image?width=280|430|1280 (a stored picture, scaled)
export type Code = { id: string; kind: string; appid: string; page: string; scene: string; payload: unknown; image: string; scans: number; lastScanAt: string; created: string; maker: string };
export type CodeStory = Code & { days: { day: string; scans: number; users: number; guests: number }[]; invites: { user: string; name: string; inviter: string; inviterName: string; at: string }[] };
// GET links?page= → Page<Link>; POST /api/wx/links
export type Link = { id: string; kind: string; path: string; query: string; url: string; created: string; expiresAt: string };
// GET message-rules → {items}: which event sends which template; PUT message-rules/{event} {appid, templateId, page, data, enabled}
export type MessageRule = { id: string; event: "order_paid" | "order_shipped" | "order_refunded" | string; appid: string; templateId: string; page: string; data: Record<string, string>; state: string; lang: string; enabled: boolean };
// GET messages?page=&state= → Page<Message>; GET /api/wx/templates lists the templates with their keys; GET consents → {items:[{templateId, people, remaining}]}
export type Message = { id: string; user: string; name: string; templateId: string; state: string; error: string; created: string; msgid: string };
// GET rooms → {items:[{name, history, presence, members, lastAt}]}; messages, members and publishing at /api/wx/rooms/{room}/…

// ---- books

// GET inbox?kind=&state=&search=&page= → Page<InboxRow>; GET inbox/{id} → InboxRow with body; POST inbox/{id}/replay → {state, error}
export type InboxRow = { id: string; kind: string; source: string; state: string; verified: boolean; error: string; closedBy: string; closedReason: string; ref: string; seen: number; created: string; body?: string; headers?: Record<string, string> };
// GET effects?failed=1&page= → Page<Effect>; POST effects/{id}/resend
export type Effect = { id: string; effect: string; key: string; attempts: number; nextAt: string; doneAt: string; error: string; created: string; order: string };
// GET bills?month=2026-01 → {items: Bill[]}; POST bills/{date}/rerun; GET bill-diffs?resolved=&page= → Page<BillDiff>; POST bill-diffs/{id}/resolve {note}
export type Bill = { id: string; date: string; merchant: string; state: string; totals: Record<string, number>; differences: number; open: number; attempts: number; nextAt: string; error: string; closedBy: string; closedReason: string };
export type BillDiff = { id: string; date: string; merchant: string; kind: string; outTradeNo: string; ours: unknown; theirs: unknown; resolved: boolean; order: string };
// GET held?page= → Page<Held>: texts and pictures that WeChat wants a person to look at; POST held/{id} {decision: "pass" | "refuse"}
export type Held = { id: string; user: string; name: string; collection: string; record: string; field: string; text: string; image: string; state: string; label: string; created: string };

// ---- payouts: GET payouts?state=&user=&from=&to=&page= → Page<Payout>; GET payouts/{id} → PayoutStory; POST payouts → Payout, 202 with HELD when a second
// person has to agree; POST payouts/{id}/approve | cancel | sync → Payout. 409 payouts_off, payout_ceiling_reached, payout_state_refused; 403 payout_same_person
export type Payout = {
  id: string; number: string; transferBillNo: string; user: string; name: string; state: string; amount: number; remark: string; scene: string; perception: string; note: string;
  requestedBy: string; byProgram: boolean; approvedBy: string; failReason: string; refusedCode: string; refusedMessage: string; confirmBy: string; endedAt: string; askedAt: string;
  forgotten: boolean; settleAs: '' | 'SUCCESS' | 'FAILED'; settleBy: string; settleNote: string;
};
export type PayoutStory = Payout & { story: Event[] };

// ---- setup: GET setup → Setup

export type Setup = { simulated: boolean; publicUrl: string; publicUrlFrom: "env" | "stored" | ""; steps: Step[]; app: AppSetup | null; merchant: MerchantSetup | null; preferences: Preferences };
export type Step = { id: "app" | "merchant" | "address" | "push" | "domain" | "payment" | string; state: "done" | "missing" | "wrong"; reason: string };
// a secret is never answered: only whether it is there and a fingerprint of it ("sha256:1a2b3c4d"), and whether the environment set it
export type Secret = { set: boolean; fingerprint: string; fromEnv: boolean };
export type AppSetup = { id: string; appid: string; name: string; secret: Secret; pushToken: Secret; pushAesKey: Secret; pushMode: string; envVersion: string; pushAddress: string; xpayOfferId: string; xpayKey: Secret; xpaySandboxKey: Secret; xpayEnv: string; xpayAppleRefunds: string };
export type MerchantSetup = { id: string; mchid: string; name: string; api: "v2" | "v3"; certSerial: string; privateKey: Secret; apiV3Key: Secret; apiV2Key: Secret; publicKeyId: string; publicKey: Secret; certificate: Secret; verifyMode: string; signType: string; foreign: string; notifyAddress: string };
export type Preferences = { shop: string; twoPersonsAbove: number; publicUrl: string; payoutsPerDay: number; payoutsAlonePerDay: number };
// PATCH setup/app, setup/merchant, setup/preferences: any of the fields, secrets as strings → Setup; 400 with data.field; 409 setup_from_environment
// Beside the simulator what is saved stays switched off until a start without --sim.
// POST setup/recognise {text} → {kind: "private_key" | "certificate" | "public_key" | "unknown", serial, subject, from, until, matches: boolean | null}: what a pasted PEM is, and whether it belongs to what is stored
// POST doctor → {findings: Finding[]}; the same as `wxbase doctor --json`
// code: what was found, for programs; subject: the mini program or the merchant, "" for the server
export type Finding = { check: string; code: string; subject: string; state: "ok" | "warning" | "problem" | "skipped"; title: string; why: string; cure: string; doc: string }; // in the language of Accept-Language

// ---- a person's data: GET users/{id}/export → zip; GET users/{id}/forget → Erasure; POST users/{id}/forget {reason, days}; DELETE takes it back
export interface Erasure {
  state: '' | 'WAITING' | 'RUNNING' | 'DONE' | 'WITHDRAWN';
  dueAt: string;
  doneAt: string;
  underWay?: string[];
}

/** wxbase client for WeChat mini programs. Money is an integer number of fen. */

export type PayState = 'UNPAID' | 'PAID' | 'PART_REFUNDED' | 'REFUNDED' | 'CANCELLED';
export type ShipState = 'NONE' | 'SHIPPED' | 'RECEIVED';

export interface BaseRecord {
  id: string;
  collectionId: string;
  collectionName: string;
  [field: string]: unknown;
}

export interface User extends BaseRecord {
  name: string;
  avatar: string;
  phone?: string;
}

export interface Product extends BaseRecord {
  name: string;
  description: string;
  image: string;
  /** fen */
  price: number;
  /** digits; empty means unlimited */
  stock: string;
  active: boolean;
}

export interface OrderItem {
  product: string;
  name: string;
  /** fen, as it was when the order was made */
  price: number;
  quantity: number;
  /** of a product in several specifications: a record of product_variants */
  variant?: string;
  variantName?: string;
  /** virtual goods are paid by virtual payment; absent for things that are sent or served */
  kind?: 'virtual' | 'service';
}

export interface Order extends BaseRecord {
  number: string;
  items: OrderItem[];
  /** fen */
  total: number;
  payState: PayState;
  shipState: ShipState;
  /** when the goods of a pre-sale are promised; empty otherwise */
  shipBy?: string;
  expiresAt: string;
  paidAt: string;
  closedAt: string;
  /** fen */
  refunded: number;
  note: string;
}

export interface LoginAnswer {
  token: string;
  record: User;
  meta: { isNew: boolean; appid: string; openid: string; unionid?: string };
}

export interface Profile {
  rawData: string;
  signature: string;
  encryptedData?: string;
  iv?: string;
}

export interface PhoneDetail {
  code?: string;
  encryptedData?: string;
  iv?: string;
  errMsg?: string;
  /** of a button that failed: 1400001 fails with phone_quota_used */
  errno?: number;
}

export interface PhoneAnswer {
  phoneNumber: string;
  purePhoneNumber: string;
  countryCode: string;
}

export interface CodeOptions {
  kind?: 'unlimited' | 'code' | 'qrcode';
  page?: string;
  payload?: unknown;
  scene?: string;
  /** 280 to 1280 pixels */
  width?: number;
  lineColor?: { r: number; g: number; b: number };
  autoColor?: boolean;
  isHyaline?: boolean;
  envVersion?: 'release' | 'trial' | 'develop';
  checkPath?: boolean;
}

export interface CodeAnswer {
  id: string;
  kind: string;
  page: string;
  scene: string;
  /** absolute address of the image */
  url: string;
  /** true when the same request was answered before and the same image came back */
  reused: boolean;
}

export interface SceneAnswer<P = unknown> {
  page: string;
  payload: P;
}

/** What became of a payment. Only the server says 'paid'. */
export interface PayResult {
  state: 'paid' | 'pending' | 'cancelled';
  /** null when the server could not be asked after the cashier closed */
  order: Order | null;
}

/** Money that the shop has sent to the user; amount in fen. */
export interface Payout {
  id: string;
  amount: number;
  remark: string;
  state: 'SUBMITTED' | 'ACCEPTED' | 'WAITING' | 'TRANSFERRING' | 'CANCELLING' | 'SUCCESS' | 'FAILED' | 'CANCELLED';
  /** until when it can be confirmed; empty unless it waits */
  confirmBy: string;
  askedAt: string;
}

export interface RequestOptions {
  /** wx.request knows no PATCH: it goes out as a POST with a header that wxbase takes for one */
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  data?: unknown;
  /** true: log in first if need be; false: send no token; absent: send the token there is */
  auth?: boolean;
  header?: Record<string, string>;
  /** false: do not log in again on 401 or a stale session */
  relogin?: boolean;
  /** repeat twice when no answer came; what reads is repeated without asking, what writes only if twice is once (a key) */
  retry?: boolean;
  /** milliseconds, 20000 when absent; a phone cuts at 60 s */
  timeout?: number;
}

export interface UploadOptions {
  /** path on the phone, from chooseMedia, chooseAvatar or canvasToTempFilePath */
  filePath: string;
  /** field of the file, 'file' when absent */
  name?: string;
  formData?: Record<string, unknown>;
  /** 0 to 100 */
  onProgress?: (percent: number) => void;
  /** milliseconds, 60000 when absent */
  timeout?: number;
}

export interface Upload<T> extends Promise<T> {
  /** the promise fails with `aborted` */
  abort(): void;
}

export interface Page<R> {
  items: R[];
  page: number;
  perPage: number;
  /** -1 with skipTotal */
  totalItems: number;
  totalPages: number;
}

export type FilterValue = string | number | boolean | null | Date;

export interface ListOptions {
  page?: number;
  /** 30 when absent, 1000 at most */
  perPage?: number;
  /** PocketBase's filter with {:name} in the place of values: 'title = {:title}' */
  filter?: string;
  params?: Record<string, FilterValue | undefined>;
  sort?: string;
  expand?: string;
  fields?: string;
  skipTotal?: boolean;
  auth?: boolean;
}

export interface ViewOptions {
  expand?: string;
  fields?: string;
  auth?: boolean;
}

export interface Collection<R extends BaseRecord = BaseRecord> {
  readonly name: string;
  list(options?: ListOptions): Promise<Page<R>>;
  first(filter: string, params?: Record<string, FilterValue>, options?: ListOptions): Promise<R | null>;
  view(id: string, options?: ViewOptions): Promise<R>;
  create(data: Record<string, unknown>): Promise<R>;
  update(id: string, data: Record<string, unknown>): Promise<R>;
  delete(id: string): Promise<void>;
  /** one record, or all with '*' */
  subscribe(id: string, handler: (message: RecordMessage<R>) => void, options?: SubscribeOptions): () => void;
}

export interface Refund extends BaseRecord {
  order: string;
  /** fen */
  amount: number;
  reason: string;
  state: 'NEW' | 'SUBMITTED' | 'PROCESSING' | 'SUCCESS' | 'CLOSED' | 'ABNORMAL' | 'REJECTED';
}

export interface LinkOptions {
  kind: 'scheme' | 'link' | 'short';
  path: string;
  query?: string;
  /** seconds from now, or a moment such as 2026-01-31T10:00:00Z */
  expire?: number | string;
  envVersion?: 'release' | 'trial' | 'develop';
  title?: string;
  permanent?: boolean;
  appid?: string;
}

export interface LinkAnswer {
  id: string;
  kind: string;
  url: string;
  expiresAt: string;
  reused: boolean;
}

export interface CheckOptions {
  /** 1 profile, 2 comment (when absent), 3 forum, 4 social log */
  scene?: 1 | 2 | 3 | 4;
  title?: string;
  nickname?: string;
  signature?: string;
  appid?: string;
}

/** What the queue sent, or was refused, after the network came back. */
export interface Sent {
  path: string;
  data: Record<string, unknown>;
  answer?: unknown;
  error?: WxbaseError;
}

export interface RoomMessage<P = unknown> {
  /** `history.gap`: older messages than the room keeps were missed, the payload is {after, first} */
  event: string;
  payload: P;
  /** 1, 2, 3 and so on, in rooms that keep a history; numbers may be left out, never come twice */
  seq?: number;
  at?: string;
  /** user id, or `guest:...`; absent when the server spoke */
  sender?: string;
}

export interface RoomMembers {
  members: { user: string; connections: number; verified: boolean }[];
  /** users, not connections */
  count: number;
  /** false: a part of the server did not answer, there may be more */
  complete: boolean;
}

export interface RoomOptions<P = unknown> {
  onMessage?: (message: RoomMessage<P>) => void;
  /** who is there: at once, and every 15 s */
  onMembers?: (members: RoomMembers) => void;
  /** number of the last message read before; absent: only what comes from now on */
  after?: number;
  /** 'sse' goes over wx.request, 'websocket' over wx.connectSocket (its domain has to be listed too); absent: what the device can do */
  transport?: 'sse' | 'websocket';
  onReady?: () => void;
  /** the connection was cut and stands again; what a room with history missed comes by itself */
  onReconnect?: () => void;
  onError?: (err: WxbaseError) => void;
}

export interface Room {
  readonly name: string;
  publish(event: string, payload?: unknown): Promise<{ seq: number }>;
  members(): Promise<RoomMembers>;
  /** what was said after a number, oldest first, `limit` (100) at a time */
  history<P = unknown>(after?: number, limit?: number): Promise<{ messages: RoomMessage<P>[]; more: boolean; last: number }>;
  close(): void;
}

export interface RecordMessage<R = BaseRecord> {
  action: 'create' | 'update' | 'delete';
  record: R;
}

export interface SubscribeOptions {
  /** the first subscription stands */
  onReady?: () => void;
  /** the stream was cut and stands again: refetch records; rooms that keep a history send what was missed */
  onReconnect?: () => void;
  onError?: (err: WxbaseError) => void;
}

export interface ClientOptions {
  /** origin of the server, without a slash at the end; '' means the page's own origin (browser demo) */
  baseURL: string;
  /** another `wx`; the global one when absent */
  wx?: unknown;
  /** which mini program, where the server knows several */
  appid?: string;
  /** language of error messages, 'zh' when absent */
  lang?: 'zh' | 'en';
  /** milliseconds that a call may take, 20000 when absent */
  timeout?: number;
  /** key of wx.setStorageSync, 'wxbase' when absent */
  storageKey?: string;
  /** milliseconds without a byte after which the realtime stream is given up, 40000 when absent */
  idleTimeout?: number;
}

export class WxbaseError extends Error {
  /** HTTP status; 0 when no answer came */
  status: number;
  /**
   * stable word: the server's (`order_not_payable`) or ours (`network`, `timeout`, `aborted`, `queued`, `wx_login_failed`, `phone_denied`,
   * `privacy_denied`, `privacy_undeclared`, `subscribe_refused`, `pay_failed`, `transfer_unsupported`, `realtime_unsupported`)
   */
  code: string;
  /** what the platform said, for a log; `message` is the sentence for the user */
  detail: string;
  data: Record<string, unknown>;
}

export interface Client {
  readonly token: string;
  readonly user: User | null;
  /** calls made at the same time share one login; profile: true asks wx.getUserInfo, an object is sent as it is */
  login(options?: { profile?: true | Profile; scene?: string }): Promise<LoginAnswer>;
  /** renews the stored token and the user record; call it at App.onLaunch when `token` is not empty */
  refresh(): Promise<User>;
  /** on this phone; everywhere: true ends all tokens of the user on the server first, and fails when it is not reached */
  logout(options?: { everywhere?: boolean }): Promise<void>;
  /** whether the session key that the server holds is still the phone's */
  sessionValid(): Promise<boolean>;
  /** asks for consent to the privacy guide (wx.requirePrivacyAuthorize); fails with privacy_denied or privacy_undeclared */
  privacy(): Promise<void>;
  request<T = unknown>(path: string, options?: RequestOptions): Promise<T>;
  upload<T = unknown>(path: string, options: UploadOptions): Upload<T>;
  collection<R extends BaseRecord = BaseRecord>(name: string): Collection<R>;
  url(path: string): string;
  fileURL(record: BaseRecord, filename: string, query?: string): string;
  /** takes e.detail of bindgetphonenumber */
  phone(detail: PhoneDetail): Promise<PhoneAnswer>;
  /** saves name and avatar; avatarPath is what chooseAvatar gave */
  profile(fields: { name?: string; avatarPath?: string }): Promise<User>;
  /** a page (of 100); one that is not full is the last */
  products(options?: ListOptions): Promise<Product[]>;
  /** the newest first */
  orders(options?: ListOptions): Promise<Order[]>;
  order(id: string): Promise<Order>;
  /** refunds of an order of the user */
  refunds(orderId: string): Promise<Refund[]>;
  /**
   * The same key gives the same order; one is made when it is absent, so that a lost answer can be asked for again. offline: true keeps an
   * order that finds no network and sends it later: the call fails with `queued`, and on('sent') tells.
   */
  createOrder(items: { product: string; quantity: number; variant?: string }[], options?: { key?: string; note?: string; offline?: boolean }): Promise<Order>;
  /**
   * opens the cashier, or that of virtual payment for an order of virtual goods, and asks the server how it went. `way` says at once which it is,
   * by the `kind` of the order's items; without it the server is asked, which refuses the wrong one with order_virtual.
   */
  pay(orderId: string, way?: 'pay' | 'virtual'): Promise<PayResult>;
  sync(orderId: string): Promise<Order>;
  /**
   * lets the user take the money of a payout (wx.requestMerchantTransfer) and gives the payout as the server knows it then: still WAITING when
   * the page was closed. Fails with transfer_unsupported where WeChat is too old. `request('/api/wx/payouts', { auth: true })` lists payouts.
   */
  confirmTransfer(payoutId: string): Promise<Payout>;
  cancel(orderId: string): Promise<Order>;
  code(options: CodeOptions): Promise<CodeAnswer>;
  /** takes what App.onLaunch, Page.onLoad or wx.scanCode gave; null when it holds no scene */
  scene<P = unknown>(opened: unknown): Promise<SceneAnswer<P> | null>;
  link(options: LinkOptions): Promise<LinkAnswer>;
  /** shows WeChat's dialog for subscribe messages and reports the answers; call it in a tap, before anything else is awaited */
  askMessages(templateIds: string[]): Promise<Record<string, string>>;
  checkText(content: string, options?: CheckOptions): Promise<{ suggest: 'pass' | 'review' | 'risky'; label: number }>;
  /** the outcome comes into `state` of the record wx_checks/{id} */
  checkImage(filePath: string, options?: CheckOptions): Upload<{ suggest: 'pending'; id: string }>;
  /** topics: `rooms/<room>` gives RoomMessage, `orders/<id>` gives RecordMessage<Order>; returns unsubscribe */
  subscribe<T = unknown>(topic: string, handler: (message: T) => void, options?: SubscribeOptions): () => void;
  /** listens to a room until close() */
  room<P = unknown>(name: string, options?: RoomOptions<P>): Room;
  on(event: 'login', handler: (answer: LoginAnswer) => void): () => void;
  on(event: 'logout', handler: () => void): () => void;
  /** something that waited for the network was sent, or refused */
  on(event: 'sent', handler: (what: Sent) => void): () => void;
  /** failures that no promise carries: the realtime stream, a sync after payment */
  on(event: 'error', handler: (err: WxbaseError) => void): () => void;
  close(): void;
}

export function createClient(options: ClientOptions): Client;

/** Parser of server-sent events over chunks cut anywhere. */
export function createParser(
  onEvent: (event: { id: string; event: string; data: string }) => void,
): (chunk: ArrayBuffer | Uint8Array) => void;

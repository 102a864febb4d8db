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
}

export interface Order extends BaseRecord {
  number: string;
  items: OrderItem[];
  /** fen */
  total: number;
  payState: PayState;
  shipState: ShipState;
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

export interface RequestOptions {
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';
  data?: unknown;
  /** true: log in first if need be; false: send no token; absent: send the token there is */
  auth?: boolean;
  header?: Record<string, string>;
  /** false: do not log in again on 401 */
  relogin?: boolean;
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
  /** 'sse' (default) goes over wx.request, 'websocket' over wx.connectSocket (its domain has to be listed too) */
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
  /** key of wx.setStorageSync, 'wxbase' when absent */
  storageKey?: string;
  /** milliseconds without a byte after which the realtime stream is given up, 40000 when absent */
  idleTimeout?: number;
}

export class WxbaseError extends Error {
  /** HTTP status; 0 when no answer came */
  status: number;
  /** stable word: the server's (`order_not_payable`) or ours (`network`, `wx_login_failed`, `pay_failed`, `phone_denied`) */
  code: string;
  data: Record<string, unknown>;
}

export interface Client {
  readonly token: string;
  readonly user: User | null;
  /** calls made at the same time share one login; profile: true asks wx.getUserInfo, an object is sent as it is */
  login(options?: { profile?: true | Profile; scene?: string }): Promise<LoginAnswer>;
  /** renews the stored token and the user record; call it at App.onLaunch when `token` is not empty */
  refresh(): Promise<User>;
  logout(): void;
  request<T = unknown>(path: string, options?: RequestOptions): Promise<T>;
  url(path: string): string;
  fileURL(record: BaseRecord, filename: string, query?: string): string;
  /** takes e.detail of bindgetphonenumber */
  phone(detail: PhoneDetail): Promise<PhoneAnswer>;
  /** saves name and avatar; avatarPath is what chooseAvatar gave */
  profile(fields: { name?: string; avatarPath?: string }): Promise<User>;
  products(filter?: string): Promise<Product[]>;
  orders(): Promise<Order[]>;
  order(id: string): Promise<Order>;
  /** key makes it idempotent: the same key gives the same order */
  createOrder(items: { product: string; quantity: number }[], options?: { key?: string; note?: string }): Promise<Order>;
  pay(orderId: string): Promise<PayResult>;
  sync(orderId: string): Promise<Order>;
  cancel(orderId: string): Promise<Order>;
  code(options: CodeOptions): Promise<CodeAnswer>;
  scene<P = unknown>(scene: string): Promise<SceneAnswer<P>>;
  /** topics: `rooms/<room>` gives RoomMessage, `orders/<id>` gives RecordMessage<Order>; returns unsubscribe */
  subscribe<T = unknown>(topic: string, handler: (message: T) => void, options?: SubscribeOptions): () => void;
  /** listens to a room until close() */
  room<P = unknown>(name: string, options?: RoomOptions<P>): Room;
  on(event: 'login', handler: (answer: LoginAnswer) => void): () => void;
  on(event: 'logout', handler: () => void): () => void;
  /** failures that no promise carries: the realtime stream, a sync after payment */
  on(event: 'error', handler: (err: WxbaseError) => void): () => void;
  close(): void;
}

export function createClient(options: ClientOptions): Client;

/** Parser of server-sent events over chunks cut anywhere. */
export function createParser(
  onEvent: (event: { id: string; event: string; data: string }) => void,
): (chunk: ArrayBuffer | Uint8Array) => void;

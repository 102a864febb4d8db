// Customer messages as the server tells them. Amounts are fen.
export type Chat = {
  id: string;
  appid: string;
  user: string;
  name: string;
  last: string;
  lastAt: string;
  lastFromUs: boolean;
  unread: number;
  left: number; // answers that WeChat still takes
  until: string;
  hoursLeft: number | null;
  open: boolean; // a window is open, even if nothing is left in it
};

export type ChatLine = {
  id: string;
  fromUs: boolean;
  kind: 'text' | 'image' | 'card' | 'link' | 'enter' | 'other';
  text: string;
  title: string;
  page: string;
  url: string;
  picture: '' | 'WAITING' | 'KEPT' | 'GONE';
  state: 'RECEIVED' | 'SENDING' | 'SENT' | 'FAILED' | 'UNSURE';
  error: string;
  by: string;
  at: string;
};

export type WholeChat = Chat & {
  messages: ChatLine[];
  more: boolean;
  transfer: boolean;
  orders: { id: string; number: string; description: string; payState: string; shipState: string; total: number; created: string }[];
};

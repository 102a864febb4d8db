// Complaints as the server tells them. Amounts are fen; there is no phone number in them.
export type Complaint = {
  id: string;
  source: 'wechatpay' | 'platform' | 'xpay';
  number: string;
  state: 'PENDING' | 'PROCESSING' | 'PROCESSED';
  status: number;
  problem: string;
  detail: string;
  amount: number;
  applyRefund: number;
  fullRefunded: boolean;
  userWaits: boolean;
  urgent: boolean;
  times: number;
  at: string;
  dueAt: string;
  hoursLeft: number | null;
  order: string;
  orderNumber: string;
  outTradeNo: string;
};

export type ComplaintStep = { at: string; by: string; what: string; said: string; pictures: string[] };

export type WholeComplaint = Complaint & {
  description: string;
  transaction: string;
  merchant: string;
  appid: string;
  user: string;
  pictures: string[];
  steps: ComplaintStep[];
  readAt: string;
  beside: null | {
    id: string;
    number: string;
    description: string;
    payState: string;
    shipState: string;
    total: number;
    refunded: number;
    paidAt: string;
    refunds: { id: string; state: string; amount: number }[];
  };
};

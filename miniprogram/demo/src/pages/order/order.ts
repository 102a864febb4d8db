// 一张订单：实时更新，可以付款、取消，看到退款走到哪一步。
import type { Order, Refund } from '../../wxbase/index';
import { nameOf, stateOf, theShop, wayOf, yuan } from '../../lib/shop';

const REFUND_STATES: Record<Refund['state'], string> = {
  NEW: '待提交', SUBMITTED: '已提交', PROCESSING: '处理中', SUCCESS: '已到账', CLOSED: '已关闭', ABNORMAL: '需人工处理', REJECTED: '未通过',
};

Page({
  data: {
    id: '', number: '', state: '', total: '', note: '', unpaid: false, busy: false, way: 'pay' as 'pay' | 'virtual',
    lines: [] as { name: string; quantity: number; yuan: string }[], refunds: [] as { id: string; yuan: string; state: string; reason: string }[],
  },
  off: null as (() => void) | null,

  async onLoad(query) {
    this.setData({ id: query.id || '' });
    await this.load();
    const client = await theShop().client().catch(() => null);
    if (!client) return;
    // 断线重连之后再查一次：断开的时候可能错过了变化
    this.off = client.subscribe<{ record: Order }>(`orders/${this.data.id}`, ({ record }) => this.show(record), { onReconnect: () => this.load() });
  },

  onUnload() {
    if (this.off) this.off();
  },

  async load() {
    try {
      this.show(await (await theShop().client()).order(this.data.id));
    } catch (err) {
      theShop().tell(err);
    }
  },

  show(order: Order) {
    const lines = order.items.map((i) => ({ name: nameOf(i), quantity: i.quantity, yuan: yuan(i.price * i.quantity) }));
    this.setData({ number: order.number, state: stateOf(order), total: yuan(order.total), note: order.note, unpaid: order.payState === 'UNPAID', way: wayOf(order), lines });
    if (order.payState !== 'UNPAID' && order.payState !== 'CANCELLED') this.loadRefunds();
  },

  async loadRefunds() {
    try {
      const refunds = await (await theShop().client()).refunds(this.data.id);
      this.setData({ refunds: refunds.map((r) => ({ id: r.id, yuan: yuan(r.amount), state: REFUND_STATES[r.state], reason: r.reason })) });
    } catch (err) {
      theShop().tell(err);
    }
  },

  pay() {
    return this.act(async (client) => {
      const { state } = await client.pay(this.data.id, this.data.way);
      if (state === 'pending') wx.showToast({ title: '正在确认付款结果', icon: 'none' });
    });
  },

  cancel() {
    return this.act(async (client) => {
      await client.cancel(this.data.id);
    });
  },

  async act(work: (client: Awaited<ReturnType<ReturnType<typeof theShop>['client']>>) => Promise<void>) {
    if (this.data.busy) return;
    this.setData({ busy: true });
    try {
      await work(await theShop().client());
    } catch (err) {
      theShop().tell(err);
    } finally {
      this.setData({ busy: false });
      await this.load();
    }
  },
});

// 订单列表：新的在前，有变化时自动更新。
import type { Order } from '../../wxbase/index';
import { nameOf, stateOf, theShop, yuan } from '../../lib/shop';

const PAGE = 20;

function row(order: Order) {
  return { id: order.id, number: order.number, what: order.items.map((i) => `${nameOf(i)} ×${i.quantity}`).join('，'), yuan: yuan(order.total), state: stateOf(order) };
}

Page({
  data: { rows: [] as ReturnType<typeof row>[], done: false, guest: false },
  off: null as (() => void) | null,

  async onShow() {
    await this.reload();
    const client = await theShop().client().catch(() => null);
    if (!client || !client.token || this.off) return;
    this.off = client.subscribe('orders/*', () => this.reload(), { onReconnect: () => this.reload() });
  },

  onHide() {
    this.stop();
  },

  onUnload() {
    this.stop();
  },

  stop() {
    if (this.off) this.off();
    this.off = null;
  },

  async onPullDownRefresh() {
    await this.reload();
    wx.stopPullDownRefresh();
  },

  async onReachBottom() {
    if (!this.data.done) await this.load(Math.floor(this.data.rows.length / PAGE) + 1);
  },

  reload() {
    return this.load(1);
  },

  async load(page: number) {
    try {
      const client = await theShop().client();
      if (!client.token) return this.setData({ guest: true, rows: [] });
      const orders = await client.orders({ page, perPage: PAGE });
      const before = page === 1 ? [] : this.data.rows;
      this.setData({ guest: false, rows: before.concat(orders.map(row)), done: orders.length < PAGE });
    } catch (err) {
      theShop().tell(err);
    }
  },

  async login() {
    try {
      await (await theShop().client()).login();
      await this.onShow();
    } catch (err) {
      theShop().tell(err);
    }
  },

  open(e: WechatMiniprogram.TouchEvent) {
    wx.navigateTo({ url: `/pages/order/order?id=${e.currentTarget.dataset.id}` });
  },
});

// 购物车：下单并付款。没有网络时订单会留在手机里，网络恢复后自动提交。
import { WxbaseError, type Client } from '../../wxbase/index';
import { keyOf, nameOf, priceOf, theShop, wayOf, yuan } from '../../lib/shop';

Page({
  data: { lines: [] as { id: string; name: string; yuan: string; quantity: number }[], total: '', note: '', busy: false },

  onShow() {
    this.show();
  },

  show() {
    const shop = theShop();
    const lines = shop.cart.map((line) => ({ id: keyOf(line), name: nameOf({ name: line.product.name, variantName: line.size && line.size.name }), yuan: yuan(priceOf(line)), quantity: line.quantity }));
    this.setData({ lines, total: yuan(shop.total()) });
  },

  change(e: WechatMiniprogram.TouchEvent) {
    const { id, by } = e.currentTarget.dataset;
    const line = theShop().cart.find((l) => keyOf(l) === id);
    if (line) theShop().put(line.product, Number(by), line.size);
    this.show();
  },

  writeNote(e: WechatMiniprogram.Input) {
    this.setData({ note: e.detail.value });
  },

  /** 一次点击只下一张单：busy 挡住第二次点击，订单的 key 挡住重发。 */
  async order() {
    if (this.data.busy) return;
    this.setData({ busy: true });
    try {
      await this.buy(await theShop().client());
    } catch (err) {
      theShop().tell(err);
    } finally {
      this.setData({ busy: false });
      this.show();
    }
  },

  async buy(client: Client) {
    const shop = theShop();
    const items = shop.cart.map(({ product, size, quantity }) => ({ product: product.id, quantity, ...(size ? { variant: size.id } : {}) }));
    const order = await client.createOrder(items, { note: this.data.note, offline: true }).catch((err) => {
      if (err instanceof WxbaseError && err.code === 'queued') shop.empty();
      throw err;
    });
    shop.empty();
    // 付款失败或取消时订单还在，可以在订单页再付
    await client.pay(order.id, wayOf(order)).catch((err) => shop.tell(err));
    wx.navigateTo({ url: `/pages/order/order?id=${order.id}` });
  },
});

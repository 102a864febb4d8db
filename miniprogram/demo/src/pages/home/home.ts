// 点单：商品列表。扫分享码进来时，被分享的那一道排在最前面。
import type { Product } from '../../wxbase/index';
import { theShop, yuan, type Shared, type Size } from '../../lib/shop';

const PAGE = 20;

Page({
  data: { dishes: [] as (Product & { yuan: string; picture: string; sizes: Size[] })[], count: 0, done: false, from: '' },

  async onLoad(query) {
    await this.more();
    const client = await theShop().client();
    const opened = query.scene ? await client.scene<Shared>(query).catch(() => null) : null;
    if (opened) this.setData({ from: opened.payload.dish, dishes: this.first(opened.payload.dish) });
  },

  onShow() {
    this.count();
  },

  async onPullDownRefresh() {
    this.setData({ dishes: [], done: false });
    await this.more();
    wx.stopPullDownRefresh();
  },

  async onReachBottom() {
    if (!this.data.done) await this.more();
  },

  /** 下一页；不满一页就是最后一页。 */
  async more() {
    try {
      const client = await theShop().client();
      const page = Math.floor(this.data.dishes.length / PAGE) + 1;
      const found = await client.products({ page, perPage: PAGE });
      const sizes = await this.sizesOf(found);
      const dishes = found.map((p) => {
        const own = sizes.filter((s) => s.product === p.id);
        const price = own.length ? `${yuan(Math.min(...own.map((s) => s.price)))} 起` : yuan(p.price);
        return { ...p, sizes: own, yuan: price, picture: p.image ? client.fileURL(p, p.image, 'thumb=200x200') : '' };
      });
      this.setData({ dishes: this.data.dishes.concat(dishes), done: found.length < PAGE });
    } catch (err) {
      theShop().tell(err);
    }
  },

  /** 这一页商品的规格，一次查完；大多数商品没有。 */
  async sizesOf(products: Product[]): Promise<Size[]> {
    if (!products.length) return [];
    const client = await theShop().client();
    const params: Record<string, string> = {};
    products.forEach((p, i) => { params[`p${i}`] = p.id; });
    const filter = products.map((_, i) => `product = {:p${i}}`).join(' || ');
    const found = await client.collection<Size>('product_variants').list({ filter, params, sort: 'position', perPage: 200, skipTotal: true });
    return found.items;
  },

  first(dish: string) {
    return [...this.data.dishes].sort((a, b) => Number(b.id === dish) - Number(a.id === dish));
  },

  add(e: WechatMiniprogram.TouchEvent) {
    const product = this.data.dishes.find((d) => d.id === e.currentTarget.dataset.id);
    if (!product) return;
    if (product.sizes.length) {
      this.choose(product);
      return;
    }
    theShop().put(product, 1);
    this.count();
  },

  /** 选规格；微信的菜单最多六项。 */
  choose(product: Product & { sizes: Size[] }) {
    const sizes = product.sizes.slice(0, 6);
    wx.showActionSheet({
      alertText: product.name,
      itemList: sizes.map((s) => `${s.name} ¥${yuan(s.price)}`),
      success: ({ tapIndex }) => {
        theShop().put(product, 1, sizes[tapIndex]);
        this.count();
      },
    });
  },

  count() {
    this.setData({ count: theShop().cart.reduce((n, line) => n + line.quantity, 0) });
  },

  toCart() {
    wx.switchTab({ url: '/pages/cart/cart' });
  },

  share(e: WechatMiniprogram.TouchEvent) {
    wx.navigateTo({ url: `/pages/share/share?dish=${e.currentTarget.dataset.id}` });
  },
});

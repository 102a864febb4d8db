// 整个小程序共用的东西：服务器连接、购物车、提示。页面用 theShop() 取得它。
import { createClient, type BaseRecord, type Client, type Order, type Product, type SceneAnswer } from '../wxbase/index';
import { simulated } from './simulated';

/** 商品的一种规格：价格和库存都按规格算 */
export interface Size extends BaseRecord {
  id: string;
  product: string;
  name: string;
  price: number;
}

export interface CartLine {
  product: Product;
  size?: Size;
  quantity: number;
}

/** keyOf 区分购物车里的行：同一商品的两种规格是两行 */
export function keyOf(line: { product: Product; size?: Size }): string {
  return line.size ? `${line.product.id}/${line.size.id}` : line.product.id;
}

/** 一份多少钱，单位分 */
export function priceOf(line: { product: Product; size?: Size }): number {
  return line.size ? line.size.price : line.product.price;
}

/** nameOf 是订单行的名称，带上规格 */
export function nameOf(item: { name: string; variantName?: string }): string {
  return item.variantName ? `${item.name}（${item.variantName}）` : item.name;
}

/** 分享码里带的内容 */
export interface Shared {
  dish: string;
}

const SERVER_KEY = 'demo.server';
const CART_KEY = 'demo.cart';
export const LOCAL_SERVER = 'http://127.0.0.1:8090';

export class Shop {
  cart: CartLine[] = wx.getStorageSync(CART_KEY) || [];
  /** 服务器用的是本机的模拟微信：登录、手机号和付款都由它代替手机回答 */
  simulated = false;
  private connected: Promise<Client> | null = null;

  get server(): string {
    return wx.getStorageSync(SERVER_KEY) || LOCAL_SERVER;
  }

  /** 换一台服务器：旧的连接关掉，下次用到时再连接新的。 */
  useServer(url: string): void {
    const old = this.connected;
    this.connected = null;
    if (old) old.then((client) => client.close(), () => undefined);
    wx.setStorageSync(SERVER_KEY, url.replace(/\/+$/, ''));
  }

  /** client 第一次调用时连接服务器；连不上时下一次调用会再试。 */
  client(): Promise<Client> {
    if (!this.connected) {
      const attempt = this.connect();
      attempt.catch(() => {
        if (this.connected === attempt) this.connected = null;
      });
      this.connected = attempt;
    }
    return this.connected;
  }

  private async connect(): Promise<Client> {
    const baseURL = this.server;
    const plain = createClient({ baseURL });
    const health = await plain.request<{ simulated: boolean }>('/api/wx/health', { auth: false });
    this.simulated = health.simulated;
    if (!health.simulated) return plain;
    plain.close();
    return createClient({ baseURL, wx: await simulated(wx, baseURL) });
  }

  /** open 在小程序启动时调用：有登录就续期，扫码进来的记下来源。 */
  async open(options: WechatMiniprogram.App.LaunchShowOption): Promise<SceneAnswer<Shared> | null> {
    const client = await this.client();
    const opened = await client.scene<Shared>(options);
    if (client.token) await client.refresh();
    return opened;
  }

  /** 有规格的商品必须带上规格 */
  put(product: Product, by: number, size?: Size): void {
    const line = this.cart.find((l) => keyOf(l) === keyOf({ product, size }));
    if (line) line.quantity += by;
    else this.cart.push({ product, size, quantity: by });
    this.cart = this.cart.filter((l) => l.quantity > 0);
    wx.setStorageSync(CART_KEY, this.cart);
  }

  empty(): void {
    this.cart = [];
    wx.setStorageSync(CART_KEY, this.cart);
  }

  /** total 只用来显示；真正的金额由服务器按商品的价格计算。 */
  total(): number {
    return this.cart.reduce((sum, line) => sum + priceOf(line) * line.quantity, 0);
  }

  /** tell 把错误说给用户听：SDK 的错误带有中文说明，别的错误原样显示。 */
  tell(err: unknown): void {
    const message = err instanceof Error ? err.message : String(err);
    wx.showToast({ title: message, icon: 'none', duration: 3000 });
  }
}

export function theShop(): Shop {
  return getApp<{ shop: Shop }>().shop;
}

/** yuan 把分写成元：1850 → "18.50" */
export function yuan(fen: number): string {
  return (fen / 100).toFixed(2);
}

/** 虚拟商品走虚拟支付，其他走微信支付：看订单里的商品就知道，不必先被服务器拒绝一次 */
export function wayOf(order: Order): 'pay' | 'virtual' {
  return order.items.every((item) => item.kind === 'virtual') ? 'virtual' : 'pay';
}

/** 订单现在的状态，用中文 */
export function stateOf(order: Order): string {
  if (order.payState === 'PAID' && wayOf(order) === 'virtual') return '已付款'; // 没有东西要收
  if (order.payState === 'PAID' && order.shipState === 'SHIPPED') return '已发货';
  if (order.payState === 'PAID' && order.shipState === 'RECEIVED') return '已收货';
  return { UNPAID: '待付款', PAID: '已付款', PART_REFUNDED: '部分退款', REFUNDED: '已退款', CANCELLED: '已取消' }[order.payState];
}

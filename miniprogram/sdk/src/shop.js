/** Products, orders, payment. Methods of Client. Money is an integer number of fen. */
import { after, enc, newKey, promised } from './promised.js';

const PAGE = { perPage: 100, skipTotal: true };
const MINE = { ...PAGE, sort: '-@rowid', auth: true };
const PAID = ['PAID', 'PART_REFUNDED', 'REFUNDED'];
const isPaid = (order) => order && PAID.includes(order.payState);

export const shop = {
  /** products on sale, a page at a time; a page that is not full is the last. */
  async products(options) {
    return (await this.collection('products').list({ filter: 'active = true', ...PAGE, ...options })).items;
  },

  /** orders of the user, the newest first, a page at a time. */
  async orders(options) {
    return (await this.collection('orders').list({ ...MINE, ...options })).items;
  },

  order(id) {
    return this.collection('orders').view(id, { auth: true });
  },

  /** refunds of one order of the user. */
  async refunds(orderId) {
    return (await this.collection('refunds').list({ filter: 'order = {:order}', params: { order: orderId }, ...MINE })).items;
  },

  /**
   * createOrder has a key, its own or one that is made here, so that an answer that was lost can be asked for again: the same key gives the
   * same order. {offline: true} keeps an order that finds no network and sends it later (see on('sent')); the call fails with `queued`.
   */
  async createOrder(items, options) {
    const { offline, ...rest } = { key: newKey(), ...options };
    const data = { items, ...rest };
    try {
      return await this.post('orders', data, true);
    } catch (err) {
      if (!offline || (err.code !== 'network' && err.code !== 'timeout')) throw err;
      this.queue.add('/api/wx/orders', data);
      throw this.fault('queued', err.detail, { key: data.key });
    }
  },

  onOrder(id, verb) {
    return this.post('orders/' + enc(id) + '/' + verb, {}, true);
  },

  sync(id) {
    return this.onOrder(id, 'sync');
  },

  cancel(id) {
    return this.onOrder(id, 'cancel');
  },

  /**
   * pay opens the cashier, for virtual goods that of virtual payment, and then asks the server how it went. verb 'virtual' says at once which
   * one it is; without it the server does. When the phone has another session_key than the server (-15005), it logs in and signs anew, once.
   * NB! what the phone says is never proof: 'paid' comes from the server alone, also after a "cancel".
   */
  async pay(id, verb = 'pay', again) {
    const params = await this.onOrder(id, verb).catch((err) => {
      if (err.code !== 'order_virtual') throw err;
      return this.onOrder(id, verb = 'virtual');
    });
    const failure = await promised(this.wx, `request${verb === 'pay' ? 'P' : 'VirtualP'}ayment`, params).then(() => 0, (err) => err || {});
    if (failure && failure.errCode === -15005 && !again) {
      await this.login();
      return this.pay(id, verb, true);
    }
    const order = await this.settle(id, failure ? 1 : 3);
    if (isPaid(order)) return { state: 'paid', order };
    if (!failure) return { state: 'pending', order };
    if (/cancel/.test(failure.errMsg || '')) return { state: 'cancelled', order };
    throw this.fault('pay_failed', failure.errMsg || failure.message, { order });
  },

  /**
   * confirmTransfer opens WeChat's page on which the user takes the money of a payout, and gives the payout as the server knows it then.
   * NB! what the phone says is never proof, so a page that was closed is no error: the payout goes on waiting.
   */
  async confirmTransfer(id) {
    if (!this.wx.requestMerchantTransfer) throw this.fault('transfer_unsupported');
    const call = (verb) => this.post('payouts/' + enc(id) + '/' + verb, {}, true);
    await promised(this.wx, 'requestMerchantTransfer', await call('confirm')).catch(() => {});
    return call('sync');
  },

  /** settle asks up to `tries` times; an answer that does not come leaves the order pending, never failed. */
  async settle(id, tries) {
    let order = null;
    for (let i = 0; i < tries; i++) {
      if (i) await after(600 * i);
      order = await this.sync(id).catch((err) => {
        this.emit('error', err);
        return order;
      });
      if (isPaid(order)) return order;
    }
    return order;
  },
};

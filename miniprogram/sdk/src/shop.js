/** Products, orders, payment. Methods of Client. Money is an integer number of fen. */
import { fault } from './errors.js';
import { after, enc, newKey, promised } from './promised.js';

const PAGE = { perPage: 100, skipTotal: true };
const MINE = { ...PAGE, sort: '-@rowid', auth: true };
const PAID = ['PAID', 'PART_REFUNDED', 'REFUNDED'];

/** failureOf opens one of WeChat's pages about money, and gives what its fail callback got; null when it succeeded. */
const failureOf = (wx, name, params) => promised(wx, name, params).then(() => null, (err) => err || {});

/** outcome is what became of it: done is the server's word, and what the phone said explains only why there is none. */
function outcome(lang, failure, done, about, code) {
  const said = failure && (failure.errMsg || failure.message || '');
  const state = done || (failure ? /cancel/.test(said) && 'cancelled' : 'pending');
  if (!state) throw fault(lang, code, said, about);
  return { state, ...about };
}

export const shop = {
  /** products on sale, a page at a time; a page that is not full is the last. */
  async products(options) {
    const page = await this.collection('products').list({ filter: 'active = true', ...PAGE, ...options });
    return page.items;
  },

  /** orders of the user, the newest first, a page at a time. */
  async orders(options) {
    const page = await this.collection('orders').list({ ...MINE, ...options });
    return page.items;
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
      throw fault(this.lang, 'queued', err.detail, { key: data.key });
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
   * pay opens the cashier, for virtual goods that of virtual payment, and then asks the server how it went. When the phone has another
   * session_key than the server (-15005), it logs in and signs anew, once.
   * NB! what the phone says is never proof: 'paid' comes from the server alone, also after a "cancel".
   */
  async pay(id, again) {
    let call = 'requestPayment';
    const params = await this.onOrder(id, 'pay').catch((err) => {
      if (err.code !== 'order_virtual') throw err;
      call = 'requestVirtualPayment';
      return this.onOrder(id, 'virtual');
    });
    const failure = await failureOf(this.wx, call, params);
    if (failure && failure.errCode === -15005 && !again) {
      await this.login();
      return this.pay(id, true);
    }
    const order = await this.settle(id, failure ? 1 : 3);
    return outcome(this.lang, failure, order && PAID.includes(order.payState) && 'paid', { order }, 'pay_failed');
  },

  /** payouts are what the shop has sent to the user, the newest first; one in state WAITING can be confirmed. */
  async payouts() {
    return (await this.request('/api/wx/payouts', { auth: true })).items;
  },

  /**
   * confirmTransfer opens WeChat's page on which the user takes the money of a payout, and then asks the server how it went.
   * NB! what the phone says is never proof: 'received' comes from the server alone.
   */
  async confirmTransfer(id) {
    const name = 'requestMerchantTransfer';
    if (!this.wx.canIUse || !this.wx.canIUse(name)) throw fault(this.lang, 'transfer_unsupported');
    const path = 'payouts/' + enc(id) + '/';
    const params = await this.post(path + 'confirm', {}, true);
    const failure = await failureOf(this.wx, name, params);
    const payout = await this.post(path + 'sync', {}, true).catch(() => null);
    return outcome(this.lang, failure, payout && payout.state === 'SUCCESS' && 'received', { payout }, 'transfer_failed');
  },

  /** settle asks up to `tries` times; an answer that does not come leaves the order pending, never failed. */
  async settle(id, tries) {
    let order = null;
    for (let i = 0; i < tries; i++) {
      if (i > 0) await after(600 * i);
      order = await this.sync(id).catch((err) => {
        this.emit('error', err);
        return order;
      });
      if (order && PAID.includes(order.payState)) return order;
    }
    return order;
  },
};

// one order. It opens the cashier, and turns paid when the server says so: by realtime, or by the sync after the cashier.
import { arrow, h, replace } from '../dom.js';
import { clockTime, itemsText, t } from '../i18n.js';
import { makePage } from '../phone.js';
import { busy, loadingLine, price, roundMark, toast } from '../weui.js';
import { fact, lineItem, stateLabel } from '../parts.js';

const PAID = ['PAID', 'PART_REFUNDED', 'REFUNDED'];

export function orderPage(app, query) {
  const body = h('div', null, loadingLine());
  const foot = h('div', { class: 'action', hidden: true });
  const page = makePage(app.phone, { title: t('orderTitle'), name: 'order', onBack: () => app.back(), body, foot });
  const view = { app, id: query.id, order: null, waiting: '', cancelled: false, fresh: false };
  view.draw = () => {
    replace(body, content(view));
    replace(foot, actions(view));
    foot.hidden = !foot.firstChild;
  };

  const off = app.client.subscribe('orders/' + query.id, ({ record }) => {
    if (PAID.includes(record.payState) && view.order && !PAID.includes(view.order.payState)) app.feed.log('paid', {}, 'orders/' + query.id);
    update(view, record);
  }, { onReconnect: () => load(view) });
  page.dispose = off;

  load(view).then(() => {
    // note: a page that is built again (another language) must not open the cashier again
    if (query.pay && view.order && view.order.payState === 'UNPAID') pay(view).catch((err) => app.fail(err));
    query.pay = false;
  });
  return page;
}

async function load(view) {
  try {
    update(view, await view.app.client.order(view.id));
  } catch (err) {
    view.app.fail(err);
  }
}

/** update takes the newer state; a paid order never goes back to unpaid on an old message. */
function update(view, order) {
  const was = view.order;
  if (was && PAID.includes(was.payState) && order.payState === 'UNPAID') return;
  view.order = order;
  if (PAID.includes(order.payState)) {
    view.waiting = '';
    view.app.desk.did('paid');
  }
  if (PAID.includes(order.payState) && was && was.payState === 'UNPAID') view.fresh = true;
  view.draw();
}

async function pay(view) {
  view.waiting = 'cashier';
  view.cancelled = false;
  view.draw();
  try {
    const { state, order } = await view.app.client.pay(view.id, isVirtual(view.order) ? 'virtual' : 'pay');
    view.cancelled = state === 'cancelled';
    view.waiting = state === 'pending' ? 'server' : '';
    if (view.cancelled) toast(t('payCancelled'));
    update(view, order || view.order);
  } catch (err) {
    view.waiting = '';
    await load(view);
    throw err;
  }
}

function content(view) {
  const { app, order } = view;
  return [verdict(view), h('div', { class: 'receipt' }, order.items.map((item) => lineItem(app, item)),
    h('div', { class: 'sum' }, h('span', null, t('total')), price(order.total, 'order-total'))),
  h('dl', { class: 'receipt' }, fact(t('number'), order.number, 'order-number'), order.note ? fact(t('note'), order.note) : null,
    order.created ? fact(t('createdAt'), clockTime(order.created)) : null, order.paidAt ? fact(t('paidAt'), clockTime(order.paidAt)) : null),
  PAID.includes(order.payState) ? complaint(app, order) : null, order.payState === 'UNPAID' && !view.waiting && !isVirtual(order) ? byCode(app, order) : null];
}

/** byCode shows a code that somebody else can scan and pay. */
function byCode(app, order) {
  const cell = h('button', { class: 'cell', 'data-testid': 'pay-code-open' }, h('span', { class: 'cell-bd' }, t('payCodeOpen')), arrow());
  return h('div', { class: 'cells card' }, busy(cell, async () => app.desk.payCode(order), (err) => app.fail(err)));
}

/** complaint leads to where a person complains of a payment. */
function complaint(app, order) {
  const cell = h('button', { class: 'cell', 'data-testid': 'complain-open' }, h('span', { class: 'cell-bd' }, t('complain')), arrow());
  return h('div', { class: 'cells card' }, busy(cell, async () => app.desk.complain(order), (err) => app.fail(err)));
}

function verdict(view) {
  const { order } = view;
  const box = (mark, title, text, more) => h('div', { class: 'verdict' + (view.fresh ? ' pop' : ''), 'data-testid': 'verdict', 'data-state': order.payState }, mark, h('h2', null, title), text ? h('p', null, text) : null, more);
  if (order.payState === 'PAID') return box(roundMark('success', 'var(--green)'), t('paidTitle'), ...(isVirtual(order) ? [t('paidVirtual')] : [t('paidText'), ticket(order)]));
  if (order.payState === 'CANCELLED') return box(roundMark('error', 'var(--fg3)'), t('cancelledTitle'), t('cancelledText'));
  if (order.payState !== 'UNPAID') return box(roundMark('success', 'var(--orange)'), t('state.' + order.payState), itemsText(order.items));
  if (view.waiting === 'server') return box(h('div', { class: 'spin' }), t('waiting'), t('waitingText'), price(order.total));
  if (view.waiting === 'cashier') return box(h('div', { class: 'spin' }), t('unpaid'), t('paying'), price(order.total));
  return box(roundMark('error', 'var(--orange)'), t('unpaid'), view.cancelled ? t('payCancelled') : t('unpaidText', { time: clockTime(order.expiresAt) }), price(order.total));
}

/** isVirtual tells whether there is nothing to pick up. */
function isVirtual(order) {
  return order.items.every((item) => item.kind === 'virtual');
}

/** pickupDigits makes three digits out of an order's number, for calling out at the counter. */
function pickupDigits(number) {
  return 100 + (Array.from(String(number)).reduce((n, c) => (n * 31 + c.charCodeAt(0)) % 900, 7));
}

/** ticket is what the guest shows at the counter. */
function ticket(order) {
  return h('div', { class: 'ticket' }, h('span', null, t('pickup'), h('br'), itemsText(order.items)), h('b', { 'data-testid': 'pickup' }, 'A' + pickupDigits(order.number)));
}

/** actions are the buttons at the foot, for what can be done with the order as it stands. */
function actions(view) {
  const { app, order } = view;
  const button = (kind, testid, text) => h('button', { class: 'btn ' + kind, 'data-testid': testid }, text);
  const fail = (err) => app.fail(err);
  if (order.payState === 'UNPAID') {
    if (view.waiting) return [];
    return [busy(button('', 'cancel-order', t('cancelOrder')), async () => update(view, await app.client.cancel(order.id)), fail),
      busy(button('primary', 'pay-again', t('payAgain')), () => pay(view), fail)];
  }
  const first = order.items[0];
  const again = busy(button('', 'order-again', t('again')), async () => app.switchTab('home'), fail);
  if (order.payState !== 'PAID' || isVirtual(order) || !app.product(first.product)) return [again];
  return [again, busy(button('primary', 'share-dish', t('shareDish')), async () => app.go('pages/share/share', { id: first.product }), fail)];
}

/** orderRow is an order in the list of "me". */
export function orderRow(app, order, picture) {
  return h('button', { class: 'order-row', 'data-testid': 'order-row', 'data-order': order.id, onclick: () => app.go('pages/order/order', { id: order.id }) },
    h('span', { class: 'dish-pic' }, picture), h('div', null, h('b', null, itemsText(order.items)), h('span', { class: 'desc' }, order.number)),
    h('div', { class: 'side-r' }, price(order.total), h('br'), stateLabel(order)));
}

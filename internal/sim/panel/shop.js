// orders, refunds, people and the messages in their phones.
import { act, ask, button, clockText, draw, el, pre, row, span, stateTag, tag, yuan } from './kit.js';
import { t } from './words.js';

const ORDER_STATES = { NOTPAY: ['notPay', 'warn'], SUCCESS: ['success', 'good'], REFUND: ['refund', 'warn'], CLOSED: ['closed', ''] };
const REFUND_STATES = { PROCESSING: ['processing', 'warn'], SUCCESS: ['refunded', 'good'], ABNORMAL: ['abnormal', 'bad'], CLOSED: ['refundClosed', ''] };
const TRANSFER_STATES = {
  ACCEPTED: ['accepted', 'warn'], WAIT_USER_CONFIRM: ['waitsConfirm', 'warn'], TRANSFERING: ['onItsWay', 'warn'], CANCELING: ['cancelling', 'warn'],
  SUCCESS: ['arrived', 'good'], FAIL: ['transferFailed', 'bad'], CANCELLED: ['cancelled', ''],
};
// what a refund can still become, as POST /_sim/refunds/{refund_id} allows
const SETTLES = { PROCESSING: ['SUCCESS', 'ABNORMAL', 'CLOSED'], ABNORMAL: ['SUCCESS'] };

let payer = '';

export function drawPeople(people) {
  payer = people.length ? people[0].id : '';
  draw('people', people, (p) => p.id, (p) => {
    const img = el('img');
    img.src = p.avatar;
    img.alt = '';
    const toggle = button(p.risky ? t('risky') : t('safe'), () => act(() => ask('/people/' + encodeURIComponent(p.id), 'POST', { risky: !p.risky })));
    return el('div', 'person', img, el('div', 'who', el('div', '', p.nickname), el('small', '', p.id + ' · +' + p.countryCode + ' ' + p.phone)), toggle);
  });
}

function shipText(o) {
  if (!o.paid_at || o.refunded >= o.total) return '';
  if (!o.shipment) return ' · ' + t('toShip');
  return ' · ' + t(['parting', 'shipped', 'corrected'][o.shipment.finished]) + ' (' + o.shipment.parcels.length + ')';
}

export function drawOrders(orders, several) {
  draw('orders', orders, (o) => o.mchid + o.out_trade_no, (o) => row([
    span('time', clockText(o.made_at)), stateTag(ORDER_STATES, o.trade_state),
    span('what', o.out_trade_no + ' · ' + o.description, span('muted', ' · ' + o.api + (several ? ' · ' + o.mchid : '') + shipText(o))),
    span('', yuan(o.total) + (o.refunded ? ' · ' + t('back') + ' ' + yuan(o.refunded) : ''), ...payButtons(o), ...complainButtons(o)),
  ], () => [pre(JSON.stringify(o, null, 2))]));
}

/** payButtons let the first person scan the code, or open the page, that pays an order. */
function payButtons(o) {
  const last = (o.prepays || []).at(-1);
  if (o.trade_state !== 'NOTPAY' || !last || !last.url || !payer) return [];
  const scan = () => ask('/people/' + encodeURIComponent(payer) + '/pay-url', 'POST', { url: last.url });
  return [button(t(o.trade_type === 'NATIVE' ? 'scansCode' : 'opensPage'), () => act(scan))];
}

/** complainButtons let the payer of an order complain, at WeChat Pay or to the platform. */
function complainButtons(o) {
  if (!o.transaction_id) return [];
  const trigger = (event) => () => act(() => ask('/trigger', 'POST', { event, out_trade_no: o.out_trade_no }), 'complaint-error');
  return [button(t('complain'), trigger('complaint.create')), button(t('complainPlatform'), trigger('complaint.platform'))];
}

const COMPLAINT_STATES = { PENDING: ['complaintPending', 'warn'], PROCESSING: ['complaintProcessing', 'warn'], PROCESSED: ['complaintProcessed', 'good'] };

/** drawComplaints shows those at WeChat Pay and those to the platform, with what the payer or WeChat can do next. */
export function drawComplaints(list, trades) {
  const does = (id, body, label) => button(label, () => act(() => ask('/complaints/' + encodeURIComponent(id), 'POST', body), 'complaint-error'));
  const all = [...list, ...trades].sort((a, b) => b.madeAt.localeCompare(a.madeAt));
  draw('complaints', all, (c) => String(c.id), (c) => {
    const next = c.status ? [201, 206, 312].filter((status) => status !== c.status).map((status) => does(c.id, { status }, String(status))) :
      [does(c.id, { action: 'message' }, t('asksAgain')), c.state === 'PROCESSED' ? does(c.id, { action: 'again' }, t('complainsAgain')) : does(c.id, { action: 'revoke' }, t('takesBack'))];
    return row([
      span('time', clockText(c.madeAt)), c.status ? span('tag', String(c.status)) : stateTag(COMPLAINT_STATES, c.state),
      span('what', c.detail, span('muted', ' · ' + c.person + ' · ' + c.outTradeNo)), span('', ...next),
    ], () => [pre(JSON.stringify(c, null, 2))]);
  });
}

export function drawRefunds(refunds) {
  draw('refunds', refunds, (r) => r.refund_id, (r) => {
    const buttons = (SETTLES[r.status] || []).map((status) => button(t(REFUND_STATES[status][0]), () => act(() => ask('/refunds/' + encodeURIComponent(r.refund_id), 'POST', { status }))));
    return row([
      span('time', clockText(r.made_at)), stateTag(REFUND_STATES, r.status),
      span('what', r.out_refund_no + ' ← ' + r.out_trade_no, span('muted', ' · ' + (r.api === 'platform' ? t('byHand') : r.api) + (r.reason ? ' · ' + r.reason : ''))),
      span('', yuan(r.refund), ...buttons),
    ], () => [pre(JSON.stringify(r, null, 2))]);
  });
}

export function drawTransfers(transfers) {
  draw('transfers', transfers, (one) => one.transfer_bill_no, (one) => {
    const ends = one.ended_at ? [] : ['SUCCESS', 'FAIL', 'CANCELLED'];
    const buttons = ends.map((state) => button(t(TRANSFER_STATES[state][0]), () => act(() => ask('/transfers/' + encodeURIComponent(one.transfer_bill_no), 'POST', { state }))));
    return row([
      span('time', clockText(one.made_at)), stateTag(TRANSFER_STATES, one.state),
      span('what', one.out_bill_no + ' · ' + one.transfer_remark, span('muted', (one.fail_reason ? ' · ' + one.fail_reason : ''))),
      span('', yuan(one.transfer_amount), ...buttons),
    ], () => [pre(JSON.stringify(one, null, 2))]);
  });
}

/** drawChats shows what people and the mini program said, the latest first. */
export function drawChats(list, people) {
  const names = Object.fromEntries(people.map((p) => [p.id, p.nickname]));
  draw('chats', list.slice(0, 50), (l) => l.id + (l.passed ? '+' : ''), (l) => {
    const { content } = l;
    const said = content.Content || content.content || content.Title || content.title || content.SessionFrom || content.MediaId || content.media_id || '';
    return row([
      span('time', clockText(l.at)), tag(l.fromUs ? t('chatAnswer') : l.msgType, l.fromUs ? 'good' : 'warn'),
      span('what', said, span('muted', ' · ' + (names[l.person] || l.person) + (l.passed ? ' · ' + t('chatPassed') : ''))),
    ], () => [pre(JSON.stringify(l, null, 2))]);
  });
}

/** drawMessages shows a message as it lies in 服务通知 on the phone. */
export function drawMessages(list) {
  draw('messages', list, (m) => m.id, (m) => {
    const lines = m.lines.flatMap((line) => [el('dt', '', line.name), el('dd', '', line.value)]);
    return el('article', 'message', el('h3', '', m.title), el('dl', '', ...lines),
      el('footer', '', m.person + ' · ' + clockText(m.sentAt) + ' · ' + (m.page || t('opensNothing')) + (m.state === 'formal' ? '' : ' · ' + m.state)));
  });
}

// complaining of an order, which people do in WeChat and not in the mini program: on a real phone under 我 > 服务 > 钱包 > 账单, at the payment.
import { h } from './dom.js';
import { t } from './i18n.js';
import { simCall } from './people.js';
import { busy, halfScreen, toast } from './weui.js';

/** complainOf opens WeChat's own form about the payment of an order. */
export function complainOf(app, order) {
  halfScreen({ title: t('complainTitle'), testid: 'complain' }, (close) => {
    const words = h('textarea', { class: 'field', rows: 3, maxlength: 200, placeholder: t('complainHint'), 'aria-label': t('complainHint'), 'data-testid': 'complain-words' });
    const send = busy(h('button', { class: 'btn primary', 'data-testid': 'complain-send' }, t('complainSend')), async () => {
      const number = await paymentOf(order);
      await simCall(`/_sim/people/${encodeURIComponent(app.person.id)}/complain`, { out_trade_no: number, detail: words.value.trim() });
      close();
      toast(t('complainSent'), 'success');
    }, (err) => app.fail(err));
    return [h('div', { class: 'half-bd' }, h('p', { class: 'desc' }, t('complainText')), words), h('div', { class: 'half-ft' }, send)];
  });
}

/** paymentOf finds the payment in WeChat's books, where it is under another number than the shop's. */
async function paymentOf(order) {
  const all = await simCall('/_sim/orders');
  const found = all.find((one) => one.description === order.description && one.total === order.total && one.transaction_id);
  return found ? found.out_trade_no : '';
}

// paying by a code: the phone shows it, as a screen at the counter would, and somebody else scans it with WeChat.
import { h, replace } from './dom.js';
import { clockTime, t } from './i18n.js';
import { cashier, choosePerson, scanner } from './cashier.js';
import { simCall } from './people.js';
import { busy, halfScreen, loadingLine, price } from './weui.js';

/** payCode shows the code of an order. people are those who can scan it. */
export function payCode(app, order, people) {
  const code = h('div', { class: 'code' }, loadingLine());
  const until = h('p', { class: 'desc' });
  let shown = '';
  halfScreen({ title: t('payCodeTitle'), testid: 'pay-code' }, (close) => {
    const scan = busy(h('button', { class: 'btn primary wide', disabled: true, 'data-testid': 'pay-code-scan' }, t('scanOther')), async () => {
      const person = await choosePerson(t('scanWho'), people);
      if (!person) return;
      close();
      await scanAndPay(person, shown);
    }, (err) => app.fail(err));
    app.client.request('/api/wx/orders/' + order.id + '/native', { method: 'POST', auth: true }).then((answer) => {
      shown = answer.image;
      replace(code, h('img', { src: answer.image, alt: t('payCodeTitle'), 'data-testid': 'pay-code-image', 'data-code': answer.codeUrl }));
      until.textContent = t('payCodeUntil', { time: clockTime(answer.expiresAt) });
      scan.disabled = false;
    }, (err) => {
      close();
      app.fail(err);
    });
    return [h('div', { class: 'half-bd pay-code' }, price(order.total), code, until, h('p', { class: 'desc' }, t('payCodeText'))), h('div', { class: 'half-ft' }, scan)];
  });
}

/** scanAndPay: a person's WeChat reads the code, says what it is for, and pays. */
async function scanAndPay(person, shown) {
  const of = '/_sim/people/' + encodeURIComponent(person.id);
  const image = shown.split(',')[1];
  const found = await scanner({ image: shown, person }, () => simCall(of + '/scan', { image }));
  await cashier({ amount: found.total, merchant: t('appName'), item: found.description }, () => simCall(of + '/pay-url', { url: found.payUrl }));
}

// payment when it does not go straight: cancelled and continued, told by realtime alone, by the query alone, refused.
import test from 'node:test';
import assert from 'node:assert/strict';
import { inTabs, openBrowser } from './browser.js';
import { Phone } from './phone.js';
import { sim, startServer } from './server.js';

test('payment', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer()]);
  t.after(() => Promise.all([browser.close(), server.stop()]));

  const play = (name, person, work) => t.test(name, () => inTabs(browser, { name: 'payment-' + person }, async (tab) => {
    const phone = new Phone(tab, server);
    await phone.open('lang=zh&person=' + person);
    await work(phone, tab);
  }));

  await play('cancelled, then continued and paid', 'p1', async (phone) => {
    await phone.order();
    await phone.cancelPayment();
    await phone.toast('支付已取消');
    await phone.state('UNPAID');
    await phone.id('pay-again').click();
    await phone.pay();
    await phone.state('PAID');
    const orders = await sim(server, 'orders');
    assert.deepEqual(orders.map((o) => o.trade_state), ['SUCCESS'], 'one order, paid once');
    await phone.quiet();
  });

  await play('cancelled for good', 'p1', async (phone) => {
    await phone.order();
    await phone.cancelPayment();
    await phone.id('cancel-order').click();
    await phone.state('CANCELLED');
    await phone.id('order-again').click();
    await phone.id('tab-me').click();
    await phone.sees('order-state', '已取消');
    await phone.quiet();
  });

  await play('turns paid by realtime when the phone cannot ask', 'p2', async (phone, tab) => {
    await tab.page.route('**/sync', (route) => route.abort());
    await phone.order();
    await phone.pay();
    await phone.state('PAID');
  });

  await play('turns paid by the query when no notification comes', 'p2', async (phone) => {
    await sim(server, 'faults', { on: 'notification', kind: 'lost', times: 1 });
    await phone.order();
    await phone.pay();
    await phone.state('PAID');
    await phone.quiet();
  });

  await play('shows what the server says when WeChat Pay is busy', 'p3', async (phone) => {
    await phone.login();
    await sim(server, 'faults', { on: 'prepay', kind: 'busy', times: 20 });
    await phone.id('tab-home').click();
    await phone.id('product-item').first().click();
    await phone.id('buy').click();
    await phone.id('submit-order').click();
    await phone.toast('微信支付繁忙');
    await phone.state('UNPAID');
    await fetch(server.url + '/_sim/faults', { method: 'DELETE' });
    await phone.id('pay-again').click();
    await phone.id('cashier-confirm').waitFor();
    await phone.pay();
    await phone.state('PAID');
  });
});

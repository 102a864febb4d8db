// paying by a code that somebody else scans: on the phone of the demo, and at the counter, where a member of staff shows it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { inTabs, openBrowser } from './browser.js';
import { call, Customer, rootToken } from './customers.js';
import { Phone } from './phone.js';
import { sim, startServer } from './server.js';
import { Shop } from './shop.js';

const scenarios = [
  { name: 'zh-wide', lang: 'zh', language: 'zh-CN', theme: 'light', viewport: { width: 1280, height: 860 } },
  { name: 'en-narrow', lang: 'en', language: 'en', theme: 'dark', viewport: { width: 390, height: 844 } },
];

test('paying by a code', async (t) => {
  const browser = await openBrowser();
  t.after(() => browser.close());
  for (const scenario of scenarios) {
    await t.test(scenario.name, async (t) => {
      const server = await startServer();
      t.after(() => server.stop());
      await inTabs(browser, { ...scenario, name: `paycode-phone-${scenario.name}` }, (tab) => friendPays(new Phone(tab, server), scenario));
      await inTabs(browser, { ...scenario, name: `paycode-shop-${scenario.name}`, locale: scenario.language, timezoneId: 'Asia/Shanghai' }, (tab) => counter(new Shop(tab, server, scenario.language), scenario));
    });
  }
});

// friendPays: the buyer leaves the cashier and shows a code, which another person's WeChat scans and pays.
async function friendPays(phone, { lang, theme }) {
  await phone.open(`lang=${lang}&theme=${theme}`);
  await phone.login();
  await phone.order(2);
  await phone.cancelPayment();
  await phone.cashierGone();
  await phone.id('pay-code-open').click();
  await phone.id('pay-code-image').waitFor();
  await phone.tab.step('code');
  await phone.id('pay-code-scan').click();
  await phone.id('choose-person').locator('button[data-person]').first().click();
  await phone.id('cashier-confirm').waitFor();
  await phone.sees('cashier-amount', /36/);
  await phone.pay();
  await phone.state('PAID');
  await phone.cashierGone();
  await phone.quiet();
}

// counter: the page of an order tells how it was paid, and shows the code of one that is not; it turns paid by itself.
async function counter(shop, { theme }) {
  const [order] = (await call(shop.server, 'GET', '/api/collections/orders/records?sort=-created', await rootToken(shop.server))).items;
  const [, friend] = await sim(shop.server, 'people');
  const customer = await new Customer(shop.server, friend.id).login({ name: '小红' });
  const { items } = await call(shop.server, 'GET', '/api/collections/products/records?filter=kind!="virtual"');
  const open = await customer.order([{ product: items[0].id, quantity: 1 }]);

  await shop.page.emulateMedia({ colorScheme: theme });
  await shop.login(shop.server.email, shop.server.password, 'superuser');
  await shop.openOrder(order.number);
  await shop.page.getByText(shop.t('ways.NATIVE')).waitFor();
  assert.equal(await shop.id('pay-code').count(), 0);
  await shop.tab.step('paid');
  await shop.openOrder(open.number);
  await shop.id('pay-code').click();
  const code = await shop.id('pay-code-image').getAttribute('data-code');
  await shop.tab.step('code');
  await shop.accessible('pay code');
  assert.equal((await sim(shop.server, `people/${friend.id}/pay-url`, { url: code })).errMsg, 'requestPayment:ok');
  await shop.id('pay-code-dialog').waitFor({ state: 'detached' });
  await shop.id('order-state').filter({ hasText: shop.t('state.PAID') }).waitFor();
  shop.quiet();
}

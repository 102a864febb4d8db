// what WeChat demands beside the sale itself: the items of virtual goods, a later date for one order, the pages of the order centre, and a payout
// that WeChat has forgotten.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inTabs, openBrowser } from './browser.js';
import { call, Customer, rootToken } from './customers.js';
import { Phone } from './phone.js';
import { startServer } from './server.js';
import { Shop } from './shop.js';

const own = (page, language) => JSON.parse(readFileSync(path.join(import.meta.dirname, `../ui/src/i18n/${page}.${language}.json`), 'utf8'));
const scenarios = [
  { name: 'zh-1280', language: 'zh-CN', viewport: { width: 1280, height: 860 }, theme: 'light' },
  { name: 'en-390', language: 'en', viewport: { width: 390, height: 844 }, theme: 'dark' },
];

for (const scenario of scenarios) {
  test(`selling ${scenario.name}`, async (t) => {
    const [browser, server] = await Promise.all([openBrowser(), startServer()]);
    t.after(() => Promise.all([browser.close(), server.stop()]));
    const root = await rootToken(server);
    const list = async (route) => (await call(server, 'GET', `/api/collections/${route}`, root)).items;
    const products = await list('products/records?sort=position');
    const [course, dish] = [products.find((one) => one.kind === 'virtual'), products.find((one) => one.kind !== 'virtual')];
    const buyer = await new Customer(server, 'p1').login();
    const paid = await buyer.pay(await buyer.order([{ product: dish.id, quantity: 1 }]));
    await inTabs(browser, { ...scenario, name: `selling-phone-${scenario.name}` }, async (tab) => {
      await published(server);
      const phone = new Phone(tab, server);
      await phone.open('lang=zh&person=p2');
      await phone.login();
      await phone.id('tab-home').click();
      await phone.id('product-item').filter({ hasText: '会员月卡' }).click();
      await phone.id('buy').click();
      await phone.id('submit-order').click();
      await phone.id('cashier-confirm').waitFor();
      await phone.tab.step('virtual-cashier');
      await phone.pay();
      await phone.state('PAID');
      await phone.quiet(); // no call was refused on the way
    });
    await inTabs(browser, { ...scenario, name: `selling-${scenario.name}`, locale: scenario.language, timezoneId: 'Asia/Shanghai' }, async (tab) => {
      await tab.page.emulateMedia({ colorScheme: scenario.theme });
      const shop = new Shop(tab, server, scenario.language);
      Object.assign(shop.words, own('selling', scenario.language), own('payouts', scenario.language));
      await shop.login(server.email, server.password, 'superuser');
      await items(shop, course);
      await later(shop, paid);
      await orderCentre(shop);
      await forgotten(shop, { server, root, buyer });
      assert.deepEqual(tab.complaints.filter((text) => !/409|ResizeObserver/.test(text)), []);
    });
  });
}

// published waits until WeChat has published what can be bought.
async function published(server) {
  const root = await rootToken(server);
  for (let tries = 0; tries < 120; tries++) {
    const { items: all } = await call(server, 'GET', '/api/wx/admin/items', root);
    if (all.some((one) => one.state === 'PUBLISHED')) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('no item is published after a minute');
}

// items: the server uploads and publishes what can be bought; the page of the product tells how far WeChat is.
async function items(shop, course) {
  await shop.page.goto(`${shop.server.url}/shop/#/products/${course.id}`);
  await shop.id('items').waitFor();
  for (let tries = 0; tries < 60 && !(await shop.page.locator('[data-testid=items] li.item').count()); tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await shop.reload();
    await shop.id('items').waitFor();
    await shop.loaded();
  }
  await shop.page.locator('[data-testid=items] li.item').first().waitFor();
  await shop.id('items').scrollIntoViewIfNeeded();
  await shop.tab.step('items');
  await shop.accessible('items');
}

// later: an order whose goods come in twenty days, of which WeChat is told.
async function later(shop, order) {
  await shop.page.goto(`${shop.server.url}/shop/#/orders/${order.id}`);
  await shop.id('presale').waitFor();
  const day = new Date(Date.now() + 20 * 24 * 3600_000).toISOString().slice(0, 10);
  await shop.id('presale-day').fill(day);
  await shop.tab.step('presale');
  await shop.id('presale-set').click();
  await shop.page.getByText(shop.t('selling.presaleTold')).waitFor();
  const now = await call(shop.server, 'GET', `/api/collections/orders/records/${order.id}`, await rootToken(shop.server));
  assert.ok(now.shipBy.startsWith(day), `got ${now.shipBy}, want the end of ${day}`);
}

// orderCentre: both paths are set at WeChat and read again.
async function orderCentre(shop) {
  await shop.page.goto(`${shop.server.url}/shop/#/setup`);
  await shop.page.getByRole('tab', { name: shop.t('selling.pages') }).click();
  await shop.id('order-pages').waitFor();
  const order = 'pages/order/order?number=${商品订单号}';
  await shop.page.locator('input[name=orderPath]').fill(order);
  await shop.id('set-order-path').click();
  await shop.page.getByText(shop.t('selling.setDone')).first().waitFor();
  await shop.page.locator('input[name=messagePath]').fill('pages/order/order');
  await shop.id('set-message-path').click();
  await shop.page.getByText(shop.t('selling.notSet')).waitFor({ state: 'detached' });
  await shop.tab.step('order-centre');
  await shop.accessible('order centre');
  await shop.reload();
  await shop.page.getByRole('tab', { name: shop.t('selling.pages') }).click();
  await shop.id('order-pages').waitFor();
  await shop.loaded();
  assert.equal(await shop.page.locator('input[name=orderPath]').inputValue(), order);
}

// forgotten: the page is told that 30 days have passed; the server, which knows better, refuses what it sends.
async function forgotten(shop, { server, root, buyer }) {
  await call(server, 'PATCH', '/api/wx/admin/setup/preferences', root, { payoutsPerDay: 10_000, payoutsAlonePerDay: 10_000 });
  const made = await call(server, 'POST', '/api/wx/admin/payouts', root, {
    user: buyer.id, amount: 500, remark: '奖励', scene: '1000', key: 'forgotten', reports: [{ info_type: '活动名称', info_content: '新会员有礼' }, { info_type: '奖励说明', info_content: '注册奖励' }],
  });
  await shop.page.route(`**/api/wx/admin/payouts/${made.id}`, async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), forgotten: true } });
  });
  await shop.page.goto(`${server.url}/shop/#/payouts/${made.id}`);
  await shop.id('forgotten').waitFor();
  await shop.id('settle-note').fill('商户平台 > 转账记录');
  await shop.tab.step('forgotten');
  const sent = shop.page.waitForRequest((request) => request.url().endsWith('/settle'));
  await shop.id('settle').click();
  assert.deepEqual((await sent).postDataJSON(), { outcome: 'SUCCESS', note: '商户平台 > 转账记录' });
  await shop.page.locator('.el-message').last().waitFor(); // payout_not_forgotten
  await shop.accessible('forgotten payout');
}

// the 24 daily tasks of a shop, by clicks, in both languages, at a desk and on a phone, light and dark; each page is loaded again after its task. docs/shop.md
import test from 'node:test';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { inTabs, openBrowser } from './browser.js';
import { call, Customer, rootToken } from './customers.js';
import { startServer } from './server.js';
import { Shop } from './shop.js';

const runs = [
  { name: 'zh-1280', language: 'zh-CN', viewport: { width: 1280, height: 860 } },
  { name: 'en-1280', language: 'en', viewport: { width: 1280, height: 860 } },
  { name: 'zh-390', language: 'zh-CN', viewport: { width: 390, height: 844 } },
  { name: 'en-390', language: 'en', viewport: { width: 390, height: 844 } },
];
// SHOP_RUN=zh-390 and SHOP_TASKS=05,06 choose while one works on them
const chosen = runs.filter((run) => (process.env.SHOP_RUN ?? run.name) === run.name);
const wanted = process.env.SHOP_TASKS?.split(',');
const password = 'noodles-and-tea-8';
// a picture of 8 x 8 points
const dish = 'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGO4uTAGK2IYWhIACLp1gRwK+C8AAAAASUVORK5CYII=';

for (const run of chosen) {
  test(`shop ${run.name}`, async (t) => {
    const [browser, server] = await Promise.all([openBrowser(), startServer('--hooksDir', path.join(import.meta.dirname, 'shop_hooks'))]);
    t.after(() => Promise.all([browser.close(), server.stop()]));
    const world = await customersOf(server);
    await inTabs(browser, { name: `shop-${run.name}`, viewport: run.viewport, locale: run.language, timezoneId: 'Asia/Shanghai' }, async (tab) => {
      const shop = new Shop(tab, server, run.language);
      await shop.login(server.email, server.password, 'superuser');
      for (const [name, work] of Object.entries(tasks)) {
        if (wanted && !wanted.includes(name.slice(0, 2))) continue;
        await t.test(name, async () => {
          await shop.home();
          await work(shop, world, run);
          await tab.step(name.slice(0, 2));
        });
      }
    });
  });
}

test('shop inside the dashboard', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer()]);
  t.after(() => Promise.all([browser.close(), server.stop()]));
  await inTabs(browser, { name: 'shop-dashboard', locale: 'zh-CN' }, async (tab) => {
    await tab.page.goto(`${server.url}/_/`);
    await tab.page.locator('input[type=email], input[type=text]').first().fill(server.email);
    await tab.page.locator('input[type=password]').fill(server.password);
    await tab.page.locator('input[type=password]').press('Enter');
    await tab.page.getByRole('link', { name: /微信/ }).click();
    const frame = tab.page.frameLocator('iframe');
    await frame.getByRole('heading', { level: 1, name: /概览/ }).waitFor();
    await frame.getByRole('navigation').getByRole('link', { name: '商品' }).click();
    await tab.page.waitForURL(/#\/wechat\/products/);
    await tab.page.reload();
    await frame.getByRole('heading', { level: 1, name: '商品' }).waitFor();
    await frame.getByText('三鲜面').waitFor();
    await tab.step('dashboard');
    assert.deepEqual(tab.complaints, []);
  });
});

// customersOf are two people with a phone number each, with orders in the states that the tasks need.
async function customersOf(server) {
  const root = await rootToken(server);
  const { items: products } = await call(server, 'GET', '/api/collections/products/records?sort=created', root);
  const wang = await new Customer(server, 'p1').login({ name: '王小明', phone: true });
  const li = await new Customer(server, 'p2').login({ name: '李娜', phone: true });
  const buy = async (who, ...quantities) => who.order(quantities.map((quantity, at) => ({ product: products[at].id, quantity })));
  const paid = async (who, ...quantities) => who.pay(await buy(who, ...quantities));
  const orders = { unpaid: await buy(wang, 1), whole: await paid(wang, 1), lines: await paid(wang, 2, 1), ship: await paid(li, 1), pick: await paid(li, 1, 2) };
  const odd = await call(server, 'POST', '/api/wx/orders', root, { user: li.id, total: 4500, description: '宴席 [sim:notify.other_amount]' });
  await li.pay(odd, (now) => now.frozenAt);
  const code = await wang.post('/api/wx/codes', { page: 'pages/index/index', payload: { table: 7 } });
  const guest = await new Customer(server, 'p3').login({ name: 'Alex', scene: code.scene });
  await call(server, 'GET', `/api/wx/scenes/${encodeURIComponent(code.scene)}`, guest.token);
  await reviewed(server, root, li);
  const difference = await call(server, 'POST', '/e2e/bill', root, {});
  return { root, products, wang, li, code, difference, orders: { ...orders, odd } };
}

// reviewed makes a collection whose text WeChat checks, and a text that it wants a person to see.
async function reviewed(server, root, writer) {
  const { id } = await call(server, 'GET', '/api/collections/users', root);
  const mine = '@request.auth.id != ""';
  await call(server, 'POST', '/api/collections', root, {
    name: 'reviews', type: 'base', listRule: '', viewRule: '', createRule: mine,
    fields: [{ name: 'text', type: 'text', max: 500 }, { name: 'user', type: 'relation', collectionId: id, maxSelect: 1 }],
  });
  await call(server, 'POST', '/api/collections/wx_check_fields/records', root, { collection: 'reviews', field: 'text', action: 'hold', scene: '2', author: 'user' });
  await call(server, 'POST', '/api/collections/reviews/records', writer.token, { text: 'sim-review 这家的面真好吃', user: writer.id });
}

const today = () => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Shanghai' }).format();

const tasks = {
  '05 a product with picture, price in yuan and two specifications': async (shop) => {
    await shop.visit('products');
    await shop.id('new').click();
    await shop.page.locator('input[name=name]').fill('酸汤水饺');
    await shop.page.locator('textarea[name=description]').fill('手工现包');
    await shop.id('picture').setInputFiles({ name: 'dish.png', mimeType: 'image/png', buffer: Buffer.from(dish, 'base64') });
    for (const [at, [name, price]] of [['大份', '25.5'], ['小份', '18']].entries()) {
      await shop.id('add-variant').click();
      const variant = shop.id(`variant-${at}`);
      await variant.getByRole('textbox').first().fill(name);
      await variant.getByRole('textbox', { name: shop.t('product.price') }).fill(price);
      await variant.getByRole('spinbutton').fill('7');
    }
    await shop.accessible('product');
    await shop.id('save').click();
    await shop.said('common.saved');
    await shop.reload();
    assert.equal(await shop.id('variant-0').getByRole('textbox', { name: shop.t('product.price') }).inputValue(), '25.50');
    assert.ok(await shop.page.locator('.drop-picture img').evaluate((img) => img.complete && img.naturalWidth > 0), 'the picture is shown');
    await shop.visit('products');
    await shop.row('酸汤水饺').getByText(/¥18\.00 – ¥25\.50/).waitFor();
    await shop.accessible('products');
    shop.quiet();
  },

  '06 its stock, off and on sale': async (shop) => {
    await shop.visit('products');
    await shop.page.getByRole('link', { name: '酸汤水饺' }).click();
    await shop.id('variant-1').getByRole('spinbutton').fill('3');
    await shop.id('save').click();
    await shop.said('common.saved');
    await shop.reload();
    assert.equal(await shop.id('variant-1').getByRole('spinbutton').inputValue(), '3');
    await shop.visit('products');
    await shop.row('酸汤水饺').getByText('10', { exact: true }).waitFor();
    await shop.row('酸汤水饺').locator('.el-switch').click();
    await shop.said('products.nowOff');
    await shop.reload();
    assert.equal(await shop.row('酸汤水饺').getByRole('switch').isChecked(), false);
    await shop.row('酸汤水饺').locator('.el-checkbox').click();
    await shop.id('bulk-on').click();
    await shop.said('products.nowOn');
    await shop.reload();
    assert.equal(await shop.row('酸汤水饺').getByRole('switch').isChecked(), true);
    shop.quiet();
  },

  '07 sales of today beside yesterday': async (shop) => {
    await shop.visit('overview');
    await shop.id('figure-paid').getByText(/¥[1-9]/).waitFor();
    await shop.id('figure-orders').getByText('4', { exact: true }).waitFor();
    await shop.page.getByText(/0\.00/).first().waitFor();
    await shop.accessible('overview');
    await shop.page.locator('.el-radio-button', { hasText: shop.t('overview.days7') }).click();
    await shop.page.waitForURL(/days=7/);
    await shop.reload();
    assert.match(shop.page.url(), /days=7/);
    shop.quiet();
  },

  '08 find an order by phone': async (shop, { li }) => {
    await shop.visit('orders');
    const { phone } = await call(shop.server, 'GET', `/api/collections/users/records/${li.id}`, li.token);
    await shop.search(phone.slice(-4));
    assert.equal(await shop.page.getByText(/138\*{4}/).first().isVisible(), true);
    await shop.reload();
    assert.match(shop.page.url(), /search=\d{4}/);
    await shop.row('李娜').waitFor();
    await shop.accessible('orders');
    shop.quiet();
  },

  '09 read its story': async (shop, { orders }) => {
    await shop.openOrder(orders.ship.number);
    await shop.id('timeline').getByText(shop.t('event.notification')).first().waitFor();
    await shop.accessible('order');
    await shop.reload();
    await shop.id('order-total').getByText(/¥/).waitFor();
    shop.quiet();
  },

  '10 cancel an unpaid one': async (shop, { orders }) => {
    await shop.openOrder(orders.unpaid.number);
    await shop.id('cancel').click();
    await shop.page.getByRole('dialog').getByRole('button', { name: shop.t('order.cancel') }).click();
    await shop.said('order.cancelled');
    await shop.reload();
    await shop.id('order-state').getByText(shop.t('state.CANCELLED')).waitFor();
    shop.quiet();
  },

  '11 refund one in full': async (shop, { orders }) => {
    await shop.openOrder(orders.whole.number);
    await shop.id('refund').click();
    await shop.accessible('refund');
    await shop.id('refund-go').click();
    await shop.id('refund-go').dblclick(); // a second click pays nothing
    await shop.said('refund.asked');
    await shop.reload();
    await shop.id('refunds').waitFor();
    assert.equal(await shop.id('refunds').locator('dl').count(), 1);
    shop.quiet();
  },

  '12 refund one line of another': async (shop, { orders, products }) => {
    await shop.openOrder(orders.lines.number);
    await shop.id('refund').click();
    await shop.page.getByText(shop.t('refund.lines'), { exact: true }).click();
    await shop.id('line-0').locator('.el-input-number__increase').click();
    const amount = `¥${(products[0].price / 100).toFixed(2)}`;
    await shop.id('refund-sum').getByText(amount).waitFor();
    await shop.id('refund-go').click();
    await shop.id('refund-go').click();
    await shop.said('refund.asked');
    await shop.reload();
    await shop.id('refunds').getByText(amount).waitFor();
    shop.quiet();
  },

  '13 ship one': async (shop, { orders }) => {
    await shop.openOrder(orders.ship.number);
    await shop.id('ship').click();
    await shop.choose(shop.id('carrier'), 'ZTO');
    await shop.id('parcel-0').fill('75312345678901');
    await shop.id('parcel-0').press('Enter'); // as a scanner does
    await shop.accessible('ship');
    await shop.id('ship-go').click();
    await shop.said('ship.sent');
    await shop.reload();
    await shop.page.getByText('75312345678901').waitFor();
    shop.quiet();
  },

  '14 what is due, with the hours left': async (shop, { orders }) => {
    await shop.visit('orders');
    await shop.choose(shop.id('filter-ship'), shop.t('ship.NONE'));
    await shop.page.waitForURL(/ship=NONE/);
    await shop.reload();
    await shop.row(orders.pick.number).locator('.el-tag').getByText(/4[78]/).waitFor();
    shop.quiet();
  },

  '15 settle a disputed one': async (shop, { orders }) => {
    await shop.visit('overview');
    await shop.id('attention').locator('[data-kind=disputed]').getByRole('link').click();
    await shop.id('resolve').click();
    await shop.page.locator('input[name=resolve-reason]').fill('wrong amount');
    await shop.accessible('resolve');
    await shop.id('resolve-go').click();
    await shop.said('resolve.done');
    await shop.reload();
    shop.quiet();
  },

  '16 export a month': async (shop) => {
    await shop.visit('orders');
    const month = today().slice(0, 7);
    await shop.day('common.from', `${month}-01`);
    await shop.page.waitForURL(new RegExp(`from=${month}-01`));
    await shop.pickToday('common.to');
    await shop.page.waitForURL(/to=/);
    await shop.reload();
    await shop.id('export').click();
    const [file] = await Promise.all([shop.page.waitForEvent('download'), shop.id('export-save').click()]);
    const text = await readFile(await file.path(), 'utf8');
    assert.equal(text.charCodeAt(0), 0xfeff, 'a byte order mark for Excel');
    assert.equal(text.trim().split('\n').length, 7, 'a head and six orders');
    shop.quiet();
  },

  '17 print a picking list': async (shop, { orders }) => {
    await shop.visit('orders');
    await shop.search(orders.pick.number);
    await shop.row(orders.pick.number).locator('.el-checkbox').click();
    await shop.id('picking').click();
    await shop.page.getByRole('heading', { name: shop.t('print.picking') }).waitFor();
    await shop.accessible('picking list');
    await shop.reload();
    await shop.page.emulateMedia({ media: 'print' });
    assert.equal(await shop.id('print').isVisible(), false, 'the buttons are not printed');
    await shop.page.emulateMedia({ media: 'screen' });
    await shop.button('common.back').click();
    shop.quiet();
  },

  '18 make a code and download it': async (shop) => {
    await shop.visit('codes');
    await shop.id('new').click();
    await shop.page.locator('input[name=scene]').fill('table=12');
    await shop.accessible('new code');
    await shop.id('make').click();
    await shop.said('codes.made');
    await shop.page.getByRole('heading', { name: 'table=12' }).waitFor();
    const [file] = await Promise.all([shop.page.waitForEvent('download'), shop.id('save-430').click()]);
    const bytes = await readFile(await file.path());
    assert.ok(bytes.length > 500, `a picture of ${bytes.length} bytes`);
    await shop.reload();
    await shop.accessible('code');
    shop.quiet();
  },

  '19 its scans, and who invited whom': async (shop, { code }) => {
    await shop.visit('codes');
    await shop.accessible('codes');
    await shop.page.getByRole('link', { name: code.scene, exact: true }).click();
    await shop.id('invites').getByText('Alex').waitFor();
    await shop.id('invites').getByText('王小明').waitFor();
    await shop.page.getByText(shop.t('codes.scans', { n: 1 })).waitFor();
    await shop.reload();
    shop.quiet();
  },

  '20 switch on the message "paid"': async (shop) => {
    await shop.visit('messages');
    await shop.id('rule-order.paid').locator('.el-switch').click();
    await shop.choose(shop.id('template'), /支付/);
    await shop.page.getByRole('dialog').getByText('¥').or(shop.page.getByRole('dialog').getByText('36.00元')).first().waitFor();
    await shop.accessible('message');
    await shop.id('rule-save').click();
    await shop.said('common.saved');
    await shop.reload();
    assert.equal(await shop.id('rule-order.paid').getByRole('switch').isChecked(), true);
    await shop.accessible('messages');
    shop.quiet();
  },

  '21 block a person': async (shop, { wang }) => {
    await shop.visit('users');
    await shop.page.getByRole('link', { name: '王小明', exact: true }).click();
    await shop.id('show-phone').click();
    await shop.id('phone').getByText(/1380\d{7}/).waitFor();
    await shop.accessible('user');
    await shop.id('block').click();
    await shop.page.getByRole('dialog').getByRole('button', { name: shop.t('user.block'), exact: true }).click();
    await shop.said('user.blockedNow');
    await shop.reload();
    await shop.id('blocked').waitFor();
    await assert.rejects(wang.post('/api/wx/orders', { items: [] }), /401|403/);
    shop.quiet();
  },

  '22 review a held text': async (shop) => {
    await shop.visit('held');
    await shop.id('held').getByText('sim-review').waitFor();
    await shop.accessible('held');
    await shop.id('pass').click();
    await shop.said('held.passed');
    await shop.reload();
    assert.equal(await shop.id('held').count(), 0);
    const { items } = await call(shop.server, 'GET', '/api/collections/reviews/records');
    assert.equal(items.length, 1, 'everybody can read it now');
    shop.quiet();
  },

  '23 settle a bill difference': async (shop, { difference }) => {
    await shop.visit('bills');
    await shop.accessible('bills');
    await shop.row(difference.outTradeNo).getByText('¥36.01').waitFor();
    await shop.id('settle').click();
    await shop.page.locator('input[name=note]').fill('paid by hand');
    await shop.id('settle-go').click();
    await shop.said('bills.settled');
    await shop.reload();
    assert.equal(await shop.row(difference.outTradeNo).count(), 0);
    await shop.page.locator('.el-radio-button', { hasText: shop.t('bills.settledOnes') }).click();
    await shop.row(difference.outTradeNo).waitFor();
    shop.quiet();
  },

  '24 let a clerk in who may ship but not refund': async (shop, { orders }, run) => {
    await shop.visit('staff');
    await shop.id('new').click();
    await shop.page.locator('input[name=staff-email]').fill('clerk@example.com');
    await shop.page.locator('input[name=staff-name]').fill('小赵');
    await shop.choose(shop.id('role'), shop.t('role.clerk'));
    await shop.page.locator('input[name=staff-password]').fill(password);
    await shop.accessible('staff');
    await shop.id('staff-save').click();
    await shop.said('common.saved');
    await shop.reload();
    await shop.row('clerk@example.com').waitFor();
    shop.quiet();
    await inTabs(shop.page.context().browser(), { name: `shop-clerk-${run.name}`, viewport: run.viewport, locale: run.language, timezoneId: 'Asia/Shanghai' }, async (tab) => {
      const clerk = new Shop(tab, shop.server, run.language);
      await clerk.login('clerk@example.com', password);
      await clerk.openOrder(orders.pick.number);
      assert.equal(await clerk.id('ship').isVisible(), true, 'a clerk may ship');
      assert.equal(await clerk.id('refund').isVisible(), false, 'a clerk may not refund');
      clerk.quiet();
    });
  },

  // note: the last ones, because another public address takes the simulator's notifications away
  '01 set up a mini program': async (shop) => {
    await shop.visit('setup');
    await shop.page.locator('input[name=appid]').fill('wx1234567890abcdef');
    await shop.page.locator('input[name=secret]').fill('0123456789abcdef0123456789abcdef');
    await shop.accessible('setup');
    await shop.id('save-app').click();
    await shop.said('common.saved');
    await shop.reload();
    assert.equal(await shop.page.locator('input[name=appid]').inputValue(), 'wx1234567890abcdef');
    assert.equal(await shop.page.locator('input[name=secret]').inputValue(), '', 'a secret never comes back');
    shop.quiet();
  },

  '02 a merchant': async (shop) => {
    await shop.visit('setup');
    await shop.page.getByRole('tab', { name: shop.t('step.merchant') }).click();
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding: { type: 'pkcs8', format: 'pem' }, publicKeyEncoding: { type: 'spki', format: 'pem' } });
    await shop.page.locator('input[name=mchid]').fill('1900000109');
    await shop.id('privateKey').locator('textarea').fill(privateKey);
    await shop.id('privateKey').getByText(shop.t('pem.private_key')).waitFor();
    await shop.page.locator('input[name=certSerial]').fill('5157F09EFDC096DE15EBE81A47057A7232F1B8E1');
    await shop.page.locator('input[name=apiV3Key]').fill('0123456789abcdef0123456789abcdef');
    await shop.accessible('merchant');
    await shop.id('save-merchant').click();
    await shop.said('common.saved');
    await shop.reload();
    assert.equal(await shop.page.locator('input[name=mchid]').inputValue(), '1900000109');
    shop.quiet();
  },

  '03 check the credentials': async (shop) => {
    await shop.visit('setup');
    await shop.id('check').click();
    await shop.page.locator('[data-testid^=finding-]').first().waitFor({ timeout: 60_000 });
    await shop.accessible('doctor');
    await shop.reload();
    shop.quiet();
  },

  '04 public address and message push': async (shop) => {
    await shop.visit('setup');
    await shop.page.locator('input[name=pushToken]').fill('noodles2026');
    await shop.page.locator('input[name=pushAesKey]').fill('abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG');
    await shop.id('save-app').click();
    await shop.said('common.saved');
    await shop.page.getByRole('tab', { name: shop.t('step.address') }).click();
    await shop.page.locator('input[name=publicUrl]').fill('https://shop.example.com');
    await shop.page.locator('input[name=shop]').fill('兰州面馆');
    await shop.id('save-preferences').click();
    await shop.said('common.saved');
    await shop.reload();
    assert.equal(await shop.page.locator('input[name=publicUrl]').inputValue(), 'https://shop.example.com');
    shop.quiet();
  },
};

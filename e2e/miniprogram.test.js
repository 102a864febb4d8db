// the demo mini program against the real server: every page opened, an order paid, changed from outside and shown.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadDemo } from './miniprogram/loader.js';
import { call, superuser, until } from './realtime/kit.js';
import { startServer } from './server.js';

const SRC = path.join(import.meta.dirname, '../miniprogram/demo/src');
// a PNG of one pixel
const PIXEL = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg==', 'base64');

test('the demo mini program', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());

  await t.test('orders, pays, and sees the refund that the owner makes', (t) => wholeOrder(t, server));
  await t.test('buys one of several sizes', (t) => aSize(t, server));
  await t.test('buys a membership, which is paid by virtual payment', (t) => membership(t, server));
  await t.test('keeps an order that was not paid, and pays or cancels it later', (t) => later(t, server));
  await t.test('logs in, names itself, takes a picture and a phone number', (t) => profile(t, server));
  await t.test('shares a dish, and another person lands on it', (t) => share(t, server));
  await t.test('hears in the notices what others buy', (t) => notices(t, server));
  await t.test('says in Chinese that the server is not reached, and connects to another', (t) => settings(t, server));
});

async function open(t, server, name, options = {}) {
  const demo = await loadDemo({ server, ...options });
  t.after(async () => (await demo.app.shop.client()).close());
  return { demo, page: await demo.open(name, options.query) };
}

/** cartOf puts the first dish into the cart twice and opens the cart. */
async function cartOf(t, server, options) {
  const { demo, page } = await open(t, server, 'home', options);
  const dish = page.data.dishes[0];
  page.tap('add', { id: dish.id });
  page.tap('add', { id: dish.id });
  assert.equal(page.data.count, 2);
  return { demo, dish, cart: await demo.open('cart') };
}

/** membership buys virtual goods, once WeChat has published them. */
async function membership(t, server) {
  const root = await superuser(server);
  await until('the item is published', async () => (await call(server, 'GET', '/api/wx/admin/items', { token: root })).items.some((one) => one.state === 'PUBLISHED'));
  const { demo, page } = await open(t, server, 'home');
  page.tap('add', { id: page.data.dishes.find((d) => d.name === '会员月卡').id });
  const cart = await demo.open('cart');
  await cart.order();
  const order = await demo.open('order', { id: /id=(\w+)$/.exec(demo.shown.navigated[0])[1] });
  t.after(() => order.leave());
  await until('paid', () => order.data.state === '已付款');
  const { items: [booked] } = await call(server, 'GET', `/api/collections/payments/records?filter=${encodeURIComponent(`order='${order.data.id}'`)}`, { token: root });
  assert.deepEqual([booked.state, booked.api], ['PAID', 'xpay']);
}

/** aSize buys the last specification of the product that has some. */
async function aSize(t, server) {
  const { demo, page } = await open(t, server, 'home');
  const tea = page.data.dishes.find((d) => d.sizes.length);
  assert.match(tea.yuan, / 起$/);
  page.tap('add', { id: tea.id });
  const size = tea.sizes.at(-1);
  assert.deepEqual(demo.shown.sheets, [tea.sizes.map((s) => `${s.name} ¥${(s.price / 100).toFixed(2)}`)]);
  const cart = await demo.open('cart');
  assert.deepEqual(cart.data.lines.map((l) => [l.name, l.quantity, l.id]), [[`${tea.name}（${size.name}）`, 1, `${tea.id}/${size.id}`]]);
  cart.change({ currentTarget: { dataset: { id: `${tea.id}/${size.id}`, by: 1 } } });
  await cart.order();
  const order = await demo.open('order', { id: /id=(\w+)$/.exec(demo.shown.navigated[0])[1] });
  t.after(() => order.leave());
  assert.deepEqual([order.data.state, order.data.total], ['已付款', (size.price * 2 / 100).toFixed(2)]);
  assert.deepEqual(order.data.lines.map((l) => l.name), [`${tea.name}（${size.name}）`]);
}

async function wholeOrder(t, server) {
  const { demo, dish, cart } = await cartOf(t, server);
  assert.deepEqual(cart.data.lines.map((l) => [l.name, l.quantity]), [[dish.name, 2]]);
  cart.writeNote({ detail: { value: '少辣' } });
  await Promise.all([cart.order(), cart.order()]); // a double click
  assert.deepEqual(demo.shown.modals, ['模拟收银台']);
  const id = /id=(\w+)$/.exec(demo.shown.navigated[0])[1];
  const order = await demo.open('order', { id });
  t.after(() => order.leave());
  assert.deepEqual([order.data.state, order.data.unpaid, order.data.note, order.data.total], ['已付款', false, '少辣', (dish.price * 2 / 100).toFixed(2)]);

  const list = await demo.open('orders');
  t.after(() => list.leave());
  assert.deepEqual(list.data.rows.map((r) => r.state), ['已付款'], 'one order from two clicks');

  const token = await superuser(server);
  await until('the page listens', async () => (await demo.app.shop.client()).realtime.conn?.ready);
  await call(server, 'POST', `/api/wx/orders/${id}/refunds`, { body: { amount: dish.price, reason: '少了一碗' }, token });
  await until('the refund shows', () => order.data.state === '部分退款' && order.data.refunds.some((r) => r.state === '已到账'));
  assert.equal(order.data.refunds[0].reason, '少了一碗');
  await until('the list shows it too', () => list.data.rows[0].state === '部分退款');
}

async function later(t, server) {
  let pays = false;
  const { demo, cart } = await cartOf(t, server, { confirm: () => pays });
  await cart.order();
  const id = /id=(\w+)$/.exec(demo.shown.navigated[0])[1];
  const order = await demo.open('order', { id });
  t.after(() => order.leave());
  assert.deepEqual([order.data.state, order.data.unpaid], ['待付款', true]);
  pays = true;
  await order.pay();
  assert.equal(order.data.state, '已付款');

  pays = false;
  const home = await demo.open('home');
  home.tap('add', { id: home.data.dishes[1].id });
  const again = await demo.open('cart');
  await again.order();
  const other = await demo.open('order', { id: /id=(\w+)$/.exec(demo.shown.navigated.at(-1))[1] });
  t.after(() => other.leave());
  await other.cancel();
  assert.deepEqual([other.data.state, other.data.unpaid], ['已取消', false]);
}

async function profile(t, server) {
  const { demo, page } = await open(t, server, 'me');
  assert.equal(page.data.user, false);
  await page.login();
  await page.name({ detail: { value: '王老板' } });
  await page.simulatedPhone();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wxbase-avatar-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  writeFileSync(path.join(dir, 'avatar.png'), PIXEL);
  await page.avatar({ detail: { avatarUrl: path.join(dir, 'avatar.png') } });
  assert.deepEqual(demo.shown.toasts, []);
  assert.equal(page.data.name, '王老板');
  assert.match(page.data.phone, /\d{11}$/);
  assert.equal((await fetch(page.data.avatar)).status, 200);
  await page.phone({ detail: { errMsg: 'getPhoneNumber:fail user deny' } });
  assert.deepEqual(demo.shown.toasts, ['未授权手机号']);
  await page.logoutEverywhere();
  assert.equal(page.data.user, false);
}

async function share(t, server) {
  const { demo, page: home } = await open(t, server, 'home');
  await (await demo.app.shop.client()).login();
  const dish = home.data.dishes.at(-1);
  const page = await demo.open('share', { dish: dish.id });
  assert.deepEqual(demo.shown.toasts, []);
  assert.equal(demo.shown.drawn.filter((d) => /^image\//.test(d)).length, 1);
  await page.save();
  assert.deepEqual(demo.shown.saved, ['wxfile://poster.png']);

  const code = await (await fetch(page.data.code)).arrayBuffer();
  const [, second] = await (await fetch(server.url + '/_sim/people')).json().then((all) => all.people || all);
  const scanned = await call(server, 'POST', `/_sim/people/${second.id}/scan`, { body: { image: Buffer.from(code).toString('base64') } });
  const query = { scene: /^scene=(.*)$/.exec(scanned.query)[1] }; // still encoded, as a page gets it
  const landed = await open(t, server, 'home', { query, launch: { query }, storage: { 'demo.person': second.id } });
  assert.equal(landed.page.data.dishes[0].id, dish.id);
}

async function notices(t, server) {
  const { page } = await open(t, server, 'notices');
  t.after(() => page.leave());
  await until('connected', () => page.data.ready);
  const { cart, dish } = await cartOf(t, server);
  await cart.order();
  await until('heard', () => page.data.said.some((s) => s.text.includes(dish.name)));
}

async function settings(t, server) {
  const nobody = { url: 'http://127.0.0.1:1' };
  const demo = await loadDemo({ server: nobody });
  const page = await demo.open('settings');
  assert.equal(page.data.state, '连接失败：网络不可用，请检查网络后重试');
  page.write({ detail: { value: 'shop' } });
  await page.save();
  assert.match(demo.shown.toasts.at(-1), /地址要以/);
  page.write({ detail: { value: server.url + '/' } });
  await page.save();
  t.after(async () => (await demo.app.shop.client()).close());
  assert.equal(page.data.state, '已连接，使用模拟微信');
  const other = page.data.names[1];
  await page.pick({ detail: { value: '1' } });
  assert.equal(page.data.names[page.data.at], other);
  await (await demo.app.shop.client()).login();
  await page.takeAway();
  const [{ filePath, fileName }] = demo.shown.shared;
  assert.equal(fileName, 'my-data.zip');
  assert.ok(readFileSync(filePath).includes('data.json'), 'a zip with data.json');
}

test('every page of the demo has its four files, and its WXML names only what its page has', async (t) => {
  const { pages } = JSON.parse(readFileSync(path.join(SRC, 'app.json'), 'utf8'));
  assert.deepEqual(pages.map((p) => p.split('/')[1]).sort(), readdirSync(path.join(SRC, 'pages')).sort());
  for (const page of pages) {
    await t.test(page, () => {
      const [ts, wxml, json] = ['ts', 'wxml', 'json'].map((end) => readFileSync(path.join(SRC, `${page}.${end}`), 'utf8'));
      readFileSync(path.join(SRC, `${page}.wxss`));
      JSON.parse(json);
      const data = /data: \{([\s\S]*?)\n? *\},\n/.exec(ts)[1];
      for (const [, handler] of wxml.matchAll(/\bbind\w+="(\w+)"/g)) assert.match(ts, new RegExp(`^ +(async )?${handler}\\(`, 'm'), `handler ${handler}`);
      for (const name of namesIn(wxml)) assert.match(data, new RegExp(`\\b${name}:`), `data ${name}`);
    });
  }
});

/** namesIn lists what {{...}} reads from a page's data. */
function namesIn(wxml) {
  const expressions = [...wxml.matchAll(/\{\{([\s\S]*?)\}\}/g)].map(([, text]) => text.replace(/'[^']*'/g, ''));
  const names = expressions.flatMap((text) => text.match(/(?<![\w.])[a-z]\w*/gi) || []);
  return new Set(names.filter((name) => !['item', 'index', 'true', 'false'].includes(name)));
}

'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { createClient } = require('../dist/' + (process.env.WXBASE_SDK || 'index.js'));
const { setup, hurry, sent } = require('./kit.js');
const { until } = require('./fakewx.js');

const items = [{ product: 'p', quantity: 1 }];

/** offline is a shop whose orders find no network until net is true. */
function offline(t) {
  hurry(t);
  const shop = setup({ 'POST /api/wx/orders': (call) => (shop.net ? shop.answer || { body: { id: 'o', key: call.data.key } } : { fail: 'request:fail ' }) });
  shop.told = [];
  shop.client.on('sent', (what) => shop.told.push(what));
  return shop;
}

test('an order without a network', async (t) => {
  await t.test('is kept, and sent under its key when the network is back', async (t) => {
    const shop = offline(t);
    await assert.rejects(shop.client.createOrder(items, { key: 'k1', offline: true }), { code: 'queued', data: { key: 'k1' } });
    shop.net = true;
    shop.fake.network({ isConnected: true });
    await until('sent', () => shop.told.length > 0);
    assert.deepEqual(shop.told[0].answer, { id: 'o', key: 'k1' });
    assert.equal(shop.fake.storage['wxbase.queue'], undefined);
  });
  await t.test('outlives the mini program', async (t) => {
    const shop = offline(t);
    await assert.rejects(shop.client.createOrder(items, { key: 'k2', offline: true }));
    shop.net = true;
    const later = createClient({ baseURL: 'https://shop.example', wx: shop.fake.wx });
    const told = [];
    later.on('sent', (what) => told.push(what.data.key));
    shop.fake.show();
    await until('sent', () => told.length > 0);
    assert.deepEqual(told, ['k2']);
  });
  await t.test('that the server refuses is told and forgotten', async (t) => {
    const shop = offline(t);
    await assert.rejects(shop.client.createOrder(items, { offline: true }));
    shop.net = true;
    shop.answer = { status: 409, body: { status: 409, message: 'x', data: { code: 'product_out_of_stock' } } };
    shop.fake.network({ isConnected: true });
    await until('told', () => shop.told.length > 0);
    assert.equal(shop.told[0].error.code, 'product_out_of_stock');
    assert.equal(shop.fake.storage['wxbase.queue'], undefined);
  });
  await t.test('waits for its own user', async (t) => {
    const shop = offline(t);
    await shop.client.login();
    await assert.rejects(shop.client.createOrder(items, { offline: true }));
    const before = sent(shop.fake, '/api/wx/orders').length;
    shop.net = true;
    await shop.client.logout();
    shop.fake.network({ isConnected: true });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(sent(shop.fake, '/api/wx/orders').length, before);
    assert.equal(shop.fake.storage['wxbase.queue'].length, 1);
  });
  await t.test('fails plainly when it was not asked to wait', async (t) => {
    const shop = offline(t);
    await assert.rejects(shop.client.createOrder(items), { code: 'network' });
    assert.equal(shop.fake.storage['wxbase.queue'], undefined);
  });
});

test('an order is asked for again under the same key', async (t) => {
  hurry(t);
  let n = 0;
  const { fake, client } = setup({ 'POST /api/wx/orders': () => (n++ === 0 ? { fail: 'request:fail timeout' } : { body: { id: 'o' } }) });
  await client.createOrder(items);
  const keys = sent(fake, '/api/wx/orders').map((c) => c.data.key);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.match(keys[0], /^\w{16,64}$/);
});

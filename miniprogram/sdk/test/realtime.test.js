'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { createClient } = require('../dist/' + (process.env.WXBASE_SDK || 'index.js'));
const { fakeWx, until } = require('./fakewx.js');

function jwt(exp) {
  const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
  return [part({ alg: 'HS256' }), part({ id: '小明', exp }), 'sig'].join('.');
}

function setup(t, session) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
  t.mock.method(Math, 'random', () => 0.5);
  const fake = fakeWx({
    'POST /api/wx/login': () => ({ body: { token: jwt(2e9), record: { id: 'u1' } } }),
    'GET /api/wx/rooms/quiet/messages': () => ({ body: { messages: [], more: false, last: 0, newest: 40 } }),
    'POST /api/realtime': () => ({ status: fake.refuse || 204, body: '' }),
  });
  if (session) fake.storage.wxbase = session;
  const client = createClient({ baseURL: 'https://shop.example', wx: fake.wx });
  t.after(() => client.close());
  fake.lists = () => fake.calls.filter((c) => c.path === '/api/realtime').map((c) => c.data.subscriptions);
  fake.stream = async (n) => {
    await until('stream ' + n, () => t.mock.timers.tick(1) || fake.streams.length >= n);
    return fake.streams[n - 1];
  };
  return { fake, client };
}

async function connected(fake, n) {
  const stream = await fake.stream(n);
  const before = fake.lists().length;
  stream.connect('client' + n);
  await until('subscribed', () => fake.lists().length > before);
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  return stream;
}

test('subscribe', async (t) => {
  await t.test('shares one stream and sends all topics', async (t) => {
    const { fake, client } = setup(t);
    const got = [];
    client.subscribe('rooms/notice', (m) => got.push(m.event));
    client.subscribe('orders/o1', (m) => got.push(m.action));
    const stream = await connected(fake, 1);
    assert.deepEqual(fake.lists(), [['rooms/notice', 'orders/o1']]);
    stream.event('rooms/notice', { event: 'order.paid', payload: { name: '小**' } });
    stream.event('orders/o1', { action: 'update', record: {} });
    stream.event('rooms/other', {});
    assert.deepEqual(got, ['order.paid', 'update']);
    assert.equal(fake.streams.length, 1);
  });
  await t.test('reads events cut inside a character', async (t) => {
    const { fake, client } = setup(t);
    const got = [];
    client.subscribe('rooms/notice', (m) => got.push(m.payload));
    const stream = await connected(fake, 1);
    const bytes = Buffer.from('event:rooms/notice\ndata:{"payload":"三鲜面🍜"}\n\n');
    for (const b of bytes) stream.bytes([b]);
    assert.deepEqual(got, ['三鲜面🍜']);
  });
  await t.test('goes on after a cut and asks to refetch, once per topic', async (t) => {
    const { fake, client } = setup(t);
    const said = [];
    client.subscribe('a', () => {}, { onReady: () => said.push('ready'), onReconnect: () => said.push('again') });
    const first = await connected(fake, 1);
    t.mock.timers.tick(30000); // within the idle limit
    first.cut();
    await connected(fake, 2);
    assert.deepEqual(said, ['ready', 'again']);
    assert.deepEqual(fake.lists(), [['a'], ['a']]);
  });
  await t.test('takes a room up where it was read last', async (t) => {
    const { fake, client } = setup(t);
    const got = [];
    client.subscribe('rooms/notice', (m) => got.push(m.payload));
    client.subscribe('orders/o1', () => {});
    const first = await connected(fake, 1);
    first.event('rooms/notice', { event: 'x', payload: 'a', seq: 41 });
    first.event('rooms/notice', { event: 'x', payload: 'b', seq: 42 });
    client.subscribe('orders/o2', () => {});
    await until('third topic', () => fake.lists().length === 2);
    assert.equal(fake.lists()[1][0], 'rooms/notice', 'another key in mid-stream would be another subscription');
    first.cut();
    const second = await connected(fake, 2);
    const key = 'rooms/notice?options=' + encodeURIComponent('{"query":{"after":"42"}}');
    assert.deepEqual(fake.lists()[2], [key, 'orders/o1', 'orders/o2']);
    second.event(key, { event: 'x', payload: 'c', seq: 43 });
    assert.deepEqual(got, ['a', 'b', 'c']);
  });
  await t.test('misses nothing in a room that was cut off before its first message', async (t) => {
    const { fake, client } = setup(t);
    client.subscribe('rooms/quiet', () => {});
    const first = await connected(fake, 1);
    first.cut();
    await connected(fake, 2);
    assert.deepEqual(fake.lists(), [['rooms/quiet'], ['rooms/quiet?options=' + encodeURIComponent('{"query":{"after":"40"}}')]]);
  });
  await t.test('gives up a stream that says nothing', async (t) => {
    const { fake, client } = setup(t);
    client.subscribe('a', () => {});
    const first = await connected(fake, 1);
    t.mock.timers.tick(39000);
    first.text(': ping\n');
    t.mock.timers.tick(39000);
    assert.equal(first.aborted, false);
    t.mock.timers.tick(2000);
    assert.equal(first.aborted, true);
    await connected(fake, 2);
  });
  await t.test('waits longer and longer while the server is away', async (t) => {
    const { fake, client } = setup(t);
    const errors = [];
    client.on('error', (e) => errors.push(e.code));
    client.subscribe('a', () => {});
    const pauses = [];
    for (let n = 1; n <= 8; n++) {
      const stream = await fake.stream(n);
      const from = Date.now();
      stream.cut();
      for (let i = 0; i < 400 && fake.streams.length === n; i++) {
        t.mock.timers.tick(100);
        await Promise.resolve();
      }
      pauses.push(Date.now() - from);
    }
    assert.deepEqual(pauses, [400, 800, 1500, 3000, 6000, 12000, 22500, 22500]);
    assert.deepEqual(new Set(errors), new Set(['timeout']));
  });
  await t.test('reports a refused topic and tries again', async (t) => {
    const { fake, client } = setup(t);
    const errors = [];
    fake.refuse = 403;
    client.subscribe('rooms/secret', () => {}, { onError: (e) => errors.push(e.status) });
    await connected(fake, 1);
    await until('error', () => errors.length === 1);
    fake.refuse = 0;
    await connected(fake, 2);
    assert.deepEqual(errors, [403]);
  });
});

test('stream', async (t) => {
  await t.test('ends with the last subscriber', async (t) => {
    const { fake, client } = setup(t);
    const off = client.subscribe('a', () => {});
    const other = client.subscribe('b', () => {});
    const stream = await connected(fake, 1);
    off();
    await until('shorter list', () => fake.lists().length === 2);
    assert.deepEqual(fake.lists()[1], ['b']);
    other();
    other();
    assert.equal(stream.aborted, true);
  });
  await t.test('rises with a login, is made anew after a logout', async (t) => {
    const { fake, client } = setup(t);
    client.subscribe('a', () => {});
    const stream = await connected(fake, 1);
    await client.login();
    await until('sent again', () => fake.lists().length === 2);
    assert.deepEqual([stream.aborted, fake.calls.pop().auth], [false, client.token]);
    client.logout();
    assert.equal(stream.aborted, true);
    await connected(fake, 2);
    assert.equal(fake.calls.pop().auth, '');
  });
  await t.test('rests while the app is hidden', async (t) => {
    const { fake, client } = setup(t);
    client.subscribe('a', () => {});
    const stream = await connected(fake, 1);
    fake.hide();
    t.mock.timers.tick(60000);
    assert.deepEqual([stream.aborted, fake.streams.length], [true, 1]);
    fake.show();
    await connected(fake, 2);
  });
  await t.test('survives a subscriber that throws', async (t) => {
    const { fake, client } = setup(t);
    const got = [];
    const errors = [];
    client.on('error', (e) => errors.push(e.code));
    client.subscribe('a', () => {
      throw new Error('mine');
    });
    client.subscribe('a', (m) => got.push(m));
    const stream = await connected(fake, 1);
    stream.event('a', 1);
    assert.deepEqual([got, errors], [[1], ['handler_failed']]);
  });
  await t.test('says when this WeChat cannot stream', async (t) => {
    const { fake, client } = setup(t);
    const errors = [];
    fake.wx.request = () => undefined;
    client.subscribe('a', () => {}, { onError: (e) => errors.push(e.code) });
    t.mock.timers.tick(1);
    await until('error', () => errors.length > 0);
    t.mock.timers.tick(60000);
    assert.deepEqual(errors, ['realtime_unsupported']);
  });
});

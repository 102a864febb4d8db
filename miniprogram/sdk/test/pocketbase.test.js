'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { createPocketBase, createPlatform } = require('../dist/pocketbase.js');
const { fakeWx, until } = require('./fakewx.js');

/** FakeSDK is as much of the PocketBase SDK as the adapter touches; the real one runs in e2e/realtime-sse.test.js. */
class FakeSDK {
  constructor(baseURL) {
    Object.assign(this, { baseURL, cancelControllers: {}, enableAutoCancellation: true, listeners: [] });
    this.authStore = {
      save: (token, record) => {
        Object.assign(this.authStore, { token, record });
        this.listeners.forEach((fn) => fn(token, record));
      },
      onChange: (fn) => this.listeners.push(fn),
    };
  }

  cancelRequest(key) {
    if (this.cancelControllers[key]) this.cancelControllers[key].abort();
  }

  async send(path, o) {
    assert.equal(o.requestKey, null, 'the SDK would look for a global AbortController');
    const res = await o.fetch(this.baseURL + path, { method: o.method, headers: { Authorization: this.authStore.token || '' }, body: JSON.stringify(o.body), signal: o.signal });
    if (res.status >= 400) throw Object.assign(new Error('refused'), { status: res.status });
    return res.status === 204 ? null : res.json();
  }
}

function setup(t, options) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
  t.mock.method(Math, 'random', () => 0.5);
  const fake = fakeWx({
    'POST /api/realtime': (call) => ({ status: fake.refuse ? fake.refuse(JSON.parse(call.data).subscriptions) : 204 }),
    'GET /x': () => ({ body: '{"ok":true}' }),
    'GET /missing': () => ({ status: 404, body: '{}' }),
  });
  Object.assign(fake.storage, options && options.storage);
  const pb = createPocketBase(FakeSDK, 'https://shop.example', fake.wx, options);
  fake.lists = () => fake.calls.filter((c) => c.path === '/api/realtime').map((c) => JSON.parse(c.data).subscriptions);
  fake.connect = async (n) => {
    await until('stream ' + n, () => t.mock.timers.tick(1) || fake.streams.length >= n);
    fake.streams[n - 1].connect('client' + n);
    return fake.streams[n - 1];
  };
  t.after(() => pb.realtime.unsubscribe());
  return { fake, pb };
}

test('createPocketBase', async (t) => {
  await t.test('sends over wx.request', async (t) => {
    const { pb } = setup(t);
    assert.deepEqual(await pb.send('/x', { method: 'GET' }), { ok: true });
    await assert.rejects(pb.send('/missing', { method: 'GET' }), { status: 404 });
  });
  await t.test('cancels the first of two equal calls, unless told not to', async (t) => {
    const { pb } = setup(t);
    const twice = (o) => Promise.allSettled([pb.send('/x', o), pb.send('/x', o)]).then((all) => all.map((r) => (r.reason ? r.reason.name : r.status)));
    assert.deepEqual(await twice({ method: 'GET' }), ['AbortError', 'fulfilled']);
    assert.deepEqual(await twice({ method: 'GET', requestKey: null }), ['fulfilled', 'fulfilled']);
    pb.enableAutoCancellation = false;
    assert.deepEqual(await twice({ method: 'GET' }), ['fulfilled', 'fulfilled']);
  });
  await t.test('keeps the session in storage', (t) => {
    const { fake, pb } = setup(t, { storage: { pocketbase_auth: { token: 'old', record: { id: 'u' } } } });
    assert.equal(pb.authStore.token, 'old');
    pb.authStore.save('new', { id: 'u' });
    assert.deepEqual(fake.storage.pocketbase_auth, { token: 'new', record: { id: 'u' } });
    pb.authStore.save('', null);
    assert.equal('pocketbase_auth' in fake.storage, false);
  });
});

test('pb.realtime', async (t) => {
  await t.test('resolves once the server has taken the topic, with options as the SDK spells them', async (t) => {
    const { fake, pb } = setup(t);
    const got = [];
    const connects = [];
    pb.realtime.subscribe('PB_CONNECT', (e) => connects.push(e.clientId));
    const subscribed = pb.realtime.subscribe('products/*', (m) => got.push(m), { query: { expand: 'a' } });
    const stream = await fake.connect(1);
    const off = await subscribed;
    const key = 'products/*?options=' + encodeURIComponent('{"query":{"expand":"a"}}');
    assert.deepEqual([fake.lists(), connects, pb.realtime.isConnected, pb.realtime.clientId], [[[key]], ['client1'], true, 'client1']);
    stream.event(key, { action: 'create' });
    assert.deepEqual(got, [{ action: 'create' }]);
    await off();
    assert.equal(stream.aborted, true);
  });
  await t.test('resumes a room by itself', async (t) => {
    const { fake, pb } = setup(t);
    const subscribed = pb.realtime.subscribe('rooms/kept', () => {}, { query: { after: 3 } });
    const first = await fake.connect(1);
    await subscribed;
    const key = (after) => 'rooms/kept?options=' + encodeURIComponent(`{"query":{"after":"${after}"}}`);
    first.event(key(3), { event: 'x', seq: 9 });
    first.cut();
    await fake.connect(2);
    await until('second list', () => fake.lists().length === 2);
    assert.deepEqual(fake.lists(), [[key(3)], [key(9)]]);
  });
  await t.test('rejects what the server refuses and keeps the rest', async (t) => {
    const { fake, pb } = setup(t);
    fake.refuse = (list) => (list.includes('rooms/closed') ? 403 : 204);
    const good = pb.realtime.subscribe('rooms/notice', () => {});
    await fake.connect(1);
    await good;
    await assert.rejects(pb.realtime.subscribe('rooms/closed', () => {}), { status: 403 });
    await fake.connect(2);
    await until('list without it', () => fake.lists().at(-1).length === 1);
    assert.deepEqual(fake.lists().at(-1), ['rooms/notice']);
  });
  await t.test('unsubscribes by topic, prefix and listener', async (t) => {
    const { fake, pb } = setup(t);
    const mine = () => {};
    const all = ['a/1', 'a/2', 'b/1'].map((topic) => pb.realtime.subscribe(topic, () => {}));
    all.push(pb.realtime.subscribe('b/1', mine));
    await fake.connect(1);
    await Promise.all(all);
    await pb.realtime.unsubscribeByTopicAndListener('b/1', mine);
    await pb.realtime.unsubscribe('b/1');
    await until('no b', () => fake.lists().at(-1).length === 2);
    await pb.realtime.unsubscribeByPrefix('a');
    assert.equal(fake.streams[0].aborted, true);
    await assert.rejects(pb.realtime.subscribe('', () => {}), /topic/);
  });
  await t.test('starts anew when somebody else logs in', async (t) => {
    const { fake, pb } = setup(t, { storage: { pocketbase_auth: { token: 't1', record: { id: 'u1' } } } });
    const subscribed = pb.realtime.subscribe('a/1', () => {});
    const stream = await fake.connect(1);
    await subscribed;
    pb.authStore.save('t1b', { id: 'u1' });
    assert.equal(stream.aborted, false, 'a renewed token is the same person');
    pb.authStore.save('t2', { id: 'u2' });
    assert.equal(stream.aborted, true);
    await fake.connect(2);
    await until('second list', () => fake.lists().length === 2);
    assert.equal(fake.calls.at(-1).auth, 't2');
  });
});

test('createPlatform', async (t) => {
  await t.test('has an EventSource that gives up a silent stream', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const fake = fakeWx({});
    const { EventSource } = createPlatform(fake.wx, { idleTimeout: 1000 });
    const source = new EventSource('https://shop.example/api/realtime');
    const heard = [];
    const errors = [];
    source.addEventListener('hello', (e) => heard.push([e.data, e.lastEventId]));
    source.onerror = (e) => errors.push(e.message);
    fake.streams[0].text('id:7\nevent:hello\nda');
    fake.streams[0].text('ta:你好\n\n');
    t.mock.timers.tick(1001);
    assert.deepEqual([heard, errors, source.readyState, fake.streams[0].aborted], [[['你好', '7']], ['request:fail abort'], 2, true]);
  });
  await t.test('has a fetch that can be aborted before and during', async () => {
    const fake = fakeWx({ 'GET /x': () => ({ body: 'text' }) });
    const { fetch, AbortController } = createPlatform(fake.wx);
    const controller = new AbortController();
    const pending = fetch('https://shop.example/x', { signal: controller.signal });
    controller.abort();
    await assert.rejects(pending, { name: 'AbortError' });
    await assert.rejects(fetch('https://shop.example/x', { signal: controller.signal }), { name: 'AbortError' });
    assert.equal(await (await fetch('https://shop.example/x')).text(), 'text');
  });
  await t.test('keeps strings in storage', () => {
    const { localStorage } = createPlatform(fakeWx({}).wx);
    localStorage.setItem('k', 'v');
    assert.deepEqual([localStorage.getItem('k'), localStorage.getItem('none')], ['v', null]);
    localStorage.removeItem('k');
    assert.equal(localStorage.getItem('k'), null);
  });
});

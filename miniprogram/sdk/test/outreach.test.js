'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { setup, hurry, sent } = require('./kit.js');
const { until } = require('./fakewx.js');

test('a scene is found in', async (t) => {
  const scenarios = [
    ['what a page was opened with', { scene: 'a%3D1' }, 'a=1'],
    ['launch options', { path: 'pages/x', scene: 1047, query: { scene: 's2' } }, 's2'],
    ['a scanned path', { path: 'pages/x?a=b&scene=s3', scanType: 'WX_CODE' }, 's3'],
    ['a text', 's4', 's4'],
    ['a text that is not encoded', '100%', '100%'],
  ];
  for (const [name, opened, scene] of scenarios) {
    await t.test(name, async () => {
      const { client } = setup({ ['GET /api/wx/scenes/' + encodeURIComponent(scene)]: () => ({ body: { page: 'p', payload: 1 } }) });
      assert.deepEqual(await client.scene(opened), { page: 'p', payload: 1 });
    });
  }
  await t.test('nothing, where there is none', async () => {
    const { fake, client } = setup();
    for (const opened of [undefined, {}, { scene: 1001, query: {} }, '']) assert.equal(await client.scene(opened), null);
    assert.equal(fake.calls.length, 0);
  });
});

test('messages', async (t) => {
  const consents = (call, fake) => (fake.net === false ? { fail: 'request:fail ' } : { body: { consents: [] } });
  const routes = { 'POST /api/wx/consents': consents };
  await t.test('are asked for, and the answers reported under a key', async () => {
    const { fake, client } = setup(routes);
    fake.subscribed = { a: 'accept', b: 'reject', errMsg: 'ok' };
    assert.deepEqual(await client.askMessages(['a', 'b', 'c']), { a: 'accept', b: 'reject' });
    const [call] = sent(fake, '/api/wx/consents');
    assert.deepEqual(call.data.answers, { a: 'accept', b: 'reject' });
    assert.match(call.data.key, /^\w{16,64}$/);
  });
  await t.test('are reported later when there is no network', async (t) => {
    hurry(t);
    const { fake, client } = setup(routes);
    fake.subscribed = { a: 'accept' };
    fake.net = false;
    assert.deepEqual(await client.askMessages(['a']), { a: 'accept' });
    const key = fake.storage['wxbase.queue'][0].data.key;
    fake.net = true;
    fake.network({ isConnected: true });
    await until('reported', () => !fake.storage['wxbase.queue']);
    assert.equal(sent(fake, '/api/wx/consents').at(-1).data.key, key);
  });
  await t.test('that are switched off say so', async () => {
    const { client } = setup(routes);
    await assert.rejects(client.askMessages(['a']), { code: 'subscribe_refused', data: { errCode: 20004 } });
  });
});

test('privacy', async (t) => {
  const scenarios = [
    ['refused', { errno: 104, errMsg: 'requirePrivacyAuthorize:fail' }, 'privacy_denied'],
    ['not declared', { errno: 112, errMsg: 'api scope is not declared in the privacy agreement' }, 'privacy_undeclared'],
  ];
  for (const [name, answer, code] of scenarios) {
    await t.test(name, async () => {
      const { fake, client } = setup();
      fake.privacy = answer;
      await assert.rejects(client.privacy(), { code, data: { errno: answer.errno } });
    });
  }
  await t.test('agreed to, or unknown to an old phone', async () => {
    const { fake, client } = setup();
    await client.privacy();
    delete fake.wx.requirePrivacyAuthorize;
    await client.privacy();
  });
});

test('logout everywhere ends the tokens on the server, or says that it could not', async (t) => {
  hurry(t);
  const { fake, client } = setup({ 'POST /api/wx/logout': (call, f) => (f.net === false ? { fail: 'request:fail ' } : { status: 204 }) });
  await client.login();
  fake.net = false;
  await assert.rejects(client.logout({ everywhere: true }), { code: 'network' });
  assert.equal(client.token, 't1');
  fake.net = true;
  await client.logout({ everywhere: true });
  assert.deepEqual([client.token, sent(fake, '/api/wx/logout').at(-1).auth], ['', 't1']);
});

test('a room goes by what the device can do', async (t) => {
  const scenarios = [
    ['a phone', { getDeviceInfo: () => ({ platform: 'ios' }), canIUse: () => true }, 'streams'],
    ['a computer, which gives chunks at the end only', { getDeviceInfo: () => ({ platform: 'windows' }), canIUse: () => true }, 'sockets'],
    ['an old version', { canIUse: (what) => what !== 'request.object.enableChunked' }, 'sockets'],
  ];
  for (const [name, wx, link] of scenarios) {
    await t.test(name, async (t) => {
      const { fake, client } = setup();
      t.after(() => client.close());
      Object.assign(fake.wx, wx);
      client.room('notice');
      await until('a connection', () => fake.streams.length + fake.sockets.length > 0);
      assert.equal(fake[link].length, 1);
    });
  }
});

test('a stream tries again at once when the network is back', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
  const { fake, client } = setup({ 'POST /api/realtime': () => ({ status: 204 }) });
  t.after(() => client.close());
  client.subscribe('rooms/notice', () => {});
  for (let n = 1; n <= 5; n++) {
    await until('stream ' + n, () => t.mock.timers.tick(40000) || fake.streams.length >= n);
    fake.streams[n - 1].cut();
  }
  fake.network({ isConnected: true });
  await until('stream 6', () => t.mock.timers.tick(0) || fake.streams.length >= 6);
});

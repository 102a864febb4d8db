'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { createClient } = require('../dist/' + (process.env.WXBASE_SDK || 'index.js'));
const { fakeWx, until } = require('./fakewx.js');

const members = { members: [{ user: 'u1', connections: 2, verified: true }], count: 1, complete: true };

function setup(t, session) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1e12 });
  t.mock.method(Math, 'random', () => 0.5);
  const fake = fakeWx({
    'POST /api/realtime': () => ({ status: 204, body: '' }),
    'GET /api/wx/rooms/notice/members': () => ({ body: members }),
    'GET /api/wx/rooms/notice/messages': (call) => ({ body: { messages: [], more: false, path: call.path } }),
    'POST /api/wx/rooms/notice/messages': (call) => ({ body: { seq: 7, sent: call.data } }),
  });
  if (session) fake.storage.wxbase = session;
  const client = createClient({ baseURL: 'https://shop.example', wx: fake.wx });
  t.after(() => client.close());
  const errors = [];
  client.on('error', (e) => errors.push(e.code));
  fake.socket = async (n) => {
    await until('socket ' + n, () => t.mock.timers.tick(1) || fake.sockets.length >= n);
    return fake.sockets[n - 1];
  };
  return { fake, client, errors };
}

/** joined plays the server's part up to the answer to `join`. */
async function joined(fake, n, answer) {
  const socket = await fake.socket(n);
  socket.open();
  await until('CONNECT', () => socket.sent.some((text) => text.startsWith('40')));
  socket.say('40{"sid":"x"}');
  await until('join', () => socket.asked('join').length > 0);
  for (const [id] of socket.asked('join')) socket.say('43' + id + JSON.stringify([answer || { ok: true }]));
  return socket;
}

test('a room over a WebSocket', async (t) => {
  await t.test('joins, hears, and answers pings', async (t) => {
    const { fake, client } = setup(t, { token: 'tok', record: { id: 'u1' } });
    const got = [];
    let ready = 0;
    client.room('notice', { transport: 'websocket', after: 5, onMessage: (m) => got.push(m), onReady: () => ready++ });
    const socket = await joined(fake, 1);
    assert.equal(socket.options.url, 'wss://shop.example/socket.io/?EIO=4&transport=websocket');
    assert.deepEqual([socket.sent[0], ready], ['40{"token":"tok"}', 1]);
    assert.deepEqual(socket.asked('join')[0].slice(1), ['join', { room: 'notice', after: 5 }]);
    socket.say('42["order.paid",{"name":"小**"},{"room":"notice","seq":6,"at":"now","sender":"u2"}]');
    socket.say('42["order.paid",{},{"room":"other","seq":1}]');
    socket.say('2');
    assert.deepEqual(got, [{ event: 'order.paid', payload: { name: '小**' }, room: 'notice', seq: 6, at: 'now', sender: 'u2' }]);
    assert.equal(socket.sent.at(-1), '3');
  });
  await t.test('comes back after a cut and goes on where it stopped', async (t) => {
    const { fake, client, errors } = setup(t);
    let again = 0;
    client.room('notice', { transport: 'websocket', onMessage: () => {}, onReconnect: () => again++ });
    const first = await joined(fake, 1, { ok: true, seq: 40 });
    assert.equal(first.sent[0], '40');
    assert.deepEqual(first.asked('join')[0][2], { room: 'notice' });
    first.cut(1001);
    const second = await joined(fake, 2);
    assert.deepEqual(second.asked('join')[0][2], { room: 'notice', after: 40 }, 'the position came with the answer to join');
    second.say('42["x",1,{"room":"notice","seq":44}]');
    second.cut();
    const third = await joined(fake, 3);
    assert.deepEqual([third.asked('join')[0][2].after, again, errors], [44, 2, []]);
  });
  await t.test('shares one socket among rooms and leaves what nobody hears', async (t) => {
    const { fake, client } = setup(t);
    const one = client.room('notice', { transport: 'websocket', onMessage: () => {} });
    client.room('lobby', { transport: 'websocket', onMessage: () => {} });
    const socket = await joined(fake, 1);
    assert.deepEqual(socket.asked('join').map((a) => a[2].room), ['notice', 'lobby']);
    one.close();
    assert.deepEqual(socket.asked('leave').map((a) => a[2].room), ['notice']);
    assert.deepEqual([socket.closed, fake.sockets.length], [false, 1]);
  });
  await t.test('tells the one whose room is closed', async (t) => {
    const { fake, client, errors } = setup(t);
    const mine = [];
    client.room('secret', { transport: 'websocket', onMessage: () => {}, onError: (e) => mine.push(e.code) });
    await joined(fake, 1, { error: { code: 'room_forbidden', message: 'no' } });
    assert.deepEqual([mine, errors], [['room_forbidden'], ['room_forbidden']]);
  });
  await t.test('is refused as a whole and tries again later', async (t) => {
    const { fake, client, errors } = setup(t);
    client.room('notice', { transport: 'websocket', onMessage: () => {} });
    const socket = await fake.socket(1);
    socket.open();
    socket.say('44{"message":"no","data":{"code":"token_invalid","message":"no"}}');
    assert.deepEqual([errors, socket.closed], [['token_invalid'], true]);
    await fake.socket(2);
  });
  await t.test('gives up a socket that is silent for longer than two pings', async (t) => {
    const { fake, client } = setup(t);
    client.room('notice', { transport: 'websocket', onMessage: () => {} });
    const socket = await joined(fake, 1);
    t.mock.timers.tick(44000);
    assert.equal(socket.closed, false);
    t.mock.timers.tick(2000);
    assert.equal(socket.closed, true);
    await fake.socket(2);
  });
  await t.test('rests while the app is hidden', async (t) => {
    const { fake, client } = setup(t);
    client.room('notice', { transport: 'websocket', onMessage: () => {} });
    const socket = await joined(fake, 1);
    fake.hide();
    t.mock.timers.tick(60000);
    assert.deepEqual([socket.closed, fake.sockets.length], [true, 1]);
    fake.show();
    await fake.socket(2);
  });
  await t.test('survives what is no packet', async (t) => {
    const { fake, client, errors } = setup(t);
    client.room('notice', { transport: 'websocket', onMessage: () => {} });
    const socket = await joined(fake, 1);
    socket.say('42{');
    assert.deepEqual([errors, socket.closed], [['realtime_garbled'], true]);
    await fake.socket(2);
  });
  await t.test('follows a login and a logout with a new socket', async (t) => {
    const { fake, client } = setup(t, { token: 'tok', record: { id: 'u1' } });
    client.room('notice', { transport: 'websocket', onMessage: () => {} });
    const socket = await joined(fake, 1);
    client.logout();
    assert.equal(socket.closed, true);
    assert.equal((await joined(fake, 2)).sent[0], '40');
  });
});

test('a room', async (t) => {
  await t.test('over SSE starts where it was told to', async (t) => {
    const { fake, client } = setup(t);
    client.room('notice', { after: 12, onMessage: () => {} });
    await until('stream', () => t.mock.timers.tick(1) || fake.streams.length === 1);
    fake.streams[0].connect('c1');
    await until('list', () => fake.calls.some((c) => c.path === '/api/realtime'));
    const [key] = fake.calls.find((c) => c.path === '/api/realtime').data.subscriptions;
    assert.equal(decodeURIComponent(key), 'rooms/notice?options={"query":{"after":"12"}}');
    assert.equal(fake.sockets.length, 0);
  });
  await t.test('tells who is there when the server says so, and nothing of it to onMessage', async (t) => {
    const { fake, client } = setup(t);
    const [seen, got] = [[], []];
    const room = client.room('notice', { transport: 'websocket', onMessage: (m) => got.push(m), onMembers: (m) => seen.push(m) });
    const socket = await joined(fake, 1);
    const say = (list) => socket.say('42' + JSON.stringify(['members', list, { room: 'notice', at: 'now' }]));
    say(members);
    t.mock.timers.tick(30000);
    const two = { members: [...members.members, { user: 'u2', connections: 1, verified: true }], count: 2, complete: true };
    say(two);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([seen, got], [[members, two], []]);
    assert.equal(fake.calls.filter((c) => c.path.endsWith('/members')).length, 0, 'pushed, never asked for');
    room.close();
    say(members);
    assert.equal(seen.length, 2);
  });
  await t.test('asks once who is there where the server does not tell, so that it says why', async (t) => {
    const { fake, client, errors } = setup(t);
    const seen = [];
    client.room('notice', { transport: 'websocket', onMembers: (m) => seen.push(m) });
    client.room('closed', { transport: 'websocket', onMembers: (m) => seen.push(m) });
    await joined(fake, 1);
    t.mock.timers.tick(3000);
    await until('asked', () => seen.length === 1 && errors.length === 1);
    t.mock.timers.tick(600000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([seen, errors], [[members], ['http_404']]);
  });
  await t.test('speaks and reads over REST', async (t) => {
    const { client } = setup(t);
    const room = client.room('notice', { onMessage: () => {} });
    const { seq, sent: { key, ...sent } } = await room.publish('said', { text: '你好' });
    assert.deepEqual([seq, sent, /^\w{8,64}$/.test(key)], [7, { event: 'said', payload: { text: '你好' } }, true]);
    assert.equal((await room.history(9)).path, '/api/wx/rooms/notice/messages?after=9&limit=100');
  });
});

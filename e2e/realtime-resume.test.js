// Socket.IO clients that drop and come back, and a server that goes and comes back.
import test from 'node:test';
import assert from 'node:assert/strict';
import { oneOfEach } from './realtime/clients.js';
import { EVERYBODY, call, makeRoom, once, publish, superuser, until } from './realtime/kit.js';
import { openSocket } from './realtime/raw.js';
import { startServer } from './server.js';

test('resume over Socket.IO', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const token = await superuser(server);
  await makeRoom(server, token, { name: 'kept', joinRule: EVERYBODY, history: 2000 });
  for (const client of oneOfEach) {
    await t.test(`${client.name} gets the 1,000 messages that it missed`, (t) => missed(t, server, token, client));
  }
});

/** listen opens a client that writes down the number and the payload of each message. */
function listen(t, server, client, query) {
  const heard = [];
  const socket = client.open(`${server.url}?room=kept&userId=1${query}`);
  t.after(() => socket.close());
  socket.on('said', (payload, info) => heard.push({ seq: info.seq, payload, room: info.room }));
  return { socket, heard };
}

async function missed(t, server, token, client) {
  const before = listen(t, server, client, '');
  await once(before.socket, 'connect');
  for (let i = 0; i < 3; i++) await publish(server, token, 'kept', 'said', { i, text: '之前' });
  await until('three messages', () => before.heard.length === 3);
  before.socket.close();
  const { seq } = before.heard.at(-1);

  const say = async (from) => {
    for (let i = from; i < from + 50; i++) await publish(server, token, 'kept', 'said', { i, text: '错过的🍜' });
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => say(n * 50)));
  const after = listen(t, server, client, `&after=${seq}`);
  await until('what was missed', () => after.heard.length >= 1000);
  await publish(server, token, 'kept', 'said', { text: '之后' });
  await until('what comes now', () => after.heard.length >= 1001);

  const want = [];
  for (let more = true; more; ) {
    const page = await call(server, 'GET', `/api/wx/rooms/kept/messages?after=${want.at(-1)?.seq ?? seq}&limit=100`, { token });
    want.push(...page.messages.map((m) => ({ seq: m.seq, payload: m.payload, room: 'kept' })));
    more = page.more;
  }
  assert.equal(want.length, 1001);
  assert.deepEqual(after.heard, want);
}

test('a restart', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const token = await superuser(server);
  const heard = oneOfEach.map(() => []);
  const lost = [];
  const sockets = oneOfEach.map((client, i) => {
    const socket = client.open(`${server.url}?room=notice&userId=${i}`);
    t.after(() => socket.close());
    socket.on('push', (payload) => heard[i].push(payload));
    socket.on('disconnect', (reason) => lost.push(reason));
    return socket;
  });
  await Promise.all(sockets.map((s) => s.connected || once(s, 'connect')));
  const raw = await openSocket(server.url + '/socket.io/');

  const { code, ms } = await server.end();
  assert.equal(code, 0);
  assert.ok(ms < 5000, `the server took ${ms} ms to end, want less than 5,000`);
  assert.equal(await raw.ends(), 1001, 'close code');
  await until('all have noticed', () => lost.length === sockets.length);
  assert.deepEqual(new Set(lost), new Set(['transport close']), 'a reason on which clients reconnect by themselves');

  await server.start();
  await until('all are back by themselves', () => sockets.every((s) => s.connected), 30000);
  await until('and hear what is pushed', async () => {
    await publish(server, token, 'notice', 'push', '回来了');
    return heard.every((all) => all.length > 0);
  });
});

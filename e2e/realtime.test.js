// the article's client code, unchanged, in the clients that people use: against wxbase, and against Node's own socket.io.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { clients, transportOf } from './realtime/clients.js';
import { EVERYBODY, call, makeRoom, members, once, publish, superuser, until } from './realtime/kit.js';
import { freePort, startServer } from './server.js';

const targets = [
  { name: 'wxbase', start: startWxbase },
  { name: "Node's socket.io", start: startReference },
];

for (const target of targets) {
  test(`the article's flow on ${target.name}`, async (t) => {
    const server = await target.start();
    t.after(() => server.stop());
    for (const client of clients) {
      await t.test(client.name, (t) => flow(t, server, client));
      await t.test(`${client.name}: a closed room`, (t) => refused(t, server, client));
    }
  });
}

async function startWxbase() {
  const server = await startServer();
  server.token = await superuser(server);
  await makeRoom(server, server.token, { name: 'notice', joinRule: EVERYBODY, publishRule: EVERYBODY, presence: true });
  await makeRoom(server, server.token, { name: 'closed', joinRule: '' });
  return server;
}

async function startReference() {
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'realtime/reference.js'), port], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () => new Promise((resolve) => child.once('close', resolve) && child.kill('SIGTERM')),
  };
}

async function flow(t, server, client) {
  const heard = { 1: [], 2: [] };
  const pushed = { 1: [], 2: [] };
  const [first, second] = [1, 2].map((id) => {
    const socket = client.open(`${server.url}?room=notice&userId=${id}`);
    t.after(() => socket.close());
    socket.on('res', (message) => heard[id].push(message));
    socket.on('push', (message) => pushed[id].push(message));
    return socket;
  });
  await Promise.all([first, second].map((s) => s.connected || once(s, 'connect')));
  await until(`talks over ${client.ends}`, () => [first, second].every((s) => transportOf(s) === client.ends));
  await until('both are present', async () => same(await members(server, server.token, 'notice'), ['guest:1', 'guest:2']));

  const before = Date.now();
  first.emit('exchange', { target: 'res', payload: { msg: '你好，世界 🎉', n: 1 } });
  await until('the exchange at both', () => heard[1].length > 0 && heard[2].length > 0);
  for (const [message] of [heard[1], heard[2]]) {
    assert.deepEqual(Object.keys(message), ['meta', 'data']);
    assert.deepEqual(message.data, { action: 'exchange', payload: { msg: '你好，世界 🎉', n: 1 } });
    assert.deepEqual([message.meta.client, message.meta.target], [first.id, 'res']);
    assert.ok(Math.abs(message.meta.timestamp - before) < 60000, `got the timestamp ${message.meta.timestamp}, want milliseconds of now`);
  }

  await publish(server, server.token, 'notice', 'push', { text: '张三刚刚购买了《Go》' });
  await until('the push at both', () => pushed[1].length > 0 && pushed[2].length > 0);
  assert.deepEqual(pushed, { 1: [{ text: '张三刚刚购买了《Go》' }], 2: [{ text: '张三刚刚购买了《Go》' }] });

  second.close();
  await until('the second has left', async () => same(await members(server, server.token, 'notice'), ['guest:1']));
  first.emit('exchange', { target: 'res', payload: 'alone' });
  await until('the first hears itself', () => heard[1].length === 2);
  assert.deepEqual([heard[1].length, heard[2].length], [2, 1]);
  first.close();
  await until('nobody is left', async () => (await members(server, server.token, 'notice')).length === 0);
}

async function refused(t, server, client) {
  const socket = client.open(`${server.url}?room=closed&userId=9`, { reconnection: false });
  t.after(() => socket.close());
  let connected = false;
  socket.on('connect', () => (connected = client.protocol === 4)); // note: protocol 3 connects first and is refused next
  const why = await once(socket, client.protocol === 4 ? 'connect_error' : 'error');
  const said = client.protocol === 4 ? why[0].data : why[0];
  assert.equal(said.code, 'room_forbidden', `got ${JSON.stringify(why)}`);
  assert.equal(connected, false);
  await call(server, 'GET', '/api/wx/health');
}

function same(got, want) {
  return JSON.stringify(got) === JSON.stringify(want);
}

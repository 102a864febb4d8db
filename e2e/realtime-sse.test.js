// rooms over server-sent events: the unmodified PocketBase SDK in Node, and in a mini program over chunked requests.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { EventSource } from 'eventsource';
import PocketBase from 'pocketbase';
import { EVERYBODY, call, makeRoom, publish, superuser, until } from './realtime/kit.js';
import { startProxy } from './realtime/proxy.js';
import { miniProgram } from './realtime/wx.js';
import { startServer } from './server.js';

const require = createRequire(import.meta.url);
const SDK = path.join(path.dirname(require.resolve('pocketbase')), 'pocketbase.cjs.js');
const OURS = path.join(import.meta.dirname, '../miniprogram/sdk/dist');
const CUTS = ['as-is', 1, 2, 7, 'merged'];

globalThis.EventSource = EventSource; // the one thing that the SDK's own documentation asks for in Node

test('rooms over SSE', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const token = await superuser(server);
  await makeRoom(server, token, { name: 'kept', joinRule: EVERYBODY, publishRule: EVERYBODY, history: 2000 });
  await makeRoom(server, token, { name: 'closed', joinRule: '' });

  await t.test('the PocketBase SDK in Node hears what is published', (t) => inNode(t, server, token));
  await t.test('the PocketBase SDK in Node is refused a closed room', (t) => refusedInNode(t, server));
  await t.test('the PocketBase SDK in Node takes up a room where it was told to', (t) => afterInNode(t, server, token));
  await t.test('the PocketBase SDK in Node misses nothing when it is cut', (t) => cutInNode(t, server, token));
  for (const chunks of CUTS) {
    await t.test(`the PocketBase SDK on createPocketBase, chunks ${chunks}`, (t) => adapted(t, server, chunks, createdByOurs, token));
    await t.test(`the PocketBase SDK on our platform, its own realtime, chunks ${chunks}`, (t) => adapted(t, server, chunks, onPlatform, token));
  }
  await t.test('createPocketBase is cut every 1.5 s and hears everything once', (t) => cutInMiniProgram(t, server, token));
  await t.test('createPocketBase is refused a closed room', (t) => refusedInMiniProgram(t, server));
  for (const transport of ['sse', 'websocket']) {
    await t.test(`client.room over ${transport} comes back after 1,000 messages`, (t) => roomResumes(t, server, token, transport));
  }
});

/** listen collects what a room says; of a message that comes twice, the second is counted and dropped. */
function collector() {
  const heard = { messages: [], seqs: [], twice: 0, gaps: 0 };
  heard.take = (message) => {
    if (message.event === 'history.gap') return void heard.gaps++;
    if (message.seq !== undefined && message.seq <= (heard.seqs.at(-1) ?? 0)) return void heard.twice++;
    if (message.seq !== undefined) heard.seqs.push(message.seq);
    return void heard.messages.push(message);
  };
  heard.texts = () => heard.messages.map((m) => m.payload.text);
  return heard;
}

const texts = (n, from = 0) => Array.from({ length: n }, (_, i) => `第${from + i}条 广播📣 ÄßΩ`);

async function publishAll(server, token, room, all) {
  for (const text of all) await publish(server, token, room, 'said', { text });
}

async function lastSeq(server, token, room) {
  const all = await history(server, token, room, 0);
  return all.at(-1)?.seq ?? 0;
}

/** history gives all that is kept after a number, page by page. */
async function history(server, token, room, after) {
  const all = [];
  for (;;) {
    const page = await call(server, 'GET', `/api/wx/rooms/${room}/messages?after=${all.at(-1)?.seq ?? after}&limit=100`, { token });
    all.push(...page.messages);
    if (!page.more) return all;
  }
}

async function inNode(t, server, token) {
  const pb = new PocketBase(server.url);
  t.after(() => pb.realtime.unsubscribe());
  const heard = collector();
  await pb.realtime.subscribe('rooms/notice', heard.take);
  await publishAll(server, token, 'notice', texts(20));
  await until('all 20', () => heard.messages.length >= 20);
  assert.deepEqual(heard.texts(), texts(20));
  const [{ event, at }] = heard.messages;
  assert.equal(event, 'said');
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60000, `got at ${at}`);
}

async function refusedInNode(t, server) {
  const pb = new PocketBase(server.url);
  t.after(() => pb.realtime.unsubscribe());
  await assert.rejects(pb.realtime.subscribe('rooms/closed', () => {}), (err) => {
    assert.deepEqual([err.status, err.response.data.code], [403, 'room_forbidden']);
    return true;
  });
}

async function afterInNode(t, server, token) {
  await publishAll(server, token, 'kept', texts(10));
  const kept = await history(server, token, 'kept', 0);
  const from = kept.at(-8).seq; // seven of them are missed
  const pb = new PocketBase(server.url);
  t.after(() => pb.realtime.unsubscribe());
  const heard = collector();
  await pb.realtime.subscribe('rooms/kept', heard.take, { query: { after: String(from) } });
  await publishAll(server, token, 'kept', texts(3, 10));
  await until('seven missed and three new', () => heard.messages.length >= 10);
  assert.deepEqual(heard.texts(), texts(10, 3));
  assert.deepEqual(heard.seqs, (await history(server, token, 'kept', from)).map((m) => m.seq));
  assert.deepEqual([heard.twice, heard.gaps], [0, 0]);
}

// the SDK asks again for what it asked at first, so that numbers already seen come again: a client drops them
async function cutInNode(t, server, token) {
  const proxy = await startProxy(server);
  t.after(() => proxy.stop());
  const pb = new PocketBase(proxy.url);
  t.after(() => pb.realtime.unsubscribe());
  const from = await lastSeq(server, token, 'kept');
  const heard = collector();
  await pb.realtime.subscribe('rooms/kept', heard.take, { query: { after: String(from) } });
  const cutting = setInterval(proxy.cut, 1500);
  t.after(() => clearInterval(cutting));
  await slowly(server, token, texts(200), 25);
  clearInterval(cutting);
  await until('all 200', () => heard.messages.length >= 200);
  assert.deepEqual(heard.texts(), texts(200));
}

async function slowly(server, token, all, ms) {
  for (const text of all) {
    await publish(server, token, 'kept', 'said', { text });
    await new Promise((resolve) => setTimeout(resolve, ms));
  }
}

/** createdByOurs runs the SDK's file as it is and hands its class to createPocketBase. */
function createdByOurs(app, url) {
  const { createPocketBase } = app.require(path.join(OURS, 'pocketbase.js'), timers);
  return createPocketBase(app.require(SDK, timers), url, app.wx);
}

/** onPlatform puts our fetch, EventSource and the rest under the SDK's file, as a bundler does. */
function onPlatform(app, url) {
  const { createPlatform } = app.require(path.join(OURS, 'pocketbase.js'), timers);
  const Client = app.require(SDK, { ...timers, ...createPlatform(app.wx) });
  return new Client(url);
}

const timers = { setTimeout, clearTimeout };

async function adapted(t, server, chunks, make, token) {
  const app = miniProgram({ chunks });
  const pb = make(app, server.url);
  t.after(() => pb.realtime.unsubscribe());
  if (chunks !== 'as-is') pb.authStore.save(token, null); // note: logins are limited to a few a second
  else await pb.collection('_superusers').authWithPassword(server.email, server.password);
  assert.equal(pb.authStore.isValid, true);
  const records = [];
  const heard = collector();
  await pb.collection('products').subscribe('*', (e) => records.push(`${e.action} ${e.record.name}`));
  await pb.realtime.subscribe('rooms/notice', heard.take);
  const made = await pb.collection('products').create({ name: '标题🎉', price: 100, active: true });
  await publishAll(server, token, 'notice', texts(20));
  await until('the record and all 20', () => records.length >= 1 && heard.messages.length >= 20);
  assert.deepEqual(records, ['create 标题🎉']);
  assert.deepEqual(heard.texts(), texts(20));
  assert.equal((await pb.collection('products').update(made.id, { price: 200 })).price, 200);
  await pb.collection('products').delete(made.id);

  const [first, second] = await Promise.allSettled([pb.collection('products').getList(1, 1), pb.collection('products').getList(1, 1)]);
  assert.deepEqual([first.status, first.reason?.isAbort, second.status], ['rejected', true, 'fulfilled'], 'the SDK cancels the first of two equal calls');
  await pb.realtime.unsubscribe();
  assert.deepEqual(app.faults, []);
}

async function cutInMiniProgram(t, server, token) {
  const app = miniProgram({ cutAfter: 1500, chunks: 7 });
  const pb = createdByOurs(app, server.url);
  t.after(() => pb.realtime.unsubscribe());
  const heard = collector();
  await pb.realtime.subscribe('rooms/kept', heard.take, { query: { after: String(await lastSeq(server, token, 'kept')) } });
  await slowly(server, token, texts(240), 25);
  await until('all 240', () => heard.messages.length >= 240);
  assert.deepEqual(heard.texts(), texts(240));
  assert.deepEqual([heard.twice, heard.gaps], [0, 0]);
  assert.ok(app.streams >= 4, `got ${app.streams} streams, want several cuts`);
}

async function refusedInMiniProgram(t, server) {
  const pb = createdByOurs(miniProgram(), server.url);
  t.after(() => pb.realtime.unsubscribe());
  await assert.rejects(pb.realtime.subscribe('rooms/closed', () => {}), (err) => {
    assert.equal(err.status, 403);
    return true;
  });
}

/** roomResumes drops a room of our own SDK, publishes 1,000 messages and lets it come back. */
async function roomResumes(t, server, token, transport) {
  const proxy = await startProxy(server);
  t.after(() => proxy.stop());
  const app = miniProgram();
  const client = app.require(path.join(OURS, 'index.js'), timers).createClient({ baseURL: proxy.url, wx: app.wx });
  t.after(() => client.close());
  const heard = collector();
  let ready = 0;
  let again = 0;
  const room = client.room('kept', { transport, onMessage: heard.take, onReady: () => ready++, onReconnect: () => again++ });
  await until('in the room', () => ready === 1);
  await room.publish('said', { text: 'before' });
  await until('heard before', () => heard.texts().includes('before'));
  const from = heard.seqs.at(-1);

  proxy.block(true);
  await Promise.all(Array.from({ length: 20 }, (_, i) => publishAll(server, token, 'kept', texts(50, i * 50))));
  proxy.block(false);
  await until('back in the room', () => again >= 1, 40000);
  await room.publish('said', { text: 'after' });
  await until('heard after', () => heard.texts().includes('after'));
  const missed = await history(server, token, 'kept', from);
  assert.equal(missed.length, 1001);
  assert.deepEqual(heard.seqs.slice(heard.seqs.indexOf(from) + 1), missed.map((m) => m.seq));
  assert.deepEqual(heard.messages.slice(heard.seqs.indexOf(from) + 1).map((m) => m.payload), missed.map((m) => m.payload));
  assert.deepEqual([heard.twice, heard.gaps, app.faults], [0, 0, []]);
  room.close();
}

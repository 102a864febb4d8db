// what goes wrong while a mini program is used: the network, the server, the token, the session key, an answer, the app itself. The SDK comes
// back by itself; nothing is lost and nothing comes twice, neither a message nor an order. Against the real server, on a strict phone.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startLine } from './recovery/line.js';
import { newPhone } from './recovery/phone.js';
import { EVERYBODY, call, makeRoom, publish, superuser, until } from './realtime/kit.js';
import { sim, startServer } from './server.js';

const TEN_MINUTES = 600000;
const MINE = 'rooms/kept/messages$';

test('recovery', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  server.token = await superuser(server);
  await makeRoom(server, server.token, { name: 'kept', joinRule: EVERYBODY, publishRule: EVERYBODY, history: 2000, presence: true });
  for (const transport of ['sse', 'websocket']) {
    for (const [name, disaster, as] of disasters) await t.test(`a room over ${transport}: ${name}`, (t) => heardOnce(t, server, transport, disaster, as));
    await t.test(`who is there over ${transport} is told, and not asked for`, (t) => present(t, server, transport));
  }
  await t.test('a message whose answer is lost is said once', (t) => saidOnce(t, server));
  for (const [name, middle] of accidents) await t.test(`an order: ${name}`, (t) => soldOnce(t, server, middle));
  await t.test('an order that found no network is sent by the next start of the mini program, once', (t) => keptOrder(t, server));
  await t.test('a phone number of a session that WeChat has replaced', (t) => staleSession(t, server));
  await t.test('rows asked for with a token that has ended', (t) => ownRows(t, server));
  await t.test('a stream that opens with a token that has ended', (t) => endedToken(t, server));
});

/** disasters strike while somebody listens; each gives a function that ends it. */
const disasters = [
  ['the network is gone', async ({ line }) => {
    line.down(true);
    return () => line.down(false);
  }],
  ['the network dies without a word, as on iOS', async ({ line, phone }) => {
    line.down(true);
    return () => {
      line.down(false);
      phone.clock.forward(45000); // after which the silence has lasted too long
    };
  }, { silent: true }],
  ['the network is cut and back at once', async ({ line }) => {
    line.cut();
    return () => {};
  }],
  ['the server dies and is started again', async ({ server }) => {
    await server.kill();
    await server.start();
    return () => {};
  }],
  ['all tokens of the user end', async ({ server, client }) => {
    await call(server, 'POST', '/api/wx/logout', { token: client.token, want: 204 });
    return () => {};
  }],
  ['the app is in the background for ten minutes', async ({ phone }) => {
    phone.hide();
    phone.clock.forward(TEN_MINUTES);
    return () => phone.show();
  }],
];

const line = async (t, server) => {
  const made = await startLine(server);
  t.after(() => made.stop());
  return made;
};

async function heardOnce(t, server, transport, disaster, as) {
  const at = await line(t, server);
  const phone = await newPhone(server, { url: at.url, ...as });
  const client = phone.start(t, { lang: 'zh' });
  await client.login();
  const before = await history(server);
  const heard = [];
  let ready = 0;
  client.room('kept', { transport, onMessage: (m) => heard.push(m), onReady: () => ready++, onReconnect: () => ready++ });
  await until('in the room', () => ready === 1);
  await say(server, 20, '之前');
  await until('heard what came before', () => heard.length === 20);
  const over = await disaster({ server, line: at, phone, client });
  await say(server, 30, '之中');
  await over();
  await until('back', () => ready > 1 || heard.length === 50, 60000);
  await say(server, 5, '之后');
  await until('heard what comes after', () => heard.length >= 55, 60000);
  const want = (await history(server)).slice(before.length);
  assert.deepEqual(heard.map((m) => [m.seq, m.payload]), want.map((m) => [m.seq, m.payload]));
  assert.deepEqual(phone.faults, []);
  assert.ok(client.token, 'still somebody');
}

async function say(server, n, text) {
  for (let i = 0; i < n; i++) await publish(server, server.token, 'kept', 'said', { text: text + i });
}

async function history(server) {
  const all = [];
  for (let more = true; more;) {
    const page = await call(server, 'GET', `/api/wx/rooms/kept/messages?after=${all.at(-1)?.seq ?? 0}&limit=200`, { token: server.token });
    all.push(...page.messages);
    more = page.more;
  }
  return all;
}

async function present(t, server, transport) {
  const at = await line(t, server);
  const [first, second] = [await newPhone(server, { url: at.url }), await newPhone(server)];
  const [one, two] = [first.start(t), second.start(t)];
  await Promise.all([one.login(), two.login()]);
  const [seen, said] = [[], []];
  const names = () => seen.at(-1)?.members.map((m) => m.user).sort() ?? [];
  one.room('kept', { transport, onMembers: (m) => seen.push(m), onMessage: (m) => said.push(m.event) });
  await until('one sees himself', () => names().includes(one.user.id));
  const room = two.room('kept', { transport });
  await until('one sees the other come', () => names().includes(two.user.id));
  room.close();
  await until('and go', () => !names().includes(two.user.id));
  assert.deepEqual([said, at.seen.filter((call) => /members/.test(call))], [[], []]);
}

async function saidOnce(t, server) {
  const at = await line(t, server);
  const phone = await newPhone(server, { url: at.url });
  const client = phone.start(t);
  await client.login();
  const heard = [];
  let ready = 0;
  const room = client.room('kept', { onMessage: (m) => heard.push(m.payload.text), onReady: () => ready++ });
  await until('in the room', () => ready === 1);
  at.lose(new RegExp('^POST .*' + MINE), 2);
  const { seq } = await room.publish('said', { text: '一遍' });
  await room.publish('said', { text: '之后' });
  await until('heard', () => heard.includes('之后'));
  assert.deepEqual(heard, ['一遍', '之后']);
  at.before(new RegExp('^POST .*' + MINE), async () => {
    await server.kill();
    await server.start();
  });
  at.lose(new RegExp('^POST .*' + MINE));
  await room.publish('said', { text: '重启' });
  await until('heard after a restart', () => heard.includes('重启'), 60000);
  const kept = (await history(server)).filter((m) => m.seq >= seq).map((m) => m.payload.text);
  assert.deepEqual([kept, heard], [['一遍', '之后', '重启'], ['一遍', '之后', '重启']]);
}

const CREATE = /^POST \/api\/wx\/orders$/;
const PAY = /^POST \/api\/wx\/orders\/\w+\/pay$/;
const SYNC = /^POST \/api\/wx\/orders\/\w+\/sync$/;

/** accidents happen in the middle of buying. */
const accidents = [
  ['the answer to it is lost', ({ line }) => line.lose(CREATE)],
  ['the answer with the cashier\'s parameters is lost', ({ line }) => line.lose(PAY)],
  ['the answers after the cashier are lost', ({ line }) => line.lose(SYNC, 9)],
  ['the token ends before it', async ({ server, client }) => call(server, 'POST', '/api/wx/logout', { token: client.token, want: 204 })],
  ['the token ends on its way', ({ server, line, client }) => line.before(CREATE, () => call(server, 'POST', '/api/wx/logout', { token: client.token, want: 204 }))],
  ['the token ends at the cashier', ({ server, phone, client }) => (phone.cashier = () => call(server, 'POST', '/api/wx/logout', { token: client.token, want: 204 }))],
  ['the server dies with it in hand', ({ server, line }) => line.before(CREATE, () => restart(server))],
  ['the server dies while the cashier is open', ({ server, phone }) => (phone.cashier = () => restart(server))],
  ['the network is away while the cashier is open', ({ line, phone }) => {
    phone.cashier = () => line.down(true);
    setTimeout(() => line.down(false), 1500);
  }],
  ['the app is in the background for ten minutes while the cashier is open', ({ phone }) => (phone.cashier = () => {
    phone.hide();
    phone.clock.forward(TEN_MINUTES);
    phone.show();
  })],
];

async function restart(server) {
  await server.kill();
  await server.start();
}

async function soldOnce(t, server, middle) {
  const at = await line(t, server);
  const phone = await newPhone(server, { url: at.url });
  const client = phone.start(t);
  await client.login();
  const [dish] = await client.products();
  await middle({ server, line: at, phone, client });
  const order = await client.createOrder([{ product: dish.id, quantity: 2 }]);
  const { state } = await client.pay(order.id);
  assert.ok(['paid', 'pending'].includes(state), state);
  await until('paid', async () => (await client.order(order.id).catch(() => null))?.payState === 'PAID', 30000);
  const find = async (what, filter) => (await call(server, 'GET', `/api/collections/${what}/records?filter=${encodeURIComponent(filter)}`, { token: server.token })).items;
  assert.equal((await find('orders', `user = "${client.user.id}"`)).length, 1, 'orders of the user');
  assert.deepEqual((await find('payments', `order = "${order.id}"`)).map((p) => [p.state, p.amount]), [['PAID', 2 * dish.price]]);
  assert.deepEqual((await client.orders()).map((o) => [o.id, o.payState]), [[order.id, 'PAID']]);
  const charged = (await sim(server, 'orders')).filter((o) => o.attach === order.number && o.trade_state === 'SUCCESS');
  assert.deepEqual(charged.map((o) => o.total), [2 * dish.price], 'what WeChat has charged');
}

async function keptOrder(t, server) {
  const at = await line(t, server);
  const phone = await newPhone(server, { url: at.url });
  const first = phone.start(t);
  await first.login();
  const [dish] = await first.products();
  at.down(true);
  await assert.rejects(first.createOrder([{ product: dish.id, quantity: 1 }], { offline: true }), { code: 'queued', message: '网络恢复后会自动提交' });
  first.close(); // WeChat has ended the mini program
  const second = phone.start(t);
  const sent = [];
  second.on('sent', (what) => sent.push(what));
  at.down(false);
  at.lose(CREATE); // and the first answer does not arrive either
  phone.network(true);
  await until('tried', () => at.seen.filter((c) => CREATE.test(c)).length === 1);
  await until('sent', () => phone.network(true) || sent.length > 0);
  const mine = await second.orders();
  assert.deepEqual([sent.length, mine.length, sent[0].answer.id], [1, 1, mine[0].id]);
  phone.network(true);
  assert.equal((await phone.start(t).orders()).length, 1);
}

async function staleSession(t, server) {
  const phone = await newPhone(server);
  const client = phone.start(t);
  await client.login();
  await phone.sim('login'); // another wx.login: WeChat makes a new session key
  const detail = await phone.sim('phone');
  const { encryptedData, iv } = detail;
  const answer = await client.phone({ encryptedData, iv });
  assert.match(answer.purePhoneNumber, /^\d{11}$/);
}

/** ownRows: a guest would get a list of nothing, with a 200. */
async function ownRows(t, server) {
  const phone = await newPhone(server);
  const client = phone.start(t);
  await client.login();
  const [dish] = await client.products();
  const order = await client.createOrder([{ product: dish.id, quantity: 1 }]);
  const end = () => call(server, 'POST', '/api/wx/logout', { token: client.token, want: 204 });
  await end();
  assert.deepEqual((await client.orders()).map((o) => o.id), [order.id]);
  await end();
  assert.equal((await client.order(order.id)).id, order.id);
  await end();
  assert.ok((await client.products()).length > 0, 'what everybody may see');
}

async function endedToken(t, server) {
  const phone = await newPhone(server);
  const before = phone.start(t);
  const [dish] = await before.products();
  const order = await before.createOrder([{ product: dish.id, quantity: 1 }]);
  await before.pay(order.id);
  await call(server, 'POST', '/api/wx/logout', { token: before.token, want: 204 });
  before.close();
  const client = phone.start(t); // the same storage, so the same token
  let ready = 0;
  const states = [];
  client.subscribe('orders/' + order.id, ({ record }) => states.push(record.payState), { onReady: () => ready++ });
  await until('the stream stands', () => ready === 1);
  await call(server, 'POST', `/api/wx/orders/${order.id}/refunds`, { body: { all: true, reason: '退' }, token: server.token });
  await until('the refund is heard', () => states.includes('REFUNDED')); // a guest would hear nothing
}

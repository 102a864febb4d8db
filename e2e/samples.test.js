// every code sample of the README and the docs, in both languages, is run against the real server, or by what it is written for.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import vm from 'node:vm';
import { EventSource } from 'eventsource';
import PocketBase from 'pocketbase';
import { io } from 'socket.io-client';
import { newPhone } from './recovery/phone.js';
import { EVERYBODY, call, makeRoom, superuser, until } from './realtime/kit.js';
import { ROOT, pages, samples, samplesOf } from './samples.js';
import { binary, sim, startServer } from './server.js';

const TESTED = { js: 1, sh: 1, json: 1, yaml: 1, html: 1, go: 1, text: 1, '': 1 }; // text is other people's code, beside ours
globalThis.EventSource = EventSource; // for the PocketBase SDK in Node

test('no sample is of a language that nobody tests, and both languages have the same ones', () => {
  for (const sample of pages().flatMap(samplesOf)) assert.ok(TESTED[sample.lang], `${sample.page}: a block of ${sample.lang}`);
  const bare = (s) => [s.lang, s.lang === 'go' ? s.code.replace(/\/\/.*/g, '') : ''];
  for (const [en, zh] of [['README.md', 'README.zh-CN.md'], ...['outreach', 'realtime', 'scripting', 'simulator', 'tutorial', 'doctor', 'moving'].map((n) => [`docs/${n}.md`, `docs/zh/${n}.md`])]) {
    assert.deepEqual(samplesOf(zh).map(bare), samplesOf(en).map(bare), zh);
  }
});

test('samples of the client', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const phone = await newPhone(server);
  const names = await namesOf(t, server, phone);
  // what the tutorial builds runs in tutorial.test.js, hooks of the server below
  const those = samples('js').filter((s) => !s.name && !/^onWx/m.test(s.code));
  assert.ok(those.length >= 17, `${those.length} samples`);
  for (const { page, code } of those) {
    await t.test(`${page}: ${code.split('\n').find((line) => !line.startsWith('//'))}`, async () => {
      const known = code.includes('createClient }') ? { ...names, client: undefined, require: names.load } : names;
      const body = code.replaceAll('https://shop.example.com', server.url).replace('const client = createClient({', 'client = createClient({ wx,');
      const made = {};
      await vm.compileFunction(`return (async () => { ${body}\nmade.client = client })()`, [...Object.keys(known), 'made'])(...Object.values(known), made);
      if (made.client !== names.client) made.client.close();
    });
  }
});

/** namesOf is what the pages take as given: a client, the phone's wx, a token, a product. */
async function namesOf(t, server, phone) {
  const client = phone.start(t);
  await client.login();
  const [{ id }] = await client.products();
  const { scene } = await client.code({ page: 'pages/index/index', payload: { table: 1 } });
  const { apps: [{ appid }] } = await sim(server, 'config');
  const listed = await sim(server, `apps/${appid}/templates`);
  const TEMPLATE = (listed.templates || listed)[0].priTmplId;
  const wx = { ...phone.wx, requestSubscribeMessage: ({ tmplIds }) => phone.sim('subscribe', { templateIds: tmplIds, answer: 'accept' }) };
  const sockets = [];
  t.after(() => sockets.forEach((socket) => socket.close()));
  const open = (...args) => sockets[sockets.push(io(...args)) - 1];
  const pb = new PocketBase(server.url);
  t.after(() => pb.realtime.unsubscribe());
  const load = (name) => createRequire(import.meta.url)(path.join(ROOT, 'miniprogram/sdk/dist', path.basename(name)));
  return { client, wx, id, token: client.token, query: { scene }, TEMPLATE, io: open, pb, load, show: () => {}, console: { log() {} } };
}

for (const dir of ['docs', 'docs/zh']) {
  test(`hooks of ${dir}, in pb_hooks of a server`, async (t) => {
    const hooks = mkdtempSync(path.join(os.tmpdir(), 'wxbase-samples-'));
    t.after(() => rmSync(hooks, { recursive: true, force: true }));
    const written = samples('js').filter((s) => path.dirname(s.page) === dir && /^onWx/m.test(s.code));
    written.forEach((s, i) => writeFileSync(path.join(hooks, `sample${i}.pb.js`), s.code));
    assert.equal(written.length, 3);
    const server = await startServer('--hooksDir', hooks);
    t.after(() => server.stop());
    const token = await superuser(server);
    await makeRoom(server, token, { name: 'kitchen', history: 10 });
    await makeRoom(server, token, { name: 'chat', joinRule: EVERYBODY, publishRule: EVERYBODY });
    const phone = await newPhone(server);
    const client = phone.start(t);
    const [dish] = await client.products();
    const order = await client.createOrder([{ product: dish.id, quantity: 1 }]);
    await client.pay(order.id);
    const heard = await until('the kitchen hears', async () => (await call(server, 'GET', '/api/wx/rooms/kitchen/messages', { token })).messages[0]);
    assert.deepEqual([heard.event, heard.payload.number], ['order.paid', order.number]);
    const room = client.room('chat');
    await room.publish('said', { text: '好'.repeat(200) });
    await assert.rejects(room.publish('said', { text: '好'.repeat(201) }), { status: 400 });
    await phone.sim('chat', { enter: 'order' });
    await until('the shop greets', async () => (await phone.sim('chat', null)).lines.some((line) => line.fromUs));
    await sim(server, 'push', { msgType: 'text', fields: { Content: '在吗' } });
    const [, words] = /info\("([^"]+)", "openid"/.exec(written.find((s) => /onWxPush/.test(s.code)).code);
    await until('the push is written down', async () => {
      const { items } = await call(server, 'GET', `/api/logs?filter=${encodeURIComponent(`message = '${words}'`)}`, { token });
      return items.length > 0;
    });
  });
}

/** speaksToAgents starts what an agent's configuration names, and says hello as an agent does. */
async function speaksToAgents({ command, args }) {
  assert.equal(command, 'wxbase');
  const hello = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'e2e', version: '1' } } };
  const server = spawn(binary(), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  server.stdin.write(JSON.stringify(hello) + '\n');
  const [answer] = await once(server.stdout, 'data', { signal: AbortSignal.timeout(60000) });
  server.stdin.end();
  await once(server, 'close');
  assert.ok(JSON.parse(answer).result.serverInfo.name);
}

test('rows and answers in JSON', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const token = await superuser(server);
  const users = (await call(server, 'GET', '/api/collections/users', { token })).id;
  const fields = [{ name: 'text', type: 'text' }, { name: 'user', type: 'relation', collectionId: users, maxSelect: 1 }];
  await call(server, 'POST', '/api/collections', { token, body: { name: 'reviews', type: 'base', fields, listRule: '', viewRule: '' } });
  for (const { page, code, name } of samples('json')) {
    await t.test(`${page}: ${code.slice(0, 40)}`, async () => {
      const value = JSON.parse(code);
      if (name) return; // a file of the tutorial
      if (value.mcpServers) {
        await speaksToAgents(value.mcpServers.wxbase);
        return;
      }
      if (value.status) assert.equal((await call(server, 'POST', '/api/wx/login', { body: { code: 'x' }, want: value.status })).data.code, value.data.code);
      else {
        const collection = value.templateId ? 'wx_templates' : value.joinRule ? 'rooms' : 'wx_check_fields';
        const row = await call(server, 'POST', `/api/collections/${collection}/records`, { token, body: value });
        await call(server, 'DELETE', `/api/collections/${collection}/records/${row.id}`, { token, want: 204 });
      }
    });
  }
  for (const { page, code } of samples('sh').filter((s) => s.code.startsWith('curl '))) {
    await t.test(`${page}: curl`, async () => {
      const [, url] = / (https:\/\/\S+)/.exec(code);
      const [, body] = /-d '([^']+)'/.exec(code);
      const answer = await call(server, 'POST', new URL(url).pathname, { token, body: JSON.parse(body) });
      const [, shown] = /^# (\{.*\})$/m.exec(code);
      assert.deepEqual(Object.keys(answer).sort(), Object.keys(JSON.parse(shown)).sort());
    });
  }
});

test('scenarios of the simulator', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  for (const { page, code } of samples('yaml')) {
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'wxbase-scenario-')), 'sample.yaml');
    t.after(() => rmSync(path.dirname(file), { recursive: true, force: true }));
    if (code.startsWith('apps:')) { // credentials for the simulator; the key is left out in the page
      writeFileSync(file, code.replace(/, privateKey: "[^"]*…"/, ''));
      const took = spawnSync(binary(), ['sim', 'exec', '--credentials', file, '--', 'true'], { encoding: 'utf8' });
      assert.equal(took.status, 0, `${page}: ${took.stdout}${took.stderr}`);
      continue;
    }
    writeFileSync(file, code);
    const backend = path.join(import.meta.dirname, 'conformance/wxbase.yaml');
    const ran = spawnSync(binary(), ['sim', 'run', '--url', server.simURL, '--backend', backend, '--base', server.url, file], { encoding: 'utf8' });
    assert.equal(ran.status, 0, `${page}: ${ran.stdout}${ran.stderr}`);
  }
});

test('commands: what is named is there', async (t) => {
  const targets = readFileSync(path.join(ROOT, 'Makefile'), 'utf8');
  const help = (args) => execFileSync(binary(), [...args, '--help'], { encoding: 'utf8' });
  for (const { page, code } of samples('sh')) {
    await t.test(`${page}: ${code.split('\n')[0]}`, () => {
      execFileSync('bash', ['-n', '-c', code]);
      for (const [, target] of code.matchAll(/^make (\w+)/gm)) assert.match(targets, new RegExp(`^${target}:`, 'm'), `make ${target}`);
      for (const [, script] of code.matchAll(/^npm run (\w+)/gm)) assert.ok(JSON.parse(readFileSync(path.join(ROOT, path.dirname(page), 'package.json'), 'utf8')).scripts[script], `npm run ${script}`);
      for (const [, line] of code.matchAll(/^(?:\w+=\S+ )*(?:bin\/wxbase|wxbase|go run \.) (.*?)(?:\s+#.*)?$/gm)) checkCommand(line.split(/\s+/), help);
    });
  }
});

function checkCommand([command, ...rest], help) {
  const text = help(command === 'import' ? [command, rest[0]] : [command]); // whose flags are those of what follows
  assert.match(text, new RegExp(`wxbase ${command}\\b`), command);
  for (const flag of rest.filter((word) => /^--\w/.test(word))) assert.ok(text.includes(flag), `${command} ${flag}`);
}

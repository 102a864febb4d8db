// the README's steps, followed literally in an empty folder: clone, the command, the first address, the one file, the code that is shown.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { newPhone } from './recovery/phone.js';
import { until } from './realtime/kit.js';
import { ROOT, samplesOf } from './samples.js';
import { freePort } from './server.js';

const PATIENCE = 240000; // the command builds the server first

test('the README leads from an empty folder to a paid order', async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wxbase-readme-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [clone, run] = samplesOf('README.md')[0].code.trim().split('\n');
  execFileSync('bash', ['-ec', clone.replace('<this repository>', `'file://${ROOT}'`).replace('git clone', 'git clone --quiet --depth 1')], { cwd: dir });
  const server = await start(t, path.join(dir, 'wxbase'), run);
  const [first] = /http:\/\/127\.0\.0\.1:\d+\//.exec(server.output);
  const page = await fetch(first);
  assert.match(await page.text(), /wxbase/i);

  for (const readme of ['README.md', 'README.zh-CN.md']) {
    await t.test(`${readme}: its code, in a mini program of its own`, async (t) => assert.equal(await copied(t, dir, readme, first), 'paid'));
  }
});

/** start runs the README's command, on ports of its own, and waits for the addresses that it prints. */
async function start(t, cwd, command) {
  const [port, simPort] = [await freePort(), await freePort()];
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-trimpath -buildvcs=false' }; // so that what make build has compiled is not compiled again
  const child = spawn('bash', ['-c', `exec ${command} --http 127.0.0.1:${port} --simHttp 127.0.0.1:${simPort}`], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const server = { url: `http://127.0.0.1:${port}`, output: '' };
  const ended = new Promise((resolve) => child.once('close', resolve));
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (server.output += text));
  t.after(async () => {
    process.kill(-child.pid, 'SIGTERM'); // go run and the server that it runs
    await ended;
  });
  await until(`healthy: ${server.output}`, async () => {
    assert.equal(child.exitCode, null, server.output);
    const answer = await fetch(server.url + '/api/wx/health').catch(() => null);
    return answer?.ok && /http:\/\/127/.test(server.output);
  }, PATIENCE);
  return server;
}

/** copied does what the README says with the SDK's file and runs what it shows, for the product that a person picked. */
async function copied(t, dir, readme, url) {
  const { code } = samplesOf(readme).find((s) => s.lang === 'js');
  const project = mkdtempSync(path.join(dir, 'mini-'));
  mkdirSync(path.join(project, 'wxbase'));
  cpSync(path.join(dir, 'wxbase/miniprogram/sdk/dist/index.js'), path.join(project, 'wxbase/index.js'));
  const body = code.replace("'https://shop.example.com'", `'${url}', wx`);
  writeFileSync(path.join(project, 'app.js'), `module.exports = async (wx, id) => {\n${body}\nclient.close();\nreturn state;\n};\n`);
  const phone = await newPhone({ url: url.replace(/\/$/, '') });
  const { items: [{ id }] } = await (await fetch(`${url}api/collections/products/records?perPage=1`)).json();
  return createRequire(import.meta.url)(path.join(project, 'app.js'))(phone.wx, id);
}

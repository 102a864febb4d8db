// the package as it is used: by npx, by import, and as it is packed.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { find, start } from '../index.js';

const folder = path.join(import.meta.dirname, '..');
const cli = path.join(folder, 'bin/wxbase-sim.js');

/** node runs the command line. */
const node = (args, env = {}) => spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', env: { ...process.env, ...env } });

test('exec gives the credentials and passes the exit code on', () => {
  const told = node(['exec', '--merchants', '2', '--', process.execPath, '-p', 'process.env.WX_MCHIDS']);
  assert.equal(told.status, 0, told.stderr);
  assert.match(told.stdout, /^\d+,\d+\n$/);
  assert.equal(node(['exec', '--', process.execPath, '-e', 'process.exit(7)']).status, 7);
});

test('start, control and stop', async () => {
  const sim = await start({ apps: 2, billsAnyTime: true, closeMinAge: '5m' });
  assert.equal(sim.env.WX_API_BASE, sim.url);
  assert.ok(sim.env.WX_SECRET_2);
  assert.equal(createPrivateKey(sim.env.WX_MCH_PRIVATE_KEY).asymmetricKeyType, 'rsa');
  const rules = await sim.control('rules');
  assert.deepEqual([rules.billsAnyTime, rules.closeMinAge], [true, '5m0s']);
  await assert.rejects(sim.control('trigger', { event: 'pay.success' }), /no order/);
  const { code } = await sim.control('people/p1/login', {});
  const query = new URLSearchParams({ appid: sim.env.WX_APPID, secret: sim.env.WX_SECRET, js_code: code, grant_type: 'authorization_code' });
  assert.ok((await (await fetch(`${sim.url}/sns/jscode2session?${query}`)).json()).openid);
  await sim.stop();
  await assert.rejects(fetch(sim.url));
});

test('what is wrong is said', async () => {
  await assert.rejects(start({ merchant: 2 }), /unknown option merchant/);
  await assert.rejects(start({ merchants: 0 }), /1 to 100/);
  assert.throws(() => find({ WXBASE_BIN: '/nowhere/wxbase' }), /cannot be run/);
  const lost = node(['exec', '--', 'true'], { WXBASE_BIN: '', PATH: '/nowhere' });
  assert.equal(lost.status, 1);
  assert.match(lost.stderr, /no wxbase executable for .*WXBASE_BIN/);
});

test('the packed package carries its executable', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wxbase-npm-'));
  try {
    const copy = path.join(dir, 'copy');
    mkdirSync(copy);
    for (const name of readdirSync(folder).filter((file) => /\.(js|json|ts|md)$/.test(file))) copyFileSync(path.join(folder, name), path.join(copy, name));
    mkdirSync(path.join(copy, 'bin'));
    copyFileSync(cli, path.join(copy, 'bin/wxbase-sim.js'));
    const vendor = path.join(copy, 'vendor', `${process.platform}-${process.arch}`);
    mkdirSync(vendor, { recursive: true });
    copyFileSync(find(), path.join(vendor, 'wxbase'));
    chmodSync(path.join(vendor, 'wxbase'), 0o755);
    const [{ filename }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--offline', '--pack-destination', dir], { cwd: copy, encoding: 'utf8' }));
    execFileSync('tar', ['-xzf', path.join(dir, filename), '-C', dir]);
    const packed = spawnSync(process.execPath, [path.join(dir, 'package/bin/wxbase-sim.js'), 'exec', '--', process.execPath, '-p', 'process.env.WX_APPID'],
      { encoding: 'utf8', env: { PATH: '/usr/bin:/bin', HOME: dir } });
    assert.match(packed.stdout, /^wx[0-9a-f]{16}\n$/, packed.stderr);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

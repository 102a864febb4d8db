// a machine as `wxbase install` leaves it, started as its unit says, sold from, updated, and taken back from an update that does not start.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { call, Customer } from './customers.js';
import { binary, freePort } from './server.js';

const run = promisify(execFile);
const READY_MS = 30000;

/** Machine is a folder that stands for one. */
class Machine {
  root = mkdtempSync(path.join(os.tmpdir(), 'wxbase-machine-'));
  settings = {};

  path(of) {
    return path.join(this.root, of);
  }

  get executable() {
    return this.path('/usr/local/bin/wxbase');
  }

  get data() {
    return this.path('/var/lib/wxbase/pb_data');
  }

  /** command runs the installed executable, or the one that is given. */
  async command(args, { bin = this.executable, env = this.settings } = {}) {
    const done = await run(bin, args, { env: { ...process.env, ...env } }).catch((err) => err);
    return { code: done.code || 0, output: done.stdout + done.stderr };
  }

  /** start does what the unit says: ExecStart with the variables of EnvironmentFile, in WorkingDirectory. */
  async start() {
    const unit = readFileSync(this.path('/etc/systemd/system/wxbase.service'), 'utf8');
    const said = (key) => unit.match(new RegExp(`^${key}=(.*)$`, 'm'))[1];
    const lines = readFileSync(this.path(said('EnvironmentFile')), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
    this.settings = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    const words = said('ExecStart').split(' ').flatMap((word) => (word.startsWith('$') ? this.settings[word.slice(1)].split(' ') : [word]));
    const [bin, ...args] = words.map((word) => (word.startsWith('/') ? this.path(word) : word));
    this.server = spawn(bin, args, { cwd: this.path(said('WorkingDirectory')), env: { ...process.env, ...this.settings }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.output = '';
    for (const stream of [this.server.stdout, this.server.stderr]) stream.on('data', (text) => (this.output += text));
    this.ended = new Promise((resolve) => this.server.once('close', resolve));
    for (const end = Date.now() + READY_MS; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      if ((await this.command(['health', '--dir', this.data])).code === 0) return;
      assert.ok(this.server.exitCode === null && Date.now() < end, this.output);
    }
  }

  async stop() {
    if (this.server && this.server.exitCode === null) this.server.kill('SIGTERM');
    await this.ended;
  }
}

async function installed(t) {
  const machine = new Machine();
  t.after(async () => {
    await machine.stop();
    rmSync(machine.root, { recursive: true, force: true });
  });
  const [port, simPort] = [await freePort(), await freePort()];
  machine.url = `http://127.0.0.1:${port}`;
  machine.simURL = `http://127.0.0.1:${simPort}`;
  const { code, output } = await machine.command(
    ['install', '--root', machine.root, '--http', `127.0.0.1:${port}`, '--origin', 'https://shop.example.com', '--email', 'boss@example.com'], { bin: binary() });
  assert.equal(code, 0, output);
  machine.password = output.match(/boss@example\.com with password (\S+)/)[1];
  return { machine, simPort };
}

/** release writes an archive of one executable and its sums, and gives the archive's path. */
async function release(machine, make) {
  const folder = machine.path('/download');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(path.join(folder, 'wxbase-next'), { recursive: true });
  make(path.join(folder, 'wxbase-next/wxbase'));
  chmodSync(path.join(folder, 'wxbase-next/wxbase'), 0o755);
  const archive = path.join(folder, 'wxbase-next-linux-amd64.tar.gz');
  await run('tar', ['czf', archive, '-C', folder, 'wxbase-next']);
  const sum = createHash('sha256').update(readFileSync(archive)).digest('hex');
  writeFileSync(path.join(folder, 'SHA256SUMS'), `${sum}  ${path.basename(archive)}\n`);
  return archive;
}

test('an installed shop sells, is updated, and survives a bad update', async (t) => {
  const { machine, simPort } = await installed(t);
  const mode = (of) => statSync(machine.path(of)).mode & 0o777;
  assert.equal(mode('/etc/wxbase/wxbase.env'), 0o600);
  assert.equal(mode('/var/lib/wxbase/pb_data'), 0o700);
  assert.equal((await machine.command(['health', '--dir', machine.data])).code, 1, 'nobody serves yet');

  // the owner's own line: the simulated WeChat stands for the real one
  const settings = machine.path('/etc/wxbase/wxbase.env');
  const text = readFileSync(settings, 'utf8');
  writeFileSync(settings, text.replace(/^(WXBASE_SERVE=.*)$/m, `$1 --sim --simHttp 127.0.0.1:${simPort} --demoEmail demo@example.com`)
    .replace(/^WXBASE_PUBLIC_URL=.*$/m, ''));

  await machine.start();
  const buyer = await new Customer(machine, 'p1').login();
  const { token } = await call(machine, 'POST', '/api/collections/_superusers/auth-with-password', '', { identity: 'boss@example.com', password: machine.password });
  const product = await call(machine, 'POST', '/api/collections/products/records', token, { name: '面', price: 1800, active: true });
  const paid = await buyer.pay(await buyer.order([{ product: product.id, quantity: 1 }]));

  let archive = await release(machine, (to) => copyFileSync(binary(), to));
  const busy = await machine.command(['update', '--from', archive, '--dir', machine.data]);
  assert.equal(busy.code, 1);
  assert.match(busy.output, /in use by process/);
  await machine.stop();

  const updated = await machine.command(['update', '--from', archive, '--dir', machine.data]);
  assert.equal(updated.code, 0, updated.output);
  assert.match(updated.output, /serves\. The executable before it is .*wxbase\.old/);
  assert.ok(existsSync(path.join(machine.data, '.before-update/data.db')));

  archive = await release(machine, (to) => writeFileSync(to, '#!/bin/sh\n[ "$1" != --version ] || { echo wxbase version 9; exit 0; }\necho "no such column" >&2\nexit 1\n'));
  const bad = await machine.command(['update', '--from', archive, '--dir', machine.data]);
  assert.equal(bad.code, 1);
  assert.match(bad.output, /wxbase version 9 did not start: it ended before it served: no such column/);
  assert.match(bad.output, /the old one serves again/);

  await machine.start();
  const now = await call(machine, 'GET', `/api/collections/orders/records/${paid.id}`, token);
  assert.equal(now.payState, 'PAID', 'the order is still there');
  assert.ok(!readdirSync(path.dirname(machine.executable)).some((name) => name.startsWith('.wxbase-new')));
});

async function understandTheUnit(t) {
  const { machine } = await installed(t);
  const unit = machine.path('/wxbase.service');
  const text = readFileSync(machine.path('/etc/systemd/system/wxbase.service'), 'utf8');
  writeFileSync(unit, text.replace('ExecStart=/', `ExecStart=${machine.root}/`)); // where the executable is in this tree
  const { stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]);
  assert.equal(stderr.split('\n').filter((line) => line.includes('wxbase')).join('\n'), '');
}

if (process.platform === 'linux') test('systemd understands the unit', understandTheUnit);

// the steps of docs/install.md, as they stand there, on a fresh Debian: a root of its own by debootstrap, entered by chroot. systemd does
// not run there: what it is asked for is noted, and the service is started by hand as its unit says. It wants root: `make debian`.
import test from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { call, Customer } from '../customers.js';
import { Machine, badRelease, release, run } from '../machine.js';
import { binary, freePort } from '../server.js';

const docs = readFileSync(new URL('../../docs/install.md', import.meta.url), 'utf8');

/** Debian is a machine behind chroot: its programs see its files, and the network of this one. */
class Debian extends Machine {
  known(of) {
    return of;
  }

  program(bin, args, user = 'root') {
    return ['chroot', [`--userspec=${user}:${user}`, this.root, bin, ...args]];
  }

  /** shell runs lines of the docs in a folder, as root does. */
  async shell(lines, folder) {
    return this.command(['-euc', `sudo() { "$@"; }; cd ${folder}; ${lines}`], { bin: '/bin/sh', env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' } });
  }
}

/** mirror is where this machine gets its packages. */
function mirror() {
  for (const file of ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']) {
    const found = existsSync(file) && readFileSync(file, 'utf8').match(/^(?:URIs:|deb(?: \[.*?\])?) *(\S+\/debian\/?)(?= |$)/m);
    if (found) return found[1];
  }
  return 'http://deb.debian.org/debian';
}

/** block gives the commands of the docs that contain a text. */
function block(text) {
  const found = [...docs.matchAll(/```sh\n([^]*?)```/g)].map((match) => match[1]).filter((commands) => commands.includes(text));
  assert.equal(found.length, 1, `${text} stands in ${found.length} blocks of docs/install.md`);
  return found[0];
}

async function debian(t) {
  const machine = new Debian(mkdtempSync(path.join(os.tmpdir(), 'wxbase-debian-')));
  t.after(async () => {
    await machine.stop();
    await run('umount', [machine.path('/proc')]).catch(() => {}); // not mounted yet
    rmSync(machine.root, { recursive: true, force: true });
  });
  const make = () => run('debootstrap', ['--variant=minbase', '--include=systemd', 'bookworm', machine.root, mirror()], { maxBuffer: 1 << 26 });
  await make().catch(make); // a mirror may fail once
  chmodSync(machine.root, 0o755); // the service's user goes in too
  await run('mount', ['-t', 'proc', 'proc', machine.path('/proc')]);
  mkdirSync(machine.path('/run/systemd/system'), { recursive: true }); // as where systemd runs
  writeFileSync(machine.path('/usr/local/bin/systemctl'), '#!/bin/sh\necho "$@" >> /asked\n', { mode: 0o755 });
  return machine;
}

test('the steps of docs/install.md on a fresh Debian', async (t) => {
  const machine = await debian(t);
  await release(machine, 'v1.0.0', (to) => copyFileSync(binary(), to));
  const installed = await machine.shell(block('wxbase install --domain'), '/download');
  assert.equal(installed.code, 0, installed.output);
  const password = installed.output.match(/me@example\.com with password (\S+)/)[1];

  assert.equal(readFileSync(machine.path('/asked'), 'utf8'), 'daemon-reload\nenable wxbase.service\nrestart wxbase.service\n');
  const verified = await machine.shell('systemd-analyze verify --man=no /etc/systemd/system/wxbase.service', '/');
  assert.equal(verified.code, 0, verified.output);
  const owner = (of) => statSync(machine.path(of)).uid;
  assert.notEqual(owner('/var/lib/wxbase/pb_data'), 0, 'the data belongs to the service, not to root');
  assert.equal(statSync(machine.path('/etc/wxbase/wxbase.env')).mode & 0o777, 0o600);
  rmSync(machine.path('/run/systemd'), { recursive: true });

  const [port, simPort] = [await freePort(), await freePort()];
  Object.assign(machine, { url: `http://127.0.0.1:${port}`, simURL: `http://127.0.0.1:${simPort}` });
  const settings = machine.path('/etc/wxbase/wxbase.env');
  writeFileSync(settings, readFileSync(settings, 'utf8').replace('WXBASE_SERVE=shop.example.com', `WXBASE_SERVE=--http 127.0.0.1:${port}`));
  machine.sellBesideSim(simPort);
  await machine.start();
  const root = async () => (await call(machine, 'POST', '/api/collections/_superusers/auth-with-password', '', { identity: 'me@example.com', password })).token;
  const product = await call(machine, 'POST', '/api/collections/products/records', await root(), { name: '面', price: 1800, active: true });
  const buyer = await new Customer(machine, 'p1').login();
  const paid = await buyer.pay(await buyer.order([{ product: product.id, quantity: 1 }]));
  await machine.stop();

  await release(machine, 'v1.1.0', (to) => copyFileSync(binary(), to));
  const updated = await machine.shell(`export WXBASE_SECRET_KEY=${machine.settings.WXBASE_SECRET_KEY}; ${block('wxbase update --from').trim()} --dir ${machine.data}`, '/download');
  assert.equal(updated.code, 0, updated.output);
  assert.match(updated.output, /serves\. The executable before it is .*wxbase\.old/);
  await machine.start();
  assert.equal((await call(machine, 'GET', `/api/collections/orders/records/${paid.id}`, await root())).payState, 'PAID');
  await machine.stop();

  await release(machine, 'v1.1.0', badRelease);
  const bad = await machine.shell(`export WXBASE_SECRET_KEY=${machine.settings.WXBASE_SECRET_KEY}; ${block('wxbase update --from').trim()} --dir ${machine.data}`, '/download');
  assert.equal(bad.code, 1, bad.output);
  assert.match(bad.output, /the old one serves again/);
  await machine.start();
  const again = await buyer.pay(await buyer.order([{ product: product.id, quantity: 1 }]));
  assert.equal(again.payState, 'PAID', 'it sells after an update that was taken back');
});

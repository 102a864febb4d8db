// a machine as `wxbase install` leaves it, started as its unit says, sold from, updated, and taken back from an update that does not start.
import test from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { call, Customer } from './customers.js';
import { Machine, badRelease, release, run } from './machine.js';
import { binary, freePort } from './server.js';

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

test('an installed shop sells, is updated, and survives a bad update', async (t) => {
  const { machine, simPort } = await installed(t);
  const mode = (of) => statSync(machine.path(of)).mode & 0o777;
  assert.equal(mode('/etc/wxbase/wxbase.env'), 0o600);
  assert.equal(mode('/var/lib/wxbase/pb_data'), 0o700);
  assert.equal((await machine.command(['health', '--dir', machine.data])).code, 1, 'nobody serves yet');

  machine.sellBesideSim(simPort);
  await machine.start();
  const buyer = await new Customer(machine, 'p1').login();
  const { token } = await call(machine, 'POST', '/api/collections/_superusers/auth-with-password', '', { identity: 'boss@example.com', password: machine.password });
  const product = await call(machine, 'POST', '/api/collections/products/records', token, { name: '面', price: 1800, active: true });
  const paid = await buyer.pay(await buyer.order([{ product: product.id, quantity: 1 }]));

  let archive = await release(machine, 'v1.1.0', (to) => copyFileSync(binary(), to));
  const busy = await machine.command(['update', '--from', archive, '--dir', machine.data]);
  assert.equal(busy.code, 1);
  assert.match(busy.output, /in use by process/);
  await machine.stop();

  const updated = await machine.command(['update', '--from', archive, '--dir', machine.data]);
  assert.equal(updated.code, 0, updated.output);
  assert.match(updated.output, /serves\. The executable before it is .*wxbase\.old/);
  assert.ok(existsSync(path.join(machine.data, '.before-update/data.db')));

  archive = await release(machine, 'v9', badRelease);
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

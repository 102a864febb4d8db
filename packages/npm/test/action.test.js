// the action's script, with the environment that action.yml gives it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { find } from '../index.js';

const action = path.join(import.meta.dirname, '../../action');
const naive = path.join(import.meta.dirname, '../../../e2e/naive');

function run(env, cwd) {
  return spawnSync('bash', [path.join(action, 'run.sh')], { encoding: 'utf8', cwd, env: { ...process.env, SIM_BINARY: find(), ...env } });
}

const freePort = () => new Promise((resolve) => {
  const probe = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address();
    probe.close(() => resolve(port));
  });
});

test('every input reaches the script', () => {
  const yml = readFileSync(path.join(action, 'action.yml'), 'utf8');
  const inputs = [...yml.split('\nruns:')[0].matchAll(/^ {2}([a-z]+):$/gm)].map(([, name]) => name);
  assert.ok(inputs.length >= 8, inputs.join());
  const script = readFileSync(path.join(action, 'run.sh'), 'utf8');
  for (const name of inputs) {
    assert.ok(yml.includes(`SIM_${name.toUpperCase()}: \${{ inputs.${name} }}`), name);
    assert.ok(script.includes(`SIM_${name.toUpperCase()}`), name);
  }
});

test('a command has the credentials, and its exit code is the step', () => {
  const told = run({ SIM_COMMAND: 'test -n "$WX_APPID" && echo "$WX_MCHIDS"', SIM_FLAGS: '--merchants 2' });
  assert.equal(told.status, 0, told.stderr);
  assert.match(told.stdout, /^\d+,\d+$/m);
  assert.equal(run({ SIM_COMMAND: 'exit 3' }).status, 3);
  assert.equal(run({}).status, 2);
});

test('a backend is held against scenarios, with a report', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wxbase-action-'));
  try {
    const port = await freePort();
    const good = path.join(dir, 'good.yaml');
    writeFileSync(good, 'name: paid\nsteps:\n  - order: 100\n  - pay: true\n  - expect: {paid: true, delivered: 1}\n');
    const env = {
      SIM_COMMAND: `PORT=${port} exec node ${naive}/server.mjs`, SIM_BACKEND: path.join(naive, 'backend.yaml'), SIM_BASE: `http://127.0.0.1:${port}`,
      SIM_READY: `http://127.0.0.1:${port}/`, SIM_SCENARIOS: good, SIM_REPORT: 'report.xml',
    };
    const told = run(env, dir);
    assert.equal(told.status, 0, told.stderr);
    assert.match(readFileSync(path.join(dir, 'report.xml'), 'utf8'), /tests="1" failures="0"/);
    writeFileSync(good, 'name: forged\nsteps:\n  - order: 100\n  - forge: another_key\n  - expect: {paid: false}\n');
    assert.notEqual(run(env, dir).status, 0);
    assert.match(readFileSync(path.join(dir, 'report.xml'), 'utf8'), /failures="1"/);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

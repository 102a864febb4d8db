// the conformance suite has teeth: a backend that believes everything fails most of it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { binary } from './server.js';

const here = (name) => path.join(import.meta.dirname, name);

/** run collects what a process prints. */
function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (text) => (out += text));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, out }));
  });
}

test('a naive backend fails at least 25 of the first 40 of the suite', async () => {
  // sim exec gives the credentials to a small script, which starts the naive backend and holds the suite against it
  const script = `
    import { spawn } from 'node:child_process';
    const naive = spawn(process.execPath, [${JSON.stringify(here('naive/server.mjs'))}], { stdio: ['ignore', 'pipe', 'inherit'] });
    naive.stdout.once('data', (line) => {
      const suite = spawn(${JSON.stringify(binary())}, ['sim', 'run', '--backend', ${JSON.stringify(here('naive/backend.yaml'))}, '--base', String(line).trim(), '--patience', '2s', '-o', 'json'],
        { stdio: ['ignore', 'inherit', 'ignore'] });
      suite.once('close', () => naive.kill());
    });`;
  const { out } = await run(binary(), ['sim', 'exec', '--', process.execPath, '--input-type=module', '-e', script]);
  const report = JSON.parse(out);
  assert.equal(report.scenarios.length, 45);
  const failed = report.scenarios.slice(0, 40).filter((s) => !s.ok && !s.skipped).length;
  assert.ok(failed >= 25, `got ${failed} failed, want at least 25`);
  const reordered = report.scenarios.filter((s) => s.name.startsWith('reordered-') && !s.ok && !s.skipped);
  assert.ok(reordered.length >= 3, `got ${reordered.length} failed, want those in which messages come in another order`);
  assert.deepEqual(report.scenarios.filter((s) => s.skipped).map((s) => s.name), ['paid-after-close']); // its file has no close
  assert.ok(report.scenarios.some((s) => s.name === 'payment' && s.ok), 'a true payment is taken even by a naive backend');
});

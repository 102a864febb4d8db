#!/usr/bin/env node
// `npx wxbase-sim exec -- npm test` is `wxbase sim exec -- npm test`.
import { spawn } from 'node:child_process';
import { find } from '../find.js';

let program;
try {
  program = find();
} catch (err) {
  console.error(`wxbase-sim: ${err.message}`);
  process.exit(1);
}
const child = spawn(program, ['sim', ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.once('error', (err) => {
  console.error(`wxbase-sim: ${err.message}`);
  process.exit(1);
});
child.once('close', (code) => process.exit(code ?? 1));

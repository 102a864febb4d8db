// starts the built executable with the simulated WeChat, on free ports and an empty data folder.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

const READY_MS = 30000;
const STOP_MS = 8000;

export function binary() {
  const bin = process.env.WXBASE_BIN || path.join(import.meta.dirname, '../bin/wxbase');
  if (!existsSync(bin)) throw new Error(`no executable at ${bin}: run "make build", or set WXBASE_BIN`);
  return bin;
}

/** freePort asks the system for a port that nobody has. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** startServer gives {url, simURL, email, password, output, stop, end, start}; flags are added to `serve --sim`. */
export async function startServer(...flags) {
  const [port, simPort] = [await freePort(), await freePort()];
  const dir = await mkdtemp(path.join(os.tmpdir(), 'wxbase-e2e-'));
  const server = { url: `http://127.0.0.1:${port}`, simURL: `http://127.0.0.1:${simPort}`, email: 'root@e2e.example', password: 'correct-horse-battery', output: '' };
  const args = ['serve', '--sim', '--http', `127.0.0.1:${port}`, '--simHttp', `127.0.0.1:${simPort}`, '--dir', path.join(dir, 'data'),
    '--demoEmail', server.email, '--demoPassword', server.password, ...flags];
  let running = await launch(server, args, dir).catch(async (err) => {
    await rm(dir, { recursive: true, force: true });
    throw err;
  });
  server.end = () => end(running); // how long a stop takes, and the exit code
  server.kill = () => { // without a word, as a power cut does
    running.child.kill('SIGKILL');
    return running.ended;
  };
  server.start = async () => (running = await launch(server, args, dir));
  server.stop = async () => {
    await end(running);
    await rm(dir, { recursive: true, force: true });
  };
  return server;
}

async function launch(server, args, dir) {
  const child = spawn(binary(), args, { cwd: dir, stdio: ['ignore', 'pipe', 'pipe'] });
  const running = { child, ended: new Promise((resolve) => child.once('close', (code) => resolve(code))) };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (server.output += text));
  await healthy(server, child).catch(async (err) => {
    await end(running);
    throw err;
  });
  return running;
}

async function healthy(server, child) {
  const end = Date.now() + READY_MS;
  while (Date.now() < end) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${server.output}`);
    const res = await fetch(server.url + '/api/wx/health').catch(() => null);
    if (res && res.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the server is not healthy after ${READY_MS} ms:\n${server.output}`);
}

/** end asks the process to stop, insists after a while, and gives {code, ms}. */
async function end({ child, ended }) {
  const from = Date.now();
  if (child.exitCode === null) child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  const code = await ended;
  clearTimeout(late);
  return { code, ms: Date.now() - from };
}

/** sim speaks to the simulator's control API. */
export async function sim(server, route, body) {
  const init = body ? { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) } : {};
  const res = await fetch(server.url + '/_sim/' + route, init);
  if (!res.ok) throw new Error(`/_sim/${route}: ${res.status} ${await res.text()}`);
  return res.json();
}

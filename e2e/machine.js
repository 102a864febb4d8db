// a machine that wxbase was installed on, as a folder: its settings, its unit, its executable, and how they are started.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);
const READY_MS = 60000;

/** Machine is a folder into which `install --root` has put everything. Its programs run on this machine. */
export class Machine {
  settings = {};

  constructor(root = mkdtempSync(path.join(os.tmpdir(), 'wxbase-machine-'))) {
    this.root = root;
  }

  /** path is where a path of the machine lies. */
  path(of) {
    return path.join(this.root, of);
  }

  /** known is how the machine's own programs call a path of it. */
  known(of) {
    return this.path(of);
  }

  get executable() {
    return this.known('/usr/local/bin/wxbase');
  }

  get data() {
    return this.known('/var/lib/wxbase/pb_data');
  }

  /** program gives the words that start a program on the machine; user is who runs it. */
  program(bin, args) {
    return [bin, args];
  }

  /** command runs the installed executable, or the one that is given. */
  async command(args, { bin = this.executable, env = this.settings } = {}) {
    const done = await run(...this.program(bin, args), { env: { ...process.env, ...env } }).catch((err) => err);
    return { code: done.code || 0, output: done.stdout + done.stderr };
  }

  /** unit is the value of a key in the service's unit. */
  unit(key) {
    return readFileSync(this.path('/etc/systemd/system/wxbase.service'), 'utf8').match(new RegExp(`^${key}=(.*)$`, 'm'))[1];
  }

  /** start does what the unit says: ExecStart as User, with the variables of EnvironmentFile, in WorkingDirectory. */
  async start() {
    const lines = readFileSync(this.path(this.unit('EnvironmentFile')), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
    this.settings = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    const words = this.unit('ExecStart').split(' ').flatMap((word) => (word.startsWith('$') ? this.settings[word.slice(1)].split(' ') : [word]));
    const [bin, ...args] = words.map((word) => (word.startsWith('/') ? this.known(word) : word));
    const [program, its] = this.program(bin, args, this.unit('User'));
    this.server = spawn(program, its, { cwd: this.path(this.unit('WorkingDirectory')), env: { ...process.env, ...this.settings }, stdio: ['ignore', 'pipe', 'pipe'] });
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

  /** sellBesideSim is the owner's own line in the settings: the simulated WeChat stands for the real one. */
  sellBesideSim(simPort) {
    const settings = this.path('/etc/wxbase/wxbase.env');
    const text = readFileSync(settings, 'utf8');
    writeFileSync(settings, text.replace(/^(WXBASE_SERVE=.*)$/m, `$1 --sim --simHttp 127.0.0.1:${simPort} --demoEmail demo@example.com`)
      .replace(/^WXBASE_PUBLIC_URL=.*$/m, ''));
  }
}

/** release writes an archive of one executable, and its sum, into a folder of the machine, and gives the archive's name. */
export async function release(machine, version, make) {
  const folder = machine.path('/download');
  rmSync(folder, { recursive: true, force: true });
  const name = `wxbase-${version}-linux-amd64`;
  mkdirSync(path.join(folder, name), { recursive: true });
  make(path.join(folder, name, 'wxbase'));
  chmodSync(path.join(folder, name, 'wxbase'), 0o755);
  await run('tar', ['czf', path.join(folder, `${name}.tar.gz`), '-C', folder, name]);
  rmSync(path.join(folder, name), { recursive: true });
  const sum = createHash('sha256').update(readFileSync(path.join(folder, `${name}.tar.gz`))).digest('hex');
  writeFileSync(path.join(folder, 'SHA256SUMS'), `${sum}  ${name}.tar.gz\n`);
  return machine.known(`/download/${name}.tar.gz`);
}

/** badRelease says that it is version 9, and does not start. */
export function badRelease(to) {
  writeFileSync(to, '#!/bin/sh\n[ "$1" != --version ] || { echo wxbase version 9; exit 0; }\necho "no such column" >&2\nexit 1\n');
}

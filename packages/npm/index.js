// a simulated WeChat of its own for a test run.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { find } from './find.js';

export { find } from './find.js';

const relay = path.join(path.dirname(fileURLToPath(import.meta.url)), 'relay.js');
const FLAGS = {
  apps: 'apps', merchants: 'merchants', keep: 'keep', credentials: 'credentials', pages: 'pages', closeMinAge: 'closeMinAge', publicKeyOnly: 'publicKeyOnly',
  billsAnyTime: 'billsAnyTime', mixedSerials: 'mixedSerials', clientCertificates: 'clientCertificates', tls: 'tls', proxy: 'proxy',
};

function flagsOf(options) {
  return Object.entries(options).flatMap(([name, value]) => {
    if (!Object.hasOwn(FLAGS, name)) throw new TypeError(`unknown option ${name}; known are ${Object.keys(FLAGS).join(', ')}`);
    return value === undefined || value === false ? [] : [`--${FLAGS[name]}=${value === true ? 'true' : value}`];
  });
}

/**
 * start runs a simulator on a free port with an empty state and gives {url, env, control, stop}. It ends by stop(), and with this process at the latest.
 */
export async function start(options = {}) {
  const child = spawn(find(), ['sim', 'exec', ...flagsOf(options), '--', process.execPath, relay], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text) => { complaint += text; });
  const ended = new Promise((resolve) => child.once('close', resolve));
  child.stdin.on('error', () => {}); // the other side may be gone already
  const env = await new Promise((resolve, reject) => {
    let told = '';
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`the simulator did not start (${code}): ${complaint.trim()}`)));
    child.stdout.on('data', (text) => {
      told += text;
      if (told.endsWith('\n')) resolve(JSON.parse(told));
    });
  });
  const url = env.WXBASE_SIM_URL;
  return {
    url,
    env,
    control: (route, body, method = body === undefined ? 'GET' : 'POST') => control(url, route, body, method),
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** control calls the control API: control('trigger', {event: 'pay.success'}). What it refuses is thrown. */
async function control(url, route, body, method) {
  const init = body === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const res = await fetch(`${url}/_sim/${route}`, init);
  const text = await res.text();
  if (!res.ok) throw new Error(JSON.parse(text).error);
  return JSON.parse(text);
}

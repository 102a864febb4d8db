// what every test needs: the control API, a notify address, the credentials.
import './to-sim.cjs';
import { once } from 'node:events';
import { createServer } from 'node:http';

export const env = process.env;
let counter = 0;

/** number is one that no test used before. */
export const number = (prefix) => `${prefix}-${process.pid}-${++counter}`;

/** control calls the simulator's control API. */
export async function control(path, body = {}) {
  const res = await fetch(env.WXBASE_SIM_URL + '/_sim' + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const text = await res.text();
  if (!res.ok) throw new Error(`${path}: ${res.status} ${text}`);
  return JSON.parse(text);
}

export const loginCode = async () => (await control('/people/p1/login')).code;

/** openID is p1's at the mini program. */
export async function openID() {
  const query = new URLSearchParams({ appid: env.WX_APPID, secret: env.WX_SECRET, js_code: await loginCode(), grant_type: 'authorization_code' });
  return (await (await fetch(env.WX_API_BASE + '/sns/jscode2session?' + query)).json()).openid;
}

/** pay is wx.requestPayment with what an SDK signed. */
export async function pay({ timeStamp, nonceStr, package: pack, signType, paySign }) {
  const { errMsg } = await control('/people/p1/pay', { timeStamp, nonceStr, package: pack, signType, paySign });
  if (errMsg !== 'requestPayment:ok') throw new Error(errMsg);
}

/** inbox listens for notifications; handle gives what is answered, and next() what it made of the next one. */
export async function inbox(t, handle) {
  const server = createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    try {
      const answer = await handle(req, Buffer.concat(chunks).toString());
      res.end(answer ?? '');
      server.emit('told', null);
    } catch (err) {
      res.statusCode = 500;
      res.end();
      server.emit('told', err);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return {
    url: `http://127.0.0.1:${server.address().port}/notify`,
    next: async (act) => {
      const told = once(server, 'told', { signal: AbortSignal.timeout(15000) });
      const result = await act();
      const [err] = await told;
      if (err) throw err;
      return result;
    },
  };
}

/** day is today in Beijing. */
export const day = () => new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10);

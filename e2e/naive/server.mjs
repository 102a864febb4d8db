// A backend that believes everything, so that the conformance suite has something to fail on. Never copy it.
import { createDecipheriv, createSign, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';

const env = process.env;
const port = Number(env.PORT || 0);
const orders = new Map();

async function prepay(order) {
  const url = new URL('/v3/pay/transactions/jsapi', env.WX_PAY_BASE);
  const body = JSON.stringify({
    appid: env.WX_APPID, mchid: env.WX_MCHID, description: 'naive', out_trade_no: order.number,
    notify_url: `http://127.0.0.1:${server.address().port}/notify`, amount: { total: order.total }, payer: { openid: order.openid },
  });
  const [time, nonce] = [String(Math.floor(Date.now() / 1000)), randomUUID().replaceAll('-', '')];
  const signature = createSign('RSA-SHA256').update(['POST', url.pathname, time, nonce, body, ''].join('\n')).sign(env.WX_MCH_PRIVATE_KEY, 'base64');
  const authorization = `WECHATPAY2-SHA256-RSA2048 mchid="${env.WX_MCHID}",nonce_str="${nonce}",signature="${signature}",timestamp="${time}",serial_no="${env.WX_MCH_SERIAL}"`;
  const res = await fetch(url, { method: 'POST', body, headers: { authorization, accept: 'application/json', 'content-type': 'application/json', 'user-agent': 'naive' } });
  if (!res.ok) throw new Error(await res.text());
}

function believe(raw) {
  const { ciphertext, nonce, associated_data: aad } = JSON.parse(raw).resource;
  const sealed = Buffer.from(ciphertext, 'base64');
  const open = createDecipheriv('aes-256-gcm', env.WX_API_V3_KEY, nonce).setAAD(Buffer.from(aad)).setAuthTag(sealed.subarray(-16));
  const said = JSON.parse(open.update(sealed.subarray(0, -16)).toString() + open.final().toString());
  const order = orders.get(said.out_trade_no) || {};
  Object.assign(order, { state: 'PAID', delivered: (order.delivered || 0) + 1 });
}

const server = createServer(async (req, res) => {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  const raw = Buffer.concat(chunks).toString();
  try {
    if (req.url === '/notify') return believe(raw), res.end();
    if (req.method === 'GET') return res.end(JSON.stringify(orders.get(req.url.slice('/orders/'.length)) || {}));
    const order = { number: 'N' + randomUUID().replaceAll('-', '').slice(0, 30), state: 'UNPAID', delivered: 0, ...JSON.parse(raw) };
    orders.set(order.number, order);
    await prepay(order);
    res.end(JSON.stringify(order));
  } catch (err) {
    res.statusCode = 500;
    res.end(JSON.stringify({ error: err.message }));
  }
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));

// a merchant that signs v3 requests, rightly or with one of the mistakes that beginners make.
import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';

const LONG = 'ORD-%E9%9D%A2-1';

/** mistakes is each of the twelve by the name under which the simulator tells it. */
export const mistakes = {
  milliseconds: (s) => ({ ...s, time: s.time + '123' }),
  wrong_key: (s) => ({ ...s, key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }),
  wrong_serial: (s) => ({ ...s, serial: 'AB'.repeat(20) }),
  body_reserialised: (s) => ({ ...s, body: JSON.stringify(JSON.parse(s.body), null, 2) }),
  missing_newline: (s) => ({ ...s, end: '' }),
  url_without_query: (s) => ({ ...s, path: s.path.split('?')[0] }),
  method_case: (s) => ({ ...s, method: s.method.toLowerCase() }),
  base64_no_padding: (s) => ({ ...s, spoil: (signature) => signature.replace(/=+$/, '') }),
  url_decoded: (s) => ({ ...s, path: decodeURIComponent(s.path) }),
  nonce_mismatch: (s) => ({ ...s, sentNonce: randomUUID().replaceAll('-', '') }),
  wrong_mchid: (s) => ({ ...s, mchid: '1900000001' }),
  clock_off: (s) => ({ ...s, time: String(Number(s.time) - 360) }),
};

/** v3 sends a request; change bends what is signed and what is sent. */
export async function v3(base, merchant, method, path, body, change = (s) => s) {
  const raw = body ? JSON.stringify(body) : '';
  const s = change({
    method, path, time: String(Math.floor(Date.now() / 1000)), nonce: randomUUID().replaceAll('-', ''), body: raw, end: '\n', key: merchant.privateKey,
    serial: merchant.certSerial, mchid: merchant.mchid, spoil: (signature) => signature,
  });
  const signature = s.spoil(createSign('RSA-SHA256').update([s.method, s.path, s.time, s.nonce, s.body].join('\n') + s.end).sign(s.key, 'base64'));
  const authorization = `WECHATPAY2-SHA256-RSA2048 mchid="${s.mchid}",nonce_str="${s.sentNonce || s.nonce}",signature="${signature}",timestamp="${s.time}",serial_no="${s.serial}"`;
  const headers = { authorization, accept: 'application/json', 'user-agent': 'e2e', ...(raw && { 'content-type': 'application/json' }) };
  return fetch(base + path, { method, body: raw || undefined, headers });
}

/** makeMistake sends one of the twelve and gives the status. */
export async function makeMistake(base, merchant, name) {
  const change = mistakes[name];
  const res = name === 'body_reserialised' ?
    await v3(base, merchant, 'POST', '/v3/pay/transactions/jsapi', { appid: 'wx', out_trade_no: 'ORD-SLIP-1' }, change) :
    await v3(base, merchant, 'GET', `/v3/pay/transactions/out-trade-no/${LONG}?mchid=${merchant.mchid}`, null, change);
  return res.status;
}

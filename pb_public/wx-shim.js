// a `wx` for the browser: the calls that the client SDK uses, answered by the simulated WeChat under /_sim/ on this origin.
// It behaves as a phone does where a program can tell: success fires for any HTTP status, a request lives 60 s at most,
// chunks come as ArrayBuffer, storage is one person's in one tab.
import { simCall } from './js/people.js';

const LONGEST = 60000;

/**
 * createWx makes the wx of one person. log(kind, facts) hears of every call; screens are WeChat's own sheets:
 * {cashier(prepay, pay), transfer(package), phoneConsent(), scanner(read)}.
 */
export function createWx({ person, log, screens }) {
  const mine = (verb, body) => simCall(`/_sim/people/${encodeURIComponent(person.id)}/${verb}`, body || {});

  return {
    ...storage(person.id),
    request: (options) => request(options, log),
    login: (options) => answer(options, 'login', async () => {
      const { code } = await mine('login');
      log('login', { code });
      return { code };
    }),
    getUserInfo: (options) => answer(options, 'getUserInfo', async () => {
      const info = await mine('userinfo', { anonymous: false }); // a real phone says 微信用户 to programs of today
      log('userinfo', { signature: info.signature });
      return info;
    }),
    requestPayment: (options) => answer(options, 'requestPayment', () => pay(mine, screens, log, options)),
    canIUse: (name) => name === 'requestMerchantTransfer',
    requestMerchantTransfer: (options) => answer(options, 'requestMerchantTransfer', () => takeTransfer(mine, screens, log, options)),
    requestVirtualPayment: (options) => answer(options, 'requestVirtualPayment', () => payVirtually(mine, screens, log, options)),
    getPhoneNumber: (options) => answer(options, 'getPhoneNumber', () => phoneNumber(mine, screens, log)),
    scanCode: (options) => answer(options, 'scanCode', async () => {
      const found = await screens.scanner((image) => mine('scan', { image }));
      log('scan', found);
      return { ...found, scanType: 'WX_CODE', charSet: 'utf-8', result: '' };
    }),
  };
}

/** answer runs a call and tells its callbacks as wx does; a thrown error becomes errMsg "name:fail why". */
function answer(options, name, work) {
  const o = options || {};
  const done = (fn, result) => {
    if (fn) fn(result);
    if (o.complete) o.complete(result);
  };
  work().then(
    (result) => done(o.success, { errMsg: name + ':ok', ...result }),
    (err) => done(o.fail, { errMsg: /^\w+:fail/.test(err.message) ? err.message : `${name}:fail ${err.message}`, ...(err.errCode ? { errCode: err.errCode } : {}) }),
  );
}

/** storage keeps what one person stored in this tab, so that two people, or two tabs, never share a token. */
function storage(id) {
  const full = (key) => `wx/${id}/${key}`;
  return {
    getStorageSync: (key) => JSON.parse(sessionStorage.getItem(full(key)) || '""'),
    setStorageSync: (key, value) => sessionStorage.setItem(full(key), JSON.stringify(value)),
    removeStorageSync: (key) => sessionStorage.removeItem(full(key)),
  };
}

async function pay(mine, screens, log, options) {
  const { timeStamp, nonceStr, signType, paySign } = options;
  const params = { timeStamp, nonceStr, package: options.package, signType, paySign };
  log('cashier', { package: params.package });
  const act = async (action) => {
    const result = await mine('pay', { ...params, action });
    log(/:ok$/.test(result.errMsg) ? 'payok' : /cancel/.test(result.errMsg) ? 'paycancel' : 'payfail', result);
    return result;
  };
  const chosen = await screens.cashier(params.package.replace('prepay_id=', ''), () => act('pay'));
  const result = chosen === 'cancel' ? await act('cancel') : chosen;
  if (!/:ok$/.test(result.errMsg)) throw new Error(result.errMsg);
  return result;
}

/** takeTransfer is WeChat's page on which a person takes money. */
async function takeTransfer(mine, screens, log, options) {
  const { mchId, appId, openId } = options;
  log('transfer', { package: options.package });
  const action = (await screens.transfer(options.package)) ? 'confirm' : 'cancel';
  const result = await mine('transfer', { mchId, appId, openId, package: options.package, action });
  const ok = /:ok$/.test(result.errMsg);
  log(ok ? 'transferok' : 'transferfail', result);
  if (!ok) throw new Error(result.errMsg);
  return result;
}

/** payVirtually is the sheet of virtual payment. The simulated WeChat says in `reason` why it refuses; a real phone does not. */
async function payVirtually(mine, screens, log, options) {
  const { signData, mode, paySig, signature } = options;
  log('cashier', { package: signData });
  const act = async (action) => {
    const result = await mine('virtual', { signData, mode, paySig, signature, action });
    log(/:ok$/.test(result.errMsg) ? 'payok' : /cancel/.test(result.errMsg) ? 'paycancel' : 'payfail', result);
    return result;
  };
  const chosen = await screens.cashier('', () => act('pay'), JSON.parse(signData));
  const result = chosen === 'cancel' ? await act('cancel') : chosen;
  if (!/:ok$/.test(result.errMsg)) throw Object.assign(new Error(result.errMsg), { errCode: result.errCode });
  return result;
}

/** phoneNumber gives what bindgetphonenumber puts into e.detail. */
async function phoneNumber(mine, screens, log) {
  if (!(await screens.phoneConsent())) {
    log('phoneDeny', { errMsg: 'getPhoneNumber:fail user deny' });
    throw new Error('getPhoneNumber:fail user deny');
  }
  const detail = await mine('phone');
  log('phone', { code: detail.code });
  return detail;
}

function request(o, log) {
  const stop = new AbortController();
  const listeners = new Set();
  const call = { method: o.method || 'GET', path: o.url, at: performance.now(), stream: !!o.enableChunked };
  const timer = setTimeout(() => stop.abort('timeout'), Math.min(o.timeout || LONGEST, LONGEST));
  send(o, stop.signal, listeners, (status) => log('stream', { status }))
    .then(
      (res) => {
        log(call.stream ? 'streamCut' : 'request', { ...call, status: res.statusCode, data: res.data, sent: o.data, ms: performance.now() - call.at });
        if (o.success) o.success(res);
      },
      (err) => {
        const why = stop.signal.aborted ? String(stop.signal.reason) : err.message;
        if (call.stream && why === 'timeout') log('streamCut', call);
        if (o.fail) o.fail({ errMsg: 'request:fail ' + why });
      },
    )
    .finally(() => clearTimeout(timer));
  return {
    abort: () => stop.abort('abort'),
    onChunkReceived: (fn) => listeners.add(fn),
    offChunkReceived: (fn) => listeners.delete(fn),
  };
}

async function send(o, signal, listeners, opened) {
  const method = o.method || 'GET';
  const header = { ...o.header };
  let url = o.url;
  let body;
  if (o.data !== undefined && method === 'GET') url += (url.includes('?') ? '&' : '?') + new URLSearchParams(o.data);
  else if (o.data !== undefined) {
    header['Content-Type'] = header['Content-Type'] || 'application/json';
    body = typeof o.data === 'string' ? o.data : JSON.stringify(o.data);
  }
  const res = await fetch(url, { method, headers: header, body, signal, cache: 'no-store' });
  const meta = { statusCode: res.status, header: Object.fromEntries(res.headers), errMsg: 'request:ok' };
  if (!o.enableChunked) return { ...meta, data: parse(await res.text()) };
  opened(res.status);
  const reader = res.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { ...meta, data: '' };
    const data = value.buffer.slice(value.byteOffset, value.byteOffset + value.byteLength);
    for (const fn of listeners) fn({ data });
  }
}

/** parse makes one attempt at JSON, as dataType "json" does. */
function parse(text) {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return text;
  }
}

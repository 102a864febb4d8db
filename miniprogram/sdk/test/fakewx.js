'use strict';
const { strict } = require('./strict.js');

/**
 * fakeWx is a `wx` in this process, as strict as the platform. routes maps 'METHOD /path' to a function of the request giving {status, body};
 * a route that takes `stream` gets what it needs to feed an enableChunked request by hand.
 */
function fakeWx(routes) {
  const storage = {};
  const calls = [];
  const hooks = { hide: new Set(), show: new Set() };
  const fake = { calls, storage, codes: 0, streams: [], sockets: [], pay: { ok: true } };
  fake.wx = {
    getStorageSync: (k) => (k in storage ? storage[k] : ''),
    setStorageSync: (k, v) => {
      storage[k] = JSON.parse(JSON.stringify(v));
    },
    removeStorageSync: (k) => delete storage[k],
    login: (o) => setImmediate(() => (fake.loginFails ? o.fail({ errMsg: 'login:fail' }) : o.success({ code: 'c' + ++fake.codes }))),
    getUserInfo: (o) => o.success({ rawData: '{}', signature: 's', encryptedData: 'e', iv: 'i', userInfo: {} }),
    requestPayment: (o) => {
      fake.paid = o;
      if (fake.pay.ok) o.success({ errMsg: 'requestPayment:ok' });
      else o.fail({ errMsg: fake.pay.errMsg });
    },
    requestMerchantTransfer: (o) => {
      fake.taken = o;
      if (fake.pay.ok) o.success({ errMsg: 'requestMerchantTransfer:ok' });
      else o.fail({ errMsg: fake.pay.errMsg });
    },
    requestVirtualPayment: (o) => {
      fake.paidVirtually = [...(fake.paidVirtually || []), o];
      const said = (fake.virtual || []).shift() || { errMsg: 'requestVirtualPayment:ok' };
      if (/:ok$/.test(said.errMsg)) o.success(said);
      else o.fail(said);
    },
    request: (o) => (o.enableChunked ? openStream(fake, o) : answer(fake, routes, o)),
    connectSocket: (o) => openSocket(fake, o),
    uploadFile: (o) => upload(fake, o),
    requestSubscribeMessage: (o) => (fake.subscribed ? o.success(fake.subscribed) : o.fail({ errMsg: 'requestSubscribeMessage:fail', errCode: 20004 })),
    requirePrivacyAuthorize: (o) => (fake.privacy ? o.fail(fake.privacy) : o.success({})),
    onNetworkStatusChange: (fn) => (fake.network = fn),
    offNetworkStatusChange: () => (fake.network = null),
    onAppHide: (fn) => hooks.hide.add(fn),
    onAppShow: (fn) => hooks.show.add(fn),
    offAppHide: (fn) => hooks.hide.delete(fn),
    offAppShow: (fn) => hooks.show.delete(fn),
  };
  fake.hide = () => hooks.hide.forEach((fn) => fn());
  fake.show = () => hooks.show.forEach((fn) => fn());
  fake.wx = strict(fake.wx);
  return fake;
}

function answer(fake, routes, o) {
  const path = o.url.replace(/^https?:\/\/[^/]+/, '');
  const call = { method: o.method, path, data: o.data, auth: o.header.Authorization || '', header: o.header };
  fake.calls.push(call);
  const route = routes[o.method + ' ' + path.split('?')[0]];
  setImmediate(() => {
    if (!route) return o.success({ statusCode: 404, data: { status: 404, message: 'no route', data: {} } });
    const res = route(call, fake);
    if (res.fail) return o.fail({ errMsg: res.fail });
    return o.success({ statusCode: res.asText ? String(res.status || 200) : res.status || 200, data: res.body === undefined ? '' : res.body });
  });
  return { abort() {} };
}

function upload(fake, o) {
  fake.uploaded = o;
  fake.uploads = (fake.uploads || 0) + 1;
  const answerNow = () => o.success(typeof fake.uploadAnswer === 'function' ? fake.uploadAnswer(o) : fake.uploadAnswer);
  if (!fake.holdUpload) setImmediate(answerNow);
  return {
    onProgressUpdate: (fn) => [0, 40, 100].forEach((progress) => fn({ progress })),
    abort: () => o.fail({ errMsg: 'uploadFile:fail abort' }),
  };
}

function openStream(fake, o) {
  const stream = { options: o, listeners: [], aborted: false };
  stream.bytes = (bytes) => stream.listeners.forEach((fn) => fn({ data: Uint8Array.from(bytes).buffer }));
  stream.text = (text) => stream.bytes(Buffer.from(text));
  stream.event = (name, data, id) => stream.text(`id:${id || 'x'}\nevent:${name}\ndata:${JSON.stringify(data)}\n\n`);
  stream.connect = (id) => stream.event('PB_CONNECT', { clientId: id }, id);
  stream.cut = () => o.fail({ errMsg: 'request:fail timeout' });
  fake.streams.push(stream);
  return {
    onChunkReceived: (fn) => stream.listeners.push(fn),
    abort: () => {
      stream.aborted = true;
      o.fail({ errMsg: 'request:fail abort' });
    },
  };
}

/** openSocket is a SocketTask whose other end is played by hand: say(text) speaks, sent holds what was said to it. */
function openSocket(fake, o) {
  const on = {};
  const socket = { options: o, sent: [], closed: false };
  socket.say = (text) => on.message({ data: text });
  socket.open = (handshake) => socket.say('0' + JSON.stringify(Object.assign({ sid: 's', pingInterval: 25000, pingTimeout: 20000 }, handshake)));
  socket.cut = (code) => on.close({ code: code || 1006 });
  socket.asked = (event) => socket.sent.map((text) => /^42(\d+)(\[.*)$/.exec(text)).filter(Boolean).map(([, id, json]) => [id, ...JSON.parse(json)]).filter((a) => a[1] === event);
  fake.sockets.push(socket);
  return {
    send: ({ data }) => socket.sent.push(data),
    close: () => {
      socket.closed = true;
      setImmediate(() => on.close({ code: 1000 }));
    },
    onOpen: () => {},
    onMessage: (fn) => (on.message = fn),
    onClose: (fn) => (on.close = fn),
    onError: (fn) => (on.error = fn),
  };
}

/** until waits for a condition that timers and callbacks of this process will bring about. */
async function until(what, condition) {
  for (let i = 0; i < 3000; i++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('never happened: ' + what);
}

module.exports = { fakeWx, until };

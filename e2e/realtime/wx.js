// a mini program in this process: `wx` over Node's network, and a loader that hides what a mini program has not got.
// it stands in for WeChat only where WeChat is known: how chunks come, how requests end, what a socket task can do.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import vm from 'node:vm';
import { WebSocket } from 'ws';

// names of browsers and of Node that are not there in the app service of a mini program
const ABSENT = `window document frames self location navigator localStorage history screen alert confirm prompt fetch Headers
  Request Response FormData Blob File XMLHttpRequest WebSocket EventSource AbortController AbortSignal Event EventTarget
  MessageEvent TextDecoder TextEncoder URL URLSearchParams atob btoa structuredClone queueMicrotask ReadableStream performance
  crypto process global Buffer setImmediate globalThis`.split(/\s+/);

// the methods that wx.request sends. https://developers.weixin.qq.com/miniprogram/dev/api/network/request/wx.request.html
const METHODS = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT'];

/**
 * miniProgram gives {wx, require, faults, hide, show}. chunks says how enableChunked answers arrive: 'as-is', a number of bytes to cut
 * them into, or 'merged'; cutAfter (ms) ends every such request, as WeChat does at 60 s; silent tells nothing when the network dies in the
 * middle of an answer, as on iOS.
 */
export function miniProgram({ chunks = 'as-is', cutAfter = 0, origin, silent = false } = {}) {
  const app = { faults: [], sockets: 0, streams: 0 };
  const storage = new Map();
  const listeners = { hide: new Set(), show: new Set() };
  app.hide = () => listeners.hide.forEach((fn) => fn());
  app.show = () => listeners.show.forEach((fn) => fn());
  app.wx = {
    getStorageSync: (key) => storage.get(key) ?? '',
    setStorageSync: (key, value) => storage.set(key, structuredClone(value)),
    removeStorageSync: (key) => storage.delete(key),
    onAppHide: (fn) => listeners.hide.add(fn),
    onAppShow: (fn) => listeners.show.add(fn),
    offAppHide: (fn) => listeners.hide.delete(fn),
    offAppShow: (fn) => listeners.show.delete(fn),
    login: (o) => o.fail({ errMsg: 'login:fail nobody is here' }),
    connectSocket: (o) => connectSocket(app, o, origin),
    request: (o) => request(app, o, chunks, cutAfter, silent),
  };
  app.require = (file, names = {}) => load(app, path.resolve(file), names, new Map());
  return app;
}

/** calm runs a callback as WeChat does: an exception is written down and nothing else stops. */
function calm(app, fn, ...args) {
  try {
    if (fn) fn(...args);
  } catch (err) {
    app.faults.push(err);
  }
}

function load(app, file, names, loaded) {
  if (loaded.has(file)) return loaded.get(file).exports;
  const module = { exports: {} };
  loaded.set(file, module);
  const require = (name) => {
    if (!name.startsWith('.')) throw new Error(`a mini program has no module ${name}`);
    return load(app, path.resolve(path.dirname(file), name.endsWith('.js') ? name : name + '.js'), names, loaded);
  };
  const scope = { ...Object.fromEntries(ABSENT.map((name) => [name, undefined])), ...names };
  const run = vm.compileFunction(readFileSync(file, 'utf8'), ['module', 'exports', 'require', 'wx', ...Object.keys(scope)], { filename: file });
  run.call(undefined, module, module.exports, require, app.wx, ...Object.values(scope));
  return module.exports;
}

function connectSocket(app, o, origin) {
  app.sockets++;
  const on = { open: [], close: [], error: [], message: [] };
  const ws = new WebSocket(o.url, o.protocols || [], { headers: { 'User-Agent': 'MicroMessenger/8.0.50 MiniProgramEnv', ...o.header }, origin });
  ws.binaryType = 'arraybuffer';
  const tell = (kind, value) => on[kind].forEach((fn) => calm(app, fn, value));
  ws.on('open', () => tell('open', { header: {} }));
  ws.on('close', (code, reason) => tell('close', { code, reason: reason.toString() }));
  ws.on('error', (err) => tell('error', { errMsg: err.message }));
  ws.on('message', (data, binary) => tell('message', { data: binary ? data : Buffer.from(data).toString() }));
  calm(app, o.success, { errMsg: 'connectSocket:ok' });
  return {
    CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3,
    get readyState() {
      return ws.readyState;
    },
    send: ({ data, success, fail, complete }) => ws.send(data, (err) => {
      if (err) calm(app, fail, { errMsg: 'sendSocketMessage:fail ' + err.message });
      else calm(app, success, { errMsg: 'sendSocketMessage:ok' });
      calm(app, complete, {});
    }),
    close: ({ code = 1000, reason = '', success } = {}) => {
      ws.close(code, reason);
      calm(app, success, { errMsg: 'closeSocket:ok' });
    },
    onOpen: (fn) => on.open.push(fn),
    onClose: (fn) => on.close.push(fn),
    onError: (fn) => on.error.push(fn),
    onMessage: (fn) => on.message.push(fn),
  };
}

function request(app, o, chunks, cutAfter, silent) {
  const listening = { chunk: new Set(), headers: new Set() };
  let over = false;
  let timer = null;
  const finish = (callback, value) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    calm(app, callback, value);
    calm(app, o.complete, value);
  };
  const fail = (why) => {
    finish(o.fail, { errMsg: 'request:fail ' + why, errno: 600001 });
    req.destroy();
  };
  if (!METHODS.includes(o.method || 'GET')) throw new Error(`wx.request sends no ${o.method}`);
  const req = http.request(o.url, { method: o.method || 'GET', headers: { 'content-type': 'application/json', ...o.header } }, (res) => {
    listening.headers.forEach((fn) => calm(app, fn, { header: res.headers, statusCode: res.statusCode }));
    const body = [];
    const emit = cutter(chunks, (bytes) => !over && listening.chunk.forEach((fn) => calm(app, fn, { data: Uint8Array.from(bytes).buffer })));
    res.on('data', (bytes) => (o.enableChunked ? emit(bytes) : body.push(bytes)));
    if (!silent) res.on('close', () => res.complete || fail('net::ERR_CONNECTION_RESET'));
    res.on('end', () => finish(o.success, { statusCode: res.statusCode, header: res.headers, data: decode(o, Buffer.concat(body)), errMsg: 'request:ok' }));
  });
  req.on('error', (err) => fail(err.message));
  if (o.enableChunked) app.streams++;
  timer = setTimeout(() => fail('timeout'), (o.enableChunked && cutAfter) || Math.min(o.timeout || 60000, 60000));
  if (o.data !== undefined) req.write(typeof o.data === 'string' ? o.data : JSON.stringify(o.data));
  req.end();
  return {
    abort: () => fail('abort'),
    onChunkReceived: (fn) => listening.chunk.add(fn),
    offChunkReceived: (fn) => listening.chunk.delete(fn),
    onHeadersReceived: (fn) => listening.headers.add(fn),
    offHeadersReceived: (fn) => listening.headers.delete(fn),
  };
}

/** cutter hands bytes on in pieces of `size`, or puts what comes within one round of the event loop together. */
function cutter(size, emit) {
  let held = [];
  if (size === 'as-is') return emit;
  if (size !== 'merged') {
    return (bytes) => {
      for (let i = 0; i < bytes.length; i += size) emit(bytes.subarray(i, i + size));
    };
  }
  return (bytes) => {
    held.push(bytes);
    if (held.length > 1) return;
    setTimeout(() => {
      const all = Buffer.concat(held);
      held = [];
      emit(all);
    }, 30);
  };
}

function decode(o, bytes) {
  if (o.responseType === 'arraybuffer') return Uint8Array.from(bytes).buffer;
  const text = bytes.toString();
  if (o.dataType && o.dataType !== 'json') return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

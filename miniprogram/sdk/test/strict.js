// @ts-check
'use strict';
/**
 * What the platform refuses (developers.weixin.qq.com: wx.request, wx.connectSocket, wx.uploadFile, wx.setStorageSync, wx.requestPayment,
 * wx.requestSubscribeMessage), around any `wx` of our tests, so that no test passes by what no phone does.
 * Names and types are WeChat's own: this file is compiled against miniprogram-api-typings.
 */

/** @typedef {{ errMsg: string, errno?: number }} Said */
/** @typedef {{ setTimeout: (fn: () => void, ms: number) => unknown }} Clock */

/** @type {(keyof WechatMiniprogram.RequestOption)[]} */
const REQUEST = ['url', 'data', 'header', 'method', 'timeout', 'dataType', 'responseType', 'enableChunked', 'success', 'fail', 'complete'];
/** @type {(keyof WechatMiniprogram.UploadFileOption)[]} */
const UPLOAD = ['url', 'filePath', 'name', 'header', 'formData', 'timeout', 'success', 'fail', 'complete'];
/** @type {(keyof WechatMiniprogram.ConnectSocketOption)[]} */
const SOCKET = ['url', 'header', 'protocols', 'timeout', 'success', 'fail', 'complete'];
/** @type {(keyof WechatMiniprogram.RequestPaymentOption)[]} */
const PAYMENT = ['timeStamp', 'nonceStr', 'package', 'signType', 'paySign'];
/** @type {NonNullable<WechatMiniprogram.RequestOption['method']>[]} */
const METHODS = ['OPTIONS', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'CONNECT'];

const REQUESTS = 10; // at once, of request and uploadFile together; the rest waits
const SOCKETS = 5; // at once; one more fails
const STORED = 1 << 20; // bytes under one key
const ALL = 10 << 20; // bytes under all keys
const TEMPLATES = 3; // of one dialog
const HIDDEN_MS = 5000; // that a request may go on after the mini program is hidden

/** @param {boolean} right @param {string} what */
function must(right, what) {
  if (!right) throw new Error(what);
}

/** @param {string} api @param {object} options @param {string[]} known */
function checkNames(api, options, known) {
  for (const name of Object.keys(options)) must(known.includes(name), `${api}: there is no option ${name}`);
}

/** @param {string} api @param {Record<string, unknown>} o */
function checkCall(api, o) {
  must(typeof o.url === 'string' && /^https?:\/\/[^/]/.test(o.url), `${api}: url is not absolute: ${o.url}`);
  must(o.timeout === undefined || typeof o.timeout === 'number', `${api}: timeout is not a number`);
  for (const [name, value] of Object.entries(o.header || {})) {
    must(name.toLowerCase() !== 'referer', `${api}: Referer cannot be set`);
    must(typeof value === 'string', `${api}: header ${name} is not a string`);
  }
}

/** @param {Record<string, unknown>} o */
function checkRequest(o) {
  checkNames('wx.request', o, REQUEST);
  checkCall('wx.request', o);
  const method = /** @type {any} */ (o.method || 'GET');
  must(METHODS.includes(method), `wx.request: method ${method} is not supported`);
  must(o.data === undefined || typeof o.data === 'string' || (typeof o.data === 'object' && o.data !== null), 'wx.request: data is neither text nor an object');
}

/** @param {Record<string, unknown>} o */
function checkUpload(o) {
  checkNames('wx.uploadFile', o, UPLOAD);
  checkCall('wx.uploadFile', o);
  must(typeof o.filePath === 'string' && o.filePath !== '', 'wx.uploadFile: filePath is missing');
  must(typeof o.name === 'string' && o.name !== '', 'wx.uploadFile: name is missing');
}

/** @param {Record<string, unknown>} o */
function checkSocket(o) {
  checkNames('wx.connectSocket', o, SOCKET);
  must(typeof o.url === 'string' && /^wss?:\/\/[^/]/.test(o.url), `wx.connectSocket: url is not ws: ${o.url}`);
}

/** @param {Record<string, unknown>} o */
function checkPayment(o) {
  for (const name of PAYMENT) must(typeof o[name] === 'string' && o[name] !== '', `requestPayment:fail parameter error: ${name} should be String`);
}

/** @type {(keyof WechatMiniprogram.RequestVirtualPaymentOption)[]} */
const VIRTUAL = ['signData', 'mode', 'paySig', 'signature'];

/** @param {Record<string, unknown>} o */
function checkVirtual(o) {
  for (const name of VIRTUAL) must(typeof o[name] === 'string' && o[name] !== '', `requestVirtualPayment:fail parameter error: ${name} should be String`);
}

/** @param {Record<string, unknown>} o */
function checkTemplates(o) {
  const ids = /** @type {unknown} */ (o.tmplIds);
  must(Array.isArray(ids) && ids.length > 0 && ids.length <= TEMPLATES, `wx.requestSubscribeMessage: 1 to ${TEMPLATES} templates`);
}

/** @param {unknown} value */
function bytesOf(value) {
  const text = JSON.stringify(value);
  must(text !== undefined, 'setStorageSync:fail data is not stored as JSON');
  return Buffer.byteLength(text);
}

/** Line lets ten calls run at once and keeps the rest waiting. */
class Line {
  constructor() {
    this.running = 0;
    /** @type {(() => void)[]} */
    this.waiting = [];
    this.most = 0;
  }

  /** @param {() => void} start */
  take(start) {
    if (this.running >= REQUESTS) return void this.waiting.push(start);
    this.running++;
    this.most = Math.max(this.most, this.running);
    return start();
  }

  done() {
    this.running--;
    const next = this.waiting.shift();
    if (next) this.take(next);
  }
}

/**
 * strict wraps a wx; clock gives the timers by which a hidden mini program loses its requests. What it refuses by throwing is a mistake of
 * the program, the rest fails as on a phone. `limits` tells {most}: how many calls ran at once.
 * @param {any} wx @param {Clock} [clock]
 */
function strict(wx, clock) {
  const line = new Line();
  const timers = clock || { setTimeout };
  const state = { hidden: false, sockets: 0, running: new Set(), sizes: new Map() };
  if (wx.onAppHide) wx.onAppHide(() => hide(state, timers));
  if (wx.onAppShow) wx.onAppShow(() => (state.hidden = false));
  return Object.assign({}, wx, {
    limits: line,
    request: /** @param {any} o */ (o) => (checkRequest(o), limited(state, line, wx, 'request', o)),
    uploadFile: /** @param {any} o */ (o) => (checkUpload(o), limited(state, line, wx, 'uploadFile', o)),
    connectSocket: /** @param {any} o */ (o) => (checkSocket(o), socket(state, wx, o)),
    setStorageSync: /** @param {string} key @param {unknown} value */ (key, value) => {
      must(typeof key === 'string' && key !== '', 'setStorageSync:fail key is empty');
      const bytes = bytesOf(value);
      must(bytes <= STORED, 'setStorageSync:fail entry size limit reached');
      state.sizes.set(key, bytes);
      must([...state.sizes.values()].reduce((a, b) => a + b, 0) <= ALL, 'setStorageSync:fail storage limit reached');
      wx.setStorageSync(key, value);
    },
    removeStorageSync: /** @param {string} key */ (key) => {
      state.sizes.delete(key);
      wx.removeStorageSync(key);
    },
    requestPayment: /** @param {any} o */ (o) => (checkPayment(o), wx.requestPayment(o)),
    requestVirtualPayment: /** @param {any} o */ (o) => (checkVirtual(o), wx.requestVirtualPayment(o)),
    requestSubscribeMessage: /** @param {any} o */ (o) => (checkTemplates(o), wx.requestSubscribeMessage(o)),
  });
}

/** @param {{hidden: boolean, running: Set<any>}} state @param {Clock} timers */
function hide(state, timers) {
  state.hidden = true;
  timers.setTimeout(() => {
    if (state.hidden) for (const call of Array.from(state.running)) call.interrupt();
  }, HIDDEN_MS);
}

/** limited gives a task at once and makes the call when there is a place; @param {any} state @param {Line} line @param {any} wx @param {string} name @param {any} o */
function limited(state, line, wx, name, o) {
  /** @type {{task: any, over: boolean, wanted: [string, any][], interrupt: () => void}} */
  const call = { task: null, over: false, wanted: [], interrupt: () => {} };
  /** @param {'success' | 'fail'} how @param {boolean} started */
  const end = (how, started) => (/** @type {any} */ res) => {
    if (call.over) return;
    call.over = true;
    state.running.delete(call);
    if (started) line.done();
    if (o[how]) o[how](res);
    if (o.complete) o.complete(res);
  };
  const fail = /** @param {string} why @param {boolean} started */ (why, started) => setImmediate(() => end('fail', started)({ errMsg: `${name}:fail ${why}` }));
  call.interrupt = () => {
    const { task } = call;
    end('fail', task !== null)({ errMsg: `${name}:fail interrupted` });
    if (task) task.abort();
  };
  if (state.hidden) fail('interrupted', false);
  else {
    state.running.add(call);
    line.take(() => {
      if (call.over) return line.done();
      call.task = wx[name](Object.assign({}, o, { success: end('success', true), fail: end('fail', true), complete: undefined })) || {};
      for (const [method, fn] of call.wanted) call.task[method](fn);
      return undefined;
    });
  }
  return taskOf(call, end, wx, name);
}

/** @param {any} call @param {any} end @param {any} wx @param {string} name */
function taskOf(call, end, wx, name) {
  const later = (/** @type {string} */ method) => (/** @type {any} */ fn) => (call.task ? call.task[method](fn) : call.wanted.push([method, fn]));
  /** @type {Record<string, any>} */
  const task = {
    abort: () => {
      if (call.task) call.task.abort();
      else end('fail', false)({ errMsg: `${name}:fail abort` });
    },
  };
  const methods = name === 'uploadFile' ? ['onProgressUpdate'] : ['onChunkReceived', 'offChunkReceived', 'onHeadersReceived', 'offHeadersReceived'];
  if (!wx.oldVersion) for (const method of methods) task[method] = later(method);
  return task;
}

/** @param {any} state @param {any} wx @param {any} o */
function socket(state, wx, o) {
  if (state.sockets >= SOCKETS) {
    if (o.fail) setImmediate(() => o.fail({ errMsg: `connectSocket:fail exceed max task count ${SOCKETS}` }));
    return undefined;
  }
  state.sockets++;
  const task = wx.connectSocket(o);
  let open = true;
  const gone = () => {
    if (open) state.sockets--;
    open = false;
  };
  task.onClose(gone);
  task.onError(gone);
  return task;
}

module.exports = { strict, REQUESTS, SOCKETS, STORED, METHODS };

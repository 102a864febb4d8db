/** What libraries written for browsers ask for and a mini program has not got, made of wx.* alone. No global is touched. */
import { createParser } from './sse.js';

function aborted() {
  const err = new Error('The request was aborted.');
  err.name = 'AbortError';
  return err;
}

class AbortSignal {
  constructor() {
    this.aborted = false;
    this.listeners = new Set();
  }

  addEventListener(type, fn) {
    this.listeners.add(fn);
  }

  removeEventListener(type, fn) {
    this.listeners.delete(fn);
  }
}

export class AbortController {
  constructor() {
    this.signal = new AbortSignal();
  }

  abort() {
    if (this.signal.aborted) return;
    this.signal.aborted = true;
    for (const fn of Array.from(this.signal.listeners)) fn();
  }
}

/** answerOf is as much of a Response as a REST client reads. */
function answerOf(url, res) {
  const headers = {};
  for (const name of Object.keys(res.header || {})) headers[name.toLowerCase()] = String(res.header[name]);
  const text = typeof res.data === 'string' ? res.data : JSON.stringify(res.data);
  return {
    url,
    status: res.statusCode,
    ok: res.statusCode >= 200 && res.statusCode < 300,
    headers: { get: (name) => (name.toLowerCase() in headers ? headers[name.toLowerCase()] : null) },
    text: () => Promise.resolve(text),
    json: () => Promise.resolve(text).then(JSON.parse),
  };
}

/** methodOf says PATCH, which WeChat does not send, in a header that wxbase understands. */
function methodOf(config) {
  const { method, headers } = config;
  if (method !== 'PATCH') return { method: method || 'GET', header: headers || {} };
  return { method: 'POST', header: Object.assign({}, headers, { 'X-HTTP-Method-Override': 'PATCH' }) };
}

/** createFetch makes a fetch for text and JSON bodies. note: WeChat sends no FormData. */
export function createFetch(wx) {
  return function fetch(url, config) {
    const o = config || {};
    const { signal } = o;
    return new Promise((resolve, reject) => {
      if (signal && signal.aborted) return void reject(aborted());
      const settle = (fn, value) => {
        if (signal) signal.removeEventListener('abort', onAbort);
        fn(value);
      };
      const { method, header } = methodOf(o);
      const task = wx.request({
        url,
        method,
        header,
        data: o.body,
        dataType: 'text', // anything but json leaves the text alone
        success: (res) => settle(resolve, answerOf(url, res)),
        fail: (err) => settle(reject, signal && signal.aborted ? aborted() : new Error((err && err.errMsg) || 'network failed')),
      });
      function onAbort() {
        if (task && task.abort) task.abort();
        settle(reject, aborted());
      }
      if (signal) signal.addEventListener('abort', onAbort);
      return undefined;
    });
  };
}

/**
 * createEventSource makes an EventSource class over chunked requests. It does not reconnect: at 60 s, in the background
 * and after idleTimeout of silence it calls onerror, and whoever made it decides.
 */
export function createEventSource(wx, idleTimeout) {
  return class EventSource {
    constructor(url) {
      this.url = url;
      this.readyState = 0;
      this.listeners = {};
      const push = createParser((e) => this.emit({ type: e.event, data: e.data, lastEventId: e.id }));
      this.task = wx.request({
        url,
        enableChunked: true,
        timeout: 300000,
        header: { Accept: 'text/event-stream' },
        success: () => this.end('closed by the server'),
        fail: (err) => this.end((err && err.errMsg) || 'network failed'),
      });
      if (!this.task || !this.task.onChunkReceived) throw new Error('wx.request has no onChunkReceived (base library 2.20.1)');
      this.task.onChunkReceived((res) => {
        this.watch();
        push(res.data);
      });
      this.watch();
    }

    watch() {
      clearTimeout(this.watchdog);
      if (this.readyState === 2) return;
      this.watchdog = setTimeout(() => {
        this.task.abort();
        this.end('silence');
      }, idleTimeout || 40000);
    }

    emit(event) {
      if (this.readyState === 2) return;
      this.readyState = 1;
      for (const fn of Array.from(this.listeners[event.type] || [])) fn(event);
      if (event.type === 'message' && this.onmessage) this.onmessage(event);
    }

    end(message) {
      clearTimeout(this.watchdog);
      if (this.readyState === 2) return;
      this.readyState = 2;
      if (this.onerror) this.onerror({ type: 'error', message });
    }

    close() {
      this.readyState = 2;
      clearTimeout(this.watchdog);
      this.task.abort();
    }

    addEventListener(type, fn) {
      const all = this.listeners[type] || (this.listeners[type] = new Set());
      all.add(fn);
    }

    removeEventListener(type, fn) {
      if (this.listeners[type]) this.listeners[type].delete(fn);
    }
  };
}

/**
 * createPlatform gives all of it by the names of the browser, for a bundler that can put names into a library
 * (webpack's ProvidePlugin, esbuild's inject): the unmodified PocketBase SDK runs on it as it is.
 */
export function createPlatform(wx, options) {
  const localStorage = {
    getItem: (key) => wx.getStorageSync(key) || null,
    setItem: (key, value) => wx.setStorageSync(key, value),
    removeItem: (key) => wx.removeStorageSync(key),
  };
  return {
    fetch: createFetch(wx),
    AbortController,
    EventSource: createEventSource(wx, options && options.idleTimeout),
    queueMicrotask: (fn) => void Promise.resolve().then(fn),
    localStorage,
    window: { localStorage },
  };
}

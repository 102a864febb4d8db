/** The unmodified PocketBase JavaScript SDK in a mini program: over wx.* instead of a browser, without a build step. */
import { faults } from './errors.js';
import { AbortController, createFetch, createPlatform } from './platform.js';
import { Realtime } from './realtime.js';

const STORAGE_KEY = 'pocketbase_auth';

/** remember keeps the token and the record in wx storage, as the SDK keeps them in a browser's. */
function remember(pb, wx) {
  const kept = wx.getStorageSync(STORAGE_KEY);
  if (kept && kept.token) pb.authStore.save(kept.token, kept.record);
  pb.authStore.onChange((token, record) => {
    if (token) wx.setStorageSync(STORAGE_KEY, { token, record });
    else wx.removeStorageSync(STORAGE_KEY);
  });
}

/** cancellable does the SDK's auto-cancellation with our own AbortController: the SDK would look for a global one. */
function cancellable(pb, path, o) {
  const key = o.requestKey || o.$cancelKey || (o.method || 'GET') + path;
  const off = o.requestKey === null || o.$autoCancel === false || !pb.enableAutoCancellation;
  if (off) return Object.assign({}, o, { requestKey: null });
  pb.cancelRequest(key);
  const controller = new AbortController();
  pb.cancelControllers[key] = controller;
  return Object.assign({}, o, { requestKey: null, signal: controller.signal });
}

/** keyOf is a topic with its options, spelled as the SDK spells it. */
function keyOf(topic, query, headers) {
  if (Object.keys(query).length === 0 && !headers) return topic;
  return topic + (topic.includes('?') ? '&' : '?') + 'options=' + encodeURIComponent(JSON.stringify({ query, headers }));
}

/** Channel is pb.realtime: the SDK's own methods, over one chunked request that survives cuts and resumes rooms. */
class Channel {
  constructor(pb, wx, options) {
    const host = {
      ...faults,
      wx,
      origin: pb.baseURL.replace(/\/+$/, ''),
      quietMs: options.idleTimeout || 40000,
      request: (path, o) => pb.send(path, { method: o.method, body: o.data, requestKey: null }),
      guard: (fn) => fn(),
      emit: (event, err) => options.onError && options.onError(err),
    };
    this.link = new Realtime(host);
    this.onConnect = new Set();
    if (wx.onAppHide) wx.onAppHide(() => this.link.setHidden(true));
    if (wx.onAppShow) wx.onAppShow(() => this.link.setHidden(false));
    let user = pb.authStore.record && pb.authStore.record.id;
    pb.authStore.onChange((token, record) => {
      const now = record && record.id;
      if (now !== user) this.link.reauth(!user);
      user = now;
    });
  }

  get isConnected() {
    return !!this.link.conn && !!this.link.conn.ready;
  }

  get clientId() {
    return (this.link.conn && this.link.conn.clientId) || '';
  }

  /** subscribe resolves when the server has accepted the topic and rejects when it has refused. */
  subscribe(topic, callback, options) {
    if (!topic) return Promise.reject(new Error('topic must be set.'));
    if (topic === 'PB_CONNECT') {
      this.onConnect.add(callback);
      return Promise.resolve(() => Promise.resolve(this.onConnect.delete(callback)));
    }
    const o = options || {};
    const query = Object.assign({}, o.query);
    const { after } = query;
    delete query.after;
    return new Promise((resolve, reject) => {
      const sub = { topic: keyOf(topic, query, o.headers), after, handler: callback, onReconnect: () => this.connected() };
      const off = this.link.add(sub);
      sub.onReady = () => {
        this.connected();
        resolve(() => Promise.resolve(off()));
      };
      sub.onError = (err) => {
        if (sub.ready || !(err.status >= 400 || err.code === 'realtime_unsupported')) return; // it will be tried again
        off();
        reject(err);
      };
    });
  }

  /** connected tells whoever subscribed to PB_CONNECT, once per connection. */
  connected() {
    if (this.told === this.link.conn) return;
    this.told = this.link.conn;
    for (const fn of Array.from(this.onConnect)) fn({ clientId: this.clientId });
  }

  async take(matches) {
    for (const sub of Array.from(this.link.subs)) if (matches(sub)) this.link.remove(sub);
  }

  unsubscribe(topic) {
    return this.take((sub) => !topic || sub.topic === topic || sub.topic.startsWith(topic + '?'));
  }

  unsubscribeByPrefix(prefix) {
    return this.take((sub) => (sub.topic + '?').startsWith(prefix));
  }

  unsubscribeByTopicAndListener(topic, callback) {
    return this.take((sub) => sub.handler === callback && (sub.topic === topic || sub.topic.startsWith(topic + '?')));
  }
}

/**
 * createPocketBase makes a client of the SDK that works in a mini program: CRUD, auth kept in storage, auto-cancellation,
 * realtime. PocketBase is what require('pocketbase') gives (dist/pocketbase.cjs.js; tried with 0.28).
 * note: files in a body cannot work (wx.uploadFile sends those).
 */
export function createPocketBase(PocketBase, baseURL, wx, options) {
  const pb = new PocketBase(baseURL);
  const send = pb.send.bind(pb);
  const fetch = createFetch(wx);
  pb.send = (path, o) => send(path, Object.assign({ fetch }, cancellable(pb, path, o || {})));
  remember(pb, wx);
  pb.realtime = new Channel(pb, wx, options || {});
  return pb;
}

export { createPlatform };

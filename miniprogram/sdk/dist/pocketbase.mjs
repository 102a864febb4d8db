/*! wxbase-miniprogram, MIT licence. Built from miniprogram/sdk/src by `npm run build`; change it there. */

// src/errors.js
var WxbaseError = class extends Error {
  constructor(status, code, message, data, detail) {
    super(message);
    Object.assign(this, { name: "WxbaseError", status, code, data: data || {}, detail: detail || "" });
  }
};
var TOO_OLD = "微信版本过低，请升级|WeChat is too old.";
var sentences = {
  network: "网络不可用，请检查网络后重试|No network. Try again.",
  timeout: "网络超时，请稍后重试|Timed out. Try again.",
  aborted: "已取消|Aborted.",
  queued: "网络恢复后会自动提交|Sent when the network is back.",
  wx_login_failed: "微信登录失败，请重试|Login failed. Try again.",
  logged_out: "已退出登录|Logged out.",
  phone_denied: "未授权手机号|No phone number given.",
  privacy_denied: "未同意隐私保护指引|Privacy guide not accepted.",
  privacy_undeclared: "隐私保护指引未声明此项信息|Not in the privacy guide.",
  subscribe_refused: "订阅消息已关闭，请在设置中打开|Messages are switched off.",
  pay_failed: "支付未完成，请重试|Payment failed. Try again.",
  transfer_unsupported: TOO_OLD,
  realtime_unsupported: TOO_OLD,
  http_401: "请先登录|Log in first.",
  http_403: "没有权限|Not allowed.",
  http_404: "内容不存在|Not found.",
  http_413: "内容过大|Too large.",
  http_429: "操作太频繁，请稍后再试|Too many requests. Try again.",
  http_5xx: "服务器繁忙，请稍后重试|Server busy. Try again."
};
function sentence(lang, key) {
  return (sentences[key] || "|").split("|")[lang === "en" ? 1 : 0];
}
var faults = {
  fault(code, detail, data) {
    return new WxbaseError(0, code, sentence(this.language, code) || detail || code, data, detail);
  },
  /** failed reads what the fail callback of a network call got. */
  failed(err) {
    const said = err && err.errMsg || "";
    return this.fault(/abort/.test(said) ? "aborted" : /time ?out/i.test(said) ? "timeout" : "network", said);
  }
};
function errorFrom(res, lang) {
  const status = +res.statusCode;
  const b = objectOf(res.data);
  const data = objectOf(b.data);
  const own = typeof data.code === "string";
  const code = own ? data.code : firstFieldCode(data) || "http_" + status;
  const general = sentence(lang, status > 499 ? "http_5xx" : "http_" + status);
  const message = own ? b.message : general || b.message;
  return new WxbaseError(status, code, message || general || "HTTP " + status, data, b.message);
}
function objectOf(value) {
  return value && typeof value === "object" ? value : {};
}
function firstFieldCode(data) {
  const field = Object.values(data).find((about) => about && typeof about.code === "string");
  return field && field.code;
}

// src/sse.js
var MAX_LINE = 1 << 20;
var CHARACTER = /%[0-7].|%[cd].%[89ab].|%e.(?:%[89ab].){2}|%f.(?:%[89ab].){3}|%../g;
function character(escaped) {
  try {
    return decodeURIComponent(escaped);
  } catch (e) {
    return escaped.replace(/%../g, "�");
  }
}
function utf8(bytes) {
  let escaped = "";
  for (const b of bytes) escaped += (b < 16 ? "%0" : "%") + b.toString(16);
  return escaped.replace(CHARACTER, character);
}
function createParser(onEvent) {
  let line = [];
  let message = { id: "", event: "", data: [] };
  function take(text) {
    if (text === "") return dispatch();
    const at = text.indexOf(":");
    if (at === 0) return void 0;
    const field = at < 0 ? text : text.slice(0, at);
    const value = at < 0 ? "" : text.slice(at + 1).replace(/^ /, "");
    if (field === "data") message.data.push(value);
    else if (field === "id" || field === "event") message[field] = value;
    return void 0;
  }
  function dispatch() {
    const done = message;
    message = { id: "", event: "", data: [] };
    if (done.data.length > 0) onEvent({ id: done.id, event: done.event || "message", data: done.data.join("\n") });
  }
  return function push(chunk) {
    const bytes = new Uint8Array(chunk);
    for (let i = 0; i < bytes.length; i++) {
      if (bytes[i] !== 10) {
        line.push(bytes[i]);
        continue;
      }
      if (line[line.length - 1] === 13) line.pop();
      const whole = line;
      line = [];
      take(utf8(whole));
    }
    if (line.length > MAX_LINE) throw new WxbaseError(0, "realtime_overflow", "line over 1 MiB");
  };
}

// src/platform.js
function aborted() {
  const err = new Error("The request was aborted.");
  err.name = "AbortError";
  return err;
}
var AbortSignal = class {
  constructor() {
    this.aborted = false;
    this.listeners = /* @__PURE__ */ new Set();
  }
  addEventListener(type, fn) {
    this.listeners.add(fn);
  }
  removeEventListener(type, fn) {
    this.listeners.delete(fn);
  }
};
var AbortController = class {
  constructor() {
    this.signal = new AbortSignal();
  }
  abort() {
    if (this.signal.aborted) return;
    this.signal.aborted = true;
    for (const fn of Array.from(this.signal.listeners)) fn();
  }
};
function answerOf(url, res) {
  const headers = {};
  for (const name of Object.keys(res.header || {})) headers[name.toLowerCase()] = String(res.header[name]);
  const text = typeof res.data === "string" ? res.data : JSON.stringify(res.data);
  return {
    url,
    status: res.statusCode,
    ok: res.statusCode >= 200 && res.statusCode < 300,
    headers: { get: (name) => name.toLowerCase() in headers ? headers[name.toLowerCase()] : null },
    text: () => Promise.resolve(text),
    json: () => Promise.resolve(text).then(JSON.parse)
  };
}
function methodOf(config) {
  const { method, headers } = config;
  if (method !== "PATCH") return { method: method || "GET", header: headers || {} };
  return { method: "POST", header: Object.assign({}, headers, { "X-HTTP-Method-Override": "PATCH" }) };
}
function createFetch(wx) {
  return function fetch(url, config) {
    const o = config || {};
    const { signal } = o;
    return new Promise((resolve, reject) => {
      if (signal && signal.aborted) return void reject(aborted());
      const settle = (fn, value) => {
        if (signal) signal.removeEventListener("abort", onAbort);
        fn(value);
      };
      const { method, header } = methodOf(o);
      const task = wx.request({
        url,
        method,
        header,
        data: o.body,
        dataType: "text",
        // anything but json leaves the text alone
        success: (res) => settle(resolve, answerOf(url, res)),
        fail: (err) => settle(reject, signal && signal.aborted ? aborted() : new Error(err && err.errMsg || "network failed"))
      });
      function onAbort() {
        if (task && task.abort) task.abort();
        settle(reject, aborted());
      }
      if (signal) signal.addEventListener("abort", onAbort);
      return void 0;
    });
  };
}
function createEventSource(wx, idleTimeout) {
  return class EventSource {
    constructor(url) {
      this.url = url;
      this.readyState = 0;
      this.listeners = {};
      const push = createParser((e) => this.emit({ type: e.event, data: e.data, lastEventId: e.id }));
      this.task = wx.request({
        url,
        enableChunked: true,
        timeout: 3e5,
        header: { Accept: "text/event-stream" },
        success: () => this.end("closed by the server"),
        fail: (err) => this.end(err && err.errMsg || "network failed")
      });
      if (!this.task || !this.task.onChunkReceived) throw new Error("wx.request has no onChunkReceived (base library 2.20.1)");
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
        this.end("silence");
      }, idleTimeout || 4e4);
    }
    emit(event) {
      if (this.readyState === 2) return;
      this.readyState = 1;
      for (const fn of Array.from(this.listeners[event.type] || [])) fn(event);
      if (event.type === "message" && this.onmessage) this.onmessage(event);
    }
    end(message) {
      clearTimeout(this.watchdog);
      if (this.readyState === 2) return;
      this.readyState = 2;
      if (this.onerror) this.onerror({ type: "error", message });
    }
    close() {
      this.readyState = 2;
      clearTimeout(this.watchdog);
      this.task.abort();
    }
    addEventListener(type, fn) {
      const all = this.listeners[type] || (this.listeners[type] = /* @__PURE__ */ new Set());
      all.add(fn);
    }
    removeEventListener(type, fn) {
      if (this.listeners[type]) this.listeners[type].delete(fn);
    }
  };
}
function createPlatform(wx, options) {
  const localStorage = {
    getItem: (key) => wx.getStorageSync(key) || null,
    setItem: (key, value) => wx.setStorageSync(key, value),
    removeItem: (key) => wx.removeStorageSync(key)
  };
  return {
    fetch: createFetch(wx),
    AbortController,
    EventSource: createEventSource(wx, options && options.idleTimeout),
    queueMicrotask: (fn) => void Promise.resolve().then(fn),
    localStorage,
    window: { localStorage }
  };
}

// src/promised.js
var enc = encodeURIComponent;

// src/link.js
var Link = class {
  constructor(host) {
    this.host = host;
    this.subs = /* @__PURE__ */ new Set();
    this.positions = {};
    this.attempts = 0;
    this.conn = null;
    this.timer = null;
  }
  /** add takes {topic, handler, after?, onReady?, onReconnect?, onError?} and gives the function that takes it away. */
  add(sub) {
    const known = this.topics().includes(sub.topic);
    if (!known && sub.after !== void 0) this.positions[sub.topic] = +sub.after;
    this.subs.add(sub);
    if (this.conn) this.flush(this.conn);
    else this.plan(0);
    return () => this.remove(sub);
  }
  remove(sub) {
    if (!this.subs.delete(sub)) return;
    if (!this.topics().includes(sub.topic)) {
      delete this.positions[sub.topic];
      if (this.conn) delete this.conn.spelled[sub.topic];
    }
    if (this.subs.size === 0) this.stop();
    else if (this.conn) this.flush(this.conn);
  }
  topics() {
    return Array.from(new Set(Array.from(this.subs, (s) => s.topic)));
  }
  /** plan connects after a pause, unless a connection is open or planned. */
  plan(ms) {
    if (this.timer || this.conn || this.hidden || this.subs.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.start();
    }, ms);
  }
  async start() {
    const conn = { spelled: {}, task: null, watchdog: null };
    this.conn = conn;
    if (this.renew) await this.host.login().catch((err) => this.report(err));
    this.renew = false;
    if (this.conn === conn) this.connect(conn);
  }
  /** watch restarts the idle timer. note: iOS calls nothing back when the network dies in mid-stream. */
  watch(conn, ms) {
    clearTimeout(conn.watchdog);
    conn.watchdog = setTimeout(() => this.drop(conn, null), ms);
  }
  /** listening lists who listens to a topic, or to any. */
  listening(topic) {
    return Array.from(this.subs).filter((s) => !topic || s.topic === topic);
  }
  /** deliver hands a message to all who listen to a topic, and remembers how far a room was read. */
  deliver(topic, message) {
    const subs = this.listening(topic);
    if (subs.length > 0 && message && message.seq > 0 && topic.startsWith("rooms/")) this.positions[topic] = message.seq;
    for (const sub of subs) this.call(sub.handler, message);
  }
  /** call keeps one subscriber's mistake from the others and from the stream. */
  call(fn, value) {
    try {
      if (fn) fn(value);
    } catch (err) {
      this.report(this.host.fault("handler_failed", "" + err));
    }
  }
  /** settled: the server has taken the whole list of topics. */
  settled(conn) {
    const again = this.everReady && !conn.ready;
    this.everReady = true;
    if (!conn.ready) conn.readyAt = Date.now();
    conn.ready = true;
    for (const sub of this.listening()) {
      if (!sub.ready) this.call(sub.onReady);
      else if (again) this.call(sub.onReconnect);
      sub.ready = true;
    }
    for (const topic of this.topics()) this.learn(topic);
  }
  /** learn asks where a room stands that has said nothing yet, so that a cut before its first message loses nothing either. */
  async learn(topic) {
    if (!topic.startsWith("rooms/") || this.positions[topic] !== void 0) return;
    const path = "/api/wx/rooms/" + enc(topic.slice(6)) + "/messages?limit=1";
    const answer = await this.host.request(path, {}).catch(() => null);
    if (answer && answer.newest >= 0 && this.positions[topic] === void 0 && this.topics().includes(topic)) this.positions[topic] = answer.newest;
  }
  /** ended handles a connection that is over; a cut after a good one is no error, only a reason to reconnect. */
  ended(conn, why) {
    if (this.conn !== conn) return;
    clearTimeout(conn.watchdog);
    this.conn = null;
    if (why && !conn.ready) this.report(why);
    this.plan(this.pause(conn.ready && Date.now() - conn.readyAt > 5e3));
  }
  /** pause is short after a connection that served well, else it doubles from 0.5 s to 30 s, never the same for all. */
  pause(wasGood) {
    if (wasGood) {
      this.attempts = 0;
      return 300 * Math.random();
    }
    const ms = Math.min(3e4, 500 << this.attempts);
    this.attempts = Math.min(this.attempts + 1, 6);
    return ms * (0.5 + Math.random() / 2);
  }
  drop(conn, why) {
    if (this.conn !== conn) return;
    if (why && conn.ready) this.report(why);
    this.ended(conn, why);
    this.abort(conn);
  }
  /** reauth follows a login or a logout. */
  reauth() {
    if (this.conn && this.subs.size > 0) this.restart();
  }
  restart() {
    this.stop();
    this.plan(0);
  }
  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    const conn = this.conn;
    this.conn = null;
    if (!conn) return;
    clearTimeout(conn.watchdog);
    this.abort(conn);
  }
  /** wake tries again at once when the phone has found a network. */
  wake() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.timer = null;
    this.attempts = 0;
    this.plan(0);
  }
  setHidden(hidden) {
    this.hidden = hidden;
    if (hidden) this.stop();
    else this.plan(0);
  }
  report(err, topic) {
    for (const sub of this.listening(topic)) this.host.guard(() => sub.onError && sub.onError(err));
    this.host.emit("error", err);
  }
};

// src/realtime.js
var Realtime = class extends Link {
  connect(conn) {
    const end = (why) => this.ended(conn, why);
    const push = createParser((event) => this.conn === conn && this.receive(conn, event));
    const task = this.host.wx.request({
      url: this.host.origin + "/api/realtime",
      enableChunked: true,
      timeout: 3e5,
      // most clients cut at 60 s whatever is asked for
      header: { Accept: "text/event-stream" },
      success: (res) => end(+res.statusCode === 200 ? null : errorFrom(res, this.host.language)),
      fail: (err) => end(this.host.failed(err))
    });
    if (!task || !task.onChunkReceived) {
      this.stop();
      this.report(this.host.fault("realtime_unsupported", "no onChunkReceived"));
      return;
    }
    conn.task = task;
    this.watch(conn, this.host.quietMs);
    task.onChunkReceived((res) => {
      if (this.conn !== conn) return;
      this.watch(conn, this.host.quietMs);
      try {
        push(res.data);
      } catch (err) {
        this.drop(conn, err);
      }
    });
  }
  abort(conn) {
    if (conn.task) conn.task.abort();
  }
  receive(conn, event) {
    if (event.event === "PB_CONNECT") {
      conn.clientId = event.id || JSON.parse(event.data).clientId;
      this.flush(conn);
      return;
    }
    let data = event.data;
    try {
      data = JSON.parse(event.data);
    } catch (e) {
    }
    const topic = Object.keys(conn.spelled).find((t) => conn.spelled[t] === event.event);
    if (topic) this.deliver(topic, data);
  }
  /**
   * key is a topic as the server is asked for it: with the number of the last message read, where one is known.
   * It stays the same as long as a connection does, since another key would be another subscription.
   */
  key(conn, topic) {
    const after = this.positions[topic];
    if (conn.spelled[topic] === void 0) {
      const options = after === void 0 ? "" : "?options=" + enc(JSON.stringify({ query: { after: String(after) } }));
      conn.spelled[topic] = topic + options;
    }
    return conn.spelled[topic];
  }
  /** flush sends the whole list of topics; one such request at a time, the latest list wins. */
  async flush(conn) {
    if (!conn.clientId) return;
    if (conn.posting) {
      conn.dirty = true;
      return;
    }
    conn.posting = true;
    conn.dirty = false;
    try {
      const data = { clientId: conn.clientId, subscriptions: this.topics().map((topic) => this.key(conn, topic)) };
      await this.host.request("/api/realtime", { method: "POST", data });
      conn.posting = false;
      if (this.conn !== conn) return;
      if (conn.dirty) this.flush(conn);
      else this.settled(conn);
    } catch (err) {
      conn.posting = false;
      this.drop(conn, err);
    }
  }
  /** reauth: PocketBase lets a stream rise from guest to user, anything else needs a new one. */
  reauth(wasGuest) {
    const conn = this.conn;
    if (wasGuest && conn && conn.clientId) this.flush(conn);
    else super.reauth();
  }
};

// src/pocketbase.js
var STORAGE_KEY = "pocketbase_auth";
function remember(pb, wx) {
  const kept = wx.getStorageSync(STORAGE_KEY);
  if (kept && kept.token) pb.authStore.save(kept.token, kept.record);
  pb.authStore.onChange((token, record) => {
    if (token) wx.setStorageSync(STORAGE_KEY, { token, record });
    else wx.removeStorageSync(STORAGE_KEY);
  });
}
function cancellable(pb, path, o) {
  const key = o.requestKey || o.$cancelKey || (o.method || "GET") + path;
  const off = o.requestKey === null || o.$autoCancel === false || !pb.enableAutoCancellation;
  if (off) return Object.assign({}, o, { requestKey: null });
  pb.cancelRequest(key);
  const controller = new AbortController();
  pb.cancelControllers[key] = controller;
  return Object.assign({}, o, { requestKey: null, signal: controller.signal });
}
function keyOf(topic, query, headers) {
  if (Object.keys(query).length === 0 && !headers) return topic;
  return topic + (topic.includes("?") ? "&" : "?") + "options=" + encodeURIComponent(JSON.stringify({ query, headers }));
}
var Channel = class {
  constructor(pb, wx, options) {
    const host = {
      ...faults,
      wx,
      origin: pb.baseURL.replace(/\/+$/, ""),
      quietMs: options.idleTimeout || 4e4,
      request: (path, o) => pb.send(path, { method: o.method, body: o.data, requestKey: null }),
      guard: (fn) => fn(),
      emit: (event, err) => options.onError && options.onError(err)
    };
    this.link = new Realtime(host);
    this.onConnect = /* @__PURE__ */ new Set();
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
    return this.link.conn && this.link.conn.clientId || "";
  }
  /** subscribe resolves when the server has accepted the topic and rejects when it has refused. */
  subscribe(topic, callback, options) {
    if (!topic) return Promise.reject(new Error("topic must be set."));
    if (topic === "PB_CONNECT") {
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
        if (sub.ready || !(err.status >= 400 || err.code === "realtime_unsupported")) return;
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
    return this.take((sub) => !topic || sub.topic === topic || sub.topic.startsWith(topic + "?"));
  }
  unsubscribeByPrefix(prefix) {
    return this.take((sub) => (sub.topic + "?").startsWith(prefix));
  }
  unsubscribeByTopicAndListener(topic, callback) {
    return this.take((sub) => sub.handler === callback && (sub.topic === topic || sub.topic.startsWith(topic + "?")));
  }
};
function createPocketBase(PocketBase, baseURL, wx, options) {
  const pb = new PocketBase(baseURL);
  const send = pb.send.bind(pb);
  const fetch = createFetch(wx);
  pb.send = (path, o) => send(path, Object.assign({ fetch }, cancellable(pb, path, o || {})));
  remember(pb, wx);
  pb.realtime = new Channel(pb, wx, options || {});
  return pb;
}
export {
  createPlatform,
  createPocketBase
};

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

// src/promised.js
function promised(wx2, name, options) {
  return new Promise((resolve, reject) => {
    wx2[name]({ ...options, success: resolve, fail: reject });
  });
}
var enc = encodeURIComponent;
function after(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
function newKey() {
  const piece = () => Math.random().toString(36).slice(2, 12);
  return Date.now().toString(36) + piece() + piece();
}

// src/calls.js
var REPEATS = 2;
var BUSY = [502, 503, 504];
function mayRepeat(err, o) {
  const safe = o.retry === void 0 ? !o.method || o.method === "GET" || o.method === "HEAD" : o.retry;
  return safe && (err.code === "network" || err.code === "timeout" || BUSY.includes(err.status));
}
function needsLogin(err, o, sent) {
  if (!sent || o.relogin === false) return false;
  return err.status === 401 || err.code === "wx_session_stale";
}
var calls = {
  /**
   * request calls the server. auth: true logs in first where there is no token, false sends none, absent sends what
   * there is. A 401 or a stale session logs in once more and repeats once.
   */
  async request(path, options) {
    const o = options || {};
    if (o.auth === true && !this.token) await this.login();
    const sent = o.auth === false ? "" : this.token;
    try {
      return await this.insist(path, o, sent);
    } catch (err) {
      if (!needsLogin(err, o, sent)) throw err;
      if (this.token === sent) await this.login();
      return this.insist(path, o, this.token);
    }
  },
  /** post is a call of ours for somebody who is logged in; twice is once where it carries a key or changes nothing. */
  post(path, data, retry) {
    return this.request("/api/wx/" + path, { method: "POST", data, auth: true, retry: !!retry });
  },
  /** insist repeats what is safe to repeat, after a pause that grows and is never the same for all. */
  async insist(path, o, token) {
    for (let i = 0; ; i++) {
      try {
        return await this.send(path, o, token);
      } catch (err) {
        if (i >= REPEATS || !mayRepeat(err, o)) throw err;
        await after((400 << i) * (0.5 + Math.random() / 2));
      }
    }
  },
  async send(path, o, token) {
    const header = this.headers(o, token);
    let method = o.method || "GET";
    if (method === "PATCH") {
      method = "POST";
      header["X-HTTP-Method-Override"] = "PATCH";
    }
    const options = { url: this.url(path), method, header, timeout: o.timeout || this.limitMs };
    if (o.data !== void 0) options.data = o.data;
    return this.finish(await this.call("request", options, o.onTask));
  },
  headers(o, token) {
    const header = { "Accept-Language": this.language === "en" ? "en" : "zh-CN", ...o.header };
    if (token) header.Authorization = token;
    return header;
  },
  /** call makes one network call of wx and hands its task to onTask. */
  call(name, options, onTask) {
    return new Promise((resolve, reject) => {
      const fail = (err) => reject(this.failed(err));
      const task = this.wx[name]({ ...options, success: resolve, fail });
      if (onTask && task) onTask(task);
    });
  },
  /** finish reads an answer. note: some phones give the status as text. */
  finish(res) {
    const status = +res.statusCode;
    if (!(status >= 200 && status < 300)) throw errorFrom(res, this.language);
    this.reached();
    return res.data;
  },
  /**
   * upload sends one file by wx.uploadFile: {filePath, name?, formData?, onProgress?(0..100), timeout?}. The promise has abort().
   * The answer is read as JSON; wx gives it as text whatever the server says it is.
   */
  upload(path, options) {
    const o = { name: "file", ...options };
    const state = { stopped: false, task: null };
    const sent = this.doUpload(path, o, state);
    sent.abort = () => {
      state.stopped = true;
      if (state.task) state.task.abort();
    };
    return sent;
  },
  async doUpload(path, o, state) {
    if (!this.token) await this.login();
    const token = this.token;
    try {
      return await this.sendFile(path, o, state, token);
    } catch (err) {
      if (err.status !== 401) throw err;
      if (this.token === token) await this.login();
      return this.sendFile(path, o, state, this.token);
    }
  },
  async sendFile(path, o, state, token) {
    if (state.stopped) throw this.fault("aborted");
    const { filePath, name, formData } = o;
    const options = { url: this.url(path), filePath, name, header: this.headers(o, token), timeout: o.timeout || 6e4 };
    if (formData) options.formData = formData;
    const res = await this.call("uploadFile", options, (task) => {
      state.task = task;
      if (o.onProgress && task.onProgressUpdate) task.onProgressUpdate((p) => this.guard(() => o.onProgress(p.progress)));
    });
    return this.finish({ ...res, data: parsed(res.data) });
  },
  /** url makes an address absolute, as <image> of a mini program needs it. */
  url(path) {
    return /^https?:\/\//.test(path) ? path : this.origin + path;
  },
  fileURL(record, filename, query) {
    const path = [record.collectionId, record.id, filename].map(enc).join("/");
    return this.url("/api/files/" + path + (query ? "?" + query : ""));
  }
};
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (e) {
    return text;
  }
}

// src/collection.js
function quote(value) {
  if (value === null || value === void 0) return "null";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = value instanceof Date ? value.toISOString().replace("T", " ") : typeof value === "string" ? value : JSON.stringify(value);
  return "'" + text.replace(/[\\']/g, "\\$&") + "'";
}
function fill(filter, params) {
  return filter.replace(/\{:(\w+)\}/g, (all, name) => {
    if (!params || !(name in params)) throw new Error("filter parameter " + name + " has no value");
    return quote(params[name]);
  });
}
function queryOf({ auth, params, filter, skipTotal, ...q }) {
  if (filter) q.filter = fill(filter, params);
  if (skipTotal) q.skipTotal = 1;
  const pairs = Object.keys(q).filter((k) => q[k] !== void 0).map((k) => k + "=" + enc(q[k]));
  return pairs.length > 0 ? "?" + pairs.join("&") : "";
}
var Collection = class {
  constructor(client, name) {
    this.client = client;
    this.name = name;
    this.path = "/api/collections/" + enc(name) + "/records";
  }
  at(id) {
    return this.path + "/" + enc(id);
  }
  async list(options) {
    const o = options || {};
    return this.client.request(this.path + queryOf(o), { auth: o.auth });
  }
  async first(filter, params, options) {
    const page = await this.list({ filter, params, perPage: 1, skipTotal: true, ...options });
    return page.items[0] || null;
  }
  async view(id, options) {
    const o = options || {};
    return this.client.request(this.at(id) + queryOf(o), { auth: o.auth });
  }
  create(data) {
    return this.client.request(this.path, { method: "POST", data });
  }
  update(id, data) {
    return this.client.request(this.at(id), { method: "PATCH", data });
  }
  async delete(id) {
    await this.client.request(this.at(id), { method: "DELETE" });
  }
  /** subscribe listens to one record, or to all with '*'. */
  subscribe(id, handler, options) {
    return this.client.subscribe(this.name + "/" + id, handler, options);
  }
};

// src/outreach.js
function sceneOf(opened) {
  const o = opened || {};
  const found = typeof opened === "string" ? opened : (o.query || {}).scene || o.scene || sceneOfPath(o.path);
  if (typeof found !== "string" || !found) return "";
  try {
    return decodeURIComponent(found);
  } catch (e) {
    return found;
  }
}
function sceneOfPath(path) {
  const found = /[?&]scene=([^&]*)/.exec(path || "");
  return found ? found[1] : "";
}
var outreach = {
  async code(options) {
    const answer = await this.post("codes", options || {}, true);
    return { ...answer, url: this.url(answer.url) };
  },
  /**
   * scene resolves what App.onLaunch, Page.onLoad or wx.scanCode got; null when there was no scene. The scan counts for the user;
   * a guest's is told to the server with the next login.
   */
  async scene(opened) {
    const scene = sceneOf(opened);
    if (!scene) return null;
    const guest = !this.token;
    const answer = await this.request("/api/wx/scenes/" + enc(scene));
    if (guest) this.opened = scene;
    return answer;
  },
  link(options) {
    return this.post("links", options, true);
  },
  /**
   * askMessages shows WeChat's dialog for subscribe messages and reports the answers; call it in a tap, before anything else is awaited.
   * A report that finds no network is sent later.
   */
  async askMessages(templateIds) {
    const res = await promised(this.wx, "requestSubscribeMessage", { tmplIds: templateIds }).catch((err) => {
      throw this.fault("subscribe_refused", err && err.errMsg, { errCode: err && err.errCode });
    });
    const answers = {};
    for (const id of templateIds) if (res[id]) answers[id] = res[id];
    const data = { answers, key: newKey() };
    if (Object.keys(answers).length > 0) {
      await this.post("consents", data, true).catch((err) => {
        if (err.status) throw err;
        this.queue.add("/api/wx/consents", data);
      });
    }
    return answers;
  },
  checkText(content, options) {
    return this.post("check/text", { content, ...options });
  },
  /** checkImage sends a picture; its outcome comes into `state` of wx_checks/{id}. */
  checkImage(filePath, options) {
    return this.upload("/api/wx/check/image", { filePath, formData: options });
  }
};

// src/people.js
var people = {
  /** login: calls made at the same time share one wx.login, since a code can be redeemed only once. */
  login(options) {
    if (!this.loggingIn) {
      const mine = this.doLogin(options || {});
      const done = () => {
        if (this.loggingIn === mine) this.loggingIn = null;
      };
      this.loggingIn = mine;
      mine.then(done, done);
    }
    return this.loggingIn;
  },
  async doLogin(options) {
    const epoch = this.epoch;
    const wasGuest = !this.token;
    const data = { code: await this.loginCode() };
    if (this.appid) data.appid = this.appid;
    const scene = options.scene || this.opened;
    if (scene) data.scene = scene;
    if (options.profile) Object.assign(data, await this.signedProfile(options.profile));
    const answer = await this.request("/api/wx/login", { method: "POST", data, auth: false, retry: true });
    if (epoch !== this.epoch) throw this.fault("logged_out", "");
    const before = this.user && this.user.id;
    this.opened = null;
    this.save(answer);
    this.emit("login", answer);
    if (wasGuest || before !== answer.record.id) this.links.forEach((link) => link.reauth(wasGuest));
    return answer;
  },
  async loginCode() {
    const res = await promised(this.wx, "login").catch((err) => err || {});
    if (!res.code) throw this.fault("wx_login_failed", res.errMsg || "no code");
    return res.code;
  },
  /** signedProfile takes the answer of wx.getUserInfo, or asks for it. NB! the server believes only what is signed. */
  async signedProfile(given) {
    const info = given === true ? await promised(this.wx, "getUserInfo", { withCredentials: true }) : given;
    const { rawData, signature, encryptedData, iv } = info;
    return { rawData, signature, encryptedData, iv };
  },
  /** refresh renews a stored token at App.onLaunch; one that the server no longer takes leads to a new login. */
  async refresh() {
    const answer = await this.request("/api/collections/users/auth-refresh", { method: "POST", data: {}, auth: true, retry: true });
    this.save(answer);
    return answer.record;
  },
  /** logout forgets the user on this phone; {everywhere: true} ends all tokens of the user on the server first. */
  async logout(options) {
    const everywhere = options && options.everywhere && this.token;
    if (everywhere) await this.request("/api/wx/logout", { method: "POST", relogin: false, retry: true });
    this.forget();
  },
  forget() {
    this.epoch++;
    this.loggingIn = null;
    this.session = { token: "", record: null };
    this.wx.removeStorageSync(this.storedAt);
    this.emit("logout");
    this.links.forEach((link) => link.reauth(false));
  },
  save({ token, record }) {
    this.session = { token, record };
    this.wx.setStorageSync(this.storedAt, this.session);
  },
  /** sessionValid asks whether the server's session key is still the phone's, before encrypted data is fetched. */
  async sessionValid() {
    return (await this.request("/api/wx/session", { auth: true })).valid;
  },
  async phone(detail) {
    const { code, encryptedData, iv, errno, errMsg } = detail || {};
    const data = code ? { code } : encryptedData ? { encryptedData, iv } : errno === 1400001 && { errno };
    if (!data) throw this.fault("phone_denied", errMsg || "no code");
    const answer = await this.post("phone", data);
    if (this.user) this.save({ token: this.token, record: { ...this.user, phone: answer.phoneNumber } });
    return answer;
  },
  /** profile saves a name, or a picture that chooseAvatar gave as a path on the phone (wx.uploadFile sends it), or both. */
  async profile(fields) {
    const name = fields.name === void 0 ? {} : { name: fields.name };
    const record = fields.avatarPath ? await this.upload("/api/wx/profile", { name: "avatar", filePath: fields.avatarPath, formData: name }) : await this.post("profile", name);
    this.save({ token: this.token, record });
    return record;
  },
  /** privacy asks for consent to the privacy guide; old versions of WeChat have none to ask for. */
  async privacy() {
    if (!this.wx.requirePrivacyAuthorize) return;
    await promised(this.wx, "requirePrivacyAuthorize").catch((err) => {
      const e = err || {};
      const undeclared = e.errno === 112 || /not declared/.test(e.errMsg);
      throw this.fault(undeclared ? "privacy_undeclared" : "privacy_denied", e.errMsg, { errno: e.errno });
    });
  }
};

// src/queue.js
var MOST = 50;
var Queue = class {
  constructor(host) {
    this.host = host;
    this.storedAt = host.storedAt + ".queue";
    this.sending = null;
    this.kept = host.wx.getStorageSync(this.storedAt) || [];
  }
  who() {
    return (this.host.user || {}).id || "";
  }
  /** add keeps a call for the user who made it. */
  add(path, data) {
    if (this.kept.length >= MOST) this.kept.shift();
    this.kept.push({ path, data, user: this.who() });
    this.store();
  }
  store() {
    if (this.kept.length > 0) this.host.wx.setStorageSync(this.storedAt, this.kept);
    else this.host.wx.removeStorageSync(this.storedAt);
  }
  /** flush sends what belongs to the user of now, in order, one flush at a time. */
  flush() {
    if (!this.sending && this.next()) {
      const done = () => {
        this.sending = null;
      };
      this.sending = this.send();
      this.sending.then(done, done);
    }
    return this.sending || Promise.resolve();
  }
  next() {
    return this.kept.find((item) => !item.user || item.user === this.who());
  }
  async send() {
    for (let item = this.next(); item; item = this.next()) {
      const told = await this.sendOne(item);
      if (!told) return;
      this.kept.splice(this.kept.indexOf(item), 1);
      this.store();
      this.host.emit("sent", told);
    }
  }
  async sendOne({ path, data }) {
    try {
      return { path, data, answer: await this.host.request(path, { method: "POST", data, auth: true, retry: false }) };
    } catch (error) {
      const later = error.status === 0 || error.status === 429 || error.status > 499;
      return later ? null : { path, data, error };
    }
  }
};

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
    const after2 = this.positions[topic];
    if (conn.spelled[topic] === void 0) {
      const options = after2 === void 0 ? "" : "?options=" + enc(JSON.stringify({ query: { after: String(after2) } }));
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

// src/room.js
var UNTOLD_MS = 3e3;
var Room = class {
  constructor(client, name, options) {
    const o = options || {};
    this.client = client;
    this.name = name;
    this.path = "/api/wx/rooms/" + enc(name);
    this.options = o;
    this.tellings = 0;
    this.off = client.linkFor(o.transport).add({
      topic: "rooms/" + name,
      after: o.after,
      handler: (message) => this.hear(message),
      onReady: () => this.ready(o.onReady),
      onReconnect: () => this.ready(o.onReconnect),
      onError: o.onError
    });
  }
  /** hear keeps the server's own event `members` apart from what people say: nobody can publish it. */
  hear(message) {
    const { onMembers, onMessage } = this.options;
    if (message.event !== "members") return onMessage && onMessage(message);
    this.tellings++;
    return onMembers && onMembers(message.payload);
  }
  ready(then) {
    if (then) then();
    if (!this.options.onMembers) return;
    const { tellings } = this;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(tellings), UNTOLD_MS);
  }
  /** look asks once who is there, where the server has not told: then it says what is wrong (a room without presence). */
  async look(tellings) {
    const untold = () => this.timer && tellings === this.tellings;
    if (!untold()) return;
    const answer = await this.members().catch((err) => this.client.emit("error", err));
    if (answer && untold()) this.client.guard(() => this.options.onMembers(answer));
  }
  members() {
    return this.client.request(this.path + "/members");
  }
  /** history gives what was said after a number, oldest first, one page at a time. */
  history(after2, limit) {
    return this.client.request(this.path + "/messages?after=" + (after2 || 0) + "&limit=" + (limit || 100));
  }
  /** publish has a key, so that a message whose answer was lost is sent again and heard once. */
  publish(event, payload) {
    return this.client.request(this.path + "/messages", { method: "POST", data: { event, payload, key: newKey() }, retry: true });
  }
  close() {
    clearTimeout(this.timer);
    this.timer = null;
    this.off();
  }
};

// src/shop.js
var PAGE = { perPage: 100, skipTotal: true };
var MINE = { ...PAGE, sort: "-@rowid", auth: true };
var PAID = ["PAID", "PART_REFUNDED", "REFUNDED"];
var isPaid = (order) => order && PAID.includes(order.payState);
var shop = {
  /** products on sale, a page at a time; a page that is not full is the last. */
  async products(options) {
    return (await this.collection("products").list({ filter: "active = true", ...PAGE, ...options })).items;
  },
  /** orders of the user, the newest first, a page at a time. */
  async orders(options) {
    return (await this.collection("orders").list({ ...MINE, ...options })).items;
  },
  order(id) {
    return this.collection("orders").view(id, { auth: true });
  },
  /** refunds of one order of the user. */
  async refunds(orderId) {
    return (await this.collection("refunds").list({ filter: "order = {:order}", params: { order: orderId }, ...MINE })).items;
  },
  /**
   * createOrder has a key, its own or one that is made here, so that an answer that was lost can be asked for again: the same key gives the
   * same order. {offline: true} keeps an order that finds no network and sends it later (see on('sent')); the call fails with `queued`.
   */
  async createOrder(items, options) {
    const { offline, ...rest } = { key: newKey(), ...options };
    const data = { items, ...rest };
    try {
      return await this.post("orders", data, true);
    } catch (err) {
      if (!offline || err.code !== "network" && err.code !== "timeout") throw err;
      this.queue.add("/api/wx/orders", data);
      throw this.fault("queued", err.detail, { key: data.key });
    }
  },
  onOrder(id, verb) {
    return this.post("orders/" + enc(id) + "/" + verb, {}, true);
  },
  sync(id) {
    return this.onOrder(id, "sync");
  },
  cancel(id) {
    return this.onOrder(id, "cancel");
  },
  /**
   * pay opens the cashier, for virtual goods that of virtual payment, and then asks the server how it went. verb 'virtual' says at once which
   * one it is; without it the server does. When the phone has another session_key than the server (-15005), it logs in and signs anew, once.
   * NB! what the phone says is never proof: 'paid' comes from the server alone, also after a "cancel".
   */
  async pay(id, verb = "pay", again) {
    const params = await this.onOrder(id, verb).catch((err) => {
      if (err.code !== "order_virtual") throw err;
      return this.onOrder(id, verb = "virtual");
    });
    const failure = await promised(this.wx, `request${verb === "pay" ? "P" : "VirtualP"}ayment`, params).then(() => 0, (err) => err || {});
    if (failure && failure.errCode === -15005 && !again) {
      await this.login();
      return this.pay(id, verb, true);
    }
    const order = await this.settle(id, failure ? 1 : 3);
    if (isPaid(order)) return { state: "paid", order };
    if (!failure) return { state: "pending", order };
    if (/cancel/.test(failure.errMsg || "")) return { state: "cancelled", order };
    throw this.fault("pay_failed", failure.errMsg || failure.message, { order });
  },
  /**
   * confirmTransfer opens WeChat's page on which the user takes the money of a payout, and gives the payout as the server knows it then.
   * NB! what the phone says is never proof, so a page that was closed is no error: the payout goes on waiting.
   */
  async confirmTransfer(id) {
    if (!this.wx.requestMerchantTransfer) throw this.fault("transfer_unsupported");
    const call = (verb) => this.post("payouts/" + enc(id) + "/" + verb, {}, true);
    await promised(this.wx, "requestMerchantTransfer", await call("confirm")).catch(() => {
    });
    return call("sync");
  },
  /** settle asks up to `tries` times; an answer that does not come leaves the order pending, never failed. */
  async settle(id, tries) {
    let order = null;
    for (let i = 0; i < tries; i++) {
      if (i) await after(600 * i);
      order = await this.sync(id).catch((err) => {
        this.emit("error", err);
        return order;
      });
      if (isPaid(order)) return order;
    }
    return order;
  }
};

// src/socket.js
var CONNECT_MS = 1e4;
function splitId(text) {
  const [, id, json] = /^(\d*)(.*)$/s.exec(text);
  return [id, json === "" ? [] : JSON.parse(json)];
}
function refusal(e) {
  const { code, data, message } = e || {};
  return new WxbaseError(0, code || (data || {}).code || "realtime_refused", message || "refused");
}
var Socket = class extends Link {
  connect(conn) {
    conn.waiting = {};
    conn.lastId = 0;
    const task = this.host.wx.connectSocket({
      url: this.host.origin.replace(/^http/, "ws") + "/socket.io/?EIO=4&transport=websocket",
      fail: (err) => this.ended(conn, this.host.failed(err))
    });
    if (!task || !task.onMessage) return;
    conn.task = task;
    this.watch(conn, CONNECT_MS);
    task.onMessage((res) => {
      if (this.conn !== conn) return;
      try {
        this.receive(conn, String(res.data));
      } catch (err) {
        this.drop(conn, this.host.fault("realtime_garbled", "" + err));
      }
    });
    task.onError((err) => this.drop(conn, this.host.failed(err)));
    task.onClose((res) => this.ended(conn, this.host.fault("network", "socket closed: " + (res && res.code || ""))));
  }
  abort(conn) {
    if (conn.task) conn.task.close({ code: 1e3 });
  }
  send(conn, text) {
    conn.task.send({ data: text, fail: () => {
    } });
  }
  receive(conn, text) {
    if (conn.patience) this.watch(conn, conn.patience);
    const type = text[0];
    const rest = text.slice(1);
    if (type === "0") this.opened(conn, JSON.parse(rest));
    else if (type === "2") this.send(conn, "3");
    else if (type === "1") this.drop(conn, null);
    else if (type === "4") this.packet(conn, rest[0], rest.slice(1));
  }
  opened(conn, { pingInterval, pingTimeout }) {
    conn.patience = pingInterval + pingTimeout;
    this.watch(conn, conn.patience);
    const { token } = this.host;
    this.send(conn, "40" + (token ? JSON.stringify({ token }) : ""));
  }
  packet(conn, type, rest) {
    if (type === "0") {
      conn.connected = true;
      this.flush(conn);
    } else if (type === "1") this.drop(conn, null);
    else if (type === "2") this.event(conn, ...splitId(rest));
    else if (type === "3") this.answered(conn, ...splitId(rest));
    else if (type === "4") this.refused(conn, refusal(JSON.parse(rest)));
  }
  /** refused: a token that has ended is mended by a login, once a connection; anything else is told. */
  refused(conn, err) {
    this.renew = err.code === "token_invalid" && !!this.host.token;
    this.drop(conn, err);
  }
  event(conn, id, [name, payload, info]) {
    if (id) this.send(conn, "43" + id + "[]");
    if (info && info.room) this.deliver("rooms/" + info.room, { event: name, payload, ...info });
    else if (name === "error") this.report(refusal(payload));
  }
  answered(conn, id, [answer]) {
    const done = conn.waiting[id];
    delete conn.waiting[id];
    if (done) done(answer || {});
  }
  ask(conn, event, value, done) {
    const id = ++conn.lastId;
    conn.waiting[id] = done;
    this.send(conn, "42" + id + JSON.stringify([event, value]));
  }
  /** flush joins the rooms that are new and leaves those that nobody listens to any more. */
  flush(conn) {
    if (!conn.connected) return;
    const wanted = this.topics();
    conn.joined = conn.joined || {};
    for (const topic of Object.keys(conn.joined)) {
      if (wanted.includes(topic)) continue;
      delete conn.joined[topic];
      this.ask(conn, "leave", { room: topic.slice(6) }, () => {
      });
    }
    for (const topic of wanted.filter((t) => !conn.joined[t])) this.join(conn, topic);
    this.settle(conn);
  }
  join(conn, topic) {
    conn.joined[topic] = "asked";
    const after2 = this.positions[topic];
    const value = { room: topic.slice(6), after: after2 };
    this.ask(conn, "join", value, (answer) => {
      if (this.conn !== conn || !conn.joined[topic]) return;
      conn.joined[topic] = answer.error ? "refused" : "in";
      if (answer.error) this.report(refusal(answer.error), topic);
      else if (this.positions[topic] === void 0 && answer.seq >= 0) this.positions[topic] = answer.seq;
      this.settle(conn);
    });
  }
  /** settle: all rooms have been answered, and at least one let us in. */
  settle(conn) {
    const states = this.topics().map((topic) => conn.joined[topic]);
    if (!states.includes("asked") && states.includes("in")) this.settled(conn);
  }
};

// src/client.js
var Client = class {
  constructor(options) {
    const o = options || {};
    if (!o.baseURL && o.baseURL !== "") throw new WxbaseError(0, "bad_option", "baseURL is missing");
    this.wx = o.wx || (typeof wx === "undefined" ? null : wx);
    if (!this.wx) throw new WxbaseError(0, "bad_option", "there is no wx here");
    this.origin = o.baseURL.replace(/\/+$/, "");
    this.appid = o.appid || "";
    this.language = o.lang || "zh";
    this.storedAt = o.storageKey || "wxbase";
    this.limitMs = o.timeout || 2e4;
    this.quietMs = o.idleTimeout || 4e4;
    this.listeners = {};
    this.loggingIn = null;
    this.epoch = 0;
    this.session = this.wx.getStorageSync(this.storedAt) || { token: "", record: null };
    this.queue = new Queue(this);
    this.realtime = new Realtime(this);
    this.socket = new Socket(this);
    this.links = [this.realtime, this.socket];
    this.watchPhone();
  }
  get token() {
    return this.session.token;
  }
  get user() {
    return this.session.record;
  }
  /** watchPhone follows the mini program into the background and back, and the network. */
  watchPhone() {
    const awake = (tell) => {
      this.links.forEach(tell);
      this.queue.flush();
    };
    this.watching = {
      AppHide: () => this.links.forEach((link) => link.setHidden(true)),
      AppShow: () => awake((link) => link.setHidden(false)),
      NetworkStatusChange: (res) => res.isConnected && awake((link) => link.wake())
    };
    this.listenToPhone("on");
  }
  /** listenToPhone begins ('on') or ends ('off') it. */
  listenToPhone(how) {
    for (const name of Object.keys(this.watching)) if (this.wx[how + name]) this.wx[how + name](this.watching[name]);
  }
  /** reached: the server has answered, so what waits for it may go. */
  reached() {
    if (this.queue.kept.length > 0) this.queue.flush();
  }
  on(event, handler) {
    const all = this.listeners[event] || (this.listeners[event] = /* @__PURE__ */ new Set());
    all.add(handler);
    return () => all.delete(handler);
  }
  emit(event, value) {
    for (const handler of Array.from(this.listeners[event] || [])) this.guard(() => handler(value));
  }
  guard(fn) {
    try {
      fn();
    } catch (e) {
      if (typeof console !== "undefined") console.error(e);
    }
  }
  collection(name) {
    return new Collection(this, name);
  }
  subscribe(topic, handler, options) {
    return this.realtime.add({ topic, handler, ...options });
  }
  /** room listens to a room and takes it up where it was read last after every cut; see index.d.ts. */
  room(name, options) {
    return new Room(this, name, options);
  }
  /** linkFor gives the connection for rooms: the one asked for, or what this device can do. */
  linkFor(transport) {
    if (transport === "websocket") return this.socket;
    return transport === "sse" || this.streams() ? this.realtime : this.socket;
  }
  /**
   * streams: does wx.request give chunks here? note: WeChat for Windows and Mac takes enableChunked and hands the body over at the end,
   * and versions before 2.20.2 do not know it.
   */
  streams() {
    const info = this.wx.getDeviceInfo ? this.wx.getDeviceInfo() : {};
    if (/windows|mac/i.test(info.platform || "")) return false;
    return !this.wx.canIUse || this.wx.canIUse("request.object.enableChunked");
  }
  /** close ends the connections and forgets all subscribers; the session stays stored. */
  close() {
    for (const link of this.links) {
      link.subs.clear();
      link.stop();
    }
    this.listeners = {};
    this.listenToPhone("off");
  }
};
Object.assign(Client.prototype, faults, calls, people, shop, outreach);
function createClient(options) {
  return new Client(options);
}
export {
  WxbaseError,
  createClient,
  createParser
};

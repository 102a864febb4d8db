/**
 * wxbase client for WeChat mini programs: login, orders and payment, mini-program codes, realtime.
 *
 * No dependency, ES2017, nothing but `wx.*` (and timers): it runs where there is no window, fetch, EventSource, TextDecoder
 * or URL. The browser demo runs these same files over a small `wx` of its own.
 * Money is an integer number of fen everywhere. Every failure is a WxbaseError.
 */
(function (root, factory) {
  if (typeof module === 'object' && module.exports) {
    module.exports = factory(require('./errors'), require('./sse'), require('./realtime'), require('./socket'), require('./room'));
  } else root.wxbase = factory(root.wxbaseErrors, root.wxbaseSSE, root.wxbaseRealtime, root.wxbaseSocket, root.wxbaseRoom);
})(this, function (errors, sse, realtime, socket, rooms) {
  'use strict';

  const { WxbaseError, errorFrom } = errors;
  const { createParser, utf8 } = sse;
  const { Realtime } = realtime;
  const { Socket } = socket;
  const { Room } = rooms;
  const PAID = ['PAID', 'PART_REFUNDED', 'REFUNDED'];

  /** promised turns a wx call with success and fail callbacks into a promise. */
  function promised(fn, options) {
    return new Promise((resolve, reject) => {
      fn(Object.assign({}, options, { success: resolve, fail: reject }));
    });
  }

  function after(ms) {
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  /** expiresAt reads `exp` of a JWT in milliseconds, 0 when it cannot be read. It proves nothing: the server decides. */
  function expiresAt(token) {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const bytes = [];
    let bits = 0;
    let held = 0;
    for (const c of (token || '').split('.')[1] || '') {
      held = ((held << 6) | alphabet.indexOf(c)) & 0xffff;
      bits += 6;
      if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff);
    }
    try {
      return JSON.parse(utf8(bytes)).exp * 1000 || 0;
    } catch (e) {
      return 0;
    }
  }

  /** Client is one user's connection to one wxbase server. Make it with createClient. */
  class Client {
    constructor(options) {
      const o = options || {};
      if (!o.baseURL && o.baseURL !== '') throw new WxbaseError(0, 'bad_option', 'baseURL is missing');
      this.wx = o.wx || (typeof wx === 'undefined' ? null : wx);
      if (!this.wx) throw new WxbaseError(0, 'bad_option', 'there is no wx here');
      this.baseURL = o.baseURL.replace(/\/+$/, '');
      this.appid = o.appid || '';
      this.storageKey = o.storageKey || 'wxbase';
      this.idleTimeout = o.idleTimeout || 40000; // the server says something every 25 s
      this.listeners = {};
      this.loggingIn = null;
      this.epoch = 0;
      this.session = this.wx.getStorageSync(this.storageKey) || { token: '', record: null };
      this.realtime = new Realtime(this);
      this.socket = new Socket(this);
      this.links = [this.realtime, this.socket];
      this.onHide = () => this.links.forEach((link) => link.setHidden(true));
      this.onShow = () => this.links.forEach((link) => link.setHidden(false));
      if (this.wx.onAppHide) this.wx.onAppHide(this.onHide);
      if (this.wx.onAppShow) this.wx.onAppShow(this.onShow);
    }

    get token() {
      return this.session.token;
    }

    get user() {
      return this.session.record;
    }

    tokenIsStale() {
      const at = expiresAt(this.token);
      return at > 0 && at < Date.now() + 30000;
    }

    on(event, handler) {
      const all = this.listeners[event] || (this.listeners[event] = new Set());
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
        if (typeof console !== 'undefined') console.error(e);
      }
    }

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
    }

    async doLogin(options) {
      const epoch = this.epoch;
      const wasGuest = !this.token;
      const data = { code: await this.loginCode() };
      if (this.appid) data.appid = this.appid;
      const scene = options.scene || this.opened;
      if (scene) data.scene = scene;
      if (options.profile) Object.assign(data, await this.signedProfile(options.profile));
      const answer = await this.request('/api/wx/login', { method: 'POST', data, auth: false });
      if (epoch !== this.epoch) throw new WxbaseError(0, 'logged_out', 'logged out during login');
      const before = this.user && this.user.id;
      this.opened = null;
      this.save({ token: answer.token, record: answer.record });
      this.emit('login', answer);
      if (wasGuest || before !== answer.record.id) this.links.forEach((link) => link.reauth(wasGuest));
      return answer;
    }

    async loginCode() {
      const res = await promised(this.wx.login.bind(this.wx), {}).catch((err) => {
        throw new WxbaseError(0, 'wx_login_failed', (err && err.errMsg) || 'wx.login failed');
      });
      if (!res.code) throw new WxbaseError(0, 'wx_login_failed', res.errMsg || 'wx.login gave no code');
      return res.code;
    }

    /** signedProfile takes the answer of wx.getUserInfo, or asks for it. NB! the server believes only what is signed. */
    async signedProfile(given) {
      const info = given === true ? await promised(this.wx.getUserInfo.bind(this.wx), { withCredentials: true }) : given;
      const { rawData, signature, encryptedData, iv } = info;
      return { rawData, signature, encryptedData, iv };
    }

    /** refresh renews a stored token at App.onLaunch; one that the server no longer takes leads to a new login. */
    async refresh() {
      const answer = await this.request('/api/collections/users/auth-refresh', { method: 'POST', data: {}, auth: true });
      this.save({ token: answer.token, record: answer.record });
      return answer.record;
    }

    logout() {
      this.epoch++;
      this.loggingIn = null;
      this.session = { token: '', record: null };
      this.wx.removeStorageSync(this.storageKey);
      this.emit('logout');
      this.links.forEach((link) => link.reauth(false));
    }

    save(session) {
      this.session = session;
      this.wx.setStorageSync(this.storageKey, session);
    }

    /**
     * request calls the server. auth: true logs in first where there is no token, false sends none, absent sends what
     * there is. A 401 to a call that carried a token logs in once more and repeats once.
     */
    async request(path, options) {
      const o = options || {};
      if (o.auth === true && !this.token) await this.login();
      const sent = o.auth === false ? '' : this.token;
      try {
        return await this.send(path, o, sent);
      } catch (err) {
        if (err.status !== 401 || !sent || o.relogin === false) throw err;
        if (this.token === sent) await this.login(); // somebody else may have renewed it meanwhile
        return this.send(path, o, this.token);
      }
    }

    async send(path, o, token) {
      const header = Object.assign({}, o.header);
      if (token) header.Authorization = token;
      const options = { url: this.url(path), method: o.method || 'GET', header };
      if (o.data !== undefined) options.data = o.data;
      const res = await promised(this.wx.request.bind(this.wx), options).catch((err) => {
        throw new WxbaseError(0, 'network', (err && err.errMsg) || 'network failed');
      });
      if (res.statusCode < 200 || res.statusCode > 299) throw errorFrom(res.statusCode, res.data);
      return res.data;
    }

    /** url makes an address absolute, as <image> of a mini program needs it. */
    url(path) {
      return /^https?:\/\//.test(path) ? path : this.baseURL + path;
    }

    fileURL(record, filename, query) {
      const path = [record.collectionId, record.id, filename].map(encodeURIComponent).join('/');
      return this.url('/api/files/' + path + (query ? '?' + query : ''));
    }

    async phone(detail) {
      const d = detail || {};
      if (!d.code && !d.encryptedData) throw new WxbaseError(0, 'phone_denied', d.errMsg || 'getPhoneNumber gave no code');
      const data = d.code ? { code: d.code } : { encryptedData: d.encryptedData, iv: d.iv };
      const answer = await this.request('/api/wx/phone', { method: 'POST', data, auth: true });
      if (this.user) this.save({ token: this.token, record: Object.assign({}, this.user, { phone: answer.phoneNumber }) });
      return answer;
    }

    /** profile saves a name, or a picture that chooseAvatar gave as a path on the phone (wx.uploadFile sends it), or both. */
    async profile(fields) {
      if (!this.token) await this.login();
      const path = '/api/wx/profile';
      const name = fields.name === undefined ? {} : { name: fields.name };
      const record = fields.avatarPath
        ? await this.upload(path, { name: 'avatar', filePath: fields.avatarPath, formData: name })
        : await this.request(path, { method: 'POST', data: name, auth: true });
      this.save({ token: this.token, record });
      return record;
    }

    /** upload sends one file by wx.uploadFile, whose answer is text whatever the server says it is. */
    async upload(path, options) {
      const all = Object.assign({ url: this.url(path), header: { Authorization: this.token } }, options);
      const res = await promised(this.wx.uploadFile.bind(this.wx), all).catch((err) => {
        throw new WxbaseError(0, 'network', (err && err.errMsg) || 'upload failed');
      });
      let data = res.data;
      try {
        data = JSON.parse(res.data);
      } catch (e) {
        // a proxy's page: errorFrom makes the best of it
      }
      if (res.statusCode < 200 || res.statusCode > 299) throw errorFrom(res.statusCode, data);
      return data;
    }

    async list(collection, query, auth) {
      const path = '/api/collections/' + collection + '/records?perPage=100&skipTotal=1&' + query;
      const page = await this.request(path, { auth });
      return page.items;
    }

    products(filter) {
      return this.list('products', 'filter=' + encodeURIComponent(filter || 'active = true'));
    }

    orders() {
      return this.list('orders', 'sort=-%40rowid', true);
    }

    order(id) {
      return this.request('/api/collections/orders/records/' + encodeURIComponent(id), { auth: true });
    }

    createOrder(items, options) {
      return this.request('/api/wx/orders', { method: 'POST', data: Object.assign({ items }, options), auth: true });
    }

    onOrder(id, verb) {
      return this.request('/api/wx/orders/' + encodeURIComponent(id) + '/' + verb, { method: 'POST', data: {}, auth: true });
    }

    sync(id) {
      return this.onOrder(id, 'sync');
    }

    cancel(id) {
      return this.onOrder(id, 'cancel');
    }

    /**
     * pay opens the cashier and then asks the server how it went.
     * NB! what the phone says is never proof: 'paid' comes from the server alone, also after a "cancel".
     */
    async pay(id) {
      const params = await this.onOrder(id, 'pay');
      const failure = await promised(this.wx.requestPayment.bind(this.wx), params).then(() => null, (err) => err || {});
      const order = await this.settle(id, failure ? 1 : 3);
      if (order && PAID.includes(order.payState)) return { state: 'paid', order };
      if (!failure) return { state: 'pending', order };
      if (/cancel/.test(failure.errMsg || '')) return { state: 'cancelled', order };
      throw new WxbaseError(0, 'pay_failed', failure.errMsg || 'requestPayment failed', { order });
    }

    /** settle asks up to `tries` times; an answer that does not come leaves the order pending, never failed. */
    async settle(id, tries) {
      let order = null;
      for (let i = 0; i < tries; i++) {
        if (i > 0) await after(600 * i);
        order = await this.sync(id).catch((err) => {
          this.emit('error', err);
          return order;
        });
        if (order && PAID.includes(order.payState)) return order;
      }
      return order;
    }

    async code(options) {
      const answer = await this.request('/api/wx/codes', { method: 'POST', data: options || {}, auth: true });
      return Object.assign({}, answer, { url: this.url(answer.url) });
    }

    /**
     * scene resolves what App.onLaunch or Page.onLoad got in query.scene, percent-encoded as it comes. The scan counts for the user; a
     * guest's is told to the server with the next login.
     */
    async scene(scene) {
      let plain = String(scene);
      try {
        plain = decodeURIComponent(plain);
      } catch (e) {
        // not encoded: a scene never holds a percent sign of its own
      }
      const guest = !this.token;
      const answer = await this.request('/api/wx/scenes/' + encodeURIComponent(plain));
      if (guest) this.opened = plain;
      return answer;
    }

    subscribe(topic, handler, options) {
      return this.realtime.add(Object.assign({ topic, handler }, options));
    }

    /** room listens to a room and takes it up where it was read last after every cut; see index.d.ts. */
    room(name, options) {
      return new Room(this, name, options);
    }

    /** close ends the connections and forgets all subscribers; the session stays stored. */
    close() {
      for (const link of this.links) {
        link.subs.clear();
        link.stop();
      }
      this.listeners = {};
      if (this.wx.offAppHide) this.wx.offAppHide(this.onHide);
      if (this.wx.offAppShow) this.wx.offAppShow(this.onShow);
    }
  }

  /** createClient({baseURL, wx?, appid?, storageKey?, idleTimeout?}); see index.d.ts. */
  function createClient(options) {
    return new Client(options);
  }

  return { createClient, createParser, WxbaseError };
});

/** The calls to the server: one request with its repeats, one upload. Methods of Client. */
import { errorFrom } from './errors.js';
import { after, enc } from './promised.js';

const REPEATS = 2;
const BUSY = [502, 503, 504];

/** mayRepeat: a call that changes nothing, or says itself that twice is once, after an answer that did not come or came from a proxy. */
function mayRepeat(err, o) {
  const safe = o.retry === undefined ? !o.method || o.method === 'GET' || o.method === 'HEAD' : o.retry;
  return safe && (err.code === 'network' || err.code === 'timeout' || BUSY.includes(err.status));
}

/** needsLogin: the token is gone, or WeChat's session is, which only a new wx.login mends. */
function needsLogin(err, o, sent) {
  if (!sent || o.relogin === false) return false;
  return err.status === 401 || err.code === 'wx_session_stale';
}

export const calls = {
  /**
   * request calls the server. auth: true logs in first where there is no token, false sends none, absent sends what
   * there is. A 401 or a stale session logs in once more and repeats once.
   */
  async request(path, options) {
    const o = options || {};
    if (o.auth === true && !this.token) await this.login();
    const sent = o.auth === false ? '' : this.token;
    try {
      return await this.insist(path, o, sent);
    } catch (err) {
      if (!needsLogin(err, o, sent)) throw err;
      if (this.token === sent) await this.login(); // somebody else may have renewed it meanwhile
      return this.insist(path, o, this.token);
    }
  },

  /** post is a call of ours for somebody who is logged in; twice is once where it carries a key or changes nothing. */
  post(path, data, retry) {
    return this.request('/api/wx/' + path, { method: 'POST', data, auth: true, retry: !!retry });
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
    let method = o.method || 'GET';
    if (method === 'PATCH') { // wx.request knows no PATCH; wxbase takes this for one
      method = 'POST';
      header['X-HTTP-Method-Override'] = 'PATCH';
    }
    const options = { url: this.url(path), method, header, timeout: o.timeout || this.limitMs };
    if (o.data !== undefined) options.data = o.data;
    return this.finish(await this.call('request', options, o.onTask));
  },

  headers(o, token) {
    const header = { 'Accept-Language': this.language === 'en' ? 'en' : 'zh-CN', ...o.header };
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
    const o = { name: 'file', ...options };
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
    if (state.stopped) throw this.fault('aborted');
    const { filePath, name, formData } = o;
    const options = { url: this.url(path), filePath, name, header: this.headers(o, token), timeout: o.timeout || 60000 };
    if (formData) options.formData = formData;
    const res = await this.call('uploadFile', options, (task) => {
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
    const path = [record.collectionId, record.id, filename].map(enc).join('/');
    return this.url('/api/files/' + path + (query ? '?' + query : ''));
  },
};

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (e) {
    return text; // a proxy's page: errorFrom makes the best of it
  }
}

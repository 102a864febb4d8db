/** Who uses the mini program: login, logout, phone number, profile, privacy. Methods of Client. */
import { promised } from './promised.js';

export const people = {
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
    // note: a code whose answer was lost may be sent again; the server answers the same login
    const answer = await this.request('/api/wx/login', { method: 'POST', data, auth: false, retry: true });
    if (epoch !== this.epoch) throw this.fault('logged_out', '');
    const before = this.user && this.user.id;
    this.opened = null;
    this.save(answer);
    this.emit('login', answer);
    if (wasGuest || before !== answer.record.id) this.links.forEach((link) => link.reauth(wasGuest));
    return answer;
  },

  async loginCode() {
    const res = await promised(this.wx, 'login').catch((err) => err || {});
    if (!res.code) throw this.fault('wx_login_failed', res.errMsg || 'no code');
    return res.code;
  },

  /** signedProfile takes the answer of wx.getUserInfo, or asks for it. NB! the server believes only what is signed. */
  async signedProfile(given) {
    const info = given === true ? await promised(this.wx, 'getUserInfo', { withCredentials: true }) : given;
    const { rawData, signature, encryptedData, iv } = info; // and nothing else: a phone says more
    return { rawData, signature, encryptedData, iv };
  },

  /** refresh renews a stored token at App.onLaunch; one that the server no longer takes leads to a new login. */
  async refresh() {
    const answer = await this.request('/api/collections/users/auth-refresh', { method: 'POST', data: {}, auth: true, retry: true });
    this.save(answer);
    return answer.record;
  },

  /** logout forgets the user on this phone; {everywhere: true} ends all tokens of the user on the server first. */
  async logout(options) {
    const everywhere = options && options.everywhere && this.token;
    if (everywhere) await this.request('/api/wx/logout', { method: 'POST', relogin: false, retry: true });
    this.forget();
  },

  forget() {
    this.epoch++;
    this.loggingIn = null;
    this.session = { token: '', record: null };
    this.wx.removeStorageSync(this.storedAt);
    this.emit('logout');
    this.links.forEach((link) => link.reauth(false));
  },

  save({ token, record }) {
    this.session = { token, record };
    this.wx.setStorageSync(this.storedAt, this.session);
  },

  /** sessionValid asks whether the server's session key is still the phone's, before encrypted data is fetched. */
  async sessionValid() {
    return (await this.request('/api/wx/session', { auth: true })).valid;
  },

  async phone(detail) {
    const { code, encryptedData, iv, errno, errMsg } = detail || {};
    const data = code ? { code } : encryptedData ? { encryptedData, iv } : errno === 1400001 && { errno }; // fails with phone_quota_used
    if (!data) throw this.fault('phone_denied', errMsg || 'no code');
    const answer = await this.post('phone', data);
    if (this.user) this.save({ token: this.token, record: { ...this.user, phone: answer.phoneNumber } });
    return answer;
  },

  /** profile saves a name, or a picture that chooseAvatar gave as a path on the phone (wx.uploadFile sends it), or both. */
  async profile(fields) {
    const name = fields.name === undefined ? {} : { name: fields.name };
    const record = fields.avatarPath
      ? await this.upload('/api/wx/profile', { name: 'avatar', filePath: fields.avatarPath, formData: name })
      : await this.post('profile', name);
    this.save({ token: this.token, record });
    return record;
  },

  /** privacy asks for consent to the privacy guide; old versions of WeChat have none to ask for. */
  async privacy() {
    if (!this.wx.requirePrivacyAuthorize) return;
    await promised(this.wx, 'requirePrivacyAuthorize').catch((err) => {
      const e = err || {};
      const undeclared = e.errno === 112 || /not declared/.test(e.errMsg);
      throw this.fault(undeclared ? 'privacy_undeclared' : 'privacy_denied', e.errMsg, { errno: e.errno });
    });
  },
};

/** What could not be sent, and may be sent twice because it carries a key: kept in storage, sent when there is a network again. */

const MOST = 50;

export class Queue {
  constructor(host) {
    this.host = host;
    this.storedAt = host.storedAt + '.queue';
    this.sending = null;
    this.kept = host.wx.getStorageSync(this.storedAt) || [];
  }

  who() {
    return (this.host.user || {}).id || '';
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
      if (!told) return; // still no network, or the server is busy: the next occasion tries again
      this.kept.splice(this.kept.indexOf(item), 1);
      this.store();
      this.host.emit('sent', told);
    }
  }

  async sendOne({ path, data }) {
    try {
      return { path, data, answer: await this.host.request(path, { method: 'POST', data, auth: true, retry: false }) };
    } catch (error) {
      const later = error.status === 0 || error.status === 429 || error.status > 499;
      return later ? null : { path, data, error };
    }
  }
}

/** What a stream over wx.request and a WebSocket have in common: who listens, how far each room was read, when to try again. */
import { enc } from './promised.js';

/**
 * Link keeps one connection for all topics of a client, opened while somebody listens and the mini program is in sight.
 * A mini program cuts connections as it pleases, so a cut is ordinary: it connects again and takes each room up where it
 * was read last. A subclass brings connect() (sets this.conn), flush(conn) (tells the server the topics) and abort(conn).
 */
export class Link {
  constructor(host) {
    this.host = host;
    this.subs = new Set();
    this.positions = {}; // topic -> number of the last message read, in rooms that keep a history
    this.attempts = 0;
    this.conn = null;
    this.timer = null;
    // and from time to time: hidden; everReady; renew (the server takes the token no more: log in before the next connection)
  }

  /** add takes {topic, handler, after?, onReady?, onReconnect?, onError?} and gives the function that takes it away. */
  add(sub) {
    const known = this.topics().includes(sub.topic);
    if (!known && sub.after !== undefined) this.positions[sub.topic] = +sub.after;
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
    if (subs.length > 0 && message && message.seq > 0 && topic.startsWith('rooms/')) this.positions[topic] = message.seq;
    for (const sub of subs) this.call(sub.handler, message);
  }

  /** call keeps one subscriber's mistake from the others and from the stream. */
  call(fn, value) {
    try {
      if (fn) fn(value);
    } catch (err) {
      this.report(this.host.fault('handler_failed', '' + err));
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
    if (!topic.startsWith('rooms/') || this.positions[topic] !== undefined) return;
    const path = '/api/wx/rooms/' + enc(topic.slice(6)) + '/messages?limit=1';
    const answer = await this.host.request(path, {}).catch(() => null); // note: the stream itself tells what is wrong
    if (answer && answer.newest >= 0 && this.positions[topic] === undefined && this.topics().includes(topic)) this.positions[topic] = answer.newest;
  }

  /** ended handles a connection that is over; a cut after a good one is no error, only a reason to reconnect. */
  ended(conn, why) {
    if (this.conn !== conn) return;
    clearTimeout(conn.watchdog);
    this.conn = null;
    if (why && !conn.ready) this.report(why);
    this.plan(this.pause(conn.ready && Date.now() - conn.readyAt > 5000));
  }

  /** pause is short after a connection that served well, else it doubles from 0.5 s to 30 s, never the same for all. */
  pause(wasGood) {
    if (wasGood) {
      this.attempts = 0;
      return 300 * Math.random();
    }
    const ms = Math.min(30000, 500 << this.attempts);
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
    this.host.emit('error', err);
  }
}

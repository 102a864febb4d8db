/** PocketBase's realtime over wx.request({enableChunked: true}). */
(function (root, factory) {
  if (typeof module === 'object' && module.exports) module.exports = factory(require('./errors'), require('./sse'));
  else root.wxbaseRealtime = factory(root.wxbaseErrors, root.wxbaseSSE);
})(this, function (errors, sse) {
  'use strict';

  const { WxbaseError, errorFrom } = errors;
  const { createParser } = sse;

  /**
   * Realtime keeps one stream for all topics of a client. A mini program cuts every request at 60 s and all of them in
   * the background, so a cut is ordinary: it connects again, subscribes again and tells each subscriber to refetch,
   * since what was published in between is not sent again.
   */
  class Realtime {
    constructor(host) {
      this.host = host;
      this.subs = new Set();
      this.attempts = 0;
      this.conn = null;
      this.timer = null;
      this.hidden = false;
      this.everReady = false;
    }

    add(sub) {
      this.subs.add(sub);
      if (this.conn) this.flush(this.conn);
      else this.plan(0);
      return () => this.remove(sub);
    }

    remove(sub) {
      if (!this.subs.delete(sub)) return;
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
        this.connect();
      }, ms);
    }

    async connect() {
      const conn = { clientId: '', task: null, watchdog: null, posting: false, dirty: false };
      this.conn = conn;
      if (this.host.tokenIsStale()) await this.host.login().catch((err) => this.report(err));
      if (this.conn === conn) this.open(conn);
    }

    open(conn) {
      const end = (why) => this.ended(conn, why);
      const push = createParser((event) => this.conn === conn && this.receive(conn, event));
      const task = this.host.wx.request({
        url: this.host.baseURL + '/api/realtime',
        enableChunked: true,
        timeout: 300000, // most clients cut at 60 s whatever is asked for
        header: { Accept: 'text/event-stream' },
        success: (res) => end(res.statusCode === 200 ? null : errorFrom(res.statusCode, res.data)),
        fail: (err) => end(new WxbaseError(0, 'network', (err && err.errMsg) || 'realtime lost')),
      });
      if (!task || !task.onChunkReceived) {
        this.stop();
        this.report(new WxbaseError(0, 'realtime_unsupported', 'wx.request has no onChunkReceived (base library 2.20.1)'));
        return;
      }
      conn.task = task;
      this.watch(conn);
      task.onChunkReceived((res) => {
        if (this.conn !== conn) return;
        this.watch(conn);
        try {
          push(res.data);
        } catch (err) {
          this.drop(conn, err);
        }
      });
    }

    /** watch restarts the idle timer. note: iOS calls nothing back when the network dies in mid-stream. */
    watch(conn) {
      clearTimeout(conn.watchdog);
      conn.watchdog = setTimeout(() => this.drop(conn, null), this.host.idleTimeout);
    }

    receive(conn, event) {
      if (event.event === 'PB_CONNECT') {
        conn.clientId = event.id || JSON.parse(event.data).clientId;
        this.flush(conn);
        return;
      }
      const subs = Array.from(this.subs).filter((s) => s.topic === event.event);
      if (subs.length === 0) return;
      let data = event.data;
      try {
        data = JSON.parse(event.data);
      } catch (e) {
        // a topic of somebody else's may carry plain text
      }
      for (const sub of subs) this.call(sub.handler, data);
    }

    /** call keeps one subscriber's mistake from the others and from the stream. */
    call(fn, value) {
      try {
        if (fn) fn(value);
      } catch (err) {
        this.report(new WxbaseError(0, 'handler_failed', String((err && err.message) || err)));
      }
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
        const data = { clientId: conn.clientId, subscriptions: this.topics() };
        await this.host.request('/api/realtime', { method: 'POST', data, relogin: false });
        conn.posting = false;
        if (this.conn === conn) this.subscribed(conn);
      } catch (err) {
        conn.posting = false;
        this.drop(conn, err);
      }
    }

    subscribed(conn) {
      if (conn.dirty) {
        this.flush(conn);
        return;
      }
      const again = this.everReady && !conn.ready;
      this.everReady = true;
      conn.ready = true;
      conn.readyAt = Date.now();
      for (const sub of Array.from(this.subs)) {
        if (!sub.ready) this.call(sub.onReady);
        else if (again) this.call(sub.onReconnect);
        sub.ready = true;
      }
    }

    /** ended handles a stream that is over; a cut after a good subscription is no error, only a reason to reconnect. */
    ended(conn, why) {
      if (this.conn !== conn) return;
      clearTimeout(conn.watchdog);
      this.conn = null;
      if (why && !conn.ready) this.report(why);
      this.plan(this.pause(conn.ready && Date.now() - conn.readyAt > 5000));
    }

    /** pause is short after a stream that served well, else it doubles from 0.5 s to 30 s, never the same for all. */
    pause(wasGood) {
      if (wasGood) this.attempts = 0;
      if (wasGood) return 300 * Math.random();
      const ms = Math.min(30000, 500 << this.attempts);
      this.attempts = Math.min(this.attempts + 1, 6);
      return ms * (0.5 + Math.random() / 2);
    }

    drop(conn, why) {
      if (this.conn !== conn) return;
      if (why && conn.ready) this.report(why);
      this.ended(conn, why);
      if (conn.task) conn.task.abort();
    }

    /** reauth: PocketBase lets a stream rise from guest to user, anything else needs a new one. */
    reauth(wasGuest) {
      const conn = this.conn;
      if (!conn || this.subs.size === 0) return;
      if (wasGuest && conn.clientId) this.flush(conn);
      else this.restart();
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
      if (conn.task) conn.task.abort();
    }

    setHidden(hidden) {
      this.hidden = hidden;
      if (hidden) this.stop();
      else this.plan(0);
    }

    report(err) {
      for (const sub of Array.from(this.subs)) this.host.guard(() => sub.onError && sub.onError(err));
      this.host.emit('error', err);
    }
  }

  return { Realtime };
});

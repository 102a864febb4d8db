/** PocketBase's realtime over wx.request({enableChunked: true}). */
import { errorFrom } from './errors.js';
import { enc } from './promised.js';
import { Link } from './link.js';
import { createParser } from './sse.js';

/**
 * Realtime keeps one stream for all topics of a client. Every request of a mini program is cut at 60 s, and all of them
 * in the background; after a cut it subscribes again, with the number of the last message read for each room.
 */
export class Realtime extends Link {
  connect(conn) {
    const end = (why) => this.ended(conn, why);
    const push = createParser((event) => this.conn === conn && this.receive(conn, event));
    const task = this.host.wx.request({
      url: this.host.origin + '/api/realtime',
      enableChunked: true,
      timeout: 300000, // most clients cut at 60 s whatever is asked for
      header: { Accept: 'text/event-stream' },
      success: (res) => end(+res.statusCode === 200 ? null : errorFrom(res, this.host.language)),
      fail: (err) => end(this.host.failed(err)),
    });
    if (!task || !task.onChunkReceived) {
      this.stop();
      this.report(this.host.fault('realtime_unsupported', 'no onChunkReceived'));
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
    if (event.event === 'PB_CONNECT') {
      conn.clientId = event.id || JSON.parse(event.data).clientId;
      this.flush(conn);
      return;
    }
    let data = event.data;
    try {
      data = JSON.parse(event.data);
    } catch (e) {
      // a topic of somebody else's may carry plain text
    }
    // note: the server names an event as the topic was asked for, options and all
    const topic = Object.keys(conn.spelled).find((t) => conn.spelled[t] === event.event);
    if (topic) this.deliver(topic, data);
  }

  /**
   * key is a topic as the server is asked for it: with the number of the last message read, where one is known.
   * It stays the same as long as a connection does, since another key would be another subscription.
   */
  key(conn, topic) {
    const after = this.positions[topic];
    if (conn.spelled[topic] === undefined) {
      const options = after === undefined ? '' : '?options=' + enc(JSON.stringify({ query: { after: String(after) } }));
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
      await this.host.request('/api/realtime', { method: 'POST', data });
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
}

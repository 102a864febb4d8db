/** Rooms over one WebSocket: a small Socket.IO client (Engine.IO 4, Socket.IO 5, JSON events) on wx.connectSocket. */
import { WxbaseError } from './errors.js';
import { Link } from './link.js';

const CONNECT_MS = 10000;

/** splitId reads the number of an acknowledgement that stands before a packet's JSON. */
function splitId(text) {
  const [, id, json] = /^(\d*)(.*)$/s.exec(text);
  return [id, json === '' ? [] : JSON.parse(json)];
}

function refusal(e) {
  const { code, data, message } = e || {};
  return new WxbaseError(0, code || (data || {}).code || 'realtime_refused', message || 'refused');
}

/** Socket keeps one WebSocket for all rooms; topics are `rooms/<name>`, as on the stream. */
export class Socket extends Link {
  connect(conn) {
    conn.waiting = {};
    conn.lastId = 0;
    const task = this.host.wx.connectSocket({
      url: this.host.origin.replace(/^http/, 'ws') + '/socket.io/?EIO=4&transport=websocket',
      fail: (err) => this.ended(conn, this.host.failed(err)),
    });
    if (!task || !task.onMessage) return;
    conn.task = task;
    this.watch(conn, CONNECT_MS);
    task.onMessage((res) => {
      if (this.conn !== conn) return;
      try {
        this.receive(conn, String(res.data));
      } catch (err) {
        this.drop(conn, this.host.fault('realtime_garbled', '' + err));
      }
    });
    task.onError((err) => this.drop(conn, this.host.failed(err)));
    task.onClose((res) => this.ended(conn, this.host.fault('network', 'socket closed: ' + ((res && res.code) || ''))));
  }

  abort(conn) {
    if (conn.task) conn.task.close({ code: 1000 });
  }

  send(conn, text) {
    // note: a send that fails is followed by onError or onClose, which reconnect
    conn.task.send({ data: text, fail: () => {} });
  }

  receive(conn, text) {
    if (conn.patience) this.watch(conn, conn.patience);
    const type = text[0];
    const rest = text.slice(1);
    if (type === '0') this.opened(conn, JSON.parse(rest));
    else if (type === '2') this.send(conn, '3');
    else if (type === '1') this.drop(conn, null);
    else if (type === '4') this.packet(conn, rest[0], rest.slice(1));
  }

  opened(conn, { pingInterval, pingTimeout }) {
    conn.patience = pingInterval + pingTimeout;
    this.watch(conn, conn.patience);
    const { token } = this.host;
    this.send(conn, '40' + (token ? JSON.stringify({ token }) : ''));
  }

  packet(conn, type, rest) {
    if (type === '0') {
      conn.connected = true;
      this.flush(conn);
    } else if (type === '1') this.drop(conn, null);
    else if (type === '2') this.event(conn, ...splitId(rest));
    else if (type === '3') this.answered(conn, ...splitId(rest));
    else if (type === '4') this.refused(conn, refusal(JSON.parse(rest)));
  }

  /** refused: a token that has ended is mended by a login, once a connection; anything else is told. */
  refused(conn, err) {
    this.renew = err.code === 'token_invalid' && !!this.host.token;
    this.drop(conn, err);
  }

  event(conn, id, [name, payload, info]) {
    if (id) this.send(conn, '43' + id + '[]');
    if (info && info.room) this.deliver('rooms/' + info.room, { event: name, payload, ...info });
    else if (name === 'error') this.report(refusal(payload));
  }

  answered(conn, id, [answer]) {
    const done = conn.waiting[id];
    delete conn.waiting[id];
    if (done) done(answer || {});
  }

  ask(conn, event, value, done) {
    const id = ++conn.lastId;
    conn.waiting[id] = done;
    this.send(conn, '42' + id + JSON.stringify([event, value]));
  }

  /** flush joins the rooms that are new and leaves those that nobody listens to any more. */
  flush(conn) {
    if (!conn.connected) return;
    const wanted = this.topics();
    conn.joined = conn.joined || {};
    for (const topic of Object.keys(conn.joined)) {
      if (wanted.includes(topic)) continue;
      delete conn.joined[topic];
      this.ask(conn, 'leave', { room: topic.slice(6) }, () => {});
    }
    for (const topic of wanted.filter((t) => !conn.joined[t])) this.join(conn, topic);
    this.settle(conn);
  }

  join(conn, topic) {
    conn.joined[topic] = 'asked';
    const after = this.positions[topic];
    const value = { room: topic.slice(6), after };
    this.ask(conn, 'join', value, (answer) => {
      if (this.conn !== conn || !conn.joined[topic]) return;
      conn.joined[topic] = answer.error ? 'refused' : 'in';
      if (answer.error) this.report(refusal(answer.error), topic);
      else if (this.positions[topic] === undefined && answer.seq >= 0) this.positions[topic] = answer.seq;
      this.settle(conn);
    });
  }

  /** settle: all rooms have been answered, and at least one let us in. */
  settle(conn) {
    const states = this.topics().map((topic) => conn.joined[topic]);
    if (!states.includes('asked') && states.includes('in')) this.settled(conn);
  }
}

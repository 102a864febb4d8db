// Engine.IO by hand: a WebSocket that keeps what it was sent until somebody asks, and a polling session.
import { WebSocket } from 'ws';

const PATIENCE_MS = 5000;

/** RawSocket is a WebSocket on an address that ends in /socket.io/ or /engine.io/. It answers no ping by itself. */
export class RawSocket {
  constructor(url, query = 'EIO=4&transport=websocket') {
    this.ws = new WebSocket(`${url.replace('http', 'ws')}?${query}`);
    this.ws.on('error', () => {}); // what follows is a close
    this.inbox = [];
    this.waiting = [];
    this.opened = new Promise((resolve) => this.ws.once('open', resolve));
    this.closed = new Promise((resolve) => this.ws.once('close', (code) => resolve(code)));
    this.ws.on('message', (data, binary) => {
      const value = binary ? data : data.toString();
      const taker = this.waiting.shift();
      if (taker) taker(value);
      else this.inbox.push(value);
    });
  }

  send(text) {
    this.ws.send(text);
  }

  /** next gives the next frame, as it came. */
  next() {
    if (this.inbox.length > 0) return Promise.resolve(this.inbox.shift());
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('no frame came')), PATIENCE_MS);
      this.waiting.push((value) => {
        clearTimeout(late);
        resolve(value);
      });
    });
  }

  /** packet gives the next frame that is no ping. */
  async packet() {
    for (;;) {
      const frame = await this.next();
      if (frame !== '2') return frame;
    }
  }

  /** ends resolves with the close code; it fails when the connection stays. */
  ends() {
    return Promise.race([this.closed, new Promise((resolve, reject) => {
      setTimeout(() => reject(new Error('the connection stays open')), PATIENCE_MS).unref();
    })]);
  }

  close() {
    this.ws.terminate();
  }
}

/** openSocket goes through Engine.IO's handshake. */
export async function openSocket(url) {
  const socket = new RawSocket(url);
  socket.handshake = JSON.parse((await socket.next()).slice(1));
  return socket;
}

/** enter connects to a namespace of the echo server and reads what it says first. */
export async function enter(url, packet = '40') {
  const socket = await openSocket(url);
  socket.send(packet);
  await socket.packet(); // CONNECT
  await socket.packet(); // the event `auth`
  return socket;
}

/** Polling is one long-polling session. */
export class Polling {
  constructor(url) {
    this.base = `${url}?EIO=4&transport=polling`;
  }

  static async open(url) {
    const session = new Polling(url);
    const { text } = await session.get();
    session.handshake = JSON.parse(text.slice(1));
    session.sid = session.handshake.sid;
    session.base += `&sid=${session.sid}`;
    return session;
  }

  async get(more = '') {
    const res = await fetch(this.base + more);
    return { status: res.status, text: await res.text() };
  }

  /** post sends a payload; {status: 0} is a connection that the server hung up. */
  async post(body) {
    const res = await fetch(this.base, { method: 'POST', body, headers: { 'Content-Type': 'text/plain;charset=UTF-8' } }).catch(() => null);
    return res ? { status: res.status, text: await res.text() } : { status: 0, text: '' };
  }
}

/**
 * wxbase client for WeChat mini programs: login, orders and payment, mini-program codes, realtime, and the shop's own collections.
 *
 * No dependency, ES2018, nothing but `wx.*` (and timers): it runs where there is no window, fetch, EventSource, TextDecoder
 * or URL. The browser demo runs this same code over a small `wx` of its own.
 * Money is an integer number of fen everywhere. Every failure is a WxbaseError.
 */
import { calls } from './calls.js';
import { Collection } from './collection.js';
import { faults, WxbaseError } from './errors.js';
import { outreach } from './outreach.js';
import { people } from './people.js';
import { Queue } from './queue.js';
import { Realtime } from './realtime.js';
import { Room } from './room.js';
import { shop } from './shop.js';
import { Socket } from './socket.js';

/** Client is one user's connection to one wxbase server. Make it with createClient. */
class Client {
  constructor(options) {
    const o = options || {};
    if (!o.baseURL && o.baseURL !== '') throw new WxbaseError(0, 'bad_option', 'baseURL is missing');
    this.wx = o.wx || (typeof wx === 'undefined' ? null : wx);
    if (!this.wx) throw new WxbaseError(0, 'bad_option', 'there is no wx here');
    this.origin = o.baseURL.replace(/\/+$/, '');
    this.appid = o.appid || '';
    this.language = o.lang || 'zh';
    this.storedAt = o.storageKey || 'wxbase';
    this.limitMs = o.timeout || 20000;
    this.quietMs = o.idleTimeout || 40000; // the server says something every 25 s
    this.listeners = {};
    this.loggingIn = null;
    this.epoch = 0;
    this.session = this.wx.getStorageSync(this.storedAt) || { token: '', record: null };
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
      NetworkStatusChange: (res) => res.isConnected && awake((link) => link.wake()),
    };
    this.listenToPhone('on');
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
    if (transport === 'websocket') return this.socket;
    return transport === 'sse' || this.streams() ? this.realtime : this.socket;
  }

  /**
   * streams: does wx.request give chunks here? note: WeChat for Windows and Mac takes enableChunked and hands the body over at the end,
   * and versions before 2.20.2 do not know it.
   */
  streams() {
    const info = this.wx.getDeviceInfo ? this.wx.getDeviceInfo() : {};
    if (/windows|mac/i.test(info.platform || '')) return false;
    return !this.wx.canIUse || this.wx.canIUse('request.object.enableChunked');
  }

  /** close ends the connections and forgets all subscribers; the session stays stored. */
  close() {
    for (const link of this.links) {
      link.subs.clear();
      link.stop();
    }
    this.listeners = {};
    this.listenToPhone('off');
  }
}

Object.assign(Client.prototype, faults, calls, people, shop, outreach);

/** createClient({baseURL, wx?, appid?, lang?, storageKey?, timeout?, idleTimeout?}); see index.d.ts. */
export function createClient(options) {
  return new Client(options);
}

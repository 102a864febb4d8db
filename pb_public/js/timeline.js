// "what just happened": each step of the phone, the server and WeChat, in plain words with the line that proves it.
import { h, replace } from './dom.js';
import { t } from './i18n.js';
import { simCall } from './people.js';

const KEPT = 80;
const MINE_MS = 8000;
const HEARD = new Set(['notice', 'paid', 'stream', 'streamCut', 'subscribe']); // steps that may come from others' doings

// what a request of the phone means; the first that matches wins
const REQUESTS = [
  [/^POST \/api\/wx\/login$/, 'token'],
  [/^POST \/api\/wx\/phone$/, 'POST /api/wx/phone'],
  [/^POST \/api\/wx\/profile$/, 'profile'],
  [/^POST \/api\/wx\/orders$/, 'POST /api/wx/orders'],
  [/^POST \/api\/wx\/orders\/[^/]+\/pay$/, 'pay'],
  [/^POST \/api\/wx\/orders\/[^/]+\/virtual$/, 'virtual'],
  [/^POST \/api\/wx\/orders\/[^/]+\/native$/, 'native'],
  [/^POST \/api\/wx\/orders\/[^/]+\/sync$/, 'sync'],
  [/^POST \/api\/wx\/orders\/[^/]+\/cancel$/, 'cancel'],
  [/^POST \/api\/wx\/payouts\/[^/]+\/confirm$/, 'payoutConfirm'],
  [/^POST \/api\/wx\/payouts\/[^/]+\/sync$/, 'payoutSync'],
  [/^POST \/api\/wx\/codes$/, 'POST /api/wx/codes'],
  [/^GET \/api\/wx\/scenes\//, 'scene'],
  [/^POST \/api\/realtime$/, 'subscribe'],
  [/^GET \/api\/collections\/products\/records/, 'products'],
];

// what a call of the server to WeChat means, by the simulator's name for the endpoint
const CALLS = {
  code2session: 'wx.jscode2session', token: 'wx.token', stable_token: 'wx.token', getuserphonenumber: 'wx.phone',
  getwxacodeunlimit: 'wx.code', getwxacode: 'wx.code', createwxaqrcode: 'wx.code',
  prepay: 'wx.prepay', prepay_native: 'wx.native', query: 'wx.query', query_id: 'wx.query', close: 'wx.close', xpay_query_order: 'wx.query',
  transfer: 'wx.transfer', transfer_query: 'wx.query', transfer_cancel: 'wx.transferCancel',
};

const WHO = { start: 'phone', takeAway: 'phone', leave: 'phone', login: 'wechat', userinfo: 'wechat', phone: 'phone', phoneDeny: 'phone', cashier: 'wechat', payok: 'phone', paycancel: 'phone', payfail: 'phone', transfer: 'wechat', transferok: 'phone', transferfail: 'phone', scan: 'wechat', logout: 'phone' };

/** Timeline keeps the steps of this tab and draws them, the latest on top. */
export class Timeline {
  constructor() {
    this.steps = [];
    this.lastCall = null;
    this.activeAt = 0;
    this.attempts = new Map();
    this.queue = Promise.resolve();
    this.list = h('ol', { class: 'feed-list', 'data-testid': 'feed', 'aria-live': 'polite' });
    this.onCount = () => {};
    this.catchUp(true);
  }

  /** shim hears of everything the wx of this tab does. */
  shim(kind, facts) {
    if (kind === 'request') return this.request(facts);
    const tech = {
      login: () => `wx.login → code ${String(facts.code).slice(0, 8)}…`,
      userinfo: () => `signature ${String(facts.signature).slice(0, 10)}…`,
      cashier: () => String(facts.package).slice(0, 34) + '…',
      transfer: () => 'package ' + String(facts.package).slice(0, 24) + '…', transferok: () => facts.errMsg, transferfail: () => facts.errMsg,
      payok: () => facts.errMsg, paycancel: () => facts.errMsg, payfail: () => facts.errMsg, phoneDeny: () => facts.errMsg,
      phone: () => `e.detail.code ${String(facts.code).slice(0, 8)}…`,
      stream: () => 'GET /api/realtime', streamCut: () => 'GET /api/realtime',
      scan: () => `${facts.path}?${facts.query}`,
    }[kind];
    if (kind === 'scan') return undefined; // told with the person's name by who knows it
    if (kind === 'payok' || kind === 'transferok') for (const ms of [400, 1500, 4000]) setTimeout(() => this.catchUp(false), ms);
    return this.log(kind, {}, tech ? tech() : '', kind === 'payfail');
  }

  request({ method, path, status, ms, data, sent }) {
    const what = REQUESTS.find(([pattern]) => pattern.test(`${method} ${path}`));
    const tech = `${method} ${short(path.split('?')[0])} → ${status} · ${Math.round(ms)} ms`;
    if (status >= 400) return this.log('refused', { message: (data && data.message) || '' }, tech + (data && data.data && data.data.code ? ' · ' + data.data.code : ''), true);
    if (!what) return undefined;
    return this.log(what[1], { topics: sent && sent.subscriptions ? sent.subscriptions.map((topic) => topic.split('?')[0]).join(', ') : '' }, tech);
  }

  /** log adds a step; what the server and WeChat did meanwhile goes before it, because it happened before. */
  log(kind, params, tech, bad) {
    const step = { kind, params, tech, bad, who: WHO[kind] || 'server', at: new Date() };
    if (!HEARD.has(kind)) this.activeAt = Date.now();
    const mine = Date.now() - this.activeAt < MINE_MS; // else another tab's phone is at work, and tells it there
    this.queue = this.queue.then(() => mine && this.fetchCalls(false, step.at)).then(() => this.add(step));
    return this.queue;
  }

  catchUp(silent) {
    this.queue = this.queue.then(() => this.fetchCalls(silent));
  }

  /** fetchCalls reads the simulator's books: every call of the server to WeChat and every notification with its fate. */
  async fetchCalls(silent, at = new Date()) {
    try {
      const [calls, notifications] = await Promise.all([simCall('/_sim/calls'), simCall('/_sim/notifications')]);
      const fresh = calls.filter((c) => this.lastCall === null || c.id > this.lastCall).reverse();
      this.lastCall = calls.length ? calls[0].id : this.lastCall || 0;
      const since = calls.length ? Date.parse(calls[0].at) - MINE_MS : 0;
      if (!silent) for (const call of fresh) if (Date.parse(call.at) >= since) this.addCall(call, at);
      for (const n of notifications.slice(0, 20).reverse()) this.addNotification(n, silent, at);
    } catch {
      // the books are only the commentary; the phone goes on without them
    }
  }

  addCall(call, at) {
    const kind = CALLS[call.endpoint];
    if (!kind) return;
    const tech = `${call.method} ${call.path} → ${call.verdict === 'ok' ? call.status : call.code || call.verdict} · ${call.took_ms} ms`;
    this.add({ kind, params: {}, tech, bad: call.verdict !== 'ok', who: 'wechat', at });
  }

  addNotification(n, silent, at) {
    const known = this.attempts.get(n.id) || 0;
    const attempts = n.attempts || [];
    this.attempts.set(n.id, attempts.length);
    if (silent || n.complaint || Date.now() - this.activeAt > MINE_MS) return;
    for (const a of attempts.slice(known)) {
      const good = a.status >= 200 && a.status < 300;
      const path = n.url.replace(/^https?:\/\/[^/]+/, '');
      this.add({ kind: good ? 'notify' : 'notifyBad', params: {}, tech: `POST ${path} → ${a.status || a.error} · ${a.took_ms} ms`, bad: !good, who: 'wechat', at });
    }
  }

  add(step) {
    this.steps.unshift(step);
    this.steps.length = Math.min(this.steps.length, KEPT);
    const empty = this.list.querySelector('.feed-empty');
    if (empty) empty.remove();
    const li = draw(step);
    li.classList.add('fresh');
    this.list.prepend(li);
    while (this.list.children.length > KEPT) this.list.lastChild.remove();
    this.onCount(this.steps.length);
  }

  render() {
    replace(this.list, this.steps.length ? this.steps.map(draw) : h('p', { class: 'feed-empty' }, t('feedEmpty')));
  }
}

/** short leaves out most of an id in a path. */
function short(path) {
  return path.replace(/\/([a-z0-9]{4})[a-z0-9]{11}(?=\/|$)/g, '/$1…');
}

function draw({ kind, params, tech, bad, who, at }) {
  const time = at.toTimeString().slice(0, 8);
  return h('li', { class: `who-${who}` + (bad ? ' bad' : ''), 'data-testid': 'step', 'data-step': kind },
    h('div', { class: 'feed-title' }, h('span', null, t('f.' + kind)), h('small', null, time)),
    h('div', { class: 'feed-text' }, t('f.' + kind + '.x', params)),
    tech ? h('code', { class: 'feed-tech' }, tech) : null);
}

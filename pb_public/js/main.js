// the desk: who holds the phone, the phone, and what just happened beside it.
import { h, icon, replace } from './dom.js';
import { language, setLanguage, t } from './i18n.js';
import { dishArt } from './art.js';
import { App } from './app.js';
import { chatOf } from './chat.js';
import { complainOf } from './complain.js';
import { payCode } from './paycode.js';
import { cashier, choosePerson, masked, phoneConsent, scanner, transferPage } from './cashier.js';
import { holder, imageBase64, keepHolder, listPeople, simCall } from './people.js';
import { Phone } from './phone.js';
import { Timeline } from './timeline.js';
import { toast } from './weui.js';
import { createWx } from '../wx-shim.js';

const STORY = ['login', 'phone', 'order', 'paid', 'notice', 'code', 'scan'];
const THEME = 'wxbase-demo-theme';

/** Desk is everything outside the mini program. */
class Desk {
  constructor(people) {
    this.people = people;
    this.person = holder(people);
    this.done = new Set();
    this.lastCode = '';
    this.feed = new Timeline();
    this.phone = new Phone();
    this.el = h('div', { class: 'desk' });
    document.body.append(this.el, h('div', { class: 'scrim', onclick: () => drawer('') }));
    this.feed.onCount = (n) => {
      const badge = this.el.querySelector('.feed-count');
      if (badge) badge.textContent = n ? ' ' + n : '';
    };
    this.draw();
  }

  draw() {
    document.title = t('pageTitle');
    document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en';
    const keep = this.phone.el;
    replace(this.el, this.topbar(), this.side(), keep, this.feedPanel());
    this.feed.render();
    this.feed.onCount(this.feed.steps.length);
  }

  tools(where) {
    return [
      h('button', { class: 'tool', 'data-testid': 'lang' + where, onclick: () => this.switchLanguage() }, t('langToggle')),
      h('button', { class: 'tool', 'data-testid': 'theme' + where, 'aria-label': t('themeToggle'), onclick: () => this.switchTheme() }, icon(theme() === 'dark' ? 'sun' : 'moon')),
    ];
  }

  topbar() {
    return h('header', { class: 'topbar' },
      h('button', { class: 'top-person', 'data-testid': 'open-side', 'aria-label': t('openSide'), onclick: () => drawer('side') },
        h('img', { class: 'avatar', src: this.person.avatar, alt: '' }), h('span', null, this.person.nickname), h('small', null, t('holding'))),
      h('span', { class: 'grow' }),
      this.tools('-top'),
      h('button', { class: 'tool feed-open', 'data-testid': 'open-feed', onclick: () => drawer('feed') }, h('span', null, t('openFeed'), h('b', { class: 'feed-count' }))));
  }

  side() {
    return h('aside', { class: 'side' },
      h('div', { class: 'brand' }, h('span', { class: 'brand-mark' }, icon('bowl')), h('b', null, 'wxbase'), h('span', { class: 'brand-tools' }, this.tools(''))),
      h('div', null, h('p', { class: 'lede' }, t('lede')), h('p', { class: 'lede-sub' }, t('ledeSub'))),
      h('section', null, h('h2', null, t('holder')), h('div', { class: 'people' }, this.people.map((p) => this.personButton(p)))),
      h('section', null, h('h2', null, t('tryIt')), h('ol', { class: 'steps', 'data-testid': 'story' }, STORY.map((name, i) =>
        h('li', { class: this.done.has(name) ? 'done' : '', 'data-step': name }, h('i', null, String(i + 1), icon('check')), t('do.' + name))))),
      h('nav', { class: 'links' }, h('a', { href: '/_/', target: '_blank', rel: 'noopener', 'data-testid': 'link-dashboard' }, t('dashboard')),
        h('a', { href: '/_sim/', target: '_blank', rel: 'noopener', 'data-testid': 'link-sim' }, t('simPanel'))));
  }

  personButton(p) {
    const mine = p.id === this.person.id;
    return h('button', { class: 'person', 'aria-pressed': String(mine), 'data-testid': 'person-' + p.id, 'data-person': p.id, onclick: () => this.hand(p) },
      h('img', { class: 'avatar', src: p.avatar, alt: '' }),
      h('span', null, h('span', { class: 'person-name' }, p.nickname), h('br'), h('span', { class: 'person-phone' }, masked(p.phone))),
      mine ? h('span', { class: 'person-mark' }, t('holding')) : null);
  }

  feedPanel() {
    const legend = ['phone', 'server', 'wechat'].map((who) => h('span', { class: 'who-' + who }, t('who' + who[0].toUpperCase() + who.slice(1))));
    return h('aside', { class: 'feed', 'aria-label': t('feed') },
      h('div', { class: 'feed-head' }, h('h2', null, t('feed')), h('div', { class: 'feed-legend' }, legend),
        h('button', { class: 'tool feed-close', 'data-testid': 'feed-close', 'aria-label': t('close'), onclick: () => drawer('') }, icon('close'))),
      this.feed.list);
  }

  /** hand gives the phone to a person and opens the mini program there. */
  async hand(person, path, query) {
    drawer('');
    if (this.opening) return;
    this.opening = true;
    const other = person.id !== this.person.id;
    this.person = person;
    keepHolder(person);
    try {
      await this.phone.handOver(other || path ? person : null, async () => {
        if (this.app) this.app.close();
        this.phone.clear();
        this.app = new App({ phone: this.phone, person, wx: this.wxOf(person), feed: this.feed, desk: this });
        this.draw();
        await this.app.start(path, query);
      });
    } finally {
      this.opening = false;
    }
  }

  wxOf(person) {
    return createWx({ person, log: (kind, facts) => this.feed.shim(kind, facts), screens: {
      cashier: async (prepayId, pay, item) => cashier(item ? virtual(item) : await prepaid(prepayId), pay),
      transfer: async (pack) => transferPage(await transferred(pack)),
      phoneConsent: () => phoneConsent({ number: person.phone, appName: t('appName') }),
      scanner: async (read) => {
        const image = await imageBase64(this.lastCode);
        return scanner({ image: this.lastCode, person }, () => read(image));
      },
    } });
  }

  reopen() {
    this.hand(this.person);
  }

  /** showCode puts a mini-program code where a camera can see it. */
  showCode(url) {
    this.lastCode = url;
  }

  async scanAsOther(url) {
    this.showCode(url);
    const person = await choosePerson(t('scanWho'), this.people.filter((p) => p.id !== this.person.id));
    if (person) await this.scan(person);
  }

  async scanLast() {
    if (!this.lastCode) {
      toast(t('scanNothing'));
      return;
    }
    await this.scan(this.person);
  }

  /** scan: a person's WeChat reads the code, then opens what it says. */
  async scan(person) {
    const wx = person.id === this.person.id ? this.app.wx : this.wxOf(person);
    const found = await new Promise((resolve) => wx.scanCode({ complete: resolve }));
    if (!found.path) {
      toast(found.errMsg);
      return;
    }
    this.feed.log('scan', { name: person.nickname, page: found.path }, `${found.path}?${found.query}`);
    this.did('scan');
    await this.hand(person, found.path, Object.fromEntries(new RawQuery(found.query)));
  }

  /** complain opens WeChat's own form about an order: no page of a mini program can. */
  complain(order) {
    complainOf(this.app, order);
  }

  /** payCode shows a code on the screen, which somebody else can pay. */
  payCode(order) {
    payCode(this.app, order, this.people.filter((p) => p.id !== this.person.id));
  }

  /** chat opens the customer service chat. */
  chat(from) {
    return chatOf(this.app, from);
  }

  /** did ticks a step of the story off. */
  did(name) {
    if (this.done.has(name)) return;
    this.done.add(name);
    const li = this.el.querySelector(`.steps [data-step="${name}"]`);
    if (li) li.classList.add('done');
  }

  switchLanguage() {
    setLanguage(language() === 'zh' ? 'en' : 'zh');
    for (const el of Array.from(this.phone.layers.children)) el.remove();
    this.draw();
    this.app.rebuild();
  }

  switchTheme() {
    setTheme(theme() === 'dark' ? 'light' : 'dark');
    this.draw();
  }
}

/** RawQuery splits a query without decoding: a page gets query.scene percent-encoded, as WeChat hands it over. */
class RawQuery {
  constructor(query) {
    this.pairs = String(query || '').split('&').filter(Boolean).map((pair) => pair.split(/=(.*)/s).slice(0, 2));
  }

  [Symbol.iterator]() {
    return this.pairs[Symbol.iterator]();
  }
}

/** prepaid asks the simulated WeChat Pay what a prepay_id is for, since the phone gets nothing but that. */
async function prepaid(prepayId) {
  const orders = await simCall('/_sim/orders').catch(() => []);
  const order = orders.find((o) => (o.prepays || []).some((p) => p.id === prepayId));
  return { merchant: t('appName'), amount: order ? order.total : null, item: order ? order.description : '' };
}

/** transferred asks the simulated WeChat Pay what a package is for. */
async function transferred(pack) {
  const transfers = await simCall('/_sim/transfers').catch(() => []);
  const one = transfers.find((other) => other.package_info === pack);
  return { merchant: t('appName'), amount: one ? one.transfer_amount : null, remark: one ? one.transfer_remark : '' };
}

/** virtual says what is bought by virtual payment, whose text the phone has. */
function virtual(item) {
  return { merchant: t('appName'), amount: item.goodsPrice * item.buyQuantity, item: item.productId };
}

function drawer(name) {
  if (name) document.body.dataset.drawer = name;
  else delete document.body.dataset.drawer;
}

function theme() {
  return document.documentElement.dataset.theme;
}

function setTheme(name, once) {
  document.documentElement.dataset.theme = name;
  if (!once) localStorage.setItem(THEME, name);
}

function startTheme() {
  const asked = new URLSearchParams(location.search).get('theme') || localStorage.getItem(THEME);
  const system = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  setTheme(asked === 'dark' || asked === 'light' ? asked : system, true);
}

/** closed is the page where no simulated WeChat runs: it says how to start one. */
function closed() {
  document.title = t('pageTitle');
  document.documentElement.lang = language() === 'zh' ? 'zh-CN' : 'en';
  const other = () => {
    setLanguage(language() === 'zh' ? 'en' : 'zh');
    closed();
  };
  document.body.replaceChildren(h('div', { class: 'closed', 'data-testid': 'closed' }, h('div', { class: 'closed-card' }, dishArt('三鲜面'),
    h('h1', null, t('closedTitle')), h('p', null, t('closedText')), h('pre', null, 'wxbase serve --sim'), h('p', null, t('closedMore')),
    h('div', { class: 'closed-row' }, h('button', { class: 'btn primary mini', onclick: () => location.reload() }, t('retry')),
      h('a', { class: 'tool', href: '/_/', style: 'text-decoration: none' }, t('dashboard')), h('button', { class: 'tool', onclick: other }, t('langToggle'))))));
  document.body.style.overflow = 'auto';
}

async function main() {
  startTheme();
  const people = await listPeople();
  if (!people || people.length === 0) {
    closed();
    return;
  }
  const desk = new Desk(people);
  await desk.hand(desk.person);
}

main();

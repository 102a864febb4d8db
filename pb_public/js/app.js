// the mini program: one person's client, its pages and what they share. It knows `wx` and the SDK, nothing of the simulator.
import { createClient } from '../sdk/index.mjs';
import { h, leave, wait } from './dom.js';
import { language, noticeText, t } from './i18n.js';
import { dishArt } from './art.js';
import { price, toast } from './weui.js';
import { homePage } from './pages/home.js';
import { productPage } from './pages/product.js';
import { orderPage } from './pages/order.js';
import { mePage } from './pages/me.js';
import { sharePage } from './pages/share.js';

const PAGES = {
  'pages/index/index': homePage,
  'pages/product/product': productPage,
  'pages/order/order': orderPage,
  'pages/me/me': mePage,
  'pages/share/share': sharePage,
};
const TABS = { home: 'pages/index/index', me: 'pages/me/me' };

/** App is the running mini program of one person. desk is the world outside: its story and the other people. */
export class App {
  constructor({ phone, person, wx, feed, desk }) {
    Object.assign(this, { phone, person, wx, feed, desk });
    this.client = createClient({ baseURL: '', wx });
    this.stack = [];
    this.lastNotice = null;
    this.client.on('login', () => this.changed());
    this.client.on('logout', () => this.changed());
  }

  /** start opens the mini program at a page, as App.onLaunch gets it from a scanned code. */
  async start(path, query) {
    phoneWords(this);
    this.feed.log('start', { name: this.person.nickname });
    this.client.subscribe('rooms/notice', (message) => this.onNotice(message));
    const ready = [this.loadProducts(), this.client.token ? this.client.refresh() : null];
    await Promise.all(ready).catch((err) => this.fail(err));
    const page = String(path || '').replace(/^\//, '');
    this.stack = [{ path: TABS.home, query: {} }];
    if (PAGES[page] && page !== TABS.home) this.stack.push({ path: page, query: query || {} });
    this.open('');
  }

  async loadProducts() {
    this.products = await this.client.products();
    this.productsAt = Date.now();
    return this.products;
  }

  /** variants gives the specifications of a product; most have none. */
  async variants(product) {
    const page = await this.client.collection('product_variants').list({ filter: 'product = {:product}', params: { product }, sort: 'position', perPage: 50, skipTotal: true });
    return page.items;
  }

  /** menu gives the products, asked for again when they are older than a few seconds: stock may have changed. */
  async menu() {
    return this.products && Date.now() - this.productsAt < 5000 ? this.products : this.loadProducts();
  }

  product(id) {
    return (this.products || []).find((p) => p.id === id) || null;
  }

  /** open builds the page on top of the stack and shows it. */
  open(how) {
    const top = this.stack[this.stack.length - 1];
    if (this.page && this.page.dispose) this.page.dispose();
    this.page = PAGES[top.path](this, top.query);
    const tab = Object.keys(TABS).find((name) => TABS[name] === top.path);
    this.phone.setTabs([
      { name: 'home', label: t('tabHome'), on: 'bowl', off: 'bowlLine' },
      { name: 'me', label: t('tabMe'), on: 'meOn', off: 'me' },
    ], tab, (name) => this.switchTab(name));
    this.phone.show(this.page, how);
  }

  go(path, query) {
    this.stack.push({ path, query });
    this.open('enter');
  }

  replaceTop(path, query) {
    this.stack[this.stack.length - 1] = { path, query };
    this.open('enter');
  }

  back() {
    if (this.stack.length > 1) this.stack.pop();
    this.open('leave');
  }

  switchTab(name) {
    this.stack = [{ path: TABS[name], query: {} }];
    this.open('');
  }

  /** changed draws the page again when who is logged in, or the language, has changed. */
  changed() {
    if (this.page && this.page.refresh) this.page.refresh();
  }

  rebuild() {
    phoneWords(this);
    if (this.stack.length > 0) this.open('');
  }

  /** fail shows an error as a toast: in Chinese where the code is a known one, else the server's own words. */
  fail(err) {
    const key = 'err.' + err.code;
    const known = t(key);
    toast(known === key || language() === 'en' ? err.message || String(err) : known);
  }

  async login() {
    const answer = await this.client.login({ profile: true });
    this.desk.did('login');
    return answer;
  }

  async onNotice(message) {
    if (message.event !== 'order.paid') return;
    const { name, items, total } = message.payload || {};
    this.lastNotice = { name, items };
    this.feed.log('notice', { name, items: noticeText(items) }, 'rooms/notice ' + message.event);
    this.desk.did('notice');
    if (this.page && this.page.onNotice) this.page.onNotice(this.lastNotice);
    for (const old of this.phone.screen.querySelectorAll('.banner')) old.remove();
    const first = String(items || '').split(/[、,]/)[0].replace(/\s*[x×]\d+$/, '');
    const el = h('div', { class: 'banner', role: 'status', 'data-testid': 'notice-banner' }, h('span', { class: 'badge' }, dishArt(first)),
      h('span', null, h('b', null, name), ' ', t('justBought'), ' ', noticeText(items)), total ? price(total) : null);
    this.phone.screen.append(el);
    await wait(4200);
    leave(el);
  }

  close() {
    if (this.page && this.page.dispose) this.page.dispose();
    this.client.close();
  }
}

function phoneWords(app) {
  app.phone.words();
  app.phone.exit = () => app.desk.reopen();
  app.phone.more = () => app.phone.current && app.switchTab('me');
}

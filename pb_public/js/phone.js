// the phone itself: frame, status bar, capsule, tab bar, and the stack of pages with its movements.
import { h, s, icon, leave, replace, retire, wait } from './dom.js';
import { t } from './i18n.js';
import { logo } from './art.js';
import { useLayers } from './weui.js';

/** Phone shows one mini program at a time. */
export class Phone {
  constructor() {
    this.clock = h('span');
    this.status = h('div', { class: 'status', 'aria-hidden': 'true' }, this.clock, h('span', { class: 'status-right' }, signal(), battery()));
    this.stack = h('div', { class: 'pages' });
    this.layers = h('div', { class: 'layers' });
    this.tabs = h('div', { class: 'tabbar', role: 'tablist' });
    this.exit = () => {};
    this.capsule = h('div', { class: 'capsule' });
    this.screen = h('div', { class: 'screen', 'data-testid': 'screen' }, this.status, h('div', { class: 'island' }), this.stack, this.tabs, this.capsule, this.layers, h('div', { class: 'home-bar' }));
    this.el = h('main', { class: 'stand' }, h('div', { class: 'phone', 'data-testid': 'phone' }, this.screen));
    useLayers(this.layers);
    this.tick();
    setInterval(() => this.tick(), 10000);
    this.words();
  }

  tick() {
    const now = new Date();
    this.clock.textContent = now.getHours() + ':' + String(now.getMinutes()).padStart(2, '0');
  }

  /** words redraws what is labelled, after a change of language. */
  words() {
    replace(this.capsule, h('button', { 'aria-label': t('more'), 'data-testid': 'capsule-more', onclick: () => this.more && this.more() }, icon('dots')),
      h('button', { 'aria-label': t('exit'), 'data-testid': 'capsule-exit', onclick: () => this.exit() }, icon('ring')));
  }

  /** show puts a page on top; how is '' (at once), 'enter' (a new page slides in) or 'leave' (the old one slides out). */
  show(page, how) {
    const old = this.current;
    if (old) retire(old.el);
    this.current = page;
    this.tabs.hidden = !page.tab;
    page.el.classList.remove('leave', 'enter');
    if (how === 'leave' && old) {
      this.stack.prepend(page.el);
      old.el.classList.add('leave');
      setTimeout(() => old.el.remove(), 260);
    } else {
      this.stack.append(page.el);
      if (how === 'enter') page.el.classList.add('enter');
      if (old && !how) old.el.remove();
      else if (old) setTimeout(() => this.current !== old && old.el.remove(), 300);
    }
    this.tone(page);
  }

  /** tone gives the status bar the colour that can be read on this page. */
  tone(page) {
    const light = page.over && !page.el.classList.contains('scrolled');
    if (this.current === page) this.screen.style.setProperty('--status', light ? '#fff' : 'var(--fg)');
  }

  setTabs(tabs, selected, choose) {
    replace(this.tabs, tabs.map(({ name, label, on, off }) => h('button', {
      role: 'tab', 'aria-selected': String(name === selected), 'data-testid': 'tab-' + name, onclick: () => choose(name),
    }, icon(name === selected ? on : off), label)));
  }

  clear() {
    for (const el of Array.from(this.layers.children)) el.remove();
    this.stack.replaceChildren();
    this.current = null;
  }

  /** handOver is WeChat opening a mini program, for another person where there is one; work() goes on behind it. */
  async handOver(person, work) {
    const hand = person ? h('div', { class: 'splash-hand' }, h('img', { class: 'avatar', src: person.avatar, alt: '' }), h('span', null, t('handTo') + ' '), h('b', null, person.nickname)) : null;
    const splash = h('div', { class: 'splash', 'data-testid': 'splash' }, hand, h('div', { class: 'splash-logo' }, h('span', { class: 'logo' }, logo())), h('div', { class: 'splash-name' }, t('appName')));
    this.screen.append(splash);
    this.screen.style.setProperty('--status', 'var(--fg)');
    await wait(person ? 350 : 150);
    await Promise.all([work(), wait(person ? 700 : 450)]);
    leave(splash);
  }
}

/** makePage builds a page: its navigation bar, its scrolling body and what stays at its foot. */
export function makePage(phone, { title, name, over, tab, onBack, body, foot }) {
  const scroller = h('div', { class: 'body' }, body);
  const back = onBack ? h('button', { class: 'nav-back', 'aria-label': t('back'), 'data-testid': 'nav-back', onclick: onBack }, backArrow()) : null;
  const nav = h('div', { class: 'nav' }, back, h('h1', null, title));
  const el = h('section', { class: 'page' + (over ? ' over' : ''), 'data-testid': 'page-' + name }, nav, scroller, foot);
  const page = { el, over, tab, scroller };
  if (over) {
    scroller.addEventListener('scroll', () => {
      el.classList.toggle('scrolled', scroller.scrollTop > 110);
      phone.tone(page);
    }, { passive: true });
  }
  return page;
}

function backArrow() {
  return s('svg', { viewBox: '0 0 12 24', 'aria-hidden': 'true' }, s('path', { d: 'M10 2.5L2 12l8 9.5', fill: 'none', stroke: 'currentColor', 'stroke-width': 2.2, 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }));
}

function signal() {
  const bars = [4, 7, 10, 12].map((y, i) => s('rect', { x: i * 5, y: 12 - y, width: 3.4, height: y, rx: 1, fill: 'currentColor' }));
  return s('svg', { viewBox: '0 0 19 12' }, bars);
}

function battery() {
  return s('svg', { viewBox: '0 0 27 12' }, s('rect', { x: 0.5, y: 0.5, width: 23, height: 11, rx: 3.5, fill: 'none', stroke: 'currentColor', opacity: 0.4 }),
    s('rect', { x: 2, y: 2, width: 17, height: 8, rx: 2, fill: 'currentColor' }), s('path', { d: 'M25 4.2v3.6q1.8-.6 1.8-1.8T25 4.2z', fill: 'currentColor', opacity: 0.5 }));
}

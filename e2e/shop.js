// what a person does in the shop's pages, in words. Texts come from the pages' own dictionaries, so that one story runs in both languages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const read = (name) => readFileSync(path.join(import.meta.dirname, name), 'utf8');
const dictionaries = Object.fromEntries(['zh-CN', 'en'].map((name) => {
  const all = JSON.parse(read(`../ui/src/i18n/${name}.json`));
  for (const page of ['audit', 'chats', 'complaints', 'ways']) for (const [group, texts] of Object.entries(JSON.parse(read(`../ui/src/i18n/${page}.${name}.json`)))) all[group] = { ...all[group], ...texts };
  return [name, all];
}));
const axe = read('node_modules/axe-core/axe.min.js');

/** Shop acts on one tab. */
export class Shop {
  constructor(tab, server, language) {
    Object.assign(this, { tab, page: tab.page, server, words: dictionaries[language] });
    this.page.on('console', (m) => m.type() === 'warning' && tab.complaints.push(m.text()));
  }

  /** t is a text of the pages. */
  t(key, values = {}) {
    const [group, name] = key.split('.');
    const text = this.words[group]?.[name];
    assert.ok(text, `no text ${key}`);
    return text.replace(/\{(\w+)\}/g, (_, place) => String(values[place]));
  }

  id(testid) {
    return this.tab.id(testid);
  }

  button(key, values) {
    return this.page.getByRole('button', { name: this.t(key, values), exact: true });
  }

  field(key) {
    return this.page.getByRole('textbox', { name: this.t(key), exact: true });
  }

  async login(email, password, door = 'staff') {
    await this.page.goto(`${this.server.url}/shop/`);
    await this.page.locator('input[name=email]').waitFor();
    await this.page.locator('.el-radio-button', { hasText: this.t(`login.${door}`) }).click();
    await this.page.locator('input[name=email]').fill(email);
    await this.page.locator('input[name=password]').fill(password);
    await this.button('login.enter').click();
    await this.heading('title.overview').waitFor();
  }

  /** home begins anew, whatever the task before has left open. */
  async home() {
    await this.page.goto('about:blank');
    this.tab.complaints.length = 0;
    await this.page.goto(`${this.server.url}/shop/`);
    await this.heading('title.overview').waitFor();
    await this.loaded();
  }

  heading(key) {
    return this.page.getByRole('heading', { level: 1 }).filter({ hasText: this.t(key) });
  }

  /** visit goes to a page by the menu. */
  async visit(name) {
    const burger = this.page.getByRole('button', { name: this.t('shell.menu') });
    if (await burger.isVisible()) await burger.click();
    await this.page.getByRole('navigation').getByRole('link', { name: this.t(`title.${name}`), exact: true }).click();
    await this.heading(`title.${name}`).waitFor();
    await this.loaded();
  }

  /** loaded waits until nothing is being fetched. */
  async loaded() {
    await this.page.locator('main [aria-busy=true]').first().waitFor({ state: 'detached' });
    await this.page.locator('main .el-skeleton').first().waitFor({ state: 'detached' });
  }

  async reload() {
    await this.page.reload();
    await this.page.locator('main h1').first().waitFor();
    await this.loaded();
  }

  /** choose opens a list of choices and takes one by its text. */
  async choose(box, text) {
    await box.click();
    await this.page.locator('.el-select-dropdown__item:visible', { hasText: text }).first().click();
    await this.page.locator('.el-select-dropdown:visible').first().waitFor({ state: 'hidden' });
  }

  /** day types a day; pickToday takes it from the calendar. */
  async day(key, text) {
    const box = this.page.getByRole('combobox', { name: this.t(key) });
    await box.fill(text);
    await box.press('Enter');
  }

  async pickToday(key) {
    await this.page.getByRole('combobox', { name: this.t(key) }).click();
    await this.page.locator('.el-date-table:visible td.today').click();
  }

  /** said waits for the note that something was done, and puts it away. */
  async said(key, values) {
    await this.page.locator('.el-message', { hasText: this.t(key, values) }).first().waitFor();
    await this.page.evaluate(() => document.querySelectorAll('.el-message').forEach((note) => note.remove()));
  }

  /** row is the line, or the card on a phone, that holds a text. */
  row(text) {
    return this.page.locator('main tr.data-row:visible, main [data-testid=row]:visible').filter({ hasText: text }).first();
  }

  /** openOrder finds an order by its number and opens it. */
  async openOrder(number) {
    await this.visit('orders');
    await this.search(number);
    await this.page.getByRole('link', { name: number, exact: true }).click();
    await this.id('order-state').waitFor();
    await this.loaded();
  }

  async search(text) {
    const box = this.page.locator('.filters input').first();
    await box.fill(text);
    await box.press('Enter');
    await this.page.waitForURL(/search=/);
    await this.loaded();
  }

  /** account opens one's own account by the menu of the head. */
  async account() {
    await this.id('account').click();
    await this.page.getByRole('menuitem', { name: this.t('title.account') }).click();
    await this.heading('title.account').waitFor();
    await this.loaded();
  }

  async signOut() {
    await this.id('account').click();
    await this.id('sign-out').click();
    await this.page.locator('input[name=email]').waitFor();
  }

  /** until asks again and again, for half a minute at most. */
  async until(ask) {
    for (const end = Date.now() + 30_000; !(await ask()); ) assert.ok(Date.now() < end, 'it did not come about');
  }

  /** accessible fails on what axe calls serious or critical, in the dark too. */
  async accessible(where) {
    await this.page.evaluate(axe);
    for (const colorScheme of ['dark', 'light']) {
      await this.page.emulateMedia({ colorScheme });
      await this.page.waitForFunction((dark) => document.documentElement.classList.contains('dark') === dark, colorScheme === 'dark');
      await this.still();
      const { violations } = await this.page.evaluate(() => globalThis.axe.run());
      const bad = violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => `${one.id}: ${one.nodes[0].html} ${one.nodes[0].any[0]?.message ?? ""}`);
      assert.deepEqual(bad, [], `axe on ${where}, ${colorScheme}`);
      await this.tab.step(`${where}-${colorScheme}`.replaceAll(' ', '-'));
    }
    const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wider <= 0, `${where} is ${wider} px wider than the window`);
    const torn = await this.page.evaluate(() => [...document.querySelectorAll('.el-dialog__body')].filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth).length);
    assert.equal(torn, 0, `a dialog on ${where} is narrower than what it shows`);
  }

  /** still waits until nothing moves: what is fading in has too little contrast. */
  async still() {
    // note: a change of colours runs down the page from parent to child, one after another
    await this.page.waitForFunction(() => {
      const moving = document.getAnimations().some((one) => one.effect?.getTiming().iterations !== Infinity);
      globalThis.stillFrames = moving ? 0 : (globalThis.stillFrames ?? 0) + 1;
      return globalThis.stillFrames > 4;
    });
    await this.page.evaluate(() => (globalThis.stillFrames = 0));
  }

  quiet() {
    assert.deepEqual(this.tab.complaints, [], 'errors and warnings in the console');
  }
}

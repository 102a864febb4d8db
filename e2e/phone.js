// what a person does on the phone of the demo page, in words.
import assert from 'node:assert/strict';

/** Phone acts on one tab of the demo. */
export class Phone {
  constructor(tab, server) {
    this.tab = tab;
    this.server = server;
  }

  id(testid) {
    return this.tab.id(testid);
  }

  async open(query = '') {
    await this.tab.page.bringToFront(); // a tab behind another one draws once a second
    await this.tab.page.goto(`${this.server.url}/?${query}`);
    await this.settled();
    await this.tab.step('home');
  }

  /** settled waits until WeChat's opening screen is gone and the menu, or the page of a code, is there. */
  async settled() {
    await this.tab.page.locator('[data-testid^=page-]').first().waitFor();
    await this.id('splash').waitFor({ state: 'detached' });
  }

  async login() {
    await this.id('tab-me').click();
    await this.id('login').click();
    await this.id('profile').waitFor();
    await this.tab.step('logged-in');
  }

  async sharePhoneNumber() {
    await this.id('phone-cell').click();
    await this.id('phone-consent').waitFor();
    await this.tab.step('consent');
    await this.id('phone-allow').click();
    await this.sees('phone-value', /138\*{4}\d{4}/);
  }

  /** order puts `quantity` of the first dish into an order and stops at the cashier. */
  async order(quantity = 1) {
    await this.id('tab-home').click();
    await this.id('product-item').first().click();
    for (let i = 1; i < quantity; i++) await this.id('quantity-more').click();
    await this.tab.step('product');
    await this.id('buy').click();
    await this.tab.step('confirm');
    await this.id('submit-order').click();
    await this.id('cashier-confirm').waitFor();
    await this.tab.step('cashier');
  }

  async pay() {
    await this.id('cashier-confirm').click();
    for (const n of [1, 9, 8, 4, 0, 6]) await this.id('pin-' + n).click();
    await this.tab.step('password');
  }

  async cancelPayment() {
    await this.id('cashier').getByTestId('sheet-close').click();
  }

  async state(wanted) {
    await this.tab.page.locator(`[data-testid=verdict][data-state=${wanted}]`).waitFor();
    await this.tab.step(wanted.toLowerCase());
  }

  /** cashierGone waits until WeChat's sheet has closed and the order's own buttons can be used. */
  async cashierGone() {
    await this.id('cashier').waitFor({ state: 'detached' });
  }

  async toast(pattern) {
    const toast = this.id('toast').filter({ hasText: pattern });
    await toast.waitFor();
    await this.tab.step('toast');
  }

  async sees(testid, pattern) {
    await this.id(testid).filter({ hasText: pattern }).first().waitFor();
  }

  /** quiet: the console had no complaint, nothing that is no text became text, and the buttons at the foot fit the phone. */
  async quiet() {
    assert.deepEqual(this.tab.complaints, [], 'console of ' + this.tab.name);
    const text = await this.tab.page.evaluate(() => document.body.textContent);
    assert.doesNotMatch(text, /\[object |undefined|NaN/);
    const tooWide = await this.tab.page.evaluate(() => [...document.querySelectorAll('.action')].filter((foot) => foot.scrollWidth > foot.clientWidth).map((foot) => foot.textContent));
    assert.deepEqual(tooWide, []);
  }
}

// people: a denied phone number, two languages and themes, a login that WeChat refuses, tabs that do not share a person.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { inTabs, openBrowser } from './browser.js';
import { Phone } from './phone.js';
import { sim, startServer } from './server.js';

test('people', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer()]);
  t.after(() => Promise.all([browser.close(), server.stop()]));

  await t.test('a denied phone number sends nothing', () => inTabs(browser, { name: 'people-deny' }, async (tab) => {
    const phone = new Phone(tab, server);
    await phone.open('lang=zh');
    await phone.login();
    await phone.id('phone-cell').click();
    await phone.id('phone-deny').click();
    await phone.toast('你拒绝了手机号授权');
    await phone.sees('phone-value', '点击授权');
    assert.deepEqual(tab.requests.filter((r) => r === 'POST /api/wx/phone' || /_sim.*phone$/.test(r)), []);
    await phone.quiet();
  }));

  await t.test("a nickname of one's own is kept, as text", () => inTabs(browser, { name: 'people-name' }, async (tab) => {
    const phone = new Phone(tab, server);
    await phone.open('lang=zh&person=p3');
    await phone.login();
    await phone.id('profile').click();
    await tab.step('name-sheet');
    await phone.id('name-input').fill('  王<b>老板</b> ');
    await phone.id('name-save').click();
    await phone.sees('user-name', '王<b>老板</b>');
    await tab.page.reload();
    await phone.settled();
    await phone.id('tab-me').click();
    await phone.sees('user-name', '王<b>老板</b>');
    await phone.quiet();
  }));

  await t.test('a busy WeChat is told, and the next try logs in', () => inTabs(browser, { name: 'people-busy' }, async (tab) => {
    const phone = new Phone(tab, server);
    await phone.open('lang=zh&person=p2');
    await sim(server, 'faults', { on: 'code2session', kind: 'busy', times: 20 });
    await phone.id('tab-me').click();
    await phone.id('login').click();
    await phone.toast('微信繁忙');
    await fetch(server.url + '/_sim/faults', { method: 'DELETE' });
    await phone.id('login').click();
    await phone.sees('user-name', '小红');
  }));

  await t.test('language and theme change without leaving the page', () => inTabs(browser, { name: 'people-words' }, async (tab) => {
    const phone = new Phone(tab, server);
    await phone.open('lang=zh&theme=light');
    await phone.id('product-item').first().click();
    await phone.sees('product-name', '三鲜面');
    await phone.id('lang').click();
    await phone.sees('product-name', 'Three-Delight Noodles');
    await phone.id('theme').click();
    const html = tab.page.locator('html');
    assert.deepEqual([await html.getAttribute('lang'), await html.getAttribute('data-theme')], ['en', 'dark']);
    const words = await tab.page.locator('.side, .feed-head, .feed-title, .feed-text').allTextContents();
    const left = words.join(' ').replace(/中文|小明|小红|老王/g, '').match(/[\u4e00-\u9fff]+/g);
    assert.equal(left, null, 'Chinese left on the English page');
    await tab.step('english-dark');
    await phone.quiet();
  }));

  await t.test('a person takes their data away, and closes the account', () => inTabs(browser, { name: 'people-own', viewport: { width: 390, height: 844 } }, async (tab) => {
    const phone = new Phone(tab, server);
    await phone.open('lang=zh&person=p2');
    await phone.login();
    await phone.id('tab-me').click();
    const [saved] = await Promise.all([tab.page.waitForEvent('download'), phone.id('take-away').click()]);
    const zip = await readFile(await saved.path());
    assert.equal(saved.suggestedFilename(), 'my-data.zip');
    assert.ok(zip.subarray(0, 2).toString() === 'PK' && zip.includes('data.json'), `${zip.length} bytes, want a zip with data.json`);
    await phone.id('leave').click();
    await tab.step('leave');
    await phone.id('leave-go').click();
    await phone.id('login').waitFor();
    assert.ok(tab.requests.includes('DELETE /api/wx/me'));
    await phone.quiet();
  }));

  await t.test('two tabs are two people', () => inTabs(browser, { name: 'people-tabs', tabs: 2 }, async (a, b) => {
    const [first, second] = [new Phone(a, server), new Phone(b, server)];
    await first.open('lang=zh&person=p1');
    await second.open('lang=zh&person=p3');
    await first.login();
    await second.id('tab-me').click();
    await second.id('login').waitFor();
    await second.login();
    await second.sees('user-name', '王');
    await a.page.reload();
    await first.settled();
    await first.id('tab-me').click();
    await first.sees('user-name', '小明');
    await first.quiet();
    await second.quiet();
  }));

  await t.test('without a simulated WeChat the page says how to start one', () => inTabs(browser, { name: 'people-closed' }, async (tab) => {
    await tab.page.route('**/_sim/**', (route) => route.fulfill({ status: 404, contentType: 'application/json', body: '{}' }));
    await tab.page.goto(server.url + '/?lang=en');
    await tab.id('closed').filter({ hasText: 'wxbase serve --sim' }).waitFor();
    await tab.step('closed');
  }));
});

// the whole story of the demo, as a stranger would play it: log in, phone number, order, pay, broadcast, code, scan.
import test from 'node:test';
import assert from 'node:assert/strict';
import { inTabs, openBrowser } from './browser.js';
import { Phone } from './phone.js';
import { readCode } from './qr.js';
import { sim, startServer } from './server.js';

const scenarios = [
  { name: 'zh-wide', lang: 'zh', theme: 'light', viewport: { width: 1280, height: 800 }, paid: '支付成功', dish: '三鲜面', bought: '刚刚买了', shared: '来自 小明 的分享' },
  { name: 'en-wide', lang: 'en', theme: 'dark', viewport: { width: 1280, height: 800 }, paid: 'Paid', dish: 'Three-Delight Noodles', bought: 'just bought', shared: 'Shared by 小明' },
  { name: 'zh-narrow', lang: 'zh', theme: 'dark', viewport: { width: 390, height: 844 }, paid: '支付成功', dish: '三鲜面', bought: '刚刚买了', shared: '来自 小明 的分享' },
  { name: 'en-narrow', lang: 'en', theme: 'light', viewport: { width: 390, height: 844 }, paid: 'Paid', dish: 'Three-Delight Noodles', bought: 'just bought', shared: 'Shared by 小明' },
];

test('story', async (t) => {
  const browser = await openBrowser();
  t.after(() => browser.close());
  for (const scenario of scenarios) {
    await t.test(scenario.name, async (t) => {
      const server = await startServer();
      t.after(() => server.stop());
      await inTabs(browser, { ...scenario, name: 'story-' + scenario.name, tabs: 2 }, (a, b) => play(scenario, server, a, b));
    });
  }
});

async function play(scenario, server, mine, theirs) {
  const [me, other] = [new Phone(mine, server), new Phone(theirs, server)];
  const query = `lang=${scenario.lang}&theme=${scenario.theme}`;
  await other.open(query + '&person=p3');
  await me.open(query);
  await me.login();
  await me.sees('user-name', '小明');
  await me.sharePhoneNumber();

  await me.order(2);
  await me.sees('cashier-amount', '36.00');
  await mine.page.evaluate(() => (window.stillHere = true));
  await me.pay();
  await Promise.all([me.sees('notice-banner', scenario.bought), other.sees('notice-banner', scenario.bought)]);
  await me.state('PAID');
  await me.sees('verdict', scenario.paid);
  await other.sees('notice-banner', /小\*+/);
  await other.sees('notice-banner', scenario.dish);
  await theirs.step('banner');
  await me.cashierGone();
  assert.equal(await mine.page.evaluate(() => window.stillHere), true, 'the page was reloaded');
  const [order] = await sim(server, 'orders');
  assert.deepEqual([order.trade_state, order.total], ['SUCCESS', 3600]);

  await shareAndScan(scenario, me, mine);
  await timeline(scenario, mine);
  await me.quiet();
  await other.quiet();
}

/** shareAndScan makes a code for the dish and lets the second person land on it. */
async function shareAndScan(scenario, me, mine) {
  await me.id('share-dish').click();
  const image = me.id('code-image');
  await image.waitFor();
  await mine.step('code');
  const scene = (await me.id('code-scene').textContent()).replace('scene=', '');
  const text = await readCode(image);
  assert.ok(text && text.includes(scene), `got ${text}, want the scene ${scene} in the code`);
  assert.match(scene, /^[0-9a-zA-Z!#$&'()*+,/:;=?@\-._~]{1,32}$/);

  await me.id('scan-other').click();
  await mine.step('who');
  await me.id('choose-p2').click();
  await me.id('scanner').waitFor();
  await mine.step('scanner');
  await me.sees('shared-by', scenario.shared);
  await me.settled();
  await me.sees('product-name', scenario.dish);
  await mine.step('landed');
  await me.id('nav-back').click();
  await me.id('tab-me').click();
  await me.id('login').waitFor(); // the second person's phone knows nothing of the first one's token
  await me.id('login').click();
  await me.sees('user-name', '小红');
}

/** timeline checks that what happened was explained, also what only the server and WeChat saw. */
async function timeline(scenario, tab) {
  if (scenario.viewport.width < 760) await tab.id('open-feed').click();
  const seen = await tab.id('step').evaluateAll((all) => all.map((el) => el.dataset.step));
  const wanted = ['login', 'wx.jscode2session', 'token', 'wx.phone', 'POST /api/wx/orders', 'wx.prepay', 'pay', 'cashier', 'payok', 'notify', 'notice', 'paid', 'POST /api/wx/codes', 'wx.code', 'scan', 'scene'];
  assert.deepEqual(wanted.filter((step) => !seen.includes(step)), [], 'steps that the timeline does not tell');
  await tab.step('timeline');
  if (scenario.viewport.width < 760) {
    await tab.id('feed-close').click();
    await tab.id('open-side').click();
  }
  const left = await tab.page.locator('[data-testid=story] li:not(.done)').count();
  assert.equal(left, 0, 'steps of the story that are not ticked off');
  await tab.step('ticked-off');
}

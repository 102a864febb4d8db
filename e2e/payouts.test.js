// money for a person: the owner sets the limits and sends it in the shop's pages, the web phone takes it, a second person lets another one go.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inTabs, openBrowser } from './browser.js';
import { call, rootToken } from './customers.js';
import { Phone } from './phone.js';
import { startServer } from './server.js';
import { Shop } from './shop.js';

const own = (language) => JSON.parse(readFileSync(path.join(import.meta.dirname, `../ui/src/i18n/payouts.${language}.json`), 'utf8'));

for (const run of [
  { name: 'zh-1280', language: 'zh-CN', viewport: { width: 1280, height: 860 } },
  { name: 'en-390', language: 'en', viewport: { width: 390, height: 844 } },
]) {
  test(`payouts ${run.name}`, async (t) => {
    const [browser, server] = await Promise.all([openBrowser(), startServer()]);
    t.after(() => Promise.all([browser.close(), server.stop()]));
    await inTabs(browser, { name: `payouts-${run.name}`, tabs: 2, viewport: run.viewport, locale: run.language, timezoneId: 'Asia/Shanghai' }, async (tab, other) => {
      const phone = new Phone(other, server);
      await phone.open();
      await phone.login();
      await tab.page.bringToFront();
      const shop = new Shop(tab, server, run.language);
      Object.assign(shop.words, own(run.language), { event: { ...shop.words.event, ...own(run.language).event } });
      await shop.login(server.email, server.password, 'superuser');
      await shop.visit('payouts');
      await shop.id('payouts-off').waitFor();
      await tab.step('off');
      await fill(tab, 'payoutsPerDay', '100');
      await fill(tab, 'payoutsAlonePerDay', '10');
      await shop.id('save-limits').click();
      await shop.id('payouts-off').waitFor({ state: 'detached' });

      await send(shop, tab, '5.00', '新会员奖励');
      await state(tab, 'WAITING');
      await tab.step('list');
      await shop.accessible('payouts');
      await phone.id('tab-home').click();
      await other.page.bringToFront();
      await phone.id('tab-me').click();
      await phone.id('payout').and(other.page.locator('[data-state=WAITING]')).click();
      await phone.id('transfer').waitFor();
      assert.match(await phone.id('transfer-amount').innerText(), /5\.00/);
      await other.step('transfer');
      await phone.id('transfer-confirm').click();
      await phone.id('payout').and(other.page.locator('[data-state=SUCCESS]')).waitFor({ timeout: 30000 });
      await other.step('received');

      await tab.page.bringToFront();
      await shop.reload();
      await state(tab, 'SUCCESS');
      await send(shop, tab, '8.00', '第二笔'); // with the first one more than one person may
      await state(tab, 'HELD');
      const { items } = await call(server, 'GET', '/api/wx/admin/payouts?state=HELD', await rootToken(server));
      await tab.page.goto(`${server.url}/shop/#/payouts/${items[0].id}`);
      await shop.id('timeline').waitFor();
      assert.equal(await shop.id('approve').count(), 0, 'who asked does not approve');
      await tab.step('held');
      await shop.id('cancel-payout').click();
      await tab.page.locator('.el-message-box').getByRole('button', { name: shop.t('payouts.cancel') }).click();
      await state(tab, 'CANCELLED');
      await tab.step('story');
      await tab.page.emulateMedia({ colorScheme: 'dark' });
      await tab.step('story-dark');
      assert.deepEqual(tab.complaints.filter((text) => !/409|ResizeObserver/.test(text)), []);
    });
  });
}

const fill = (tab, name, text) => tab.page.locator(`input[name="${name}"]`).fill(text);
const state = (tab, word) => tab.page.locator(`main [data-state=${word}]`).first().waitFor();

async function send(shop, tab, yuan, remark) {
  await shop.id('new-payout').click();
  await shop.id('receiver').click();
  await tab.page.locator('.el-select-dropdown__item:visible').first().click();
  await fill(tab, 'amount', yuan);
  await fill(tab, 'remark', remark);
  await fill(tab, 'report-0', '新会员有礼');
  await fill(tab, 'report-1', '注册奖励');
  await tab.step('dialog');
  await shop.id('payout-go').click();
  await shop.id('payout-go').click();
  await shop.id('payout-go').waitFor({ state: 'detached' });
}

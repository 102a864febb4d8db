// a complaint from the phone of the demo to its end in the dashboard, by clicks: it is told of, answered with a picture, promised, refunded and done.
import test from 'node:test';
import assert from 'node:assert/strict';
import { inTabs, openBrowser } from './browser.js';
import { call, rootToken } from './customers.js';
import { Phone } from './phone.js';
import { sim, startServer } from './server.js';
import { Shop } from './shop.js';

const scenarios = [
  { name: 'zh-wide', lang: 'zh', language: 'zh-CN', theme: 'light', viewport: { width: 1280, height: 860 } },
  { name: 'en-narrow', lang: 'en', language: 'en', theme: 'dark', viewport: { width: 390, height: 844 } },
];
const picture = { name: 'proof.png', mimeType: 'image/png', buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64') };

test('complaints', async (t) => {
  const browser = await openBrowser();
  t.after(() => browser.close());
  for (const scenario of scenarios) {
    await t.test(scenario.name, async (t) => {
      const server = await startServer();
      t.after(() => server.stop());
      await addressSet(server);
      await inTabs(browser, { ...scenario, name: `complaints-phone-${scenario.name}` }, (tab) => complain(new Phone(tab, server), scenario));
      await inTabs(browser, { ...scenario, name: `complaints-shop-${scenario.name}`, locale: scenario.language, timezoneId: 'Asia/Shanghai' }, (tab) => answer(new Shop(tab, server, scenario.language), scenario));
    });
  }
});

// addressSet waits until WeChat knows where complaints go, which the server sees to when it has started.
async function addressSet(server) {
  const root = await rootToken(server);
  await call(server, 'POST', '/api/wx/admin/complaints/sweep', root, {});
}

async function complain(phone, { lang, theme }) {
  await phone.open(`lang=${lang}&theme=${theme}`);
  await phone.login();
  await phone.order(2);
  await phone.pay();
  await phone.state('PAID');
  await phone.cashierGone();
  await phone.id('complain-open').click();
  await phone.id('complain-words').fill('面坨了，汤也凉了，要求退款');
  await phone.tab.step('complain');
  await phone.id('complain-send').click();
  await phone.id('complain').waitFor({ state: 'detached' });
  await phone.quiet();
}

async function answer(shop, { theme }) {
  await shop.page.emulateMedia({ colorScheme: theme });
  await shop.login(shop.server.email, shop.server.password, 'superuser');
  await shop.id('attention').locator('[data-kind=complaint]').getByRole('link').click();
  await shop.id('detail').getByText('面坨了').waitFor();
  await shop.visit('complaints');
  await shop.tab.step('list');
  await shop.row('面坨了').getByTestId('hours-left').waitFor();
  await shop.accessible('complaints');
  await shop.page.getByRole('link', { name: /面坨了/ }).click();
  await shop.id('beside').getByText('36.00').waitFor();
  await shop.loaded();
  await shop.accessible('complaint');
  await shop.tab.step('complaint');

  await shop.id('show-phone').click();
  await shop.id('phone').getByText('13800138001').waitFor();

  await shop.id('pictures').setInputFiles([picture]);
  await shop.id('chosen').waitFor();
  await shop.id('reply-text').fill('非常抱歉，马上给您退款');
  await shop.id('reply-send').click();
  await shop.said('complaint.replied');
  await shop.page.locator('[data-step=MERCHANT_RESPONSE]').waitFor();

  await shop.id('decide').click();
  await shop.said('complaint.decided');
  const root = await rootToken(shop.server);
  assert.equal((await call(shop.server, 'GET', '/api/collections/refunds/records', root)).totalItems, 0, 'a promise moves no money');

  await shop.id('refund').click();
  await shop.id('refund-go').click();
  await shop.id('refund-go').click();
  await shop.said('refund.asked');
  const [refund] = await sim(shop.server, 'refunds');
  if (refund.status === 'PROCESSING') await sim(shop.server, `refunds/${refund.refund_id}`, { status: 'SUCCESS' }).catch(() => {}); // or by itself meanwhile
  await shop.until(async () => {
    await shop.id('refresh').click();
    await shop.said('complaint.asked');
    return shop.id('full-refunded').count();
  });

  await shop.id('complete').click();
  await shop.page.locator('.el-message-box').getByRole('button', { name: shop.t('complaint.complete') }).click();
  await shop.said('complaint.completed');
  await shop.page.locator('[data-testid=complaint-state][data-state=PROCESSED]').waitFor();
  await shop.reload();
  await shop.page.locator('[data-step=MERCHANT_CONFIRM_COMPLETE]').waitFor();
  await shop.tab.step('done');
  const { items } = await call(shop.server, 'GET', '/api/wx/admin/attention', root);
  assert.deepEqual(items.filter(({ kind }) => kind.startsWith('complaint')), [], 'nobody is called any more');
  shop.quiet();
}

// customer messages, by clicks on both sides: the phone of the demo writes and sends a picture, the shop answers in its inbox, and the phone shows it.
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
const picture = { name: 'bowl.png', mimeType: 'image/png', buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64') };

test('customer messages', async (t) => {
  const browser = await openBrowser();
  t.after(() => browser.close());
  for (const scenario of scenarios) {
    await t.test(scenario.name, async (t) => {
      const server = await startServer();
      t.after(() => server.stop());
      await inTabs(browser, { ...scenario, name: `chats-phone-${scenario.name}` }, (phone) =>
        inTabs(browser, { ...scenario, name: `chats-shop-${scenario.name}`, locale: scenario.language, timezoneId: 'Asia/Shanghai' }, (shop) =>
          talk(new Phone(phone, server), new Shop(shop, server, scenario.language), scenario)));
    });
  }
});

async function talk(phone, shop, { lang, theme }) {
  await phone.open(`lang=${lang}&theme=${theme}`);
  await phone.login();
  await phone.order(1);
  await phone.pay();
  await phone.state('PAID');
  await phone.cashierGone();
  await phone.id('order-again').click();
  await phone.id('tab-me').click();
  await phone.id('contact').click();
  await phone.id('chat-words').fill('面里没有放葱，可以补吗？');
  await phone.id('chat-send').click();
  await phone.id('chat-mine').getByText('没有放葱').waitFor();
  await phone.id('chat-picture').setInputFiles([picture]);
  await phone.id('chat-photo').waitFor();

  await shop.page.emulateMedia({ colorScheme: theme });
  await shop.login(shop.server.email, shop.server.password, 'superuser');
  await shop.id('attention').locator('[data-kind=chat]').waitFor();
  await shop.visit('chats');
  await shop.id('unread').getByText('2').waitFor();
  await shop.accessible('chats');
  await shop.tab.step('list');
  await shop.page.getByRole('link', { name: /微信用户|小明/ }).first().click();
  await shop.page.getByText('没有放葱').waitFor();
  await shop.id('photo').waitFor();
  await shop.id('beside').getByText('18.00').waitFor();
  await shop.id('answers-left').getByText('5').waitFor();

  await shop.id('reply-text').fill('非常抱歉，马上给您补一份葱');
  await phone.id('chat-typing').waitFor();
  await shop.id('reply-send').click();
  await shop.said('chat.sent');
  await phone.id('chat-answer').getByText('补一份葱').waitFor();
  await shop.id('picture').setInputFiles([picture]);
  await shop.page.locator('.talk-line.ours[data-kind=image]').waitFor();
  await shop.id('answers-left').getByText('3').waitFor();
  await shop.loaded();
  await shop.accessible('chat');
  await shop.tab.step('chat');
  await phone.tab.step('chat');

  for (const left of [2, 1]) {
    await shop.id('reply-text').fill(`还有 ${left} 条`);
    await shop.id('reply-send').click();
    await shop.id('answers-left').getByText(String(left)).waitFor();
  }
  await shop.id('reply-text').fill('最后一条');
  await shop.id('reply-send').click();
  await shop.id('why-not').waitFor();
  await shop.id('no-answer').waitFor();
  await shop.tab.step('used-up');
  const calls = (await sim(shop.server, 'calls?limit=200')).filter(({ endpoint }) => endpoint === 'custom_send');
  assert.deepEqual(calls.map(({ code }) => code || ''), ['', '', '', '', ''], 'five answers, and none that WeChat refused');

  await phone.id('chat-words').fill('谢谢');
  await phone.id('chat-send').click();
  await shop.id('answers-left').getByText(/[1-5]/).waitFor(); // an answer in the second of the message counts, since WeChat's times are whole seconds
  const root = await rootToken(shop.server);
  await shop.until(async () => {
    const { items } = await call(shop.server, 'GET', '/api/wx/admin/attention', root);
    return !items.some(({ kind }) => kind === 'chat');
  });
  await phone.quiet();
  await shop.quiet();
}

// the dashboard: its login page opens, and the superuser made for the demo gets in.
import test from 'node:test';
import assert from 'node:assert/strict';
import { inTabs, openBrowser } from './browser.js';
import { startServer } from './server.js';

const email = 'owner@example.com';
const password = 'noodles-and-tea-8';

test('dashboard', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer('--demoEmail', email, '--demoPassword', password)]);
  t.after(() => Promise.all([browser.close(), server.stop()]));

  await t.test('the demo superuser is printed and can log in', () => inTabs(browser, { name: 'dashboard' }, async (tab) => {
    assert.match(server.output, new RegExp(email.replace('.', '\\.')));
    await tab.page.goto(server.url + '/_/');
    const secret = tab.page.locator('input[type=password]');
    await secret.waitFor();
    await tab.step('login');
    await tab.page.locator('input[type=email], input[type=text]').first().fill(email);
    await secret.fill(password);
    await secret.press('Enter');
    await tab.page.getByText('products', { exact: true }).first().waitFor();
    await tab.step('collections');
    assert.match(tab.page.url(), /collections/);
  }));

  await t.test('a wrong password stays out', () => inTabs(browser, { name: 'dashboard-wrong' }, async (tab) => {
    await tab.page.goto(server.url + '/_/');
    const secret = tab.page.locator('input[type=password]');
    await tab.page.locator('input[type=email], input[type=text]').first().fill(email);
    await secret.fill(password + 'x');
    const refused = tab.page.waitForResponse((r) => r.url().includes('auth-with-password'));
    await secret.press('Enter');
    assert.equal((await refused).status(), 400);
    await secret.waitFor();
  }));
});

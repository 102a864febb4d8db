// the simulator's panel: a refused signature is named in the reader's language, with both texts; things happen by one click.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createSign } from 'node:crypto';
import { inTabs, openBrowser } from './browser.js';
import { sim, startServer } from './server.js';

/** refused sends a v3 request whose method was signed in small letters. */
async function refused(server) {
  const { merchants: [m] } = await sim(server, 'config');
  const [path, time, nonce] = ['/v3/pay/transactions/out-trade-no/ORD-1?mchid=' + m.mchid, String(Math.floor(Date.now() / 1000)), 'a'.repeat(32)];
  const signature = createSign('RSA-SHA256').update(['get', path, time, nonce, '', ''].join('\n')).sign(m.privateKey, 'base64');
  const authorization = `WECHATPAY2-SHA256-RSA2048 mchid="${m.mchid}",nonce_str="${nonce}",signature="${signature}",timestamp="${time}",serial_no="${m.certSerial}"`;
  const res = await fetch(server.simURL + path, { headers: { authorization, accept: 'application/json', 'user-agent': 'e2e' } });
  assert.equal(res.status, 401);
}

test('panel', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer()]);
  t.after(() => Promise.all([browser.close(), server.stop()]));
  await refused(server);

  await t.test('names a signing mistake in both languages', () => inTabs(browser, { name: 'panel' }, async (tab) => {
    const { page } = tab;
    await page.addInitScript(() => localStorage.setItem('sim-lang', 'en'));
    await page.goto(server.simURL + '/_sim/');
    const call = page.locator('#calls details', { hasText: 'method_case' });
    await call.getByText('The method has to be signed in capitals.').waitFor();
    await call.locator('summary').click();
    const line = call.locator('.diff .differs');
    assert.deepEqual(await line.locator('td').allTextContents(), ['get', 'GET']);
    assert.equal(await call.locator('.diff tr').count(), 6, 'a head and five lines');
    await tab.step('mistake');
    await page.locator('#lang').click();
    await page.getByText('请求方法须以大写参与签名。').waitFor();
    assert.deepEqual(tab.complaints, []);
  }));

  await t.test('lets things happen', () => inTabs(browser, { name: 'panel-trigger', viewport: { width: 390, height: 800 } }, async (tab) => {
    const { page } = tab;
    await page.goto(server.simURL + '/_sim/');
    await page.locator('#trigger select').selectOption('token.storm');
    await page.locator('#trigger button').click();
    await page.locator('#faults li', { hasText: 'token_invalid' }).waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
    assert.equal(wide, false, 'nothing stands out of a narrow screen');
    assert.deepEqual(tab.complaints, []);
  }));
});

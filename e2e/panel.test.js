// the simulator's panel: why a call was refused, in the reader's language; sending it again, changed; notifications; faults; one click.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { inTabs, openBrowser } from './browser.js';
import { makeMistake, mistakes, v3 } from './mistakes.js';
import { binary, sim, startServer } from './server.js';

const READERS = { en: /[A-Za-z]/, zh: /[\u4e00-\u9fff]/ };

/** order makes one at the simulator and gives its number; the address takes no message until it is told to. */
async function order(server, number, notifyURL, amount = 100) {
  const { apps: [app], merchants: [m] } = await sim(server, 'config');
  const { code } = await sim(server, 'people/p1/login', {});
  const query = new URLSearchParams({ appid: app.appid, secret: app.secret, js_code: code, grant_type: 'authorization_code' });
  const { openid } = await (await fetch(server.simURL + '/sns/jscode2session?' + query)).json();
  const body = { appid: app.appid, mchid: m.mchid, description: '面', out_trade_no: number, notify_url: notifyURL, amount: { total: amount }, payer: { openid } };
  return v3(server.simURL, m, 'POST', '/v3/pay/transactions/jsapi', body);
}

/** openPanel opens it for a reader of a language. */
async function openPanel(server, tab, lang) {
  await tab.page.addInitScript((l) => localStorage.setItem('sim-lang', l), lang);
  await tab.page.goto(server.simURL + '/_sim/');
  await tab.page.locator('#plays button').first().waitFor();
}

test('panel', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer()]);
  let status = 500;
  const inbox = createServer((req, res) => {
    req.resume().on('end', () => {
      res.statusCode = status;
      res.end('{"code":"FAIL","message":"not yet"}');
    });
  }).listen(0, '127.0.0.1');
  await once(inbox, 'listening');
  const notifyURL = `http://127.0.0.1:${inbox.address().port}/notify`;
  t.after(() => Promise.all([browser.close(), server.stop(), inbox.close()]));
  const { merchants: [merchant] } = await sim(server, 'config');

  for (const name of Object.keys(mistakes)) {
    await t.test(`names ${name} in both languages, and so does sim logs`, () => inTabs(browser, { name: 'panel-' + name }, async (tab) => {
      assert.equal(await makeMistake(server.simURL, merchant, name), 401);
      for (const [lang, letters] of Object.entries(READERS)) {
        await openPanel(server, tab, lang);
        const call = tab.page.locator('#calls details', { hasText: `(${name})` }).first(); // the server calls WeChat by itself too
        const reason = await call.locator('.reason').first().textContent();
        assert.match(reason, letters);
        assert.ok(reason.endsWith(`(${name})`), reason);
        const logs = execFileSync(binary(), ['sim', 'logs', '--url', server.simURL, '--refused', '-n', '1', ...(lang === 'zh' ? ['--zh'] : [])], { encoding: 'utf8' });
        assert.ok(logs.includes(`${name}: ${reason.replace(` (${name})`, '')}`), logs);
      }
      assert.deepEqual(tab.complaints, []);
    }));
  }

  await t.test('shows both texts and marks what differs', () => inTabs(browser, { name: 'panel-diff' }, async (tab) => {
    await makeMistake(server.simURL, merchant, 'method_case');
    await openPanel(server, tab, 'en');
    const call = tab.page.locator('#calls details', { hasText: 'method_case' }).first();
    await call.locator('summary').click();
    await call.locator('.diff .differs td').first().waitFor();
    assert.deepEqual(await call.locator('.diff .differs td').allTextContents(), ['get', 'GET']);
    assert.equal(await call.locator('.diff tr').count(), 6, 'a head and five lines');
    await makeMistake(server.simURL, merchant, 'body_reserialised');
    await openPanel(server, tab, 'en');
    const body = tab.page.locator('#calls details', { hasText: 'body_reserialised' }).first();
    await body.locator('summary').click();
    await body.locator('.diff mark').first().waitFor();
    const extra = await body.locator('.diff mark').allTextContents();
    assert.ok(extra.length > 1 && extra.every((part) => /^[\s⏎∅]+$/.test(part)), `only what is too much is marked: ${JSON.stringify(extra)}`);
    await tab.step('diff');
  }));

  await t.test('says which field is wrong, and sends the call again, changed', () => inTabs(browser, { name: 'panel-replay' }, async (tab) => {
    const { page } = tab;
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await order(server, 'ORD-PANEL-1', notifyURL, 0);
    await openPanel(server, tab, 'zh');
    const call = page.locator('#calls details', { hasText: '/amount/total：值低于最小值 1' }).first();
    await call.locator('summary').click();
    await call.getByText('Wechatpay').or(call.getByText('Authorization')).first().waitFor();
    await page.locator('#lang').click();
    await page.locator('#calls details[open]').getByText('/amount/total is less than 1').first().waitFor();
    await page.getByRole('button', { name: 'copy as curl' }).first().click();
    await page.getByRole('button', { name: 'copied' }).waitFor();
    const curl = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(curl, /^curl -sS -X POST 'http:\/\/127\.0\.0\.1:\d+\/v3\/pay\/transactions\/jsapi'/);
    await page.getByRole('button', { name: 'replay changed' }).first().click();
    const body = page.locator('dialog [name=body]');
    await body.fill((await body.inputValue()).replace('"total":0', '"total":100'));
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page.locator('dialog .result', { hasText: 'prepay_id' }).waitFor();
    await tab.step('replayed');
    assert.equal((await sim(server, 'orders?limit=1'))[0].out_trade_no, 'ORD-PANEL-1');
  }));

  await t.test('filters by path, verdict and merchant', () => inTabs(browser, { name: 'panel-filter' }, async (tab) => {
    const second = await sim(server, 'merchants', {});
    await v3(server.simURL, second, 'GET', '/v3/certificates');
    await openPanel(server, tab, 'en');
    const rows = tab.page.locator('#calls details');
    await tab.page.locator('#call-filter [name=who]').selectOption('mchid:' + second.mchid);
    await tab.page.waitForFunction(() => document.querySelectorAll('#calls details').length === 1);
    assert.match(await rows.first().textContent(), /certificates/);
    await tab.page.locator('#call-filter [name=who]').selectOption('');
    await tab.page.locator('#call-filter [name=path]').fill('jscode2session');
    await tab.page.waitForFunction(() => [...document.querySelectorAll('#calls summary')].every((s) => s.textContent.includes('jscode2session')));
    await tab.page.locator('#call-filter [name=verdict]').selectOption('refused');
    await tab.page.locator('#calls .empty').waitFor();
  }));

  await t.test('tells every attempt of a notification, and sends it again, changed', () => inTabs(browser, { name: 'panel-notes' }, async (tab) => {
    const { page } = tab;
    await sim(server, 'trigger', { event: 'pay.success', out_trade_no: 'ORD-PANEL-1' });
    await openPanel(server, tab, 'en');
    const note = page.locator('#notifications details', { hasText: 'ORD-PANEL-1' });
    await note.locator('.reason', { hasText: 'not yet' }).first().waitFor();
    await note.locator('summary').click();
    await note.getByText('Wechatpay-Signature').first().waitFor();
    await note.locator('select').selectOption('other_amount');
    await note.getByText('The message tells another amount, rightly signed.').first().waitFor();
    status = 200;
    await note.getByRole('button', { name: 'send again, changed' }).click();
    await note.locator('.attempt', { hasText: '#2' }).getByText('other_amount').first().waitFor();
    await note.getByText('delivered').first().waitFor();
    await note.locator('select').selectOption('forge:another_key');
    await note.getByRole('button', { name: 'send again, changed' }).click();
    await note.getByText('another_key → 200').waitFor();
    await tab.step('attempts');
    assert.deepEqual(tab.complaints, []);
  }));

  await t.test('explains faults and plays scenarios on a narrow, dark screen', async () => {
    const viewport = { width: 390, height: 800 };
    await inTabs(browser, { name: 'panel-narrow', viewport }, async (tab) => {
      const { page } = tab;
      await page.emulateMedia({ colorScheme: 'dark' });
      for (const lang of ['zh', 'en']) {
        await openPanel(server, tab, lang);
        await page.locator('#add-fault [name=kind]').selectOption('lost');
        assert.match(await page.locator('#fault-words').textContent(), lang === 'zh' ? /丢失/ : /lost on its way/);
        await page.locator('[data-play=token_storm]').click();
        await page.locator('#faults li', { hasText: 'token_invalid' }).first().waitFor();
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
        assert.equal(wide, false, 'nothing stands out of a narrow screen');
        assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(17, 17, 17)');
        await tab.step('narrow-' + lang);
        await page.locator('#clear-faults').click();
        await page.locator('#faults .empty').waitFor();
      }
      const orders = await sim(server, 'orders');
      if (!orders.some((o) => o.trade_state === 'NOTPAY')) {
        await page.locator('[data-play=pay_lose_three]').click();
        await page.locator('#play-error', { hasText: 'order' }).waitFor();
      }
    });
  });
});

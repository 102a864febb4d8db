// what the dashboard can do besides the 24 daily tasks, by clicks, with a reload after each. docs/shop.md
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { inTabs, openBrowser } from './browser.js';
import { call, Customer, rootToken } from './customers.js';
import { sim, startServer } from './server.js';
import { Shop } from './shop.js';
import { cellsOf, codeOf, widthOf } from './shop-formats.js';
import { dataTasks } from './shop-data.js';
import { keyboardTasks } from './shop-keyboard.js';

const language = 'zh-CN';
const viewport = { width: 1280, height: 860 };
const password = 'noodles-and-tea-8';
// SHOP_TASKS=drag,replay chooses while one works on them
const wanted = process.env.SHOP_TASKS?.split(',');

test('shop, the rest of the pages', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer('--hooksDir', path.join(import.meta.dirname, 'shop_hooks'))]);
  t.after(() => Promise.all([browser.close(), server.stop()]));
  const world = await worldOf(server);
  const signedIn = (who, door, work) =>
    inTabs(browser, { name: `more-${who.split('@')[0]}`, viewport, locale: language, timezoneId: 'Asia/Shanghai' }, async (tab) => {
      const shop = new Shop(tab, server, language);
      await shop.login(who, door === 'superuser' ? server.password : password, door);
      await work(shop);
    });
  await signedIn(server.email, 'superuser', async (shop) => {
    for (const [name, work] of Object.entries(tasks)) {
      if (wanted && !wanted.some((word) => name.startsWith(word))) continue;
      await t.test(name, async () => {
        await shop.home();
        await work(shop, world, signedIn);
        await shop.tab.step(name.split(' ')[0]);
      });
    }
  });
});

// worldOf is a shop with staff, orders, an effect that failed, and a message of WeChat's that was refused.
async function worldOf(server) {
  const root = await rootToken(server);
  for (const [name, role] of [['fang', 'finance'], ['ma', 'manager'], ['zhao', 'clerk'], ['viv', 'viewer']]) {
    await call(server, 'POST', '/api/wx/admin/staff', root, { email: `${name}@example.com`, name, role, password });
  }
  const { items: products } = await call(server, 'GET', '/api/collections/products/records?sort=created', root);
  const wang = await new Customer(server, 'p1').login({ name: '王小明', phone: true });
  const buy = (note = '') => wang.order([{ product: products[0].id, quantity: 1 }], note);
  const orders = { large: await wang.pay(await buy()), alone: await wang.pay(await buy()), failing: await wang.pay(await buy('e2e: the hook fails')) };
  const forged = await call(server, 'POST', '/api/wx/orders', root, { user: wang.id, total: 1200, description: '茶 [sim:notify.wrong_signature]' });
  await wang.pay(forged, () => true); // the first message is refused
  await wang.post(`/api/wx/orders/${forged.id}/sync`);
  const others = await call(server, 'POST', '/api/wx/orders', root, { user: wang.id, total: 1500, description: '茶 [sim:pay.other_program]' });
  await wang.pay(others, (now) => now.frozenAt); // another program of the merchant took the number
  const codes = [];
  for (const table of [7, 8]) codes.push(await wang.post('/api/wx/codes', { page: 'pages/index/index', payload: { table } }));
  await call(server, 'POST', '/e2e/bill?foreign=1', root, {});
  return { root, wang, products, codes, orders: { ...orders, forged, others } };
}

// lateMoney is an order that was paid after it was cancelled, and whose automatic refund WeChat has closed.
async function lateMoney(server, root, buyer, product) {
  const order = await buyer.order([{ product, quantity: 1 }]);
  const params = await buyer.post(`/api/wx/orders/${order.id}/pay`);
  await buyer.post(`/api/wx/orders/${order.id}/cancel`);
  await sim(server, 'faults', { on: 'pay_device', kind: 'paid_after_close', times: 1 });
  await sim(server, 'faults', { on: 'refund', kind: 'refund_closed', times: 1 });
  const { appid } = await sim(server, 'config');
  await sim(server, `people/${buyer.person}/pay`, { appid, action: 'pay', ...params });
  for (let tries = 0; tries < 120; tries++) {
    const { items } = await call(server, 'GET', `/api/collections/refunds/records?filter=order='${order.id}'`, root);
    if (items[0]?.state === 'CLOSED') return order;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error('the automatic refund is not closed after a minute');
}

// speak publishes a notice, and hears what somebody else says without a reload.
async function speak(shop, who) {
  await shop.visit('rooms');
  await shop.page.getByRole('link', { name: 'notice', exact: true }).click();
  await shop.page.locator('textarea[name=text]').fill(`今天的面半价 ${who}`);
  await shop.accessible('room');
  await shop.button('rooms.say').click();
  await shop.said('rooms.said');
  const log = shop.page.getByRole('log');
  await log.getByText(`今天的面半价 ${who}`).waitFor();
  await shop.reload();
  await log.getByText(`今天的面半价 ${who}`).waitFor();
  await call(shop.server, 'POST', '/api/wx/rooms/notice/messages', await rootToken(shop.server), { event: 'notice', payload: { text: `还剩三碗 ${who}` } });
  await log.getByText(`还剩三碗 ${who}`).waitFor();
  shop.quiet();
}

const tasks = {
  'second person for a refund': async (shop, { orders }, signedIn) => {
    await shop.visit('setup');
    await shop.page.getByRole('tab', { name: shop.t('step.address') }).click();
    await shop.page.locator('input[name=twoPersonsAbove]').fill('5');
    await shop.id('save-preferences').click();
    await shop.said('common.saved');
    await shop.reload();
    assert.equal(await shop.page.locator('input[name=twoPersonsAbove]').inputValue(), '5.00');
    await signedIn('fang@example.com', 'staff', async (fang) => {
      await fang.openOrder(orders.large.number);
      await fang.id('refund').click();
      await fang.id('refund-go').click();
      await fang.id('refund-go').click();
      await fang.said('refund.waits');
      await fang.reload();
      await fang.id('refunds').getByText(fang.t('refund.WAITING')).waitFor();
      assert.equal(await fang.id('approve').count(), 0, 'who asked for it cannot approve it');
      fang.quiet();
    });
    await signedIn('ma@example.com', 'staff', async (ma) => {
      await ma.id('attention').locator('[data-kind=refund_second_person]').getByRole('link').click();
      await ma.id('approve').click();
      await ma.said('common.done');
      await ma.reload();
      await ma.id('refunds').getByText(/fang@example\.com/).first().waitFor();
      assert.equal(await ma.id('approve').count(), 0);
      ma.quiet();
    });
    const { items } = await call(shop.server, 'GET', `/api/collections/refunds/records?filter=order='${orders.large.id}'`, await rootToken(shop.server));
    assert.equal(items.length, 1, 'the money went back once');
  },

  'give back what came too late': async (shop, { root, wang, products }, signedIn) => {
    const late = await lateMoney(shop.server, root, wang, products[0].id);
    await signedIn('fang@example.com', 'staff', async (fang) => {
      await fang.openOrder(late.number);
      await fang.id('refunds').getByText(fang.t('refund.CLOSED'), { exact: true }).waitFor();
      await fang.tab.step('late');
      await fang.id('refund').click();
      await fang.id('refund-go').click();
      await fang.id('refund-go').click();
      await fang.said('refund.waits');
      fang.quiet();
    });
    await signedIn('ma@example.com', 'staff', async (ma) => {
      await ma.openOrder(late.number);
      await ma.id('approve').click();
      await ma.said('common.done');
      await ma.reload();
      assert.equal(await ma.id('refund').count(), 0, 'nothing is left to give back');
      ma.quiet();
    });
    const { items } = await call(shop.server, 'GET', `/api/collections/refunds/records?sort=created&filter=order='${late.id}'`, root);
    assert.deepEqual(items.map((one) => one.amount), [late.total, late.total]);
    assert.equal(items[0].state, 'CLOSED');
  },

  'refuse a refund as the second person': async (shop, { orders }, signedIn) => {
    await signedIn('fang@example.com', 'staff', async (fang) => {
      await fang.openOrder(orders.alone.number);
      await fang.id('refund').click();
      await fang.id('refund-go').click();
      await fang.id('refund-go').click();
      await fang.said('refund.waits');
    });
    await shop.openOrder(orders.alone.number);
    await shop.id('refuse').click();
    await shop.said('common.done');
    await shop.reload();
    await shop.id('refunds').getByText(shop.t('refund.REFUSED')).waitFor();
    shop.quiet();
  },

  'TOTP: on, sign in with it, off': async (shop, _, signedIn) => {
    await signedIn('zhao@example.com', 'staff', async (zhao) => {
      await zhao.account();
      await zhao.id('totp-on').click();
      const secret = await zhao.id('totp-secret').innerText();
      await zhao.page.locator('input[name=totp]').fill(codeOf(secret));
      await zhao.accessible('authenticator');
      await zhao.id('totp-confirm').click();
      await zhao.said('account.totpOn');
      await zhao.reload();
      await zhao.page.getByText(zhao.t('account.totpIsOn')).waitFor();
      await zhao.signOut();
      await zhao.page.locator('input[name=email]').fill('zhao@example.com');
      await zhao.page.locator('input[name=password]').fill(password);
      await zhao.button('login.enter').click();
      await zhao.page.locator('input[name=code]').fill('000000');
      zhao.tab.complaints.length = 0; // the browser notes each 401
      await zhao.button('login.enter').click();
      await zhao.page.getByRole('alert').waitFor();
      await zhao.page.locator('input[name=code]').fill(codeOf(secret, Date.now() + 30_000)); // the one before is used up
      await zhao.button('login.enter').click();
      await zhao.heading('title.account').waitFor();
      await zhao.page.locator('input[name=totp-password]').fill(password);
      await zhao.id('totp-off').click();
      await zhao.said('account.totpOff');
      await zhao.reload();
      await zhao.id('totp-on').waitFor();
    });
  },

  'end a session, one\'s own and somebody else\'s': async (shop, _, signedIn) => {
    await signedIn('ma@example.com', 'staff', async (first) => {
      await signedIn('ma@example.com', 'staff', async (second) => {
        await second.account();
        await second.page.getByText(second.t('staff.current'), { exact: true }).waitFor();
        while (await second.id('end-session').count()) {
          await second.id('end-session').first().click();
          await second.said('staff.ended');
        }
        second.quiet();
        await first.page.getByRole('navigation').getByRole('link', { name: first.t('title.orders'), exact: true }).click();
        await first.page.locator('input[name=email]').waitFor(); // out
        await shop.visit('staff');
        await shop.row('ma@example.com').getByRole('button', { name: /设备/ }).click();
        const drawer = shop.page.getByRole('dialog');
        await drawer.getByTestId('end-session').first().waitFor();
        await shop.accessible('sessions');
        while (await drawer.getByTestId('end-session').count()) {
          await drawer.getByTestId('end-session').first().click();
          await shop.said('staff.ended');
        }
        await second.page.getByRole('navigation').getByRole('link', { name: second.t('title.orders'), exact: true }).click();
        await second.page.locator('input[name=email]').waitFor();
      });
    });
    await shop.reload();
    await shop.row('ma@example.com').getByRole('button', { name: shop.t('staff.sessions', { n: 0 }) }).waitFor();
    shop.quiet();
  },

  'change one\'s password': async (shop, _, signedIn) => {
    const next = `${password}-new`;
    await signedIn('zhao@example.com', 'staff', async (zhao) => {
      await zhao.account();
      await zhao.page.locator('input[autocomplete=current-password]').first().fill(password);
      await zhao.page.locator('input[autocomplete=new-password]').fill(next);
      await zhao.button('account.change').click();
      await zhao.said('account.changed');
      await zhao.reload();
      await zhao.signOut();
      await zhao.page.locator('input[name=email]').fill('zhao@example.com');
      await zhao.page.locator('input[name=password]').fill(next);
      await zhao.button('login.enter').click();
      await zhao.heading('title.account').waitFor();
    });
  },

  'replay a message of the inbox': async (shop, { orders }) => {
    await shop.visit('inbox');
    await shop.choose(shop.id('filter-state'), shop.t('inboxState.REFUSED'));
    await shop.page.waitForURL(/state=REFUSED/);
    await shop.row(shop.t('inboxKind.pay')).getByRole('button').click();
    await shop.id('replay').waitFor();
    await shop.accessible('inbox');
    await shop.id('replay').click();
    await shop.said('replay.no_number'); // a message that does not verify names nothing that could be asked about
    await shop.reload();
    await shop.choose(shop.id('filter-state'), shop.t('inboxState.APPLIED'));
    await shop.page.waitForURL(/state=APPLIED/);
    await shop.row(shop.t('inboxKind.pay')).getByRole('button').click();
    await shop.id('replay').click();
    await shop.said('inbox.replayed');
    await shop.reload();
    const paid = await call(shop.server, 'GET', `/api/collections/orders/records/${orders.forged.id}`, await rootToken(shop.server));
    assert.equal(paid.payState, 'PAID');
    shop.quiet();
  },

  'send an effect again': async (shop, { orders, root }) => {
    await shop.visit('effects');
    await shop.page.locator('.el-radio-button', { hasText: shop.t('effects.failed') }).click();
    await shop.page.waitForURL(/failed=1/);
    const row = shop.row(orders.failing.id);
    await row.getByText(/e2e: not yet/).waitFor();
    await shop.accessible('effects');
    await row.getByTestId('resend').click();
    await shop.said('order.resent');
    await call(shop.server, 'POST', '/e2e/mend', root, {});
    await shop.openOrder(orders.failing.number);
    await shop.id('timeline').getByTestId('resend').first().click();
    await shop.said('order.resent');
    await shop.until(async () => {
      await shop.reload();
      return (await shop.id('timeline').getByTestId('resend').count()) === 0;
    });
    shop.quiet();
  },

  'compare a day of the bill again': async (shop) => {
    await shop.visit('bills');
    const day = new Date(Date.now() + 8 * 3_600_000 - 3 * 86_400_000).toISOString().slice(0, 10);
    if (!(await shop.id(`day-${day}`).count())) await shop.page.getByRole('button', { name: shop.t('bills.earlier') }).click();
    await shop.id(`day-${day}`).click();
    await shop.id('rerun').click();
    await shop.said('bills.rerunDone');
    await shop.reload();
    await shop.id(`day-${day}`).getByText(shop.t('billMark.EMPTY')).waitFor();
    shop.quiet();
  },

  'mark the payment of an order as not ours': async (shop, { root, orders }) => {
    await shop.openOrder(orders.large.number);
    assert.equal(await shop.id('disown').count(), 0, 'an order that is not disputed has nothing to mark');
    await shop.openOrder(orders.others.number);
    await shop.id('disown').click();
    await shop.id('not-ours-hint').waitFor();
    assert.ok(await shop.id('resolve-go').isDisabled(), 'it takes a reason');
    await shop.page.locator('input[name=resolve-reason]').fill('the server of last year');
    await shop.accessible('not ours');
    await shop.id('resolve-go').click();
    await shop.said('resolve.done');
    await shop.reload();
    await shop.id('order-state').getByText(shop.t('state.UNPAID')).waitFor();
    await shop.page.getByText(`${shop.t('decided.notOurs')}: the server of last year`).first().waitFor();
    assert.equal(await shop.id('disown').count(), 0);
    const story = await call(shop.server, 'GET', `/api/wx/admin/orders/${orders.others.id}`, root);
    assert.deepEqual([story.payments.map((one) => one.state), story.refunds], [['CLOSED'], []], 'no money has moved');
    await shop.visit('audit');
    await shop.page.getByText(shop.t('auditAction.order_resolve')).first().waitFor();
    shop.quiet();
  },

  'say what is not ours, and settle the last difference': async (shop, { root }) => {
    await shop.visit('overview');
    await shop.id('attention').locator('[data-kind=bill]').waitFor();
    await shop.visit('bills');
    await shop.page.locator('#foreign').fill('number:ERP-*');
    await shop.id('save-foreign').click();
    await shop.said('common.saved');
    await shop.reload();
    await shop.loaded();
    assert.equal(await shop.page.locator('#foreign').inputValue(), 'number:ERP-*');
    await shop.row('POS20260105').getByTestId('settle').click();
    await shop.page.locator('input[name=note]').fill('the till of the other shop');
    await shop.page.locator('.el-checkbox', { hasText: shop.t('bills.alwaysForeign') }).click();
    await shop.id('settle-go').click();
    await shop.said('bills.settled');
    await shop.row('N20260105').getByTestId('settle').click();
    await shop.page.locator('input[name=note]').fill('paid by hand');
    await shop.id('settle-go').click();
    await shop.said('bills.settled');
    await shop.reload();
    assert.match(await shop.page.locator('#foreign').inputValue(), /number:ERP-\*\nnumber:POS20260105/);
    const { items } = await call(shop.server, 'GET', '/api/wx/admin/alerts', root);
    assert.deepEqual(items.filter((alert) => alert.kind === 'bill').map((alert) => alert.subject), [], 'the alert of the day is closed');
    shop.quiet();
  },

  'publish into a room, as a superuser and as staff': async (root, { wang }, signedIn) => {
    for (const who of ['root', 'ma']) {
      if (who === 'root') await speak(root, who);
      else await signedIn('ma@example.com', 'staff', (ma) => speak(ma, who));
    }
    assert.ok(wang.token);
  },

  'each role opens all that its menu shows': async (_, world, signedIn) => {
    for (const [who, want, without] of [['fang', 'inbox', 'setup'], ['ma', 'held', 'staff'], ['viv', 'orders', 'inbox']]) {
      await signedIn(`${who}@example.com`, 'staff', async (shop) => {
        const links = shop.page.getByRole('navigation').getByRole('link');
        const titles = await links.allInnerTexts();
        assert.ok(titles.includes(shop.t(`title.${want}`)) && !titles.includes(shop.t(`title.${without}`)), `${who}: ${titles}`);
        for (const title of titles) {
          await links.filter({ hasText: new RegExp(`^${title}$`) }).click();
          await shop.page.getByRole('heading', { level: 1 }).filter({ hasText: title }).waitFor();
          await shop.loaded();
          assert.deepEqual(await shop.page.getByRole('alert').allInnerTexts(), [], `${who} on ${title}`);
        }
        shop.quiet();
      });
    }
  },

  ...keyboardTasks,

  'drag the order of the products': async (shop, { root }) => {
    await shop.visit('products');
    await shop.button('products.arrange').click();
    const rows = shop.page.locator('.arrange li');
    const names = async () => (await rows.allInnerTexts()).map((text) => text.trim());
    await rows.nth(2).waitFor();
    const before = await names();
    await rows.nth(2).dragTo(rows.nth(0));
    const after = await names();
    assert.deepEqual(after, [before[2], before[0], before[1], ...before.slice(3)]);
    await shop.page.getByRole('button', { name: shop.t('products.down', { name: after[0] }) }).press('Enter'); // by keyboard too
    await shop.accessible('arrange');
    await shop.page.getByRole('dialog').getByRole('button', { name: shop.t('common.save'), exact: true }).click();
    await shop.said('common.saved');
    await shop.reload();
    const shown = await shop.page.locator('tr.data-row .product a').allInnerTexts();
    assert.deepEqual(shown.slice(0, 3), [before[0], before[2], before[1]]);
    const { items } = await call(shop.server, 'GET', '/api/wx/admin/products', root);
    assert.equal(items[0].name, before[0]);
    shop.quiet();
  },

  'print a sheet of codes': async (shop, { codes }) => {
    await shop.visit('codes');
    for (const code of codes) await shop.id('code').filter({ hasText: code.scene }).locator('.el-checkbox').click();
    await shop.id('sheet').click();
    await shop.page.waitForURL(/codes\/print/);
    await shop.reload();
    await shop.page.locator('.codesheet img').nth(1).waitFor();
    const drawn = await shop.page.locator('.codesheet img').evaluateAll((all) => all.map((one) => one.complete && one.naturalWidth > 0));
    assert.deepEqual(drawn, [true, true]);
    await shop.accessible('code sheet');
    await shop.page.emulateMedia({ media: 'print' });
    assert.equal(await shop.page.locator('.no-print').isVisible(), false);
    await shop.page.emulateMedia({ media: 'screen' });
    await shop.button('common.back').click();
    await shop.heading('title.codes').waitFor();
    shop.quiet();
  },

  'preview a code while it is made': async (shop) => {
    await shop.visit('codes');
    await shop.id('new').click();
    const draft = shop.id('draft');
    await shop.page.locator('input[name=scene]').fill('desk=1');
    await draft.getByText('scene=desk=1').waitFor();
    await shop.page.locator('input[type=color]').fill('#cc0000');
    assert.equal(await draft.locator('g').getAttribute('fill'), '#cc0000');
    await shop.page.getByRole('dialog').getByText(shop.t('codes.byPayload')).click();
    await shop.page.locator('textarea').fill('{"table": 9}');
    await draft.getByText('{"table":9}').waitFor();
    await shop.page.locator('textarea').fill('{"table": ');
    await shop.page.getByText(shop.t('codes.notJSON')).waitFor();
    assert.equal(await shop.id('make').isDisabled(), true);
    shop.quiet();
  },

  'download a code in three sizes': async (shop, { codes }) => {
    await shop.visit('codes');
    await shop.page.getByRole('link', { name: codes[0].scene, exact: true }).click();
    for (const width of [280, 430, 1280]) {
      const [file] = await Promise.all([shop.page.waitForEvent('download'), shop.id(`save-${width}`).click()]);
      assert.match(file.suggestedFilename(), new RegExp(`-${width}\\.(png|jpg)$`));
      assert.equal(widthOf(await readFile(await file.path())), width);
    }
    await shop.reload();
    shop.quiet();
  },

  'log a person out everywhere': async (shop, { wang }) => {
    await shop.visit('users');
    await shop.page.getByRole('link', { name: '王小明', exact: true }).click();
    await shop.id('logout').click();
    await shop.page.getByRole('dialog').getByRole('button', { name: shop.t('user.logout'), exact: true }).click();
    await shop.said('common.done');
    await assert.rejects(wang.post('/api/wx/orders', { items: [] }), /401/);
    await shop.reload();
    shop.quiet();
  },

  'export, and open it as a spreadsheet does': async (shop, { root, orders }) => {
    await shop.visit('orders');
    await shop.id('export').click();
    const [file] = await Promise.all([shop.page.waitForEvent('download'), shop.id('export-save').click()]);
    const rows = cellsOf((await readFile(await file.path(), 'utf8')).replace('\ufeff', ''));
    const width = rows[0].length;
    assert.ok(rows.every((row) => row.length === width), 'each row has as many cells as the head');
    const row = rows.find((cells) => cells[0].trim() === orders.failing.number);
    assert.match(row.at(-1), /^\d{28}\t$/, 'a long number is a text, or a spreadsheet rounds it');
    assert.match(row[5], /^\d+\.\d\d$/);
    const { totalItems } = await call(shop.server, 'GET', '/api/collections/orders/records?perPage=1', root);
    assert.equal(rows.length, 1 + totalItems, 'a head, and a row for each order');
    shop.quiet();
  },

  ...dataTasks,

  'several alerts of a kind are a list': async (shop, { root }) => {
    await call(shop.server, 'POST', '/e2e/alerts', root, {});
    await shop.home();
    const strip = shop.id('attention').locator('[data-kind=payment]');
    await strip.getByText('× 2').waitFor();
    await strip.getByRole('link').click();
    await shop.heading('title.alerts').waitFor();
    await shop.loaded();
    await shop.accessible('alerts');
    await shop.row('pay-two').getByTestId('close-alert').click();
    await shop.said('attention.closed');
    await shop.reload();
    assert.equal(await shop.row('pay-two').count(), 0);
    await shop.row('pay-one').waitFor();
    shop.quiet();
  },

  'a refusal says why in Chinese': async (shop) => {
    await shop.page.goto(`${shop.server.url}/shop/#/orders?state=NOT_A_STATE`);
    await shop.page.getByRole('alert').getByText(/应为/).waitFor();
    assert.doesNotMatch(await shop.page.getByRole('alert').first().innerText(), /[a-z]{3,} [a-z]{2,}/);
  },
};

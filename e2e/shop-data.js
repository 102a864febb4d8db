// what a shop does seldom: hand out and end an account, close what nobody can explain any more
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { call, Customer } from './customers.js';

export const dataTasks = {
  'take out and end the account of a person': async (shop, { root }) => {
    const lin = await new Customer(shop.server, 'p3').login({ name: '林小雨', phone: true });
    const open = async () => {
      await shop.visit('users');
      await shop.page.getByRole('link', { name: '林小雨', exact: true }).click();
      await shop.id('personal').waitFor();
    };
    const wish = async (days) => {
      await shop.id('forget').click();
      await shop.id('forget-reason').fill('本人来电要求');
      await shop.id('forget-days').getByRole('spinbutton').fill(days);
      await shop.accessible('personal');
      await shop.id('forget-go').click();
      await shop.said('personal.asked');
    };
    await open();
    const [file] = await Promise.all([shop.page.waitForEvent('download'), shop.id('export-person').click()]);
    assert.equal((await readFile(await file.path())).subarray(0, 2).toString(), 'PK');
    await wish('7');
    await assert.rejects(lin.post('/api/wx/orders', { items: [] }), /401/);
    await shop.reload();
    await shop.id('take-back').click();
    await shop.page.getByRole('dialog').getByRole('button', { name: shop.t('personal.takeBack'), exact: true }).click();
    await shop.said('common.done');
    await shop.reload();
    await shop.id('forget-state').getByText(shop.t('personal.stateWithdrawn')).waitFor();
    await wish('0');
    await shop.until(async () => {
      const { state } = await call(shop.server, 'GET', `/api/wx/admin/users/${lin.id}/forget`, root);
      return state === 'DONE';
    });
    await shop.reload();
    const { name, phone } = await call(shop.server, 'GET', `/api/collections/users/records/${lin.id}`, root);
    assert.deepEqual([name, phone], ['', '']);
    await shop.visit('users');
    assert.equal(await shop.page.getByRole('link', { name: '林小雨', exact: true }).count(), 0);
    shop.quiet();
  },

  'close a lost day and a message that nobody can explain': async (shop, { root }) => {
    await call(shop.server, 'POST', '/e2e/unexplained', root, {});
    await shop.visit('bills');
    const day = shop.id('day-2026-01-06');
    while (!(await day.count())) await shop.page.getByRole('button', { name: shop.t('bills.earlier') }).click();
    await day.click();
    await shop.id('close-day').click();
    await shop.page.locator('input[name=reason]').fill('停业');
    await shop.accessible('close-day');
    await shop.id('close-day-go').click();
    await shop.said('bills.closeDone');
    await shop.visit('inbox');
    await shop.choose(shop.id('filter-state'), shop.t('inboxState.UNMATCHED'));
    await shop.page.waitForURL(/state=UNMATCHED/);
    await shop.row(shop.t('inboxKind.pay')).getByRole('button').click();
    await shop.page.locator('input[name=reason]').fill('另一家店的收款');
    await shop.accessible('close-message');
    await shop.id('close-message').click();
    await shop.said('bills.closeDone');
    await shop.reload();
    const { items } = await call(shop.server, 'GET', '/api/wx/admin/inbox?state=UNMATCHED', root);
    assert.deepEqual(items, []);
    shop.quiet();
  },
};

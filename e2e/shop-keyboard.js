// the shop's pages without a mouse: tasks of shop-more.test.js.
import assert from 'node:assert/strict';

export const keyboardTasks = {
  'by keyboard alone': async (shop) => {
    const { page } = shop;
    const { keyboard } = page;
    const viewport = page.viewportSize();
    const focused = () => page.evaluate(() => document.activeElement?.closest('[data-testid]')?.dataset.testid ?? document.activeElement?.tagName);
    const tabTo = async (test, most = 60) => {
      for (let n = 0; n < most; n++) {
        if (await page.evaluate(test)) return;
        await keyboard.press('Tab');
      }
      assert.fail(`the keyboard does not reach ${test}`);
    };
    // the first stop leads past the menu, and the menu itself is reached
    await page.evaluate(() => document.activeElement?.blur());
    await keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), shop.t('shell.skip'));
    await keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await shop.home();
    await tabTo(() => document.activeElement?.getAttribute('href') === '#/orders');
    await keyboard.press('Enter');
    await shop.heading('title.orders').waitFor();
    await shop.loaded();
    // a list of choices: opened, walked, left without a choice, and chosen from; the focus comes back each time
    await tabTo(() => document.activeElement?.closest('[data-testid]')?.dataset.testid === 'filter-state');
    await keyboard.press('Enter');
    await page.locator('.el-select-dropdown:visible').waitFor();
    await keyboard.press('Escape');
    await page.locator('.el-select-dropdown:visible').waitFor({ state: 'hidden' });
    assert.equal(await focused(), 'filter-state');
    await keyboard.press('Enter');
    await page.locator('.el-select-dropdown:visible').waitFor();
    await shop.still();
    for (const state of ['UNPAID', 'PAID']) {
      await keyboard.press('ArrowDown');
      await page.locator('.el-select-dropdown__item.is-hovering', { hasText: shop.t(`state.${state}`) }).waitFor();
    }
    await keyboard.press('Enter');
    await page.waitForURL(/state=/);
    assert.equal(await focused(), 'filter-state');
    await shop.loaded();
    // a day
    await tabTo(() => document.activeElement?.getAttribute('placeholder') === '开始日期' || document.activeElement?.getAttribute('aria-label')?.includes('开始日期'));
    await keyboard.type('2026-01-05');
    await keyboard.press('Enter');
    await page.waitForURL(/from=2026-01-05/);
    await keyboard.press('Escape');
    // a dialog: the focus is in it and stays in it, Escape closes it, and the button has the focus again
    await page.evaluate(() => document.activeElement?.blur());
    await tabTo(() => document.activeElement?.closest('[data-testid]')?.dataset.testid === 'export');
    await keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await shop.still();
    for (let n = 0; n < 8; n++) {
      await keyboard.press('Tab');
      assert.ok(await page.evaluate(() => Boolean(document.activeElement.closest('[role=dialog]'))), `the focus stays in the dialog, stop ${n}`);
    }
    await keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await shop.until(async () => (await focused()) === 'export');
    // a menu
    for (const [menu, item] of [['theme', shop.t('theme.dark')], ['account', shop.t('shell.signOut')]]) {
      await page.evaluate(() => document.activeElement?.blur());
      await page.getByTestId(menu).focus();
      await keyboard.press('Enter');
      await page.getByRole('menuitem', { name: item }).waitFor();
      await shop.still();
      await keyboard.press('ArrowDown');
      assert.ok(await page.evaluate(() => document.activeElement.getAttribute('role') === 'menuitem'), `an item of ${menu} has the focus`);
      await keyboard.press('Escape');
      await page.getByRole('menuitem', { name: item }).waitFor({ state: 'hidden' });
      await shop.until(async () => (await focused()) === menu);
    }
    // a question, and the menu of a phone
    await page.setViewportSize({ width: 390, height: 844 });
    const burger = page.getByRole('button', { name: shop.t('shell.menu') });
    await burger.focus();
    await keyboard.press('Enter');
    await page.getByRole('navigation').waitFor();
    await shop.still();
    await keyboard.press('Tab');
    assert.ok(await page.evaluate(() => Boolean(document.activeElement.closest('.el-drawer'))), 'the focus is in the menu');
    await keyboard.press('Escape');
    await page.getByRole('navigation').waitFor({ state: 'hidden' });
    await shop.until(() => burger.evaluate((one) => one === document.activeElement));
    await page.setViewportSize(viewport);
    shop.quiet();
  },

  'every control can be reached and has a name': async (shop, { orders, products, wang }) => {
    const pages = ['', 'orders', `orders/${orders.failing.id}`, 'products', `products/${products[0].id}`, 'products/new', 'users', `users/${wang.id}`, 'codes', 'links', 'messages', 'rooms', 'rooms/notice', 'inbox', 'effects', 'bills', 'held', 'setup', 'doctor', 'staff', 'audit', 'alerts?kind=payment'];
    for (const at of pages) {
      await shop.page.goto('about:blank');
      await shop.page.goto(`${shop.server.url}/shop/#/${at}`);
      await shop.page.getByRole('heading', { level: 1 }).first().waitFor();
      await shop.loaded();
      const wrong = await shop.page.evaluate(() => {
        const seen = (one) => one.checkVisibility() && one.getClientRects().length > 0;
        // what reacts to a click and cannot be reached by Tab, and whose inside cannot either
        const deaf = [...document.querySelectorAll('main *')].filter((one) => seen(one) && getComputedStyle(one).cursor === 'pointer' && !one.closest('a[href], button, input, label, select, textarea, summary, [tabindex], .el-select, .el-date-editor, .el-switch, .el-checkbox, .el-radio, canvas') && !one.querySelector('a[href], button, input, [tabindex]'));
        const nameless = [...document.querySelectorAll('button, a[href], input:not([type=hidden]), textarea, select')].filter((one) => seen(one) && !(one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.length || one.getAttribute('aria-labelledby') || one.getAttribute('title') || one.getAttribute('placeholder') || one.querySelector('[aria-label], img[alt]:not([alt=""])')));
        return [...deaf, ...nameless].map((one) => one.outerHTML.slice(0, 160));
      });
      assert.deepEqual(wrong, [], at);
    }
  },

};

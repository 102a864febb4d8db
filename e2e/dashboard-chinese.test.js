// PocketBase's own screens in Chinese: no English is left where people look, people's own words stay, the switch and the setting work. docs/shop.md
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DATA } from '../ui/dashboard/translate.js';
import { inTabs, openBrowser } from './browser.js';
import { call, rootToken } from './customers.js';
import { startServer } from './server.js';

const same = JSON.parse(readFileSync(path.join(import.meta.dirname, '../ui/test/dashboard-same.json'), 'utf8'));
// names of things and code, which are the same in every language
const names = /^(PocketBase|wxbase|WeChat|OAuth2|OTP|MFA|OIDC|PKCE|SMTP|TLS|S3|IP|IPs|URL|URLs|API|APIs|JSON|JS|SDK|SQL|CSV|HTML|DB|ID|ERD|UTC|GET|POST|PUT|PATCH|DELETE|Bcrypt|Cron|Web|CIDR|StartTLS|NULL|null|true|false|id|v\d.*|MB|KB|ms|pb|GitHub|Google|DEBUG|INFO|WARN|ERROR)$/;

test('the dashboard in Chinese', async (t) => {
  const [browser, server] = await Promise.all([openBrowser(), startServer()]);
  t.after(() => Promise.all([browser.close(), server.stop()]));
  const root = await rootToken(server);
  // somebody has named things with PocketBase's own words
  await call(server, 'POST', '/api/collections', root, { name: 'Logs', type: 'base', fields: [{ name: 'Email', type: 'text', help: 'Search' }, { name: 'choice', type: 'select', maxSelect: 1, values: ['Enabled', 'Others'] }, { name: 'flag', type: 'bool' }] });
  await call(server, 'POST', '/api/collections/Logs/records', root, { Email: 'Search', choice: 'Enabled', flag: true });

  await t.test('no English is left', () => inTabs(browser, { name: 'chinese', locale: 'zh-CN' }, async (tab) => {
    const at = new Screens(tab, server);
    await at.login();
    for (const [name, open] of Object.entries(screens)) {
      await at.go('#/collections?collection=orders');
      await open(at).then(() => at.look(name), (err) => at.left.push(`${name} did not open: ${err.message.slice(0, 300)}`));
    }
    assert.deepEqual(at.left, [], 'English on the screens');
    assert.deepEqual(tab.complaints, [], 'complaints in the console');
  }));

  await t.test("people's own words stay as they are", () => inTabs(browser, { name: 'chinese-data', locale: 'zh-CN' }, async (tab) => {
    const at = new Screens(tab, server);
    await at.login();
    await at.go('#/collections?collection=Logs');
    await tab.page.locator('.collections-list .nav-item', { hasText: /^Logs$/ }).waitFor();
    const row = tab.page.locator('.records-table tbody tr.handle').first();
    assert.deepEqual(await row.locator('td.col-field-name-Email, td.col-field-name-choice, td.col-field-name-flag').allInnerTexts(), ['Search', 'Enabled', '是']);
    assert.equal(await tab.page.locator('.records-table th.col-field-name-Email').innerText(), 'Email');
    assert.equal(await tab.page.locator('.breadcrumbs').innerText().then((text) => text.includes('Logs')), true);
    await row.click();
    const form = tab.page.locator('.record-upsert-modal');
    await form.getByText('Email', { exact: true }).waitFor();
    assert.equal(await form.locator('.field-help', { hasText: 'Search' }).count(), 1);
    await form.locator('.selected-item', { hasText: 'Enabled' }).waitFor();
    assert.equal(await form.locator('textarea[name=Email]').inputValue(), 'Search');
    await tab.step('data');
  }));

  await t.test('English by the switch, and it is remembered', () => inTabs(browser, { name: 'chinese-switch', locale: 'zh-CN' }, async (tab) => {
    const at = new Screens(tab, server);
    await at.login();
    await tab.page.getByRole('button', { name: '新建记录' }).first().waitFor();
    await tab.page.locator('.app-header .logged-user, [data-pb=appHeader] [popovertarget]').last().click();
    await tab.page.locator('[data-wxbase-language]').click();
    await tab.page.getByRole('button', { name: 'New record' }).first().waitFor();
    await tab.page.reload();
    await tab.page.getByRole('button', { name: 'New record' }).first().waitFor();
  }));

  await t.test('English for an English browser', () => inTabs(browser, { name: 'chinese-en', locale: 'en' }, async (tab) => {
    await tab.page.goto(`${server.url}/_/`);
    await tab.page.getByText('Superuser login').waitFor();
    assert.equal(tab.requests.some((one) => one.includes('words.zh.json')), false, 'the dictionary is not loaded');
  }));

  await t.test('switched off for everybody', () => inTabs(browser, { name: 'chinese-off', locale: 'zh-CN' }, async (tab) => {
    await call(server, 'PATCH', '/api/wx/admin/setup/preferences', root, { englishDashboard: true });
    await tab.page.goto(`${server.url}/_/`);
    await tab.page.getByText('Superuser login').waitFor();
    await call(server, 'PATCH', '/api/wx/admin/setup/preferences', root, { englishDashboard: false });
    await tab.page.reload();
    await tab.page.getByText('超级管理员登录').waitFor();
  }));
});

/** Screens goes about in the dashboard and notes the English that it sees. */
class Screens {
  constructor(tab, server) {
    Object.assign(this, { tab, page: tab.page, server, left: [] });
  }

  async login() {
    await this.page.goto(`${this.server.url}/_/`);
    await this.page.getByText('超级管理员登录').waitFor();
    await this.look('login');
    await this.page.locator('input[type=email], input[type=text]').first().fill(this.server.email);
    await this.page.locator('input[type=password]').fill(this.server.password);
    await this.page.locator('input[type=password]').press('Enter');
    await this.page.locator('.collections-list').waitFor();
  }

  async go(hash) {
    await this.page.goto(`${this.server.url}/_/?${Math.random()}${hash}`);
    await this.page.locator('.app-header').waitFor();
    await this.page.waitForLoadState('networkidle');
  }

  /** look notes every text that is seen, or is said by a label, and has English words in it. */
  async look(where) {
    await this.tab.step(where.replaceAll(' ', '-'));
    const found = await this.page.evaluate((data) => {
      const texts = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
      for (let node = walker.currentNode; node; node = walker.nextNode()) {
        const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
        if (!element.checkVisibility()) continue;
        const isData = element.closest(data);
        if (node.nodeType === Node.TEXT_NODE && !isData) texts.push(node.nodeValue);
        if (node.nodeType === Node.TEXT_NODE) continue;
        const shown = ['placeholder', 'data-placeholder', ...(isData ? [] : ['title', 'aria-label', 'aria-description', 'alt'])];
        for (const name of shown) texts.push(element.getAttribute(name) ?? '');
      }
      const { app } = globalThis;
      const theirs = app.store.collections.flatMap((one) => [one.name, ...one.fields.flatMap((field) => [field.name, field.help, ...(field.values ?? [])])]);
      return texts.map((text) => text.replace(/\s+/g, ' ').trim()).filter((text) => text && !theirs.includes(text));
    }, DATA);
    for (const text of new Set(found)) if (isEnglish(text) && !same.includes(text) && !theirOwn.test(text)) this.left.push(`${where}: ${text}`);
  }
}

const isEnglish = (text) => text.split(/[^A-Za-z0-9.@/_:'-]+/).some((word) => /[A-Za-z]{2}/.test(word) && !names.test(word) && !/[./_@:]/.test(word)) && !/\p{Script=Han}/u.test(text);
// what is not PocketBase's: the entry of the shop, the account, addresses, examples, numbers of versions
const theirOwn = /^([a-z0-9]{15}$|wx[A-Z]\w+$|WeChat|微信|root@|https?:|127\.|SELECT |e\.g\.|smtp\.|support@|Acme|wxbase)/;

// settings opens one page of the settings.
const settings = (hash) => async (at) => {
  await at.go(hash);
  await at.page.locator('.page-header .breadcrumbs').waitFor();
};
const editor = async (at) => {
  await at.go('#/collections?collection=users');
  await at.page.locator('[aria-label=集合设置], [aria-description=集合设置]').first().click();
  await at.page.locator('.collection-upsert-modal .tabs-header').waitFor();
};
const openAll = (at) => at.page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));

const screens = {
  records: async () => {},
  'new record': async (at) => {
    await at.page.getByRole('button', { name: '新建记录' }).first().click();
    await at.page.locator('.record-upsert-modal').waitFor();
  },
  'an account': async (at) => {
    await at.go('#/collections?collection=_superusers');
    await at.page.locator('.records-table tr.handle').first().click();
    await at.page.locator('.record-upsert-modal .modal-footer').waitFor();
    await at.page.locator('.record-upsert-modal').getByText('修改密码').click();
  },
  'fields of a collection': async (at) => {
    await editor(at);
    await at.page.getByRole('button', { name: '新建字段' }).click();
    await openAll(at);
  },
  'rules of a collection': async (at) => {
    await editor(at);
    await at.page.getByRole('button', { name: 'API 规则' }).click();
    await at.page.getByText('显示可用字段').click();
  },
  'options of a collection': async (at) => {
    await editor(at);
    await at.page.locator('.collection-upsert-modal .tabs-header button').last().click();
    await openAll(at);
  },
  'API preview': async (at) => {
    await at.page.getByRole('button', { name: 'API 预览' }).click();
    await at.page.locator('.api-preview-modal').getByText('API 详情').first().waitFor();
  },
  'collections overview': async (at) => {
    await at.page.locator('[aria-label=集合总览], [aria-description=集合总览]').click();
    await at.page.locator('.modal').last().waitFor();
  },
  logs: async (at) => {
    await at.go('#/logs');
    await at.page.locator('.logs-table tbody tr').first().waitFor();
  },
  'one log': async (at) => {
    await at.go('#/logs');
    await at.page.locator('.logs-table tr.handle').first().click();
    await at.page.locator('.log-preview-modal').waitFor();
  },
  'settings of logs': async (at) => {
    await at.go('#/logs');
    await at.page.locator('[aria-label=日志设置], [aria-description=日志设置]').click();
    await at.page.locator('.logs-settings-modal form').waitFor();
  },
  application: async (at) => {
    await settings('#/settings')(at);
    await openAll(at);
  },
  'rate limits': async (at) => {
    await settings('#/settings')(at);
    await at.page.locator('details', { hasText: '请求频率限制' }).first().locator('summary').click();
    await at.page.getByText('了解频率限制规则').click();
    await at.page.locator('.rate-limit-info-modal').waitFor();
  },
  mail: async (at) => {
    await settings('#/settings/mail')(at);
    await at.page.getByText('使用 SMTP 邮件服务器').click();
    await at.page.getByRole('button', { name: '更多选项' }).click();
  },
  storage: async (at) => {
    await settings('#/settings/storage')(at);
    await at.page.getByText('使用 S3 存储').click();
  },
  backups: async (at) => {
    await settings('#/settings/backups')(at);
    await at.page.getByRole('button', { name: '备份选项' }).click();
    await at.page.getByText('启用自动备份').click();
  },
  'new backup': async (at) => {
    await settings('#/settings/backups')(at);
    await at.page.getByRole('button', { name: '新建备份' }).click();
    await at.page.locator('.backup-create-modal').waitFor();
  },
  crons: settings('#/settings/crons'),
  'export collections': settings('#/settings/export-collections'),
  'import collections': settings('#/settings/import-collections'),
  'SQL console': settings('#/settings/sql'),
  'a question': async (at) => {
    await at.page.getByRole('button', { name: '新建记录' }).first().click();
    await at.page.locator('.record-upsert-modal textarea:enabled, .record-upsert-modal input[type=text]:enabled').first().fill('x');
    await at.page.locator('.record-upsert-modal .modal-footer button').first().click();
    await at.page.getByText('有未保存的修改，确定放弃？').waitFor();
  },
};

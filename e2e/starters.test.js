// the starters for uni-app and Taro, as their own compilers have built them: a dish is bought against the real server, and its shipping shows.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { openCompiled } from './miniprogram/compiled.js';
import { call, superuser, until } from './realtime/kit.js';
import { startServer } from './server.js';

const ROOT = path.join(import.meta.dirname, '../miniprogram');

/** texts is all that a page shows, in order: Taro sends a tree of nodes (cn), uni-app the values of its template. */
function texts(value) {
  if (typeof value === 'string') return [value];
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(texts);
}

function* nodes(node) {
  yield node;
  for (const child of node.cn || []) yield* nodes(child);
}

const starters = [
  {
    name: 'uni-app', built: 'template-uniapp/dist/build/mp-weixin',
    buttons: (page) => (page.data.a || []).map((dish) => () => page[dish.c]({ type: 'tap', currentTarget: { dataset: {} }, target: { dataset: {} }, detail: {} })),
  },
  {
    name: 'Taro', built: 'template-taro/dist',
    buttons: (page) => (page.data.root ? [...nodes(page.data.root)] : []).filter((n) => (n.cn || []).some((c) => c.v === '买一份')).map((n) => () => {
      const at = { id: n.sid, dataset: { sid: n.sid } };
      page.eh({ type: 'tap', timeStamp: Date.now(), target: at, currentTarget: at, mpEvent: {}, detail: {} });
    }),
  },
];

for (const { name, built, buttons } of starters) {
  test(`the ${name} starter sells a dish`, async (t) => {
    const root = path.join(ROOT, built);
    assert.ok(existsSync(path.join(root, 'app.json')), `${built} is not built: make starters`);
    assert.deepEqual(JSON.parse(readFileSync(path.join(root, 'app.json'), 'utf8')).pages, ['pages/index/index']);
    const server = await startServer();
    t.after(() => server.stop());
    const { page, shown } = await openCompiled({ server, root });
    t.after(() => page.leave());
    const said = (word) => texts(page.data).some((text) => text.includes(word));
    await until('the dishes show', () => buttons(page).length > 2);
    buttons(page)[0]();
    await until('paid', () => said('已付款'));
    assert.deepEqual([shown.toasts, shown.modals], [[], ['模拟收银台']]);

    const token = await superuser(server);
    const { items: [order] } = await call(server, 'GET', '/api/collections/orders/records', { token });
    assert.equal(order.payState, 'PAID');
    await call(server, 'POST', `/api/wx/orders/${order.id}/refunds`, { body: { all: true, reason: '卖完了' }, token });
    await until('the refund shows by itself', () => said('已退款'));
  });
}

// the tutorial, followed literally in both languages: its files are cut out of the page, put beside the SDK, and an order is paid with them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadDemo } from './miniprogram/loader.js';
import { startServer } from './server.js';

const ROOT = path.join(import.meta.dirname, '..');

/** filesOf reads the blocks that follow a line which is nothing but a file's name. */
function filesOf(page) {
  const text = readFileSync(path.join(ROOT, page), 'utf8');
  return [...text.matchAll(/^`([\w/.]+)`\n\n```\w+\n([\s\S]*?)```$/gm)].map(([, name, content]) => [name, content]);
}

function putTogether(t, page, server) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'wxbase-tutorial-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const files = filesOf(page);
  assert.deepEqual(files.map(([name]) => name), ['app.json', 'app.js', 'simulated.js', ...['json', 'wxml', 'js'].map((end) => 'pages/index/index.' + end)]);
  for (const [name, content] of files) {
    mkdirSync(path.join(dir, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(dir, name), content.replaceAll('http://127.0.0.1:8090', server.url));
  }
  cpSync(path.join(ROOT, 'miniprogram/sdk/dist/index.js'), path.join(dir, 'wxbase/index.js'));
  return dir;
}

for (const page of ['docs/zh/tutorial.md', 'docs/tutorial.md']) {
  test(`${page} leads to a paid order`, async (t) => {
    const server = await startServer();
    t.after(() => server.stop());
    const demo = await loadDemo({ server, root: putTogether(t, page, server) });
    t.after(() => demo.app.client.close());
    const index = await demo.open('index');
    assert.ok(index.data.dishes.length > 0);
    await index.tap('buy', { id: index.data.dishes[0].id });
    assert.deepEqual(demo.shown.toasts, []);
    assert.equal(index.data.order.payState, 'PAID');
  });
}

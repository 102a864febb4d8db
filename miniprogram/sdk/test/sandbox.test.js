'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { fakeWx } = require('./fakewx.js');

const dist = path.join(__dirname, '../dist');

/** load runs the one file as a mini program does: a bare language and timers, nothing of a browser or of Node, and nothing to require. */
function load() {
  const context = vm.createContext({ setTimeout, clearTimeout });
  const module = { exports: {} };
  const require = (name) => assert.fail('the file requires ' + name);
  const source = fs.readFileSync(path.join(dist, 'index.js'), 'utf8');
  vm.runInContext('(function (module, exports, require) {' + source + '\n})', context)(module, module.exports, require);
  return module.exports;
}

test('runs where there is only wx', async () => {
  const fake = fakeWx({ 'POST /api/wx/login': () => ({ body: { token: 't', record: { id: 'u' } } }) });
  const client = load().createClient({ baseURL: 'https://shop.example/', wx: fake.wx });
  await client.login();
  assert.equal(client.user.id, 'u');
});

test('import gives the same functions as require', async () => {
  const esm = await import('../dist/index.mjs');
  assert.deepEqual(Object.keys(esm).sort(), Object.keys(require('../dist/index.js')).sort());
});

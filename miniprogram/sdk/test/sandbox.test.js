'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const vm = require('node:vm');
const { fakeWx } = require('./fakewx.js');

const dir = path.join(__dirname, '..');
const files = ['errors.js', 'sse.js', 'link.js', 'realtime.js', 'socket.js', 'room.js', 'index.js'];

/** load runs the package as a mini program does: a bare language, require and timers, nothing of a browser or of Node. */
function load() {
  const context = vm.createContext({ setTimeout, clearTimeout });
  const modules = {};
  const require = (name) => {
    const file = name.replace('./', '') + '.js';
    if (modules[file]) return modules[file].exports;
    const module = (modules[file] = { exports: {} });
    const source = fs.readFileSync(path.join(dir, file), 'utf8');
    vm.runInContext('(function (module, exports, require) {' + source + '\n})', context)(module, module.exports, require);
    return module.exports;
  };
  return require('./index');
}

test('runs where there is only wx', async () => {
  const fake = fakeWx({ 'POST /api/wx/login': () => ({ body: { token: 't', record: { id: 'u' } } }) });
  const client = load().createClient({ baseURL: 'https://shop.example/', wx: fake.wx });
  await client.login();
  assert.equal(client.user.id, 'u');
});

test('import gives the same functions as require', async () => {
  const esm = await import('../index.mjs');
  assert.equal(esm.createClient, require('../index.js').createClient);
});

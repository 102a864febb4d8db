'use strict';
// the steps of the READMEs, followed literally in an empty folder: copy the file that is named, run the code that is shown.
const test = require('node:test');
const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { hurry } = require('./kit.js');
const { fakeWx } = require('./fakewx.js');

const root = path.join(__dirname, '../../..');

function emptyFolder(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'wxbase-readme-'));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** steps reads which file is to be copied where, and the code that follows. */
function steps(file) {
  const text = fs.readFileSync(path.join(root, file), 'utf8');
  const from = /`((?:miniprogram\/sdk\/)?dist\/index\.js)`/.exec(text)[1];
  const to = /`(wxbase\/index\.js)`/.exec(text)[1];
  const code = /```js\n(const \{ createClient \} = require[\s\S]*?)```/.exec(text)[1];
  return { from: path.join(root, path.dirname(file).startsWith('miniprogram') ? path.dirname(file) : '', from), to, code };
}

function shop() {
  const order = { id: 'o1', payState: 'PAID' };
  const fake = fakeWx({
    'POST /api/wx/login': () => ({ body: { token: 't', record: { id: 'u1' }, meta: {} } }),
    'GET /api/collections/products/records': () => ({ body: { items: [{ id: 'p1' }] } }),
    'POST /api/wx/orders': (call) => ({ body: Object.assign({ quantity: call.data.items[0].quantity }, order) }),
    'POST /api/wx/orders/o1/pay': () => ({ body: { timeStamp: '1', nonceStr: 'n', package: 'prepay_id=p', signType: 'RSA', paySign: 's' } }),
    'POST /api/wx/orders/o1/sync': () => ({ body: order }),
    'POST /api/realtime': () => ({ status: 204 }),
    'GET /api/wx/rooms/notice/messages': () => ({ body: { messages: [], newest: 0 } }),
  });
  return fake;
}

for (const file of ['README.md', 'README.zh-CN.md', 'miniprogram/sdk/README.md']) {
  test(`${file}: its steps reach a paid order in an empty folder`, async (t) => {
    hurry(t);
    const dir = emptyFolder(t);
    const { from, to, code } = steps(file);
    fs.mkdirSync(path.join(dir, path.dirname(to)));
    fs.copyFileSync(from, path.join(dir, to));
    const app = path.join(dir, 'app.js');
    fs.writeFileSync(app, `module.exports = async (wx, id, show) => {\n${code.replace("com' }", "com', wx }")}\nclient.close();\nreturn state;\n};\n`);
    assert.equal(await require(app)(shop().wx, 'p1', () => {}), 'paid');
  });
}

test('the packed tarball installs, resolves by require and import, and has the layout that DevTools builds', (t) => {
  const dir = emptyFolder(t);
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', dir], { cwd: path.join(__dirname, '..'), encoding: 'utf8' }));
  const module = path.join(dir, 'node_modules', packed.name);
  fs.mkdirSync(module, { recursive: true });
  execFileSync('tar', ['-xzf', path.join(dir, packed.filename), '-C', module, '--strip-components=1']);
  const names = packed.files.map((f) => f.path).filter((name) => !name.startsWith('dist/')).sort();
  assert.deepEqual(names, ['README.md', 'package.json']);
  const pkg = JSON.parse(fs.readFileSync(path.join(module, 'package.json'), 'utf8'));
  assert.ok(fs.existsSync(path.join(module, pkg.miniprogram, 'index.js')), 'DevTools copies the folder of "miniprogram" and requires its index.js');
  const run = (flags, text) => execFileSync(process.execPath, [...flags, '-e', text], { cwd: dir, encoding: 'utf8' }).trim();
  assert.equal(run([], `console.log(typeof require('${packed.name}').createClient, typeof require('${packed.name}/pocketbase').createPocketBase)`), 'function function');
  assert.equal(run(['--input-type=module'], `import { createClient } from '${packed.name}'; console.log(typeof createClient)`), 'function');
});

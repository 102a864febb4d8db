'use strict';
// what the SDK shows: each name with its signature, as index.d.ts declares it and as the built files have it. A change shows in a review.
const test = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { fakeWx } = require('./fakewx.js');

const dist = path.join(__dirname, '../dist');
const golden = path.join(__dirname, 'surface.golden');

/** declared reads the members of an interface, or what a file exports, one line each and without comments. */
function declared(text) {
  const bare = text.replace(/\/\*\*[\s\S]*?\*\//g, '').replace(/[ \t]+/g, ' ').replace(/\n\s*\n/g, '\n');
  return bare.split('\n').map((line) => line.trimEnd()).filter(Boolean);
}

function surface() {
  return ['index.d.ts', 'pocketbase.d.ts'].map((name) => `# ${name}\n${declared(fs.readFileSync(path.join(dist, name), 'utf8')).join('\n')}\n`).join('\n');
}

test('names and signatures are those of surface.golden (UPDATE=1 writes it)', () => {
  if (process.env.UPDATE) fs.writeFileSync(golden, surface());
  assert.equal(surface(), fs.readFileSync(golden, 'utf8'));
});

/** members lists the names of an interface of index.d.ts. */
function members(name) {
  const body = new RegExp(`^export interface ${name}[ <][^\\n]*\\{\\n([\\s\\S]*?)^\\}`, 'm').exec(fs.readFileSync(path.join(dist, 'index.d.ts'), 'utf8'))[1];
  return [...new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)[?(<:]/gm)].map((m) => m[1]))].sort();
}

for (const file of ['index.js', 'index.min.js']) {
  test(`${file} has what is declared`, (t) => {
    const sdk = require(path.join(dist, file));
    assert.deepEqual(Object.keys(sdk).sort(), ['WxbaseError', 'createClient', 'createParser']);
    const client = sdk.createClient({ baseURL: 'https://shop.example', wx: fakeWx({}).wx });
    t.after(() => client.close());
    const parts = { Client: client, Collection: client.collection('a'), Room: client.room('a') };
    for (const [name, part] of Object.entries(parts)) {
      const missing = members(name).filter((member) => !(member in part));
      assert.ok(members(name).length > 4);
      assert.deepEqual(missing, [], name);
    }
  });
}

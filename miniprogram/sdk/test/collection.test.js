'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { setup } = require('./kit.js');

function last(fake) {
  const call = fake.calls.at(-1);
  const [path, query] = call.path.split('?');
  return { method: call.method, path, query: Object.fromEntries(new URLSearchParams(query)), data: call.data, override: call.header['X-HTTP-Method-Override'] };
}

const path = '/api/collections/notes/records';
const all = { [`GET ${path}`]: () => ({ body: { items: [{ id: 'n1' }] } }), [`POST ${path}`]: () => ({ body: { id: 'n2' } }) };
const one = { [`GET ${path}/n1`]: () => ({ body: { id: 'n1' } }), [`POST ${path}/n1`]: () => ({ body: {} }), [`DELETE ${path}/n1`]: () => ({ status: 204 }) };

test('a collection', async (t) => {
  const { fake, client } = setup({ ...all, ...one });
  const notes = client.collection('notes');
  await t.test('lists a page', async () => {
    await notes.list({ page: 2, perPage: 10, sort: '-created', expand: 'user', fields: 'id,user', filter: 'a = {:a}', params: { a: 1 } });
    const query = { page: '2', perPage: '10', sort: '-created', expand: 'user', fields: 'id,user', filter: 'a = 1' };
    assert.deepEqual(last(fake), { method: 'GET', path, query, data: undefined, override: undefined });
  });
  await t.test('finds the first', async () => {
    assert.deepEqual(await notes.first('a = {:a}', { a: 'x' }), { id: 'n1' });
    assert.deepEqual(last(fake).query, { filter: "a = 'x'", perPage: '1', skipTotal: '1' });
  });
  await t.test('views, creates, updates and deletes', async () => {
    assert.deepEqual(await notes.view('n1', { expand: 'user' }), { id: 'n1' });
    assert.deepEqual(await notes.create({ text: 'a' }), { id: 'n2' });
    await notes.update('n1', { text: 'b' });
    assert.deepEqual([last(fake).method, last(fake).override, last(fake).data], ['POST', 'PATCH', { text: 'b' }]);
    await notes.delete('n1');
    assert.equal(last(fake).method, 'DELETE');
  });
});

test('a value in a filter', async (t) => {
  const { fake, client } = setup(all);
  const scenarios = [
    ['is text', '小明', "n = '小明'"],
    ['is a number', 12.5, 'n = 12.5'],
    ['is true', true, 'n = true'],
    ['is nothing', null, 'n = null'],
    ['is a moment', new Date(Date.UTC(2026, 0, 2, 3, 4, 5)), "n = '2026-01-02 03:04:05.000Z'"],
    ['cannot end the text', "' || 1=1 || n='", "n = '\\' || 1=1 || n=\\''"],
    ['cannot free the quote with a backslash', '\\', "n = '\\\\'"],
    ['is not read as a parameter again', '{:b}', "n = '{:b}'"],
  ];
  for (const [name, value, want] of scenarios) {
    await t.test(name, async () => {
      await client.collection('notes').list({ filter: 'n = {:a}', params: { a: value, b: 'no' } });
      assert.equal(last(fake).query.filter, want);
    });
  }
  await t.test('may not be missing', async () => {
    await assert.rejects(client.collection('notes').list({ filter: 'n = {:a}' }), /parameter a has no value/);
  });
});

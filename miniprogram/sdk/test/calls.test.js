'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { setup, hurry, sent } = require('./kit.js');

/** flaky answers with each of the given answers in turn, then with the last one for good. */
function flaky(...answers) {
  return () => (answers.length > 1 ? answers.shift() : answers[0]);
}

const gone = { fail: 'request:fail ' };
const fine = { body: { ok: true } };

test('a call is repeated', async (t) => {
  const scenarios = [
    ['a read that met no network', 'GET', gone, {}, 3],
    ['a read that met a proxy without a server', 'GET', { status: 502, body: '' }, {}, 3],
    ['a write that says that twice is once', 'POST', gone, { retry: true }, 3],
    ['no write that does not', 'POST', gone, {}, 1],
    ['no read that is refused', 'GET', { status: 400, body: {} }, {}, 1],
    ['nothing when the program says so', 'GET', gone, { retry: false }, 1],
  ];
  for (const [name, method, answer, options, times] of scenarios) {
    await t.test(name, async (t) => {
      hurry(t);
      const { fake, client } = setup({ [method + ' /x']: () => answer });
      await assert.rejects(client.request('/x', Object.assign({ method }, options)));
      assert.equal(sent(fake, '/x').length, times);
    });
  }
  await t.test('until it works', async (t) => {
    hurry(t);
    const { client } = setup({ 'GET /x': flaky(gone, gone, fine) });
    assert.deepEqual(await client.request('/x'), { ok: true });
  });
});

test('a call', async (t) => {
  await t.test('PATCH goes out as a POST that says so', async () => {
    const { fake, client } = setup({ 'POST /x': () => fine });
    await client.request('/x', { method: 'PATCH', data: { a: 1 } });
    assert.equal(sent(fake, '/x')[0].header['X-HTTP-Method-Override'], 'PATCH');
  });
  await t.test('asks for the language of the user', async () => {
    for (const [lang, header] of [['zh', 'zh-CN'], ['en', 'en']]) {
      const { fake, client } = setup({ 'GET /x': () => fine }, { lang });
      await client.request('/x');
      assert.equal(sent(fake, '/x')[0].header['Accept-Language'], header);
    }
  });
  await t.test('tells a missing network in the language of the user', async () => {
    const { client } = setup({ 'GET /x': () => gone }, { lang: 'en' });
    await assert.rejects(client.request('/x', { retry: false }), { code: 'network', message: 'No network. Try again.' });
  });
  await t.test('reads a status that the phone gives as text', async () => {
    const { client } = setup({ 'GET /x': () => ({ asText: true, body: { ok: true } }), 'GET /y': () => ({ asText: true, status: 404, body: {} }) });
    assert.deepEqual(await client.request('/x'), { ok: true });
    await assert.rejects(client.request('/y'), { status: 404, message: '内容不存在' });
  });
  await t.test('logs in anew when the session with WeChat is stale, and repeats', async () => {
    const stale = (call) => (call.auth === 't2' ? { body: { phoneNumber: '+86138' } } : { status: 409, body: { status: 409, data: { code: 'wx_session_stale' } } });
    const { fake, client } = setup({ 'POST /api/wx/phone': stale });
    assert.equal((await client.phone({ encryptedData: 'e', iv: 'i' })).phoneNumber, '+86138');
    assert.equal(fake.logins, 2);
  });
});

test('an upload', async (t) => {
  const good = { statusCode: 200, data: '{"id":"r"}' };
  await t.test('reports progress and gives the record', async () => {
    const { fake, client } = setup();
    fake.uploadAnswer = good;
    const seen = [];
    assert.deepEqual(await client.upload('/x', { filePath: 'wxfile://a', onProgress: (p) => seen.push(p) }), { id: 'r' });
    assert.deepEqual([seen, fake.uploaded.name], [[0, 40, 100], 'file']);
  });
  await t.test('can be stopped on its way, and before', async () => {
    const { fake, client } = setup();
    await client.login();
    fake.holdUpload = true;
    const first = client.upload('/x', { filePath: 'wxfile://a' });
    first.abort();
    await assert.rejects(first, { code: 'aborted' });
    const guest = setup();
    const second = guest.client.upload('/x', { filePath: 'wxfile://a' });
    second.abort();
    await assert.rejects(second, { code: 'aborted' });
    assert.equal(guest.fake.uploads, undefined);
  });
  await t.test('logs in once more when the token is gone', async () => {
    const { fake, client } = setup();
    fake.uploadAnswer = (o) => (o.header.Authorization === 't2' ? good : { statusCode: 401, data: '{}' });
    assert.deepEqual(await client.upload('/x', { filePath: 'wxfile://a' }), { id: 'r' });
    assert.deepEqual([fake.logins, fake.uploads], [2, 2]);
  });
});

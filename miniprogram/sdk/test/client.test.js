'use strict';
const test = require('node:test');
const assert = require('node:assert/strict');
const { createClient } = require('../dist/' + (process.env.WXBASE_SDK || 'index.js'));
const { fakeWx } = require('./fakewx.js');
const { hurry, sent } = require('./kit.js');

const baseURL = 'https://shop.example';

function loginRoute(call, fake) {
  fake.logins = (fake.logins || 0) + 1;
  return { body: { token: 't' + fake.logins, record: { id: 'u1', name: '小明' }, meta: { isNew: fake.logins === 1 } } };
}

function setup(routes, options) {
  const fake = fakeWx(Object.assign({ 'POST /api/wx/login': loginRoute }, routes));
  return { fake, client: createClient(Object.assign({ baseURL, wx: fake.wx }, options)) };
}

function refusal(status, code) {
  return { status, body: { status, message: 'Refused.', data: { code } } };
}

test('login', async (t) => {
  await t.test('shares one wx.login among calls made at once', async () => {
    const { fake, client } = setup();
    const [a, b] = await Promise.all([client.login(), client.login()]);
    assert.equal(a, b);
    assert.equal(fake.codes, 1);
    assert.deepEqual([client.token, client.user.name], ['t1', '小明']);
  });
  await t.test('is kept in storage for the next start', async () => {
    const { fake, client } = setup();
    await client.login();
    assert.equal(createClient({ baseURL, wx: fake.wx }).token, 't1');
    assert.equal(createClient({ baseURL, wx: fake.wx, storageKey: 'other' }).token, '');
  });
  await t.test('sends the signed profile and the appid', async () => {
    const { fake, client } = setup({}, { appid: 'wx1' });
    await client.login({ profile: true });
    assert.deepEqual(fake.calls[0].data, { code: 'c1', appid: 'wx1', rawData: '{}', signature: 's', encryptedData: 'e', iv: 'i' });
  });
  await t.test('may be tried again after a failure', async () => {
    const { fake, client } = setup();
    fake.loginFails = true;
    await assert.rejects(client.login(), { code: 'wx_login_failed', status: 0 });
    fake.loginFails = false;
    await client.login();
    assert.equal(client.token, 't1');
  });
  await t.test('that ends after a logout leaves nobody logged in', async () => {
    const { fake, client } = setup();
    const late = client.login();
    client.logout();
    await assert.rejects(late, { code: 'logged_out' });
    assert.deepEqual([client.token, client.user, fake.storage.wxbase], ['', null, undefined]);
  });
  await t.test('is renewed by refresh, or made anew when the server forgot it', async () => {
    const refresh = (call) => (call.auth === 't1' ? refusal(401, 'gone') : { body: { token: 'fresh', record: { id: 'u1', name: '新名' } } });
    const { fake, client } = setup({ 'POST /api/collections/users/auth-refresh': refresh });
    await client.login();
    await client.refresh();
    assert.deepEqual([client.token, client.user.name, fake.logins, fake.storage.wxbase.token], ['fresh', '新名', 2, 'fresh']);
  });
  await t.test('and logout are told to listeners', async () => {
    const { client } = setup();
    const heard = [];
    client.on('login', (a) => heard.push('login ' + a.token));
    const off = client.on('logout', () => heard.push('logout'));
    await client.login();
    client.logout();
    off();
    client.logout();
    assert.deepEqual(heard, ['login t1', 'logout']);
  });
});

test('request', async (t) => {
  const needs = (good) => (call) => (call.auth === good ? { body: { ok: true } } : refusal(401, 'auth_missing'));
  await t.test('logs in once more on 401 and repeats once', async () => {
    const { fake, client } = setup({ 'GET /x': needs('t2') });
    await client.login();
    assert.deepEqual(await client.request('/x'), { ok: true });
    assert.equal(fake.calls.filter((c) => c.path === '/x').length, 2);
  });
  await t.test('gives up after one repeat', async () => {
    const { fake, client } = setup({ 'GET /x': needs('never') });
    await client.login();
    await assert.rejects(client.request('/x'), { status: 401, code: 'auth_missing' });
    assert.equal(fake.logins, 2);
  });
  await t.test('renews one login for many calls refused at once', async () => {
    const { fake, client } = setup({ 'GET /x': needs('t2') });
    await client.login();
    await Promise.all([client.request('/x'), client.request('/x'), client.request('/x')]);
    assert.equal(fake.logins, 2);
  });
  await t.test('does not log in for a guest', async () => {
    const { fake, client } = setup({ 'GET /x': needs('t1') });
    await assert.rejects(client.request('/x'), { status: 401 });
    assert.equal(fake.logins, undefined);
    assert.deepEqual(await client.request('/x', { auth: true }), { ok: true });
  });

  const scenarios = [
    ['our code', { status: 409, body: { status: 409, message: 'Paid.', data: { code: 'order_not_payable' } } }, [409, 'order_not_payable', 'Paid.']],
    ['a refused field', { status: 400, body: { status: 400, message: 'Bad.', data: { name: { code: 'validation_required' } } } }, [400, 'validation_required', 'Bad.']],
    ['a proxy page', { status: 502, body: '<html>' }, [502, 'http_502', '服务器繁忙，请稍后重试']],
    ['no answer', { fail: 'request:fail timeout' }, [0, 'timeout', '网络超时，请稍后重试']],
    ['no network', { fail: 'request:fail ' }, [0, 'network', '网络不可用，请检查网络后重试']],
  ];
  for (const [name, answer, [status, code, message]] of scenarios) {
    await t.test(`turns ${name} into a WxbaseError`, async () => {
      const { client } = setup({ 'GET /x': () => answer });
      await assert.rejects(client.request('/x', { retry: false }), { name: 'WxbaseError', status, code, message });
    });
  }
});

test('pay', async (t) => {
  const order = (payState) => ({ body: { id: 'o1', payState } });
  const scenarios = [
    ['paid when the server says so', { ok: true }, ['UNPAID', 'PAID'], 'paid', 2],
    ['pending when the phone says ok and the server does not', { ok: true }, ['UNPAID', 'UNPAID', 'UNPAID'], 'pending', 3],
    ['cancelled', { errMsg: 'requestPayment:fail cancel' }, ['UNPAID'], 'cancelled', 1],
    ['paid though the phone said cancel', { errMsg: 'requestPayment:fail cancel' }, ['PAID'], 'paid', 1],
  ];
  for (const [name, pay, states, state, syncs] of scenarios) {
    await t.test(name, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      let n = 0;
      const { fake, client } = setup({
        'POST /api/wx/orders/o1/pay': () => ({ body: { timeStamp: '1', nonceStr: 'n', package: 'prepay_id=p', signType: 'RSA', paySign: 's' } }),
        'POST /api/wx/orders/o1/sync': () => order(states[n++]),
      });
      fake.pay = pay;
      const done = client.pay('o1');
      const ticking = setInterval(() => t.mock.timers.tick(1000), 1);
      const got = await done;
      clearInterval(ticking);
      assert.deepEqual([got.state, got.order.payState, n], [state, states[syncs - 1], syncs]);
      assert.equal(fake.paid.package, 'prepay_id=p');
    });
  }
  await t.test('stays pending when the server cannot be asked', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { client } = setup({
      'POST /api/wx/orders/o1/pay': () => ({ body: { timeStamp: '1', nonceStr: 'n', package: 'prepay_id=p', signType: 'RSA', paySign: 's' } }),
      'POST /api/wx/orders/o1/sync': () => ({ fail: 'request:fail' }),
    });
    const ticking = setInterval(() => t.mock.timers.tick(1000), 1);
    t.after(() => clearInterval(ticking));
    const got = await client.pay('o1');
    assert.deepEqual(got, { state: 'pending', order: null });
  });
  await t.test('fails with the reason of the phone', async () => {
    const { fake, client } = setup({
      'POST /api/wx/orders/o1/pay': () => ({ body: { timeStamp: '1', nonceStr: 'n', package: 'prepay_id=p', signType: 'RSA', paySign: 's' } }),
      'POST /api/wx/orders/o1/sync': () => order('UNPAID'),
    });
    fake.pay = { errMsg: 'requestPayment:fail paySign' };
    await assert.rejects(client.pay('o1'), { code: 'pay_failed', message: '支付未完成，请重试', detail: 'requestPayment:fail paySign' });
  });

  await t.test('virtual goods go to the other cashier, and a stale session_key is mended by one login', async () => {
    const signed = { signData: '{"env":0}', mode: 'short_series_goods', paySig: 'p', signature: 's' };
    const { fake, client } = setup({
      'POST /api/wx/orders/o1/pay': () => ({ status: 409, body: { status: 409, message: '', data: { code: 'order_virtual' } } }),
      'POST /api/wx/orders/o1/virtual': () => ({ body: signed }),
      'POST /api/wx/orders/o1/sync': () => order('PAID'),
    });
    fake.virtual = [{ errMsg: 'requestVirtualPayment:fail', errCode: -15005 }, { errMsg: 'requestVirtualPayment:ok' }];
    const codes = fake.codes;
    assert.equal((await client.pay('o1')).state, 'paid');
    assert.equal(fake.paidVirtually.length, 2);
    assert.equal(fake.paidVirtually[1].signData, signed.signData);
    assert.ok(fake.codes > codes, 'logged in once more');
    fake.virtual = [{ errMsg: 'requestVirtualPayment:fail', errCode: -15005 }, { errMsg: 'requestVirtualPayment:fail', errCode: -15005 }];
    fake.paidVirtually = [];
    assert.equal((await client.pay('o1')).state, 'paid', 'the server has the last word');
    assert.equal(fake.paidVirtually.length, 2);
  });
  await t.test('who knows that goods are virtual asks for nothing that is refused', async () => {
    const asked = [];
    const { client } = setup({
      'POST /api/wx/orders/o1/pay': () => asked.push('pay') && { status: 409, body: { status: 409, message: '', data: { code: 'order_virtual' } } },
      'POST /api/wx/orders/o1/virtual': () => asked.push('virtual') && { body: { signData: '{"env":0}', mode: 'short_series_goods', paySig: 'p', signature: 's' } },
      'POST /api/wx/orders/o1/sync': () => order('PAID'),
    });
    assert.equal((await client.pay('o1', 'virtual')).state, 'paid');
    assert.deepEqual(asked, ['virtual']);
  });
});

test('a transfer', async (t) => {
  const params = { mchId: '1900000001', appId: 'wx1', package: 'p', openId: 'o1' };
  const scenarios = [
    ['has arrived when the server says so', { ok: true }, 'SUCCESS'],
    ['is on its way when the server says so', { ok: true }, 'TRANSFERRING'],
    ['goes on waiting when the page was closed', { errMsg: 'requestMerchantTransfer:fail cancel' }, 'WAITING'],
    ['has arrived, whatever the phone says', { errMsg: 'requestMerchantTransfer:fail cancel' }, 'SUCCESS'],
  ];
  for (const [name, pay, state] of scenarios) {
    await t.test(name, async () => {
      const { fake, client } = setup({
        'POST /api/wx/payouts/p1/confirm': () => ({ body: params }),
        'POST /api/wx/payouts/p1/sync': () => ({ body: { id: 'p1', state } }),
      });
      fake.pay = pay;
      assert.equal((await client.confirmTransfer('p1')).state, state);
      assert.deepEqual([fake.taken.mchId, fake.taken.appId, fake.taken.package, fake.taken.openId], Object.values(params));
    });
  }
  await t.test('is not begun where WeChat is too old', async () => {
    const { fake, client } = setup({});
    delete fake.wx.requestMerchantTransfer;
    await assert.rejects(client.confirmTransfer('p1'), { code: 'transfer_unsupported', message: '微信版本过低，请升级' });
    assert.equal(sent(fake, '/api/wx/payouts/p1/confirm').length, 0);
  });
});

test('calls', async (t) => {
  await t.test('phone sends the code, or the pair, and keeps the number', async () => {
    const { fake, client } = setup({ 'POST /api/wx/phone': () => ({ body: { phoneNumber: '13800138000' } }) });
    await client.phone({ code: 'p', encryptedData: 'e', iv: 'i' });
    await client.phone({ encryptedData: 'e', iv: 'i' });
    const sent = fake.calls.filter((c) => c.path === '/api/wx/phone').map((c) => c.data);
    assert.deepEqual(sent, [{ code: 'p' }, { encryptedData: 'e', iv: 'i' }]);
    assert.equal(client.user.phone, '13800138000');
    await assert.rejects(client.phone({ errMsg: 'getPhoneNumber:fail user deny' }), { code: 'phone_denied' });
  });
  await t.test('phone tells the server of a package that is used up, and fails in its words', async () => {
    const refusal = { status: 409, body: { status: 409, message: 'used up', data: { code: 'phone_quota_used' } } };
    const { fake, client } = setup({ 'POST /api/wx/phone': () => refusal });
    await assert.rejects(client.phone({ errMsg: 'getPhoneNumber:fail no quota', errno: 1400001 }), { code: 'phone_quota_used' });
    assert.deepEqual(fake.calls.filter((c) => c.path === '/api/wx/phone').map((c) => c.data), [{ errno: 1400001 }]);
  });
  await t.test('scene is decoded once and encoded for the path', async () => {
    const { fake, client } = setup({ 'GET /api/wx/scenes/a%3D1%26b%2F2': () => ({ body: { page: 'p', payload: { x: 1 } } }) });
    for (const scene of ['a%3D1%26b%2F2', 'a=1&b/2']) assert.deepEqual(await client.scene(scene), { page: 'p', payload: { x: 1 } });
    await assert.rejects(client.scene('100%'), { status: 404 });
  });
  await t.test('scene counts for the user, and a guest tells it with the next login', async () => {
    const { fake, client } = setup({ 'GET /api/wx/scenes/abc': () => ({ body: { page: 'p', payload: null } }) });
    const logins = () => fake.calls.filter((c) => c.path === '/api/wx/login').map((c) => c.data.scene);
    await client.scene('abc');
    assert.equal(fake.calls[0].auth, '');
    await client.login();
    await client.scene('abc');
    assert.equal(fake.calls.at(-1).auth, 't1');
    await client.login();
    await client.login({ scene: 'own' });
    assert.deepEqual(logins(), ['abc', undefined, 'own']);
  });
  await t.test('code makes the address absolute', async () => {
    const { client } = setup({ 'POST /api/wx/codes': () => ({ body: { id: 'c', url: '/api/files/c/1/a.jpg' } }) });
    assert.equal((await client.code({ payload: 1 })).url, baseURL + '/api/files/c/1/a.jpg');
    assert.equal(client.fileURL({ collectionId: 'c', id: '1' }, '面 1.jpg'), baseURL + '/api/files/c/1/%E9%9D%A2%201.jpg');
  });
  await t.test('profile sends a name as JSON and a picture as a file', async () => {
    const { fake, client } = setup({ 'POST /api/wx/profile': (call) => ({ body: { id: 'u1', name: call.data.name } }) });
    assert.equal((await client.profile({ name: '老王' })).name, '老王');
    assert.equal(client.user.name, '老王');
    fake.uploadAnswer = { statusCode: 200, data: '{"id":"u1","name":"老王","avatar":"a.png"}' };
    await client.profile({ avatarPath: 'wxfile://tmp/a.png' });
    const { url, name, filePath, formData, header } = fake.uploaded;
    assert.deepEqual([url, name, filePath, formData, header.Authorization], [baseURL + '/api/wx/profile', 'avatar', 'wxfile://tmp/a.png', {}, 't1']);
    assert.equal(client.user.avatar, 'a.png');
    fake.uploadAnswer = { statusCode: 400, data: '{"status":400,"message":"Bad.","data":{"code":"profile_avatar_invalid"}}' };
    await assert.rejects(client.profile({ avatarPath: 'x' }), { status: 400, code: 'profile_avatar_invalid' });
    fake.uploadAnswer = { statusCode: 502, data: '<html>' };
    await assert.rejects(client.profile({ avatarPath: 'x' }), { status: 502, code: 'http_502' });
  });
  await t.test('createOrder logs in first and sends key and note', async () => {
    const { fake, client } = setup({ 'POST /api/wx/orders': (call) => ({ body: { id: 'o', auth: call.auth } }) });
    const items = [{ product: 'p', quantity: 2 }];
    assert.equal((await client.createOrder(items, { key: 'k', note: '少辣' })).auth, 't1');
    assert.deepEqual(fake.calls[1].data, { items, key: 'k', note: '少辣' });
  });
});

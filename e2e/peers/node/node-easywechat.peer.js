import test from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import os from 'node:os';
import path from 'node:path';
import { control, env, inbox, loginCode, number, openID, pay } from './harness.js';
import easywechat from 'node-easywechat';

const { MiniApp, Pay, ServerRequest } = easywechat;

const mini = (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'peers-'));
  t.after(() => rmSync(dir, { recursive: true }));
  process.chdir(dir); // note: it keeps tokens in files of the working folder
  return new MiniApp({ app_id: env.WX_APPID, secret: env.WX_SECRET, token: env.WX_PUSH_TOKEN, aes_key: env.WX_PUSH_AES_KEY, use_stable_access_token: true });
};

test('node-easywechat: login, token, codes, messages, security', async (t) => {
  const app = mini(t);
  const session = await app.getUtils().codeToSession(await loginCode());
  assert.ok(session.openid && session.session_key);
  const sealed = await control('/people/p1/userinfo');
  assert.equal(app.getUtils().decryptSession(session.session_key, sealed.iv, sealed.encryptedData).openId, session.openid);
  const client = app.getClient();
  const phone = await client.postJson('/wxa/business/getuserphonenumber', { code: (await control('/people/p1/phone')).code });
  assert.equal(phone.toObject().errcode, 0);
  const code = await client.postJson('/wxa/getwxacodeunlimit', { scene: 'a=1', page: 'pages/index/index' });
  assert.match(String(code.getHeader('content-type')), /image/);
  const templates = (await client.get('/wxaapi/newtmpl/gettemplate')).toObject();
  const id = templates.data.find((row) => row.title === '退款成功通知').priTmplId;
  await control('/people/p1/subscribe', { templateIds: [id] });
  const values = { character_string1: 'T1', amount2: '￥1.00', thing3: '缺货', time4: '10:00' };
  const sent = await client.postJson('/cgi-bin/message/subscribe/send', {
    touser: session.openid, template_id: id, data: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }])),
  });
  assert.equal(sent.toObject().errcode, 0, JSON.stringify(sent.toObject()));
  const checked = await client.postJson('/wxa/msg_sec_check', { content: 'sim-risky', version: 2, scene: 2, openid: session.openid });
  assert.equal(checked.toObject().result.suggest, 'risky');
});

test('node-easywechat: message push', async (t) => {
  const app = mini(t);
  let heard;
  const server = createServer(async (req, res) => {
    app.setRequest(await ServerRequest.createFromIncomingMessage(req));
    const handler = app.getServer();
    handler.addMessageListener('text', async (message, next) => ((heard = message.Content), next(message)));
    const answer = await handler.serve();
    res.end(answer.getBody().toString());
    server.emit('told');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  // note: safe mode in XML; its plain mode is left to the SDK's own tests
  await control(`/apps/${env.WX_APPID}/push`, { pushUrl: `http://127.0.0.1:${server.address().port}/`, pushMode: 'safe', pushFormat: 'xml' });
  const told = once(server, 'told', { signal: AbortSignal.timeout(15000) });
  await control('/trigger', { event: 'push.text' });
  await told;
  await control(`/apps/${env.WX_APPID}/push`, { pushUrl: '' });
  assert.equal(heard, '在吗');
});

test('node-easywechat: v3', async (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'peers-'));
  t.after(() => rmSync(dir, { recursive: true }));
  const file = (name, text) => (writeFileSync(path.join(dir, name), text, { mode: 0o600 }), path.join(dir, name));
  const app = new Pay({
    mch_id: env.WX_MCHID, private_key: file('key.pem', env.WX_MCH_PRIVATE_KEY), certificate: file('cert.pem', env.WX_MCH_CERTIFICATE), secret_key: env.WX_API_V3_KEY,
    v2_secret_key: env.WX_API_V2_KEY, platform_certs: { [env.WX_PLATFORM_SERIAL]: file('platform.pem', env.WX_PLATFORM_CERTIFICATE) },
  });
  const box = await inbox(t, async (req, raw) => {
    const request = await ServerRequest.createFromIncomingMessage(req, raw);
    await app.getValidator().validate(request);
    app.setRequest(request);
    const message = await app.getServer().getRequestMessage();
    assert.equal(message.toObject().mchid, env.WX_MCHID);
  });
  const order = number('EAS');
  const client = app.getClient();
  // note: its postJson leaves the body out of the signature (dist/Pay/Signature.js signs payload.data and never payload.json)
  const made = await client.post('/v3/pay/transactions/jsapi', { data: {
    appid: env.WX_APPID, mchid: env.WX_MCHID, description: '三鲜面', out_trade_no: order, notify_url: box.url, amount: { total: 100 }, payer: { openid: await openID() },
  } });
  const params = app.getUtils().buildMiniAppConfig(made.toObject().prepay_id, env.WX_APPID, 'RSA');
  await box.next(() => pay(params));
  const got = await client.get(`/v3/pay/transactions/out-trade-no/${order}`, { params: { mchid: env.WX_MCHID } });
  assert.equal(got.toObject().trade_state, 'SUCCESS');
  await box.next(() => client.post('/v3/refund/domestic/refunds', { data: {
    out_trade_no: order, out_refund_no: 'R-' + order, notify_url: box.url, amount: { refund: 40, total: 100, currency: 'CNY' },
  } }));
});

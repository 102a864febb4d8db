import test from 'node:test';
import assert from 'node:assert/strict';
import { day, env, inbox, number, openID, pay } from './harness.js';
import WxPay from 'wechatpay-node-v3';

const sdk = () => new WxPay({
  appid: env.WX_APPID, mchid: env.WX_MCHID, publicKey: Buffer.from(env.WX_MCH_CERTIFICATE), privateKey: Buffer.from(env.WX_MCH_PRIVATE_KEY), key: env.WX_API_V3_KEY,
});

test('wechatpay-node-v3: pay, ask, refund, bills', async (t) => {
  const wx = sdk();
  const box = await inbox(t, async (req, raw) => {
    const ok = await wx.verifySign({
      timestamp: req.headers['wechatpay-timestamp'], nonce: req.headers['wechatpay-nonce'], body: raw, serial: req.headers['wechatpay-serial'],
      signature: req.headers['wechatpay-signature'], apiSecret: env.WX_API_V3_KEY,
    });
    assert.ok(ok, 'the signature verifies');
    const { ciphertext, associated_data, nonce } = JSON.parse(raw).resource;
    assert.equal(wx.decipher_gcm(ciphertext, associated_data, nonce, env.WX_API_V3_KEY).mchid, env.WX_MCHID);
  });
  const order = number('WNV');
  const made = await wx.transactions_jsapi({ description: '三鲜面', out_trade_no: order, notify_url: box.url, amount: { total: 100 }, payer: { openid: await openID() } });
  assert.equal(made.status, 200, JSON.stringify(made));
  await box.next(() => pay(made.data ?? made));
  const got = await wx.query({ out_trade_no: order });
  assert.equal((got.data ?? got).trade_state, 'SUCCESS');
  const refund = await box.next(() => wx.refunds({ out_trade_no: order, out_refund_no: 'R-' + order, notify_url: box.url, amount: { refund: 40, total: 100, currency: 'CNY' } }));
  assert.equal(refund.status, 200, JSON.stringify(refund));
  assert.equal((await wx.find_refunds('R-' + order)).data.status, 'SUCCESS');

  const native = await wx.transactions_native({ description: '三鲜面', out_trade_no: number('WNN'), notify_url: box.url, amount: { total: 100 } });
  assert.match((native.data ?? native).code_url, /^weixin:/);
  const open = number('WNH');
  const h5 = await wx.transactions_h5({
    description: '三鲜面', out_trade_no: open, notify_url: box.url, amount: { total: 100, currency: 'CNY' }, scene_info: { payer_client_ip: '203.0.113.7', h5_info: { type: 'Wap', app_name: '', app_url: '' } },
  }).catch((err) => err);
  assert.equal(h5.status, 200, JSON.stringify(h5));
  assert.equal((await wx.close(open)).status, 204);
  for (const ask of [wx.tradebill({ bill_date: day() }), wx.fundflowbill({ bill_date: day() })]) {
    const offer = await ask;
    const file = await wx.downloadBill((offer.data ?? offer).download_url);
    assert.equal(file.status, 200, JSON.stringify(file).slice(0, 200));
  }
});

test('wechatpay-node-v3: certificates', async () => {
  const list = await sdk().get_certificates(env.WX_API_V3_KEY);
  assert.equal(list[0].serial_no, env.WX_PLATFORM_SERIAL);
});


import test from 'node:test';
import assert from 'node:assert/strict';
import { day, env, inbox, number, openID, pay } from './harness.js';
import plugin from 'wechatpay-axios-plugin';

const { Wechatpay, Rsa, Aes, Formatter, Hash, Transformer } = plugin;

const sdk = () => new Wechatpay({
  mchid: env.WX_MCHID, serial: env.WX_MCH_SERIAL, privateKey: env.WX_MCH_PRIVATE_KEY, secret: env.WX_API_V2_KEY,
  certs: { [env.WX_PAY_PUBLIC_KEY_ID]: env.WX_PAY_PUBLIC_KEY, [env.WX_PLATFORM_SERIAL]: env.WX_PLATFORM_CERTIFICATE },
  merchant: { cert: env.WX_MCH_CERTIFICATE, key: env.WX_MCH_PRIVATE_KEY },
});

test('wechatpay-axios-plugin: v3', async (t) => {
  const wx = sdk();
  const keys = { [env.WX_PAY_PUBLIC_KEY_ID]: env.WX_PAY_PUBLIC_KEY, [env.WX_PLATFORM_SERIAL]: env.WX_PLATFORM_CERTIFICATE };
  const box = await inbox(t, async (req, raw) => {
    const text = Formatter.response(req.headers['wechatpay-timestamp'], req.headers['wechatpay-nonce'], raw);
    const key = keys[req.headers['wechatpay-serial']];
    assert.ok(Rsa.verify(text, req.headers['wechatpay-signature'], Rsa.from(key, Rsa.KEY_TYPE_PUBLIC)), 'the signature verifies');
    const { ciphertext, associated_data, nonce } = JSON.parse(raw).resource;
    assert.equal(JSON.parse(Aes.AesGcm.decrypt(ciphertext, env.WX_API_V3_KEY, nonce, associated_data)).mchid, env.WX_MCHID);
  });
  const order = number('WAP');
  const made = await wx.v3.pay.transactions.jsapi.post({
    appid: env.WX_APPID, mchid: env.WX_MCHID, description: '三鲜面', out_trade_no: order, notify_url: box.url, amount: { total: 100 }, payer: { openid: await openID() },
  });
  const params = { appId: env.WX_APPID, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(), package: 'prepay_id=' + made.data.prepay_id };
  const paySign = Rsa.sign(Formatter.joinedByLineFeed(params.appId, params.timeStamp, params.nonceStr, params.package), Rsa.from(env.WX_MCH_PRIVATE_KEY));
  await box.next(() => pay({ ...params, signType: 'RSA', paySign }));
  const got = await wx.v3.pay.transactions.outTradeNo.$out_trade_no$.get({ params: { mchid: env.WX_MCHID }, out_trade_no: order });
  assert.equal(got.data.trade_state, 'SUCCESS');
  const refund = { out_trade_no: order, out_refund_no: 'R-' + order, notify_url: box.url, amount: { refund: 40, total: 100, currency: 'CNY' } };
  await box.next(() => wx.v3.refund.domestic.refunds.post(refund));
  assert.equal((await wx.v3.refund.domestic.refunds._out_refund_no_.get({ out_refund_no: refund.out_refund_no })).data.status, 'SUCCESS');
  const open = number('WAN');
  const native = await wx.v3.pay.transactions.native.post({
    appid: env.WX_APPID, mchid: env.WX_MCHID, description: '三鲜面', out_trade_no: open, notify_url: box.url, amount: { total: 100 },
  });
  assert.match(native.data.code_url, /^weixin:/);
  assert.equal((await wx.v3.pay.transactions.outTradeNo.$out_trade_no$.close.post({ mchid: env.WX_MCHID }, { out_trade_no: open })).status, 204);
  const offer = await wx.v3.bill.tradebill.get({ params: { bill_date: day() } });
  assert.match(offer.data.download_url, /^https:\/\/api\.mch\.weixin\.qq\.com\//);
});

test('wechatpay-axios-plugin: v2', async (t) => {
  const wx = sdk();
  const box = await inbox(t, async (_, raw) => {
    const said = Transformer.toObject(raw);
    if (said.req_info) assert.match(Aes.AesEcb.decrypt(said.req_info, Hash.md5(env.WX_API_V2_KEY)), /<refund_status>/);
    else assert.equal(Hash.sign(said.sign_type || Hash.ALGO_MD5, said, env.WX_API_V2_KEY), said.sign, 'the sign verifies');
    return Transformer.toXml({ return_code: 'SUCCESS', return_msg: 'OK' });
  });
  const order = number('WA2');
  const made = await wx.v2.pay.unifiedorder.post({
    appid: env.WX_APPID, mch_id: env.WX_MCHID, body: '三鲜面', out_trade_no: order, total_fee: 100, spbill_create_ip: '127.0.0.1', notify_url: box.url, trade_type: 'JSAPI',
    openid: await openID(),
  });
  const params = { appId: env.WX_APPID, timeStamp: `${Formatter.timestamp()}`, nonceStr: Formatter.nonce(), package: 'prepay_id=' + made.data.prepay_id, signType: 'MD5' };
  await box.next(() => pay({ ...params, paySign: Hash.sign(params.signType, params, env.WX_API_V2_KEY) }));
  assert.equal((await wx.v2.pay.orderquery.post({ appid: env.WX_APPID, mch_id: env.WX_MCHID, out_trade_no: order })).data.trade_state, 'SUCCESS');
  const refund = await box.next(() => wx.v2.secapi.pay.refund.post({
    appid: env.WX_APPID, mch_id: env.WX_MCHID, out_trade_no: order, out_refund_no: 'R-' + order, total_fee: 100, refund_fee: 40, notify_url: box.url,
  }, { security: true }));
  assert.equal(refund.data.result_code, 'SUCCESS');
});

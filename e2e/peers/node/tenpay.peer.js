import test from 'node:test';
import assert from 'node:assert/strict';
import { day, env, inbox, number, openID, pay } from './harness.js';
import Tenpay from 'tenpay';

test('tenpay: v2', async (t) => {
  let api;
  const box = await inbox(t, async (_, raw) => {
    const ctx = { request: { body: raw } };
    let told = false;
    await api.middleware(raw.includes('<req_info>') ? 'refund' : 'pay')(ctx, async () => {
      told = true;
      ctx.reply();
    });
    assert.ok(told, 'the middleware takes it: ' + ctx.body);
    return ctx.body;
  });
  api = new Tenpay({ appid: env.WX_APPID, mchid: env.WX_MCHID, partnerKey: env.WX_API_V2_KEY, notify_url: box.url, refund_url: box.url });
  const order = number('TEN');
  const params = await api.getPayParams({ out_trade_no: order, body: '三鲜面', total_fee: 100, openid: await openID() });
  await box.next(() => pay(params));
  assert.equal((await api.orderQuery({ out_trade_no: order })).trade_state, 'SUCCESS');
  const refund = await box.next(() => api.refund({ out_trade_no: order, out_refund_no: 'R-' + order, total_fee: 100, refund_fee: 40 }));
  assert.equal(refund.result_code, 'SUCCESS');
  assert.equal((await api.refundQuery({ out_refund_no: 'R-' + order })).refund_status_0, 'SUCCESS');
  const open = number('TEC');
  const native = await api.unifiedOrder({ out_trade_no: open, body: '三鲜面', total_fee: 100, trade_type: 'NATIVE', product_id: '1' });
  assert.match(native.code_url, /^weixin:/);
  assert.equal((await api.closeOrder({ out_trade_no: open })).result_code, 'SUCCESS');
  assert.match(await api.downloadBill({ bill_date: day().replaceAll('-', '') }), /交易时间/);
});

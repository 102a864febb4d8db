// Package v2 speaks WeChat Pay's API v2 (微信支付 APIv2, 普通商户, JSAPI / 小程序) behind [wxpay.Gateway]: for
// merchants that already run on it. New ones take v3.
//
// A call is one flat XML document, signed with the APIv2 key that both sides know:
//
//	fields -> sign -> XML -> POST -> XML -> verify -> is it ours -> result_code -> fields
//
// What differs from v3, and how it looks from outside:
//
//   - Refusals come with HTTP 200. A return_code FAIL is unsigned and says in words only what is wrong; an
//     err_code is signed. Both end a call, and neither proves a payment.
//   - MD5 and HMAC-SHA256 sign names and values in one line, k=v&k=v. A value that has &name= in it could
//     be read as two fields, so it is neither sent in attach nor believed in what comes back.
//   - The sign type is the merchant's setting. A message never chooses it.
//   - Notifications carry no time and no id, and may be replayed for ever: be idempotent by
//     Trade.TransactionID. The answer they want is [Acknowledge].
//   - Refunds want the merchant's certificate (双向证书). Only calls to /secapi present it.
//   - Every call wants an appid. It is the gateway's own; [Gateway.ForApp] gives one for another mini program.
//
// Trade.Raw and Refund.Raw are the verified fields as one JSON object of texts, sign included, so that the
// evidence can be verified again.
//
// Rules of the interface: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_1 (协议规则).
package v2

// Package v2 speaks WeChat Pay's API v2 (微信支付 APIv2, 普通商户, JSAPI / 小程序, Native, H5) behind [wxpay.Gateway], for merchants that
// already use it. New merchants take v3.
//
// A call is one flat XML document, signed with the APIv2 key that both sides know:
//
//	fields -> sign -> XML -> POST -> XML -> verify -> is it ours -> result_code -> fields
//
// What differs from v3, as seen by the caller:
//
//   - Refusals come with HTTP 200. A return_code FAIL is unsigned and names the problem in words only; an
//     err_code is signed. Both end a call, and neither proves a payment.
//   - MD5 and HMAC-SHA256 sign names and values in one line, k=v&k=v. A value that has &name= in it could
//     be read as two fields, so it is neither sent in attach nor believed in what comes back.
//   - The sign type is the merchant's setting. A message never chooses it.
//   - Notifications lack a time and an id, and can be replayed at any time: be idempotent by
//     Trade.TransactionID. Answer them with [Acknowledge].
//   - Refunds need the merchant's certificate (双向证书). Only calls to /secapi present it.
//   - Every call names an appid: the one of the gateway. [Gateway.ForApp] returns a gateway for another mini program.
//
// Trade.Raw and Refund.Raw are the verified fields as one JSON object of texts, sign included, so that the
// evidence can be verified again.
//
// Rules of the interface: https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_1 (协议规则).
package v2

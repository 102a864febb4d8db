// Package wxpay is our payment vocabulary over WeChat Pay (微信支付, 普通商户, JSAPI / 小程序, Native, H5).
//
// The flow of one payment:
//
//	order is stored -> Prepay -> RequestPayment -> the phone pays -> ParsePayNotification, or Query
//
// of one refund, which has its own row and its own number:
//
//	refund is stored -> Refund -> ParseRefundNotification, or QueryRefund, until it is final
//
// and of every day: TradeBill returns what WeChat has booked, to be compared with what is stored here.
//
// WeChat is the source of truth, and the phone is not: the result of wx.requestPayment is only a hint to query. A
// payment is paid when a [Trade] from a verified notification or a verified answer says so and its AppID, MchID,
// OutTradeNo, Total and Currency equal what was stored. The caller does that comparison, because only the caller knows
// what was stored.
//
// Rules that the callers rely on:
//
//   - Money is [Fen], an integer. Nothing here ever holds a float.
//   - Every 2xx answer and every notification is verified over its raw bytes before it is parsed.
//     There is no switch for that. WeChat does not sign two things: a bill's file, whose announced hash is
//     checked, and v2's refund notification, which is only a hint to call QueryRefund.
//   - A failed call is an [*Error] of a closed set of kinds. When [Error.OutcomeUnknown] is true the
//     call may have taken effect: keep the number, query or repeat with the same parameters.
//   - Calls are not repeated here, except that a call that could not connect to the official host
//     goes once to the backup host. Each attempt carries a fresh time, nonce and signature.
//   - Secrets do not appear in an error, in a log value or in a String.
//
// [V3] speaks API v3 through the official SDK; nothing of the SDK shows in this package's API.
// Rules of the interface: https://pay.weixin.qq.com/doc/v3/merchant/4012081709 (接口规则).
package wxpay

package sim

// inBoth is a text in both languages.
type inBoth struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// faultWords describes the effect of each kind of fault; errcode describes those that are an errcode.
func faultWords() map[string]inBoth {
	return map[string]inBoth{
		"errcode":              {"The call is refused with this errcode.", "接口返回该错误码。"},
		"busy":                 {"WeChat is busy: the call is refused and has no effect.", "微信系统繁忙：接口失败，没有任何效果。"},
		"slow":                 {"The answer comes late (6 s by default).", "应答很慢（默认6秒）。"},
		"cut":                  {"The call has its effect, but the connection breaks in the middle of the answer.", "接口已生效，但应答到一半连接断开。"},
		"truncated":            {"The call has its effect; half of the answer arrives and looks complete to HTTP.", "接口已生效；应答只到一半，而HTTP看来是完整的。"},
		"html":                 {"An HTML error page comes in the place of the answer.", "返回的是HTML错误页。"},
		"empty":                {"An empty answer comes.", "应答为空。"},
		"token_invalid":        {"The access_token is refused with 40001, as if another program had fetched a new one.", "access_token被拒绝（40001），好像别的程序取了新的。"},
		"rate_limit":           {"The call is refused for its frequency and has no effect.", "因频率被拒绝，没有任何效果。"},
		"timeout_after_accept": {"The call has its effect, and nobody ever hears the answer.", "接口已生效，但永远收不到应答。"},
		"wrong_signature":      {"One byte of the signature is wrong.", "签名错一个字节。"},
		"probe":                {"The signature begins with WECHATPAY/SIGNTEST/, by which WeChat Pay tries whether anybody checks.", "签名以WECHATPAY/SIGNTEST/开头：微信支付的验签探测。"},
		"stale_time":           {"The time stamp is ten minutes old, and signed.", "时间戳是十分钟前的（已签名）。"},
		"future_time":          {"The time stamp lies ten minutes ahead, and is signed.", "时间戳在十分钟后（已签名）。"},
		"mixed_serials":        {"Signed at random with the public key or the platform certificate.", "随机用微信支付公钥或平台证书签名。"},
		"duplicate":            {"The message comes twice, one after the other.", "同一通知先后到达两次。"},
		"concurrent":           {"The message comes several times at once (3 by default).", "同一通知同时到达多次（默认3次）。"},
		"late":                 {"The message comes ten minutes late.", "通知晚十分钟到达。"},
		"lost":                 {"The message is lost on its way; the next follows the schedule.", "通知在途中丢失，按计划再次投递。"},
		"other_amount":         {"The message tells another amount, rightly signed.", "通知里的金额不同（签名正确）。"},
		"other_appid":          {"The message tells another appid, rightly signed.", "通知里的appid不同（签名正确）。"},
		"other_mchid":          {"The message tells another mchid, rightly signed.", "通知里的商户号不同（签名正确）。"},
		"unknown_order":        {"The message tells of an order that nobody made, rightly signed.", "通知里的订单不存在（签名正确）。"},
		"no_resource":          {"The message lacks what it is about.", "通知缺少内容。"},
		"extra_fields":         {"The message has fields that no document knows.", "通知带有文档里没有的字段。"},
		"xxe":                  {"XML with an external entity, which must not be resolved.", "带外部实体的XML，绝不能解析。"},
		"no_signature":         {"The message has no signature.", "消息没有签名。"},
		"replay":               {"The very bytes come once more later, as from somebody who overheard.", "稍后原样再来一次，好像被人窃听重放。"},
		"other_key":            {"The message is encrypted with another key.", "用别的密钥加密。"},
		"bad_padding":          {"The encrypted text has a wrong padding.", "密文填充错误。"},
		"oversized":            {"The message is larger than any that WeChat sends.", "消息比微信发的任何消息都大。"},
		"downgrade":            {"The message comes in plain text where encryption was agreed on.", "约定加密却以明文到达。"},
		"not_enough":           {"The refund is refused: the merchant's account lacks the money.", "退款被拒：商户余额不足。"},
		"account_abnormal":     {"The refund is refused: the payer's account is closed.", "退款被拒：用户账户异常。"},
		"refund_abnormal":      {"The refund is accepted and then ends in ABNORMAL.", "退款受理后变为ABNORMAL（异常）。"},
		"refund_closed":        {"The refund is accepted and then ends in CLOSED.", "退款受理后变为CLOSED（关闭）。"},
		"paid_after_close":     {"The phone pays an order that was closed a moment before.", "手机支付了刚刚关闭的订单。"},
		"coupon":               {"A coupon pays a tenth of the order.", "代金券支付十分之一。"},
		"other_program":        {"Another mini program of the merchant is paid under the order's number.", "同一商户的另一个小程序用这个单号收了款。"},
		"fail":                 {"The bank refuses, the phone says that the payment failed.", "银行拒付，手机提示支付失败。"},
		"cancel":               {"The owner of the phone closes the dialog without paying.", "用户关闭支付框，没有付款。"},
	}
}

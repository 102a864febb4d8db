package hooks

// help is what docs/errors.md says about a problem besides its message.
type help struct {
	zh, fix, fixZH string
}

// problemHelp has an entry for every code of Problems; a test sees to it.
func problemHelp() map[string]help {
	return map[string]help{
		"request_invalid":   {"请求格式不对", "Send JSON as the API describes it.", "按接口文档发送 JSON。"},
		"not_ready":         {"服务器未就绪", "Wait; if it stays so, look at the database and the disk.", "稍候；如一直如此，请检查数据库和磁盘。"},
		"busy":              {"服务器繁忙", "Try again in a moment. The log has the cause.", "稍候重试，原因见日志。"},
		"wx_not_configured": {"小程序或商户尚未配置", "The owner sets it up; `GET /api/wx/health` as a superuser says what is missing.", "由管理员配置；以超级管理员访问 `GET /api/wx/health` 可查看缺什么。"},

		"wx_code_invalid":      {"code 无效或已过期", "Call wx.login, or let the user press the phone button, again. A code lives five minutes.", "重新调用 wx.login，或让用户再点一次手机号按钮。code 五分钟有效。"},
		"wx_code_used":         {"code 已被使用", "Likewise. A code works once.", "同上。code 只能用一次。"},
		"wx_login_refused":     {"微信拒绝了这次登录", "Nothing on our side; tell the user that the login is not possible now.", "我方无法处理，提示用户暂时无法登录。"},
		"wx_rate_limited":      {"对微信的请求过于频繁", "Wait a minute.", "等一分钟。"},
		"wx_busy":              {"微信繁忙或未应答", "Try again. With a one-time code: get a new one first, it may be spent.", "重试；如带一次性 code，请先重新获取。"},
		"wx_config_invalid":    {"微信拒绝了服务器的配置", "The owner looks at AppSecret, IP whitelist and account; `data.errcode` says which.", "管理员检查 AppSecret、IP 白名单和账号状态，见 `data.errcode`。"},
		"wx_arguments_invalid": {"微信拒绝了参数", "Mend the request; `data.errcode` says what.", "修改请求，见 `data.errcode`。"},
		"wx_quota_exhausted":   {"微信的调用额度已用完", "Wait for the next day, or have the quota cleared.", "等次日，或由管理员清零额度。"},
		"wx_answer_invalid":    {"微信的应答无法识别", "Try again later; if it stays so, give `data.rid` to WeChat.", "稍后重试；如一直如此，把 `data.rid` 提供给微信。"},
		"wx_state_refused":     {"当前状态下微信不允许", "Look at `data.errcode` below.", "见下表中的 `data.errcode`。"},

		"wx_signature_invalid": {"签名与数据不符", "Call wx.login first and get the data afterwards; send rawData with signature, encryptedData with iv.", "先 wx.login 再取数据；rawData 与 signature、encryptedData 与 iv 须成对发送。"},
		"wx_session_stale":     {"微信登录态已失效", "Log in again, then get the data again, then send it.", "重新登录，重新获取数据，再发送。"},
		"wx_watermark_invalid": {"数据不属于这个小程序，或不是刚刚生成的", "Send fresh data of the mini program that the user is logged in to; if it is fresh, set the server's clock.", "请发送当前登录的小程序刚刚取得的数据；如确是新数据，请校准服务器时钟。"},
		"wx_data_malformed":    {"加密数据格式不对", "Send encryptedData and iv as the phone gave them, as JSON: a form turns + into a space.", "原样以 JSON 发送 encryptedData 和 iv；表单会把 + 变成空格。"},
		"wx_identity_missing":  {"该用户未登录过此小程序", "Log in from the mini program first.", "请先从该小程序登录。"},
		"user_blocked":         {"账号已被停用", "The owner can lift it in the dashboard.", "管理员可在后台解除。"},

		"profile_name_invalid":   {"昵称为空或超过 32 个字符", "Let the user choose another name.", "请用户换一个昵称。"},
		"profile_avatar_invalid": {"头像不是 2 MB 以内的 JPEG、PNG、WebP 或 GIF", "Let the user choose another picture.", "请用户换一张图片。"},

		"profile_refused": {"昵称或头像未通过审核", "Let the user choose another one.", "请用户更换。"},

		"order_not_paid":        {"订单尚未支付", "Only what was paid can be refunded or shipped.", "只有已支付的订单才能退款或发货。"},
		"refund_amount_invalid": {"退款金额须在 1 分与剩余可退金额之间，或退款原因超过 80 字节", "`data.left` is what can still be refunded, in fen.", "`data.left` 是剩余可退金额（分）。"},
		"refund_too_late":       {"支付已超过一年，微信不再退款", "Give the money back outside of WeChat.", "请在微信之外退款。"},
		"refund_too_many":       {"同一笔支付最多退款 50 次", "Give the rest back outside of WeChat.", "其余部分请在微信之外退款。"},

		"order_refunded":             {"订单已全额退款", "There is nothing to ship.", "无需发货。"},
		"shipment_arguments_invalid": {"发货信息不对", "`data.reason` says what.", "见 `data.reason`。"},
		"shipment_pending":           {"该订单的另一条发货信息尚未送达微信", "Send the same one again to try at once, or wait; the row in wx_outbox says why. To drop it, set its doneAt.", "重发同一条可立即重试，或等待；原因见 wx_outbox。要放弃它，填写该行的 doneAt。"},
		"shipment_corrected":         {"微信只允许修改一次发货信息，机会已用完", "Mend it by hand at mp.weixin.qq.com, or tell the buyer.", "请到公众平台人工处理，或联系买家。"},

		"order_items_invalid":  {"商品明细不对", "1 to 100 lines, quantities 1 to 999, a total of 0.01 to 1000000 yuan.", "1 到 100 行，数量 1 到 999，总额 0.01 到 1000000 元。"},
		"product_not_found":    {"商品不存在或已下架", "Load the products again; `data.product` is the one.", "重新加载商品，见 `data.product`。"},
		"product_out_of_stock": {"库存不足", "Order less; `data.product` is the one.", "减少数量，见 `data.product`。"},
		"order_key_reused":     {"这个 key 已用于另一个订单", "Make a new key for a new order; keep it for repeats of the same one.", "新订单用新的 key，重试同一订单才用原来的。"},
		"order_not_found":      {"订单不存在", "It is not there, or belongs to another user.", "订单不存在，或属于其他用户。"},
		"order_not_payable":    {"订单不能支付", "It is cancelled or being cancelled; make a new one.", "订单已取消或正在取消，请重新下单。"},
		"order_already_paid":   {"订单已支付", "Nothing to do; load the order.", "无需处理，重新加载订单即可。"},
		"order_expired":        {"订单已过期", "Make a new one.", "请重新下单。"},

		"pay_refused":            {"微信支付拒绝了这个订单", "The log has WeChat Pay's reason.", "原因见日志。"},
		"pay_config_invalid":     {"微信支付拒绝了商户的配置", "The owner looks at keys, certificate serial and permissions of the merchant.", "管理员检查商户密钥、证书序列号和权限。"},
		"pay_busy":               {"微信支付繁忙", "Try again; the same order is never charged twice.", "重试即可，同一订单不会重复扣款。"},
		"pay_public_url_missing": {"服务器不知道自己的公网地址", "The owner sets `WXBASE_PUBLIC_URL`.", "管理员设置 `WXBASE_PUBLIC_URL`。"},

		"code_arguments_invalid": {"小程序码的参数不对", "`data.reason` says what.", "见 `data.reason`。"},
		"code_page_unpublished":  {"页面不在已发布的版本中", "Publish it, or send `checkPath: false`.", "先发布，或发送 `checkPath: false`。"},
		"scene_not_found":        {"没有这个 scene", "The code was made elsewhere, or its row is gone.", "小程序码不是这里生成的，或记录已删除。"},
		"scene_taken":            {"这个 scene 已被另一个小程序码使用", "Choose another scene, or send a payload and have one made.", "换一个 scene，或改用 payload 自动生成。"},

		"pay_notify_signature": {"通知的签名不对", "Only WeChat meets these six. A genuine notification that fails: look at the merchant's keys.", "以下六项只会返回给微信。真实通知验签失败时，请检查商户密钥。"},
		"pay_notify_stale":     {"通知的时间相差超过五分钟", "Set the server's clock.", "校准服务器时钟。"},
		"pay_notify_malformed": {"通知无法识别", "Not from WeChat, most likely.", "多半不是微信发来的。"},
		"pay_notify_merchant":  {"没有这个商户", "The merchant of the address is not configured here.", "通知地址中的商户在此没有配置。"},
		"pay_notify_unmatched": {"通知中的订单在此不存在", "WeChat sends it again; a row in wx_inbox stays.", "微信会重发，记录在 wx_inbox。"},
		"pay_notify_failed":    {"通知暂时无法处理", "WeChat sends it again; the log has the cause.", "微信会重发，原因见日志。"},
	}
}

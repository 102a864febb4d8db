package hooks

import "maps"

// help is what docs/errors.md says about a problem besides its message.
type help struct {
	zh, fix, fixZH string
}

// problemHelp has an entry for every code of Problems; a test sees to it.
func problemHelp() map[string]help {
	all := map[string]help{
		"request_invalid":   {"请求格式不对", "Send JSON as the API describes it.", "按接口文档发送 JSON。"},
		"not_ready":         {"服务器未就绪", "Wait; if it stays so, look at the database and the disk.", "稍候；如一直如此，请检查数据库和磁盘。"},
		"busy":              {"服务器繁忙", "Try again in a moment. The log has the cause.", "稍候重试，原因见日志。"},
		"schema_conflict":   {"数据库里新增的字段或索引使服务器无法写入", "`data.table` and `data.field` name it. The owner removes the unique index or the rule on it in the dashboard.", "见 `data.table` 与 `data.field`，由管理员在后台去掉该字段上的唯一索引或限制。"},
		"schema_locked":     {"这部分数据结构属于 wxbase，不能修改", "`data.reason` says which. Add fields and collections of your own instead.", "见 `data.reason`；请改为新增自己的字段或集合。"},
		"engine_field":      {"由服务器维护，不能手工填写", "`data.instead` says which route does it, `data.field` which field it is.", "`data.field` 是哪个字段，`data.instead` 说明应调用哪个接口。"},
		"field_not_allowed": {"不允许修改这个字段", "Send `name` and `avatar` only; the owner may allow other fields of `users` by WXBASE_USER_FIELDS.", "只能修改 `name` 和 `avatar`；管理员可用 WXBASE_USER_FIELDS 放开 `users` 的其他字段。"},
		"sql_console_off":   {"SQL 控制台已关闭", "The owner sets WXBASE_SQL_CONSOLE=1; every statement is then written to the log.", "管理员设置 WXBASE_SQL_CONSOLE=1 后可用，每条语句都会记入日志。"},
		"wx_not_configured": {"小程序或商户尚未配置", "The owner sets it up; `GET /api/wx/health` as a superuser says what is missing.", "由管理员配置；以超级管理员访问 `GET /api/wx/health` 可查看缺什么。"},
		"body_not_json":     {"请求体不是一个 JSON 对象", "Send one JSON object; the Content-Type does not matter. Only the routes for uploads take multipart.", "发送一个 JSON 对象，Content-Type 不限；只有上传接口接受 multipart。"},
		"field_unknown":     {"请求体有此接口不认识的字段", "`data.field` is the one. Routes that move money or stock do nothing rather than guess.", "见 `data.field`。涉及资金或库存的接口宁可不做，也不猜测。"},
		"field_repeated":    {"请求体中同一字段出现两次", "`data.field` is the one. Send it once.", "见 `data.field`，只发送一次。"},
		"field_invalid":     {"请求体的某个字段不对", "`data.field` is the one, `data.reason` says what it should be.", "见 `data.field`，`data.reason` 说明要求。"},

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
	}
	maps.Copy(all, shopHelp())
	maps.Copy(all, outreachHelp())
	maps.Copy(all, roomsHelp())
	maps.Copy(all, deskHelp())
	return all
}

// shopHelp is the part of problemHelp about orders, payments, refunds and their notifications.
func shopHelp() map[string]help {
	return map[string]help{
		"order_not_paid":        {"订单尚未支付", "Only what was paid can be refunded or shipped.", "只有已支付的订单才能退款或发货。"},
		"refund_amount_invalid": {"须写明退款金额（1 分到剩余可退金额）或 \"all\": true，退款原因最多 80 字节", "`data.field` is what is wrong, `data.left` what can still be refunded, in fen.", "`data.field` 是出错的字段，`data.left` 是剩余可退金额（分）。"},
		"refund_too_late":       {"支付已超过一年，微信不再退款", "Give the money back outside of WeChat.", "请在微信之外退款。"},
		"refund_repeated":       {"该订单刚刚退过同样的金额，或同样金额的退款正在进行", "`data.refund` is the earlier one: load it. If it shall be paid twice all the same, send a key of its own.", "先查看 `data.refund` 这笔退款；确实要再退一次时，请带上新的 key。"},
		"refund_key_reused":     {"这个 key 已用于该订单的另一笔退款", "Make a new key for a new refund (`data.refund` has this one); keep it for repeats of the same one.", "新退款用新的 key（已用于 `data.refund`），重试同一笔才用原来的。"},
		"refund_too_many":       {"同一笔支付最多退款 50 次", "Give the rest back outside of WeChat.", "其余部分请在微信之外退款。"},

		"order_disputed":          {"订单有一笔支付存在争议，需要人工处理", "The shop decides with `POST /api/wx/admin/orders/{id}/resolve`; tell the buyer that the shop is looking into it.", "商家用 `POST /api/wx/admin/orders/{id}/resolve` 处理；请告诉买家商家正在核实。"},
		"dispute_not_found":       {"该订单没有这笔有争议的支付", "Read the alert or the order's payments again; `data.state` is the payment's state.", "重新查看告警或该订单的支付；`data.state` 是支付状态。"},
		"dispute_mismatch":        {"微信侧的信息与本店要求不一致，不能认作本单的付款", "`data.reason` says what differs and `data.tradeState` what WeChat says. Give the money back, or close the dispute if there is none.", "见 `data.reason` 与 `data.tradeState`。可以原路退回；若微信侧没有钱，则关闭争议。"},
		"dispute_money_held":      {"微信侧在这个单号下有钱", "Decide `accept` or `giveBack`.", "请改用 `accept` 或 `giveBack`。"},
		"dispute_nothing_held":    {"微信侧在这个单号下没有可退的钱", "`data.tradeState` is what WeChat says; decide `close`.", "见 `data.tradeState`，请改用 `close`。"},
		"dispute_going_back":      {"这笔钱已在退回途中", "`data.refund` is the refund; the dispute ends when it has arrived.", "见退款 `data.refund`；到账后争议自动结束。"},
		"dispute_payment_settled": {"这笔支付已有定论", "Decide `close`, then use the ordinary refund; money of a second transaction is refunded on the merchant platform.", "请先用 `close` 结束争议，再走普通退款；另一笔交易的钱请在商户平台退款。"},

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
		"scene_reserved":         {"这里只有超级用户可以自定 scene，且这个码还没有生成", "Send a payload in place of a scene, or let the shop have this code made once. WXBASE_PLAIN_SCENES decides.", "改用 payload，或先由店家生成一次这个码；由 WXBASE_PLAIN_SCENES 决定。"},

		"pay_notify_signature":    {"通知的签名不对", "Only WeChat meets these seven. A genuine notification that fails: look at the merchant's keys.", "以下七项只会返回给微信。真实通知验签失败时，请检查商户密钥。"},
		"pay_notify_stale":        {"通知的时间相差超过五分钟", "Set the server's clock.", "校准服务器时钟。"},
		"pay_notify_malformed":    {"通知无法识别", "Not from WeChat, most likely.", "多半不是微信发来的。"},
		"pay_notify_merchant":     {"没有这个商户", "The merchant of the address is not configured here.", "通知地址中的商户在此没有配置。"},
		"pay_notify_unmatched":    {"通知中的订单在此不存在", "WeChat sends it again; a row in wx_inbox stays.", "微信会重发，记录在 wx_inbox。"},
		"alert_not_found":         {"没有这条告警", "Read the list again: `GET /api/wx/admin/alerts`.", "重新读取列表：`GET /api/wx/admin/alerts`。"},
		"pay_notify_keys_missing": {"没有这种通知所用 API 版本的密钥", "The merchant has changed between API v2 and v3 with orders on their way. Keep the keys of the old API until they are settled; without them the server asks WeChat instead, which takes longer.", "商户在 API v2 与 v3 之间切换时仍有在途订单。请保留旧版密钥直到订单结清；否则改由服务器主动查询，较慢。"},
		"pay_notify_failed":       {"通知暂时无法处理", "WeChat sends it again; the log has the cause.", "微信会重发，原因见日志。"},
	}
}

// outreachHelp is the part of problemHelp about codes, links, messages, checks and pushes.
func outreachHelp() map[string]help {
	return map[string]help{
		"code_quota_exhausted": {"该小程序的 getwxacode 与 createwxaqrcode 码共 10 万个，已用完", "Use the kind unlimited, which is not counted.", "改用不限数量的 unlimited。"},
		"code_limit_reached":   {"该用户今天生成的新码过多", "Wait for the next day, or set `WXBASE_CODES_PER_DAY`. Codes made before are still given.", "等次日，或设置 `WXBASE_CODES_PER_DAY`。已生成的码不受影响。"},
		"code_answer_json":     {"微信返回了 JSON 而不是图片", "Try again; nothing was kept.", "重试即可，没有保存任何内容。"},
		"code_answer_html":     {"微信返回了网页而不是图片", "Try again; a proxy on the way may be the cause.", "重试；也可能是中间的代理所致。"},
		"code_image_truncated": {"微信返回的图片不完整", "Try again; nothing was kept.", "重试即可，没有保存任何内容。"},
		"code_answer_empty":    {"微信返回了空内容", "Try again; nothing was kept.", "重试即可，没有保存任何内容。"},
		"code_timeout":         {"微信超时未应答", "Try again in a moment.", "稍候重试。"},

		"link_arguments_invalid": {"链接的参数不对", "`data.reason` says what.", "见 `data.reason`。"},
		"link_not_allowed":       {"该用户不能生成链接", "The owner sets `linkRule` of the mini program, or `WXBASE_LINK_RULE`.", "管理员设置小程序的 `linkRule` 或 `WXBASE_LINK_RULE`。"},
		"link_limit_reached":     {"该用户今天生成的新链接过多", "Wait for the next day, or set `WXBASE_CODES_PER_DAY`.", "等次日，或设置 `WXBASE_CODES_PER_DAY`。"},
		"link_quota_exhausted":   {"长期有效的短链接已达上限", "Make one that is not permanent.", "改用非长期有效的短链接。"},

		"message_arguments_invalid": {"订阅消息的内容不对", "`data.reason` says what; `trim: true` shortens what may be shortened.", "见 `data.reason`；`trim: true` 可自动截短。"},
		"message_not_subscribed":    {"用户未订阅，或一次性订阅已用完", "Nothing is wrong; ask with wx.requestSubscribeMessage at the next occasion.", "属正常情况，下次用 wx.requestSubscribeMessage 征求同意。"},
		"message_uncertain":         {"微信的应答丢失，消息可能已发出", "Do not send it again by itself: the user might be told twice.", "不要自动重发，以免重复打扰用户。"},
		"consent_arguments_invalid": {"不是 wx.requestSubscribeMessage 的结果", "Send `{answers: {templateId: \"accept\"}}`, at most 20 of them.", "发送 `{answers: {模板ID: \"accept\"}}`，最多 20 个。"},

		"check_arguments_invalid":  {"没有可检测的内容", "`data.reason` says what.", "见 `data.reason`。"},
		"check_image_invalid":      {"不是 10 MB 以内的 JPEG、PNG、GIF 或 BMP", "Let the user choose another picture.", "请用户换一张图片。"},
		"check_public_url_missing": {"服务器不知道自己的公网地址，微信无法下载图片", "The owner sets `WXBASE_PUBLIC_URL`.", "管理员设置 `WXBASE_PUBLIC_URL`。"},
		"content_refused":          {"内容未通过安全检测", "`data.field` is the one; let the user change it.", "见 `data.field`，请用户修改。"},

		"image_refused":         {"图片像素或帧数过多，或过于狭长", "Let the user choose a smaller picture. The owner may raise `WXBASE_IMAGE_MEGAPIXELS`.", "请用户换一张较小的图片；管理员可调高 `WXBASE_IMAGE_MEGAPIXELS`。"},
		"query_too_complex":     {"filter、sort、expand 或 fields 超出允许范围", "One relation away at most, no `_via_`; `data.reason` says what. Ask the owner for a route or a view for more.", "最多跨一层关联，不可用 `_via_`，见 `data.reason`；更复杂的查询请由管理员提供接口或视图。"},
		"query_too_slow":        {"查询超时，已中止", "Ask for less: a smaller page, `skipTotal=1`, a filter on an indexed field.", "减少数据量：缩小分页、加 `skipTotal=1`、按有索引的字段过滤。"},
		"order_limit_reached":   {"未支付的订单或今日订单过多", "`data.per` says which: pay or cancel the open ones, or wait for tomorrow.", "见 `data.per`：请支付或取消未付订单，或等次日。"},
		"call_limit_reached":    {"请求过于频繁", "Wait a minute.", "等一分钟。"},
		"phone_limit_reached":   {"今日获取手机号次数过多", "Wait for tomorrow in Beijing.", "等次日（北京时间）。"},
		"check_limit_reached":   {"今日内容检测次数或流量过多", "`data.per` says which; wait, or for tomorrow in Beijing.", "见 `data.per`；稍候，或等次日（北京时间）。"},
		"consent_limit_reached": {"该用户上报的订阅模板过多", "Report only templates of this mini program.", "只上报本小程序的模板。"},
		"upload_limit_reached":  {"上传过于频繁", "Wait a minute.", "等一分钟。"},
		"login_limit_reached":   {"该地址登录过于频繁", "Wait a minute. Behind a proxy, the owner sets the header of the client's address.", "等一分钟。如在反向代理之后，管理员须设置客户端地址的请求头。"},
		"mail_closed":           {"此处不发送该类邮件", "Accounts of mini programs have no mail; the owner sets an address in the dashboard.", "小程序账号不使用邮件；邮箱由管理员在后台设置。"},

		"push_signature":      {"推送的签名不对", "Only WeChat meets these seven. Compare Token here and at WeChat.", "以下七项只会返回给微信。请核对两边的 Token。"},
		"push_stale":          {"推送的时间相差超过五分钟", "Set the server's clock.", "校准服务器时钟。"},
		"push_malformed":      {"推送无法识别", "Not from WeChat, most likely.", "多半不是微信发来的。"},
		"push_too_large":      {"推送超过 64 KiB", "Not from WeChat, most likely.", "多半不是微信发来的。"},
		"push_app_unknown":    {"没有这个小程序，或没有配置推送", "Set pushToken and pushAesKey of the mini program.", "配置该小程序的 pushToken 和 pushAesKey。"},
		"push_config_invalid": {"推送配置与微信后台不一致", "Compare EncodingAESKey and mode here and at WeChat.", "核对两边的 EncodingAESKey 和加密方式。"},
		"push_failed":         {"推送暂时无法保存", "WeChat sends it again; the log has the cause.", "微信会重发，原因见日志。"},
	}
}

// roomsHelp is the part of problemHelp about rooms and their connections.
func roomsHelp() map[string]help {
	return map[string]help{
		"room_unknown":           {"没有这个房间", "The owner makes rooms in the dashboard, collection rooms.", "请管理员在后台的 rooms 集合中创建。"},
		"room_forbidden":         {"不能加入这个房间", "Log in; else the room's joinRule does not let this user in.", "请先登录；否则是房间的 joinRule 不允许该用户加入。"},
		"room_publish_forbidden": {"不能在这个房间发布", "Log in; else the room's publishRule does not let this user speak.", "请先登录；否则是房间的 publishRule 不允许该用户发布。"},
		"room_limit":             {"一个连接加入的房间太多", "Leave rooms that are not on the screen.", "请退出当前页面不需要的房间。"},
		"presence_forbidden":     {"这个房间不公开成员", "The owner may switch on presence for the room.", "管理员可为房间打开 presence。"},
		"event_name_invalid":     {"事件名是保留字或格式不对", "1 to 64 letters, digits and _ : . -, and not one of Socket.IO's own such as connect or error.", "1 到 64 个字母、数字或 _ : . -，且不能是 connect、error 等 Socket.IO 自用的名字。"},
		"payload_invalid":        {"payload 不是 JSON", "Send JSON.", "请发送 JSON。"},
		"message_too_big":        {"消息太大", "At most 64 KiB, in an exchange 8 KiB. Send a link in place of the data.", "最多 64 KiB，exchange 最多 8 KiB；大数据请改发链接。"},
		"message_refused":        {"消息被拒绝", "A handler of OnRoomMessage refused it.", "被 OnRoomMessage 的处理函数拒绝。"},
		"rate_limit":             {"消息太频繁", "Wait a little. The owner may raise WXBASE_REALTIME_EVENTS_PER_SECOND.", "稍候。管理员可调高 WXBASE_REALTIME_EVENTS_PER_SECOND。"},
		"token_invalid":          {"token 不对或已过期", "Log in again and connect with the new token.", "请重新登录，用新的 token 连接。"},
		"topic_unknown":          {"没有这个主题", "Subscribe to rooms/{name} or to a collection's {name}/*.", "只能订阅 rooms/{房间名} 或集合的 {集合名}/*。"},
		"topic_limit":            {"一个连接订阅的主题太多", "At most 100.", "最多 100 个。"},
		"connection_limit":       {"连接太多", "Close the connections of pages that are gone. The owner may raise WXBASE_REALTIME_PER_USER or WXBASE_REALTIME_PER_ADDRESS.", "请关闭已离开页面的连接。管理员可调高 WXBASE_REALTIME_PER_USER 或 WXBASE_REALTIME_PER_ADDRESS。"},
		"server_full":            {"服务器连接数已满", "Try again later. The owner may raise WXBASE_REALTIME_SOCKETS or add an edge process.", "请稍后再试。管理员可调高 WXBASE_REALTIME_SOCKETS 或增加 edge 进程。"},
		"ticket_invalid":         {"门票不对或已过期", "Only edges say this. Get a new ticket with POST /api/wx/rooms/tickets and connect again.", "仅边缘节点返回。请用 POST /api/wx/rooms/tickets 重新领取门票再连接。"},
		"ticket_elsewhere":       {"这里是主服务器，门票只能用于边缘节点", "Connect to an address of `edges` in the answer that brought the ticket, or here with the token. Without edges no ticket is needed.", "请连接领票应答中 `edges` 里的地址，或在这里用 token 连接。没有边缘节点时不需要门票。"},
		"primary_away":           {"主服务器暂时无法连接", "Try again: the message was not published.", "请重试，消息没有发出。"},
		"server_closing":         {"服务器正在关闭", "Connect again.", "请重新连接。"},
	}
}

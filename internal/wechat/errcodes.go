package wechat

import "slices"

// Retry says when the same request may be sent again.
type Retry string

// The retry rules.
const (
	// RetryNever means: only after a change.
	RetryNever Retry = "never"
	// RetryBackoff means: after a short, growing pause, two or three times.
	RetryBackoff Retry = "backoff"
	// RetryRefresh means: once, with a renewed access token.
	RetryRefresh Retry = "refresh"
	// RetryWindow means: in the next second or minute; wait 60 s for minute limits.
	RetryWindow Retry = "window"
	// RetryDay means: when the count of the day, or month, restarts.
	RetryDay Retry = "day"
	// RetryAction means: after the owner or the user has acted.
	RetryAction Retry = "action"
)

// Errcode is one row of WeChat's error codes with our treatment.
type Errcode struct {
	// Code is WeChat's errcode; with Last, the first of a range.
	Code int
	// Last is the end of a range; 0 for a single code.
	Last int
	Kind Kind
	// Retry says when the same request may be sent again.
	Retry Retry
	// EN and ZH are hints for the operator of the backend.
	EN, ZH string
}

func (e Errcode) matches(code int) bool { return code == e.Code || code > e.Code && code <= e.Last }

// Errcodes returns the table, single codes in order and ranges last, for documents and dashboards.
func Errcodes() []Errcode { return slices.Clone(errcodes[:]) }

// LookupErrcode returns the row of a code; for an unknown code, a row of KindUnknown.
func LookupErrcode(code int) Errcode {
	for _, row := range errcodes {
		if row.matches(code) {
			return row
		}
	}
	return Errcode{Code: code, Kind: KindUnknown, Retry: RetryNever, EN: "unknown error code", ZH: "未知错误码"}
}

// errcodes is read top to bottom; the first match wins, so ranges come last. It is immutable.
var errcodes = [...]Errcode{
	{-1, 0, KindBusy, RetryBackoff, "WeChat is busy", "系统繁忙，请稍候再试"},
	{40001, 0, KindToken, RetryRefresh, "access token is wrong or not the latest; on the token call: wrong AppSecret", "access_token 无效或不是最新；取 token 时表示 AppSecret 错误"},
	{40002, 0, KindArgs, RetryNever, "wrong grant_type; for links: no permission", "grant_type 不合法；生成链接时表示无权限"},
	{40003, 0, KindArgs, RetryNever, "wrong openid", "openid 不合法"},
	{40004, 0, KindArgs, RetryNever, "wrong media type", "媒体文件类型不合法"},
	{40007, 0, KindArgs, RetryNever, "wrong media_id, or media that is older than three days", "media_id 不合法或已过期（3 天）"},
	{40008, 0, KindArgs, RetryNever, "wrong kind of message", "消息类型不合法"},
	{40009, 0, KindArgs, RetryNever, "picture is too large", "图片大小超过限制"},
	{40013, 0, KindConfig, RetryNever, "wrong appid, or the code is another app's, or the ability is banned", "AppID 不合法，或 code 属于其他小程序，或能力被封禁"},
	{40014, 0, KindToken, RetryRefresh, "access token is invalid", "access_token 不合法"},
	{40029, 0, KindCodeInvalid, RetryNever, "code is invalid, used or expired; get a new one", "code 无效、已使用或已过期，请重新获取"},
	{40037, 0, KindArgs, RetryNever, "wrong template id; reload the template list", "模板 ID 不合法，请重新拉取模板列表"},
	{40066, 0, KindArgs, RetryNever, "wrong short link path", "短链页面路径不合法"},
	{40097, 0, KindArgs, RetryNever, "wrong arguments", "参数错误"},
	{40125, 0, KindConfig, RetryNever, "wrong AppSecret", "AppSecret 不正确"},
	{40129, 0, KindArgs, RetryNever, "wrong scene", "scene 不合法"},
	{40159, 0, KindArgs, RetryNever, "path is empty or too long, or the body is not JSON", "path 为空或过长，或请求体不是 JSON"},
	{40163, 0, KindCodeUsed, RetryNever, "code was used before; get a new one", "code 已被使用，请重新获取"},
	{40164, 0, KindConfig, RetryAction, "our address is not on the IP whitelist", "调用方 IP 不在白名单中，请在公众平台添加"},
	{40165, 0, KindArgs, RetryNever, "wrong path of a link", "链接的页面路径不合法"},
	{40169, 0, KindArgs, RetryNever, "scene is too long, or the body is not JSON", "scene 过长，或请求体不是 JSON"},
	{40212, 0, KindArgs, RetryNever, "wrong query of a link", "链接的 query 不合法"},
	{40225, 0, KindArgs, RetryNever, "wrong short link title", "短链页面标题不合法"},
	{40226, 0, KindRisk, RetryNever, "WeChat blocks this user's login as high risk", "高风险用户，小程序登录被拦截"},
	{40240, 0, KindConfig, RetryAction, "API signature is out of time; check the clock", "API 签名时间不合法，请检查服务器时钟"},
	{40243, 0, KindConfig, RetryAction, "AppSecret is frozen; unfreeze it", "AppSecret 已被冻结，请在公众平台解冻"},
	{41001, 0, KindToken, RetryNever, "access token is missing", "缺少 access_token"},
	{41002, 0, KindArgs, RetryNever, "appid is missing", "缺少 appid"},
	{41004, 0, KindArgs, RetryNever, "secret is missing", "缺少 secret"},
	{41008, 0, KindArgs, RetryNever, "code is missing", "缺少 code"},
	{41030, 0, KindArgs, RetryNever, "page is not in the published version", "页面不存在于已发布的版本中"},
	{42001, 0, KindToken, RetryRefresh, "access token is expired", "access_token 已过期"},
	{43002, 0, KindArgs, RetryNever, "POST is needed", "需要 POST 请求"},
	{43101, 0, KindState, RetryAction, "user has not subscribed to this message", "用户未订阅该消息或已拒收"},
	{43104, 0, KindArgs, RetryNever, "openid is not of this app; for short links: no permission", "openid 与 appid 不匹配；短链接口表示无权限"},
	{43107, 0, KindUnsupported, RetryAction, "subscribe messages are banned for this app", "订阅消息能力被封禁"},
	{43108, 0, KindBusy, RetryBackoff, "two messages to one user at a time", "对同一用户并发下发消息"},
	{44002, 0, KindArgs, RetryNever, "body is empty", "POST 数据包为空"},
	{44990, 0, KindRate, RetryWindow, "too many calls in this second", "接口调用超过每秒限制"},
	{44991, 0, KindRate, RetryWindow, "too many calls in this minute", "接口调用超过每分钟限制"},
	{44993, 0, KindQuota, RetryDay, "the day's calls are used up", "接口调用超过每日限制"},
	{45002, 0, KindArgs, RetryNever, "message is too long", "消息内容超过限制"},
	{45009, 0, KindQuota, RetryDay, "the day's calls are used up", "接口调用超过每日限额"},
	{45011, 0, KindRate, RetryWindow, "too many calls in this minute", "调用太频繁，请稍候再试"},
	{45015, 0, KindState, RetryAction, "user last wrote more than 48 hours ago, or opened the chat more than a minute ago", "用户超过 48 小时未发消息，不能再回复"},
	{45029, 0, KindQuota, RetryNever, "the 100 000 codes with a path are used up; use unlimited codes", "小程序码总数已达 10 万上限，请改用不限制的小程序码"},
	{45047, 0, KindQuota, RetryAction, "all answers to the user's last message are sent; wait for the next one", "客服消息下行条数已达上限，请等用户再发消息"},
	{45072, 0, KindArgs, RetryNever, "typing: wrong command", "输入状态的 command 取值不对"},
	{45080, 0, KindState, RetryAction, "typing: nothing was said in the last 30 seconds", "下发输入状态前 30 秒内须与用户有过消息交互"},
	{45081, 0, KindState, RetryWindow, "typing: it is shown already", "已在输入状态，不可重复下发"},
	{45168, 0, KindRisk, RetryNever, "text has a sensitive word", "内容含有敏感词"},
	{47001, 0, KindArgs, RetryNever, "body is not the JSON expected", "请求体不是合法的 JSON"},
	{47003, 0, KindArgs, RetryNever, "template data does not fit the template", "模板参数不符合要求"},
	{48001, 0, KindUnsupported, RetryAction, "this API is not granted to the account", "接口未授权，请确认账号已获得该接口权限"},
	{48006, 0, KindQuota, RetryDay, "the month's quota clears are used up", "本月清零次数已用完"},
	{50002, 0, KindConfig, RetryAction, "account is limited", "账号受限"},
	{50004, 0, KindConfig, RetryAction, "account may not use the token call", "账号被禁止使用 token 接口"},
	{50007, 0, KindConfig, RetryAction, "account is frozen", "账号已冻结"},
	{61003, 0, KindConfig, RetryAction, "this account has not authorised the platform that calls", "该账号未授权给调用的第三方平台"},
	{61004, 0, KindConfig, RetryAction, "our address is not on the IP whitelist", "调用方 IP 不在白名单中"},
	{61010, 0, KindState, RetryAction, "user was not in the app for 2 hours", "用户两小时内未访问小程序"},
	{61011, 0, KindConfig, RetryNever, "platform that calls is not known", "第三方平台无效"},
	{76001, 0, KindArgs, RetryNever, "request id is not known", "rid 不存在"},
	{76002, 0, KindArgs, RetryNever, "request id is wrong", "rid 不合法"},
	{76003, 0, KindArgs, RetryNever, "request id is another account's, or the path has a wrong form", "rid 属于其他账号，或 cgi_path 格式错误"},
	{76004, 0, KindArgs, RetryNever, "request id is older than 7 days", "rid 已超过 7 天"},
	{76021, 0, KindArgs, RetryNever, "API path is not known", "cgi_path 不存在"},
	{76022, 0, KindUnsupported, RetryNever, "API path has no quota to ask for", "没有查询该 cgi_path 的权限"},
	{85079, 0, KindState, RetryAction, "app has no published version", "小程序尚未发布"},
	{85088, 0, KindUnsupported, RetryAction, "app has no cloud environment (cloud_base)", "小程序未开通云开发"},
	{85096, 0, KindArgs, RetryNever, "scancode_time is WeChat's own parameter", "scancode_time 为系统保留参数"},
	{85400, 0, KindQuota, RetryNever, "permanent links are used up; use short-lived ones", "长期有效链接已达上限，请改用短期链接"},
	{85401, 0, KindArgs, RetryNever, "wrong expiry of a link", "链接有效期不合法"},
	{85402, 0, KindArgs, RetryNever, "wrong env_version of a link", "链接的 env_version 不合法"},
	{85403, 0, KindState, RetryNever, "link is not known", "链接不存在"},
	{85406, 0, KindQuota, RetryDay, "the day's openings of links are used up", "链接当日打开次数已达上限"},
	{85407, 0, KindUnsupported, RetryAction, "no permission to make links", "无生成链接的权限"},
	{85408, 0, KindUnsupported, RetryAction, "making links is banned for this app", "生成链接的能力被封禁"},
	{87007, 0, KindSession, RetryNever, "session_key is gone; the user logs in again", "session_key 不存在或已过期，请重新登录"},
	{87008, 0, KindArgs, RetryNever, "wrong sig_method", "sig_method 不合法"},
	{87009, 0, KindSession, RetryNever, "signature is wrong; the session_key is stale", "签名错误，session_key 可能已失效"},
	{87014, 0, KindRisk, RetryNever, "content is risky", "内容含有违法违规信息"},
	{87020, 0, KindRate, RetryWindow, "this media is being checked already", "同一媒体重复提交检测"},
	{89002, 0, KindState, RetryAction, "app is not bound to an Open Platform account", "小程序未绑定微信开放平台账号"},
	{89300, 0, KindState, RetryNever, "order is not valid for this", "订单无效"},
	{89503, 0, KindConfig, RetryAction, "an administrator must confirm this address", "该 IP 需管理员确认"},
	{89506, 0, KindConfig, RetryAction, "an administrator refused this address for 24 hours", "管理员已拒绝该 IP，24 小时内不可再次申请"},
	{89507, 0, KindConfig, RetryAction, "an administrator refused this address for 1 hour", "管理员已拒绝该 IP，1 小时内不可再次申请"},
	// note: window, not backoff, whose pauses end before the shipping side knows an order; the caller waits minutes
	{10060001, 0, KindState, RetryWindow, "shipping does not know the order; one paid a moment ago it knows in some seconds", "支付单不存在，刚支付的订单请稍后重试"},
	{10060002, 0, KindState, RetryNever, "order is shipped already", "支付单已完成发货"},
	{10060003, 0, KindState, RetryNever, "the one chance to ship again is used", "重新发货机会已用完"},
	{10060004, 0, KindState, RetryNever, "order is not in a state to be shipped", "支付单状态不允许发货"},
	{10060005, 0, KindArgs, RetryNever, "wrong logistics_type", "物流类型有误"},
	{10060006, 0, KindArgs, RetryNever, "only express can be split", "非快递发货时不允许分拆发货"},
	{10060007, 0, KindArgs, RetryNever, "a split delivery needs is_all_delivered", "分拆发货须填写 is_all_delivered"},
	{10060008, 0, KindArgs, RetryNever, "item_desc is empty", "商品描述 item_desc 为空"},
	{10060009, 0, KindArgs, RetryNever, "item_desc is longer than 120 characters", "商品描述 item_desc 超过 120 字"},
	{10060011, 0, KindArgs, RetryNever, "wrong last_index", "last_index 有误"},
	{10060012, 0, KindBusy, RetryBackoff, "shipping is busy", "发货系统繁忙"},
	{10060014, 0, KindArgs, RetryNever, "wrong shipping parameter", "发货参数错误"},
	{10060019, 0, KindBusy, RetryBackoff, "shipping is busy", "发货系统繁忙"},
	{10060020, 0, KindArgs, RetryNever, "no parcel has an item_desc", "没有商品描述 item_desc"},
	{10060023, 0, KindState, RetryNever, "shipping information did not change", "发货信息未更新"},
	{10060024, 0, KindArgs, RetryNever, "more than 15 parcels", "物流信息超过 15 条"},
	{10060025, 0, KindArgs, RetryNever, "express_company is too long", "物流公司编码太长"},
	{10060026, 0, KindArgs, RetryNever, "tracking_no is too long", "物流单号太长"},
	{10060028, 0, KindState, RetryNever, "order is not shipped", "订单未发货，不能提醒收货"},
	{10060029, 0, KindArgs, RetryNever, "received_time is before the shipping", "签收时间早于发货时间"},
	{10060030, 0, KindState, RetryNever, "the one reminder to confirm is used", "提醒收货次数已用完"},
	{10060031, 0, KindArgs, RetryNever, "openid does not fit the order", "openid 与支付单不匹配"},
	{10060032, 0, KindState, RetryNever, "only express can be reminded of", "非快递发货不能提醒收货"},
	{10060035, 0, KindArgs, RetryNever, "path of the order centre is not taken; it needs ${商品订单号}", "订单中心路径不合法，须含 ${商品订单号}"},
	{268485194, 0, KindArgs, RetryNever, "wrong order_number_type", "order_number_type 有误"},
	{268485195, 0, KindArgs, RetryNever, "transaction_id is missing", "缺少 transaction_id"},
	{268485196, 0, KindArgs, RetryNever, "mchid is missing", "缺少 mchid"},
	{268485197, 0, KindArgs, RetryNever, "out_trade_no is missing", "缺少 out_trade_no"},
	{268485216, 0, KindArgs, RetryNever, "upload_time is not RFC 3339", "upload_time 不是 RFC 3339 格式"},
	{268485224, 0, KindArgs, RetryNever, "wrong delivery_mode", "发货模式 delivery_mode 有误"},
	{268485226, 0, KindArgs, RetryNever, "tracking_no is missing", "缺少物流单号 tracking_no"},
	{268485227, 0, KindArgs, RetryNever, "express_company is missing", "缺少物流公司 express_company"},
	{268485228, 0, KindArgs, RetryNever, "a unified delivery needs exactly one parcel", "统一发货须且只能有一条物流信息"},
	{268490001, 0, KindArgs, RetryNever, "virtual payment: wrong openid", "虚拟支付：openid 错误"},
	{268490002, 0, KindArgs, RetryNever, "virtual payment: a field is wrong", "虚拟支付：请求参数字段错误"},
	{268490003, 0, KindConfig, RetryAction, "virtual payment: wrong signature; check the AppKey of this environment", "虚拟支付：签名错误，请检查该环境的 AppKey"},
	{268490004, 0, KindState, RetryNever, "virtual payment: done already", "虚拟支付：重复操作，已处理"},
	{268490005, 0, KindState, RetryNever, "virtual payment: the coins were given back already", "虚拟支付：订单已通过 cancel_currency_pay 退款"},
	{268490006, 0, KindState, RetryNever, "virtual payment: not enough coins", "虚拟支付：代币余额不足"},
	{268490007, 0, KindRisk, RetryNever, "virtual payment: a forbidden word or picture", "虚拟支付：文字或图片含敏感内容"},
	{268490008, 0, KindState, RetryAction, "virtual payment: the coin is not published", "虚拟支付：代币未发布"},
	{268490009, 0, KindSession, RetryNever, "virtual payment: session_key is gone; the user logs in again", "虚拟支付：session_key 不存在或已过期，请重新登录"},
	{268490011, 0, KindState, RetryWindow, "virtual payment: the data is being made; ask later", "虚拟支付：数据生成中，请稍后再取"},
	{268490012, 0, KindState, RetryWindow, "virtual payment: a task of this kind is running", "虚拟支付：批量任务运行中"},
	{268490013, 0, KindState, RetryNever, "virtual payment: a verified order cannot be refunded", "虚拟支付：订单已核销，不能退款"},
	{268490014, 0, KindBusy, RetryWindow, "virtual payment: a refund is running; the same again later", "虚拟支付：退款进行中，请以相同参数稍后重试"},
	{268490015, 0, KindRate, RetryWindow, "virtual payment: too many calls", "虚拟支付：频率限制"},
	{268490016, 0, KindState, RetryNever, "virtual payment: left_fee is not what is left; query the order first", "虚拟支付：left_fee 与订单剩余金额不符，请先查单"},
	{268546000, 0, KindArgs, RetryNever, "wrong type of a special order", "特殊发货报备 type 非法"},
	{268546001, 0, KindArgs, RetryNever, "date of a pre-sale is not more than 15 and at most 330 days after the payment", "预计发货时间非法，须在支付 15 天之后、330 天以内"},
	{268546002, 0, KindState, RetryNever, "no such order waits to be shipped", "账户不存在这个待发货单号"},
	{40230, 40239, KindConfig, RetryNever, "API signing or encryption is wrong; check the keys", "API 签名或加密错误，请检查密钥"},
	{10060000, 10069999, KindArgs, RetryNever, "wrong shipping information", "发货信息参数错误"},
	{268485190, 268485299, KindArgs, RetryNever, "wrong shipping information", "发货信息参数错误"},
	{268490018, 268490024, KindConfig, RetryAction, "virtual payment: about the account of advertising money", "虚拟支付：广告金账户相关错误"},
}

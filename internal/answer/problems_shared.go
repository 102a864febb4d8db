package answer

import "net/http"

// What any route may answer, and limits.
var (
	BadRequest = Problem{
		Code: "request_invalid", Status: http.StatusBadRequest,
		EN:    "The request is not understood.",
		ZH:    "请求格式不对",
		FixEN: "Send JSON as the API describes it.",
		FixZH: "按接口文档发送 JSON。",
	}
	NotReady = Problem{
		Code: "not_ready", Status: http.StatusServiceUnavailable,
		EN:    "The server is not ready.",
		ZH:    "服务器未就绪",
		FixEN: "Wait; if it stays so, look at the database and the disk.",
		FixZH: "稍候；如一直如此，请检查数据库和磁盘。",
	}
	Busy = Problem{
		Code: "busy", Status: http.StatusServiceUnavailable,
		EN:    "The server is busy. Try again.",
		ZH:    "服务器繁忙",
		FixEN: "Try again in a moment. The log has the cause.",
		FixZH: "稍候重试，原因见日志。",
	}
	NotConfigured = Problem{
		Code: "wx_not_configured", Status: http.StatusServiceUnavailable,
		EN:    "This mini program or merchant is not configured on the server.",
		ZH:    "小程序或商户尚未配置",
		FixEN: "The owner sets it up; `GET /api/wx/health` as a superuser says what is missing.",
		FixZH: "由管理员配置；以超级管理员访问 `GET /api/wx/health` 可查看缺什么。",
	}
	NotJSON = Problem{
		Code: "body_not_json", Status: http.StatusBadRequest,
		EN:    "The body is not one JSON object.",
		ZH:    "请求体不是一个 JSON 对象",
		FixEN: "Send one JSON object; the Content-Type does not matter. Only the routes for uploads take multipart.",
		FixZH: "发送一个 JSON 对象，Content-Type 不限；只有上传接口接受 multipart。",
	}
	FieldUnknown = Problem{
		Code: "field_unknown", Status: http.StatusBadRequest,
		EN:    "The body has a field that this route does not know.",
		ZH:    "请求体有此接口不认识的字段",
		FixEN: "`data.field` is the one. Routes that move money or stock do nothing rather than guess.",
		FixZH: "见 `data.field`。涉及资金或库存的接口宁可不做，也不猜测。",
	}
	FieldRepeated = Problem{
		Code: "field_repeated", Status: http.StatusBadRequest,
		EN:    "The body has a field twice.",
		ZH:    "请求体中同一字段出现两次",
		FixEN: "`data.field` is the one. Send it once.",
		FixZH: "见 `data.field`，只发送一次。",
	}
	FieldInvalid = Problem{
		Code: "field_invalid", Status: http.StatusBadRequest,
		EN:    "A field of the body is not what it should be.",
		ZH:    "请求体的某个字段不对",
		FixEN: "`data.field` is the one, `data.reason` says what it should be.",
		FixZH: "见 `data.field`，`data.reason` 说明要求。",
	}
	SchemaConflict = Problem{
		Code: "schema_conflict", Status: http.StatusServiceUnavailable,
		EN:    "A field or an index that was added to this server's database stops it from writing. The owner has to mend it.",
		ZH:    "数据库里新增的字段或索引使服务器无法写入",
		FixEN: "`data.table` and `data.field` name it. The owner removes the unique index or the rule on it in the dashboard.",
		FixZH: "见 `data.table` 与 `data.field`，由管理员在后台去掉该字段上的唯一索引或限制。",
	}
	SchemaLocked = Problem{
		Code: "schema_locked", Status: http.StatusBadRequest,
		EN:    "This part of the database belongs to wxbase and cannot be changed.",
		ZH:    "这部分数据结构属于 wxbase，不能修改",
		FixEN: "`data.reason` says which. Add fields and collections of your own instead.",
		FixZH: "见 `data.reason`；请改为新增自己的字段或集合。",
	}
	EngineWrites = Problem{
		Code: "engine_field", Status: http.StatusBadRequest,
		EN:    "The server itself keeps this; it is not written by hand.",
		ZH:    "由服务器维护，不能手工填写",
		FixEN: "`data.instead` says which route does it, `data.field` which field it is.",
		FixZH: "`data.field` 是哪个字段，`data.instead` 说明应调用哪个接口。",
	}
	FieldLocked = Problem{
		Code: "field_not_allowed", Status: http.StatusForbidden,
		EN:    "You may not change this field.",
		ZH:    "不允许修改这个字段",
		FixEN: "Send `name` and `avatar` only; the owner may allow other fields of `users` by WXBASE_USER_FIELDS.",
		FixZH: "只能修改 `name` 和 `avatar`；管理员可用 WXBASE_USER_FIELDS 放开 `users` 的其他字段。",
	}
	SQLOff = Problem{
		Code: "sql_console_off", Status: http.StatusForbidden,
		EN:    "The SQL console is switched off, because it goes past every check.",
		ZH:    "SQL 控制台已关闭",
		FixEN: "The owner sets WXBASE_SQL_CONSOLE=1; every statement is then written to the log.",
		FixZH: "管理员设置 WXBASE_SQL_CONSOLE=1 后可用，每条语句都会记入日志。",
	}
	ImageRefused = Problem{
		Code: "image_refused", Status: http.StatusUnprocessableEntity,
		EN:    "The picture has too many pixels or frames, or is much too narrow.",
		ZH:    "图片像素或帧数过多，或过于狭长",
		FixEN: "Let the user choose a smaller picture. The owner may raise `WXBASE_IMAGE_MEGAPIXELS`.",
		FixZH: "请用户换一张较小的图片；管理员可调高 `WXBASE_IMAGE_MEGAPIXELS`。",
	}
	QueryComplex = Problem{
		Code: "query_too_complex", Status: http.StatusBadRequest,
		EN:    "The filter, sort, expand or fields ask for more than is allowed here.",
		ZH:    "filter、sort、expand 或 fields 超出允许范围",
		FixEN: "One relation away at most, no `_via_`; `data.reason` says what. Ask the owner for a route or a view for more.",
		FixZH: "最多跨一层关联，不可用 `_via_`，见 `data.reason`；更复杂的查询请由管理员提供接口或视图。",
	}
	QuerySlow = Problem{
		Code: "query_too_slow", Status: http.StatusBadRequest,
		EN:    "The query took too long and was stopped.",
		ZH:    "查询超时，已中止",
		FixEN: "Ask for less: a smaller page, `skipTotal=1`, a filter on an indexed field.",
		FixZH: "减少数据量：缩小分页、加 `skipTotal=1`、按有索引的字段过滤。",
	}
	OrderLimit = Problem{
		Code: "order_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "This user has as many open orders, or orders today, as are allowed.",
		ZH:    "未支付的订单或今日订单过多",
		FixEN: "`data.per` says which: pay or cancel the open ones, or wait for tomorrow.",
		FixZH: "见 `data.per`：请支付或取消未付订单，或等次日。",
	}
	CallLimit = Problem{
		Code: "call_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "Too many requests. Wait a minute.",
		ZH:    "请求过于频繁",
		FixEN: "Wait a minute.",
		FixZH: "等一分钟。",
	}
	PhoneLimit = Problem{
		Code: "phone_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "This user has asked for the phone number too often today.",
		ZH:    "今日获取手机号次数过多",
		FixEN: "Wait for tomorrow in Beijing.",
		FixZH: "等次日（北京时间）。",
	}
	PhoneQuota = Problem{
		Code: "phone_quota_used", Status: http.StatusConflict,
		EN:    "The shop's package of phone numbers is used up.",
		ZH:    "手机号快速验证的资源包已用完",
		FixEN: "errno 1400001 of the phone button: each number costs the owner 0.03 yuan (0.04 for getRealtimePhoneNumber). The owner buys a package at mp.weixin.qq.com; `wxbase doctor` says how many are left. Until then ask for the number in a field.",
		FixZH: "手机号按钮的 errno 1400001：每个号码 0.03 元（实时验证 0.04 元）。管理员在 mp.weixin.qq.com 的 付费管理 购买资源包；`wxbase doctor` 显示余量。在此之前请让用户手工填写。",
	}
	CheckLimit = Problem{
		Code: "check_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "This user has had too much checked today.",
		ZH:    "今日内容检测次数或流量过多",
		FixEN: "`data.per` says which; wait, or for tomorrow in Beijing.",
		FixZH: "见 `data.per`；稍候，或等次日（北京时间）。",
	}
	ConsentLimit = Problem{
		Code: "consent_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "This user has reported as many templates as are allowed.",
		ZH:    "该用户上报的订阅模板过多",
		FixEN: "Report only templates of this mini program.",
		FixZH: "只上报本小程序的模板。",
	}
	UploadLimit = Problem{
		Code: "upload_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "Too many uploads. Wait a minute.",
		ZH:    "上传过于频繁",
		FixEN: "Wait a minute.",
		FixZH: "等一分钟。",
	}
	LoginLimit = Problem{
		Code: "login_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "Too many logins from this address. Wait a minute.",
		ZH:    "该地址登录过于频繁",
		FixEN: "Wait a minute. Behind a proxy, the owner sets the header of the client's address.",
		FixZH: "等一分钟。如在反向代理之后，管理员须设置客户端地址的请求头。",
	}
	MailClosed = Problem{
		Code: "mail_closed", Status: http.StatusForbidden,
		EN:    "Mail of this kind is not sent here.",
		ZH:    "此处不发送该类邮件",
		FixEN: "Accounts of mini programs have no mail; the owner sets an address in the dashboard.",
		FixZH: "小程序账号不使用邮件；邮箱由管理员在后台设置。",
	}
	AlertMissing = Problem{
		Code: "alert_not_found", Status: http.StatusNotFound,
		EN:    "There is no such alert.",
		ZH:    "没有这条告警",
		FixEN: "Read the list again: `GET /api/wx/admin/alerts`.",
		FixZH: "重新读取列表：`GET /api/wx/admin/alerts`。",
	}
)

package answer

import "net/http"

// Codes, links, messages, content checks and message push.
var (
	CodeArgs = Problem{
		Code: "code_arguments_invalid", Status: http.StatusBadRequest,
		EN:    "The parameters of the code are not valid.",
		ZH:    "小程序码的参数不对",
		FixEN: "`data.reason` says what.",
		FixZH: "见 `data.reason`。",
	}
	CodePage = Problem{
		Code: "code_page_unpublished", Status: http.StatusBadRequest,
		EN:    "The page is not in the published version.",
		ZH:    "页面不在已发布的版本中",
		FixEN: "Publish it, or send `checkPath: false`.",
		FixZH: "先发布，或发送 `checkPath: false`。",
	}
	SceneMissing = Problem{
		Code: "scene_not_found", Status: http.StatusNotFound,
		EN:    "There is no such scene.",
		ZH:    "没有这个 scene",
		FixEN: "The code was made elsewhere, or its row is gone.",
		FixZH: "小程序码不是这里生成的，或记录已删除。",
	}
	SceneReserved = Problem{
		Code: "scene_reserved", Status: http.StatusForbidden,
		EN:    "Only superusers may choose a scene here, and there is no such code yet.",
		ZH:    "这里只有超级用户可以自定 scene，且这个码还没有生成",
		FixEN: "Send a payload in place of a scene, or let the shop have this code made once. WXBASE_PLAIN_SCENES decides.",
		FixZH: "改用 payload，或先由店家生成一次这个码；由 WXBASE_PLAIN_SCENES 决定。",
	}
	CodeQuota = Problem{
		Code: "code_quota_exhausted", Status: http.StatusTooManyRequests,
		EN:    "WeChat makes 100 000 codes of this kind in a mini program's life, and they are used up.",
		ZH:    "该小程序的 getwxacode 与 createwxaqrcode 码共 10 万个，已用完",
		FixEN: "Use the kind unlimited, which is not counted.",
		FixZH: "改用不限数量的 unlimited。",
	}
	CodeUserQuota = Problem{
		Code: "code_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "This user has had too many new codes made today.",
		ZH:    "该用户今天生成的新码过多",
		FixEN: "Wait for the next day, or set `WXBASE_CODES_PER_DAY`. Codes made before are still given.",
		FixZH: "等次日，或设置 `WXBASE_CODES_PER_DAY`。已生成的码不受影响。",
	}
	CodeJSON = Problem{
		Code: "code_answer_json", Status: http.StatusBadGateway,
		EN:    "WeChat sent JSON in place of a picture.",
		ZH:    "微信返回了 JSON 而不是图片",
		FixEN: "Try again; nothing was kept.",
		FixZH: "重试即可，没有保存任何内容。",
	}
	CodeHTML = Problem{
		Code: "code_answer_html", Status: http.StatusBadGateway,
		EN:    "WeChat sent a web page in place of a picture.",
		ZH:    "微信返回了网页而不是图片",
		FixEN: "Try again; a proxy on the way may be the cause.",
		FixZH: "重试；也可能是中间的代理所致。",
	}
	CodeTruncated = Problem{
		Code: "code_image_truncated", Status: http.StatusBadGateway,
		EN:    "WeChat sent a part of a picture only.",
		ZH:    "微信返回的图片不完整",
		FixEN: "Try again; nothing was kept.",
		FixZH: "重试即可，没有保存任何内容。",
	}
	CodeEmpty = Problem{
		Code: "code_answer_empty", Status: http.StatusBadGateway,
		EN:    "WeChat sent nothing in place of a picture.",
		ZH:    "微信返回了空内容",
		FixEN: "Try again; nothing was kept.",
		FixZH: "重试即可，没有保存任何内容。",
	}
	CodeSilence = Problem{
		Code: "code_timeout", Status: http.StatusGatewayTimeout,
		EN:    "WeChat did not answer in time.",
		ZH:    "微信超时未应答",
		FixEN: "Try again in a moment.",
		FixZH: "稍候重试。",
	}
	LinkArgs = Problem{
		Code: "link_arguments_invalid", Status: http.StatusBadRequest,
		EN:    "The parameters of the link are not valid.",
		ZH:    "链接的参数不对",
		FixEN: "`data.reason` says what.",
		FixZH: "见 `data.reason`。",
	}
	LinkDenied = Problem{
		Code: "link_not_allowed", Status: http.StatusForbidden,
		EN:    "This user may not make links.",
		ZH:    "该用户不能生成链接",
		FixEN: "The owner sets `linkRule` of the mini program, or `WXBASE_LINK_RULE`.",
		FixZH: "管理员设置小程序的 `linkRule` 或 `WXBASE_LINK_RULE`。",
	}
	LinkUserQuota = Problem{
		Code: "link_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "This user has had too many new links made today.",
		ZH:    "该用户今天生成的新链接过多",
		FixEN: "Wait for the next day, or set `WXBASE_CODES_PER_DAY`.",
		FixZH: "等次日，或设置 `WXBASE_CODES_PER_DAY`。",
	}
	LinkQuota = Problem{
		Code: "link_quota_exhausted", Status: http.StatusTooManyRequests,
		EN:    "The permanent links of this mini program are used up.",
		ZH:    "长期有效的短链接已达上限",
		FixEN: "Make one that is not permanent.",
		FixZH: "改用非长期有效的短链接。",
	}
	MessageArgs = Problem{
		Code: "message_arguments_invalid", Status: http.StatusBadRequest,
		EN:    "The message is not valid.",
		ZH:    "订阅消息的内容不对",
		FixEN: "`data.reason` says what; `trim: true` shortens what may be shortened.",
		FixZH: "见 `data.reason`；`trim: true` 可自动截短。",
	}
	NotSubscribed = Problem{
		Code: "message_not_subscribed", Status: http.StatusConflict,
		EN:    "The user has not agreed to this message, or has had the one that was agreed to.",
		ZH:    "用户未订阅，或一次性订阅已用完",
		FixEN: "Nothing is wrong; ask with wx.requestSubscribeMessage at the next occasion.",
		FixZH: "属正常情况，下次用 wx.requestSubscribeMessage 征求同意。",
	}
	MessageUnsure = Problem{
		Code: "message_uncertain", Status: http.StatusBadGateway,
		EN:    "WeChat's answer was lost. The message may have been sent.",
		ZH:    "微信的应答丢失，消息可能已发出",
		FixEN: "Do not send it again by itself: the user might be told twice.",
		FixZH: "不要自动重发，以免重复打扰用户。",
	}
	ConsentArgs = Problem{
		Code: "consent_arguments_invalid", Status: http.StatusBadRequest,
		EN:    "The answers are not those of wx.requestSubscribeMessage.",
		ZH:    "不是 wx.requestSubscribeMessage 的结果",
		FixEN: "Send `{answers: {templateId: \"accept\"}}`, at most 20 of them.",
		FixZH: "发送 `{answers: {模板ID: \"accept\"}}`，最多 20 个。",
	}
	CheckArgs = Problem{
		Code: "check_arguments_invalid", Status: http.StatusBadRequest,
		EN:    "There is nothing that could be checked.",
		ZH:    "没有可检测的内容",
		FixEN: "`data.reason` says what.",
		FixZH: "见 `data.reason`。",
	}
	CheckImage = Problem{
		Code: "check_image_invalid", Status: http.StatusBadRequest,
		EN:    "The file is not a JPEG, PNG, GIF or BMP of at most 10 MB.",
		ZH:    "不是 10 MB 以内的 JPEG、PNG、GIF 或 BMP",
		FixEN: "Let the user choose another picture.",
		FixZH: "请用户换一张图片。",
	}
	CheckNoURL = Problem{
		Code: "check_public_url_missing", Status: http.StatusServiceUnavailable,
		EN:    "The server does not know its public address, so WeChat could not fetch the image.",
		ZH:    "服务器不知道自己的公网地址，微信无法下载图片",
		FixEN: "The owner sets `WXBASE_PUBLIC_URL`.",
		FixZH: "管理员设置 `WXBASE_PUBLIC_URL`。",
	}
	ContentRefused = Problem{
		Code: "content_refused", Status: http.StatusUnprocessableEntity,
		EN:    "The content was refused.",
		ZH:    "内容未通过安全检测",
		FixEN: "`data.field` is the one; let the user change it.",
		FixZH: "见 `data.field`，请用户修改。",
	}
	PushSignature = Problem{
		Code: "push_signature", Status: http.StatusUnauthorized,
		EN:    "The signature does not verify.",
		ZH:    "推送的签名不对",
		FixEN: "Only WeChat meets these seven. Compare Token here and at WeChat.",
		FixZH: "以下七项只会返回给微信。请核对两边的 Token。",
	}
	PushStale = Problem{
		Code: "push_stale", Status: http.StatusUnauthorized,
		EN:    "The time stamp is more than five minutes off.",
		ZH:    "推送的时间相差超过五分钟",
		FixEN: "Set the server's clock.",
		FixZH: "校准服务器时钟。",
	}
	PushMalformed = Problem{
		Code: "push_malformed", Status: http.StatusBadRequest,
		EN:    "The message is not understood.",
		ZH:    "推送无法识别",
		FixEN: "Not from WeChat, most likely.",
		FixZH: "多半不是微信发来的。",
	}
	PushTooLarge = Problem{
		Code: "push_too_large", Status: http.StatusRequestEntityTooLarge,
		EN:    "The message is longer than 64 KiB.",
		ZH:    "推送超过 64 KiB",
		FixEN: "Not from WeChat, most likely.",
		FixZH: "多半不是微信发来的。",
	}
	PushApp = Problem{
		Code: "push_app_unknown", Status: http.StatusNotFound,
		EN:    "There is no such mini program, or it takes no pushes.",
		ZH:    "没有这个小程序，或没有配置推送",
		FixEN: "Set pushToken and pushAesKey of the mini program.",
		FixZH: "配置该小程序的 pushToken 和 pushAesKey。",
	}
	PushConfig = Problem{
		Code: "push_config_invalid", Status: http.StatusUnauthorized,
		EN:    "The push settings here are not those at WeChat.",
		ZH:    "推送配置与微信后台不一致",
		FixEN: "Compare EncodingAESKey and mode here and at WeChat.",
		FixZH: "核对两边的 EncodingAESKey 和加密方式。",
	}
	PushFailed = Problem{
		Code: "push_failed", Status: http.StatusInternalServerError,
		EN:    "The message could not be kept now.",
		ZH:    "推送暂时无法保存",
		FixEN: "WeChat sends it again; the log has the cause.",
		FixZH: "微信会重发，原因见日志。",
	}
)

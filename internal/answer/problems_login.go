package answer

import "net/http"

// Login, sessions and profiles.
var (
	CodeInvalid = Problem{
		Code: "wx_code_invalid", Status: http.StatusBadRequest,
		EN:    "The code is invalid or has expired. Get a new one on the phone.",
		ZH:    "code 无效或已过期",
		FixEN: "Call wx.login, or let the user press the phone button, again. A code lives five minutes.",
		FixZH: "重新调用 wx.login，或让用户再点一次手机号按钮。code 五分钟有效。",
	}
	CodeUsed = Problem{
		Code: "wx_code_used", Status: http.StatusBadRequest,
		EN:    "The code has been used already. Get a new one on the phone.",
		ZH:    "code 已被使用",
		FixEN: "Likewise. A code works once.",
		FixZH: "同上。code 只能用一次。",
	}
	Risk = Problem{
		Code: "wx_login_refused", Status: http.StatusForbidden,
		EN:    "WeChat refused this login.",
		ZH:    "微信拒绝了这次登录",
		FixEN: "Nothing on our side; tell the user that the login is not possible now.",
		FixZH: "我方无法处理，提示用户暂时无法登录。",
	}
	WxRate = Problem{
		Code: "wx_rate_limited", Status: http.StatusTooManyRequests,
		EN:    "Too many requests to WeChat. Try again in a minute.",
		ZH:    "对微信的请求过于频繁",
		FixEN: "Wait a minute.",
		FixZH: "等一分钟。",
	}
	WxBusy = Problem{
		Code: "wx_busy", Status: http.StatusServiceUnavailable,
		EN:    "WeChat is busy. Try again.",
		ZH:    "微信繁忙或未应答",
		FixEN: "Try again. With a one-time code: get a new one first, it may be spent.",
		FixZH: "重试；如带一次性 code，请先重新获取。",
	}
	WxConfig = Problem{
		Code: "wx_config_invalid", Status: http.StatusBadGateway,
		EN:    "WeChat refused the server's configuration.",
		ZH:    "微信拒绝了服务器的配置",
		FixEN: "The owner looks at AppSecret, IP whitelist and account; `data.errcode` says which.",
		FixZH: "管理员检查 AppSecret、IP 白名单和账号状态，见 `data.errcode`。",
	}
	WxArgs = Problem{
		Code: "wx_arguments_invalid", Status: http.StatusBadRequest,
		EN:    "WeChat refused the arguments.",
		ZH:    "微信拒绝了参数",
		FixEN: "Mend the request; `data.errcode` says what.",
		FixZH: "修改请求，见 `data.errcode`。",
	}
	WxQuota = Problem{
		Code: "wx_quota_exhausted", Status: http.StatusTooManyRequests,
		EN:    "The quota at WeChat is used up.",
		ZH:    "微信的调用额度已用完",
		FixEN: "Wait for the next day, or have the quota cleared.",
		FixZH: "等次日，或由管理员清零额度。",
	}
	WxAnswer = Problem{
		Code: "wx_answer_invalid", Status: http.StatusBadGateway,
		EN:    "WeChat gave an answer that is not understood.",
		ZH:    "微信的应答无法识别",
		FixEN: "Try again later; if it stays so, give `data.rid` to WeChat.",
		FixZH: "稍后重试；如一直如此，把 `data.rid` 提供给微信。",
	}
	WxState = Problem{
		Code: "wx_state_refused", Status: http.StatusConflict,
		EN:    "WeChat does not allow this in the present state.",
		ZH:    "当前状态下微信不允许",
		FixEN: "Look at `data.errcode` below.",
		FixZH: "见下表中的 `data.errcode`。",
	}
	Signature = Problem{
		Code: "wx_signature_invalid", Status: http.StatusBadRequest,
		EN:    "The signature does not match the data.",
		ZH:    "签名与数据不符",
		FixEN: "Call wx.login first and get the data afterwards; send rawData with signature, encryptedData with iv.",
		FixZH: "先 wx.login 再取数据；rawData 与 signature、encryptedData 与 iv 须成对发送。",
	}
	SessionStale = Problem{
		Code: "wx_session_stale", Status: http.StatusConflict,
		EN:    "The session with WeChat is stale. Log in again, then ask again.",
		ZH:    "微信登录态已失效",
		FixEN: "Log in again, then get the data again, then send it.",
		FixZH: "重新登录，重新获取数据，再发送。",
	}
	Watermark = Problem{
		Code: "wx_watermark_invalid", Status: http.StatusBadRequest,
		EN:    "The data belongs to another mini program or was not made just now.",
		ZH:    "数据不属于这个小程序，或不是刚刚生成的",
		FixEN: "Send fresh data of the mini program that the user is logged in to; if it is fresh, set the server's clock.",
		FixZH: "请发送当前登录的小程序刚刚取得的数据；如确是新数据，请校准服务器时钟。",
	}
	DataMalformed = Problem{
		Code: "wx_data_malformed", Status: http.StatusBadRequest,
		EN:    "The encrypted data is not what a phone sends.",
		ZH:    "加密数据格式不对",
		FixEN: "Send encryptedData and iv as the phone gave them, as JSON: a form turns + into a space.",
		FixZH: "原样以 JSON 发送 encryptedData 和 iv；表单会把 + 变成空格。",
	}
	IdentityMissing = Problem{
		Code: "wx_identity_missing", Status: http.StatusConflict,
		EN:    "This user has not logged in from this mini program.",
		ZH:    "该用户未登录过此小程序",
		FixEN: "Log in from the mini program first.",
		FixZH: "请先从该小程序登录。",
	}
	UserBlocked = Problem{
		Code: "user_blocked", Status: http.StatusForbidden,
		EN:    "This account is blocked.",
		ZH:    "账号已被停用",
		FixEN: "The owner can lift it in the dashboard.",
		FixZH: "管理员可在后台解除。",
	}
	ProfileName = Problem{
		Code: "profile_name_invalid", Status: http.StatusBadRequest,
		EN:    "The name is empty or longer than 32 characters.",
		ZH:    "昵称为空或超过 32 个字符",
		FixEN: "Let the user choose another name.",
		FixZH: "请用户换一个昵称。",
	}
	ProfileAvatar = Problem{
		Code: "profile_avatar_invalid", Status: http.StatusBadRequest,
		EN:    "The avatar is not a JPEG, PNG, WebP or GIF of at most 2 MB.",
		ZH:    "头像不是 2 MB 以内的 JPEG、PNG、WebP 或 GIF",
		FixEN: "Let the user choose another picture.",
		FixZH: "请用户换一张图片。",
	}
	ProfileRefused = Problem{
		Code: "profile_refused", Status: http.StatusUnprocessableEntity,
		EN:    "The name or the avatar was refused.",
		ZH:    "昵称或头像未通过审核",
		FixEN: "Let the user choose another one.",
		FixZH: "请用户更换。",
	}
)

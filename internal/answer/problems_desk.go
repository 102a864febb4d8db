package answer

import "net/http"

// The dashboard: staff, and what its pages change.
var (
	DeskRowNotFound = Problem{
		Code: "desk_row_not_found", Status: http.StatusNotFound,
		EN:    "There is no such row.",
		ZH:    "没有这条记录",
		FixEN: "Load the list again; old rows are tidied away.",
		FixZH: "请刷新列表；旧记录会被清理。",
	}
	BillNotCompared = Problem{
		Code: "bill_not_compared", Status: http.StatusBadGateway,
		EN:    "The bill could not be compared.",
		ZH:    "对账未完成",
		FixEN: "`data.reason` says why; WeChat has yesterday's bill from ten o'clock in Beijing on.",
		FixZH: "原因见 `data.reason`；微信每天北京时间 10 点后提供前一天的账单。",
	}
	BillNotLost = Problem{
		Code: "bill_not_lost", Status: http.StatusConflict,
		EN:    "This day is not lost: its bill is compared, or will be.",
		ZH:    "这一天的账单没有丢失：已对账或将会对账",
		FixEN: "`data.state` is what it is; settle its differences, or compare it again.",
		FixZH: "状态见 `data.state`；请处理差异，或重新对账。",
	}
	InboxNotOpen = Problem{
		Code: "inbox_not_open", Status: http.StatusConflict,
		EN:    "This message does not wait for anybody.",
		ZH:    "这条通知不需要人工处理",
		FixEN: "Only UNMATCHED messages are closed; `data.state` is what this one is.",
		FixZH: "只有 UNMATCHED 的通知需要关闭；当前状态见 `data.state`。",
	}
	RefundRequestNotFound = Problem{
		Code: "refund_request_not_found", Status: http.StatusNotFound,
		EN:    "There is no such refund that waits for a second person.",
		ZH:    "没有这笔待复核的退款",
		FixEN: "Read the order again.",
		FixZH: "请刷新订单。",
	}
	RefundRequestDecided = Problem{
		Code: "refund_request_decided", Status: http.StatusConflict,
		EN:    "Somebody has decided about this refund already.",
		ZH:    "这笔退款已被处理",
		FixEN: "`data.state` says how; read the order again.",
		FixZH: "结果见 `data.state`，请刷新订单。",
	}
	RefundSamePerson = Problem{
		Code: "refund_same_person", Status: http.StatusForbidden,
		EN:    "Another person than the one who asked has to decide.",
		ZH:    "须由另一个人复核",
		FixEN: "Ask a colleague who may refund.",
		FixZH: "请有退款权限的同事复核。",
	}
	RefundLinesInvalid = Problem{
		Code: "refund_lines_invalid", Status: http.StatusBadRequest,
		EN:    "The order has no such lines, or not so many pieces.",
		ZH:    "订单没有这些商品行，或数量超出",
		FixEN: "Lines count from 0; a quantity is at most the line's.",
		FixZH: "行号从 0 开始，数量不超过该行。",
	}
	EffectNotFound = Problem{
		Code: "effect_not_found", Status: http.StatusNotFound,
		EN:    "There is no such effect.",
		ZH:    "没有这个待办",
		FixEN: "Read the order again.",
		FixZH: "请刷新订单。",
	}
	EffectDone = Problem{
		Code: "effect_done", Status: http.StatusConflict,
		EN:    "This effect has been carried out.",
		ZH:    "该待办已完成",
		FixEN: "Nothing to do: it is not carried out twice.",
		FixZH: "无需处理，不会重复执行。",
	}
	StaffSignIn = Problem{
		Code: "staff_sign_in", Status: http.StatusUnauthorized,
		EN:    "Sign in first.",
		ZH:    "请先登录",
		FixEN: "Sign in with POST /api/wx/admin/staff/login; a session that was ended or has run out is no longer one.",
		FixZH: "用 POST /api/wx/admin/staff/login 登录；已结束或过期的会话不再有效。",
	}
	StaffNotAllowed = Problem{
		Code: "staff_not_allowed", Status: http.StatusForbidden,
		EN:    "You may not do this.",
		ZH:    "没有权限",
		FixEN: "`data.permission` is what is missing; an owner gives roles.",
		FixZH: "缺少的权限见 `data.permission`，角色由店主设置。",
	}
	DeskProductNotFound = Problem{
		Code: "desk_product_not_found", Status: http.StatusNotFound,
		EN:    "There is no such product.",
		ZH:    "没有这个商品",
		FixEN: "Load the list again.",
		FixZH: "请刷新列表。",
	}
	SetupFromEnvironment = Problem{
		Code: "setup_from_environment", Status: http.StatusConflict,
		EN:    "This is set by the environment of the server.",
		ZH:    "该项由服务器的环境变量设置",
		FixEN: "Change the variable and restart, or take it away: `data.field` says which field.",
		FixZH: "请修改环境变量后重启，或去掉它；字段见 `data.field`。",
	}
	StaffLoginInvalid = Problem{
		Code: "staff_login_invalid", Status: http.StatusUnauthorized,
		EN:    "The e-mail address or the password is wrong.",
		ZH:    "邮箱或密码不对",
		FixEN: "An owner gives a new password. The answer is the same for an address that is not known.",
		FixZH: "忘记密码请店主重置。邮箱不存在时返回相同。",
	}
	StaffCodeWanted = Problem{
		Code: "staff_code_wanted", Status: http.StatusUnauthorized,
		EN:    "Send the code of your authenticator too.",
		ZH:    "还需要验证器上的动态码",
		FixEN: "Send the same again with `code`.",
		FixZH: "带上 `code` 再发一次。",
	}
	StaffCodeInvalid = Problem{
		Code: "staff_code_invalid", Status: http.StatusBadRequest,
		EN:    "The code is wrong or was used already.",
		ZH:    "动态码不对或已使用",
		FixEN: "Wait for the next code; set the clock of the phone.",
		FixZH: "等下一个动态码；请校准手机时间。",
	}
	StaffLocked = Problem{
		Code: "staff_locked", Status: http.StatusTooManyRequests,
		EN:    "Too many wrong logins. Wait until the lock ends.",
		ZH:    "登录失败次数过多，已暂时锁定",
		FixEN: "`data.until` is when the next try counts. Sessions that are open stay so.",
		FixZH: "`data.until` 之后再试；已登录的会话不受影响。",
	}
	StaffNotFound = Problem{
		Code: "staff_not_found", Status: http.StatusNotFound,
		EN:    "There is no such account or session.",
		ZH:    "没有这个账号或会话",
		FixEN: "Read the list again.",
		FixZH: "请刷新列表。",
	}
	StaffLastOwner = Problem{
		Code: "staff_last_owner", Status: http.StatusConflict,
		EN:    "This is the last owner.",
		ZH:    "这是最后一位店主",
		FixEN: "Make somebody else an owner first.",
		FixZH: "请先把另一位员工设为店主。",
	}
	StaffEmailUsed = Problem{
		Code: "staff_email_used", Status: http.StatusConflict,
		EN:    "Another account has this e-mail address.",
		ZH:    "该邮箱已被其他账号使用",
		FixEN: "Choose another address, or change that account.",
		FixZH: "请换一个邮箱，或修改已有账号。",
	}
	StaffPasswordWrong = Problem{
		Code: "staff_password_wrong", Status: http.StatusForbidden,
		EN:    "The password is wrong.",
		ZH:    "密码不对",
		FixEN: "Type the password that you sign in with.",
		FixZH: "请输入当前登录密码。",
	}
	StaffTOTPNone = Problem{
		Code: "staff_totp_none", Status: http.StatusConflict,
		EN:    "There is no authenticator to confirm or remove.",
		ZH:    "没有待确认或可移除的验证器",
		FixEN: "Begin with POST /api/wx/admin/staff/me/totp.",
		FixZH: "请先调用 POST /api/wx/admin/staff/me/totp。",
	}
	StaffSuperuser = Problem{
		Code: "staff_superuser", Status: http.StatusConflict,
		EN:    "Superusers have their password and sessions in PocketBase.",
		ZH:    "超级管理员的密码和会话在 PocketBase 中管理",
		FixEN: "Use PocketBase's dashboard.",
		FixZH: "请使用 PocketBase 后台。",
	}
	UserNotFound = Problem{
		Code: "user_not_found", Status: http.StatusNotFound,
		EN:    "There is no such user.",
		ZH:    "没有这个用户",
		FixEN: "Read the list again.",
		FixZH: "请刷新列表。",
	}
	BackupDamaged = Problem{
		Code: "backup_damaged", Status: http.StatusBadRequest,
		EN:    "This backup cannot be restored; nothing was changed.",
		ZH:    "此备份无法恢复，数据未改动",
		FixEN: "`data.reason` says why; take another backup, or fetch this one again.",
		FixZH: "原因见 `data.reason`；请换一个备份，或重新下载此备份。",
	}
	RestoreByHand = Problem{
		Code: "restore_by_hand", Status: http.StatusConflict,
		EN:    "The dashboard cannot restore here; nothing was changed.",
		ZH:    "此处无法从后台恢复，数据未改动",
		FixEN: "storage/ is a disk of its own or a link, the data are replicated, or this is Windows: stop the server and run wxbase restore FILE.",
		FixZH: "storage/ 是单独挂载的磁盘或链接、数据正在持续复制，或系统为 Windows：请停止服务后运行 wxbase restore FILE。",
	}
)

func deskProblems() []Problem {
	return []Problem{
		DeskRowNotFound,
		BillNotCompared,
		BillNotLost,
		InboxNotOpen,
		RefundRequestNotFound,
		RefundRequestDecided,
		RefundSamePerson,
		RefundLinesInvalid,
		EffectNotFound,
		EffectDone,
		StaffSignIn,
		StaffNotAllowed,
		DeskProductNotFound,
		SetupFromEnvironment,
		StaffLoginInvalid,
		StaffCodeWanted,
		StaffCodeInvalid,
		StaffLocked,
		StaffNotFound,
		StaffLastOwner,
		StaffEmailUsed,
		StaffPasswordWrong,
		StaffTOTPNone,
		StaffSuperuser,
		UserNotFound,
		BackupDamaged,
		RestoreByHand,
	}
}

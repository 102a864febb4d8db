package answer

import "net/http"

// A person's data: exporting it, and erasing it.
var (
	ExportLimit = Problem{
		Code: "export_limit_reached", Status: http.StatusTooManyRequests,
		EN:    "This user has taken the data away as often as is allowed today.",
		ZH:    "今日导出个人数据的次数已达上限",
		FixEN: "Wait for tomorrow in Beijing.",
		FixZH: "等次日（北京时间）。",
	}
	ForgetMoney = Problem{
		Code: "forget_money_under_way", Status: http.StatusConflict,
		EN:    "There are orders that have to end first: open, paid and not shipped, disputed, or with a refund on its way.",
		ZH:    "还有未完结的订单（待支付、已支付未发货、有争议或退款中），完结后才能注销",
		FixEN: "`data.orders` lists their numbers: cancel, ship or refund them, or wait. An operator can ask with days of grace; it then waits by itself.",
		FixZH: "见 `data.orders` 中的订单号：取消、发货、退款或等待完结。管理员可设置宽限天数，系统会自行等待。",
	}
	ForgetNotWaiting = Problem{
		Code: "forget_not_waiting", Status: http.StatusConflict,
		EN:    "There is no deletion of this user that could be taken back.",
		ZH:    "该用户没有可撤回的注销申请",
		FixEN: "None was asked for, or it has begun; what has begun cannot be undone.",
		FixZH: "没有申请，或已开始执行；开始后无法撤回。",
	}
)

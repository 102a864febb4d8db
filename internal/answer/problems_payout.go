package answer

import "net/http"

// Payouts: money that the shop sends to people.
var (
	PayoutMissing = Problem{
		Code: "payout_not_found", Status: http.StatusNotFound,
		EN:    "There is no such payout of this person.",
		ZH:    "没有这笔转账",
		FixEN: "Load the list again.",
		FixZH: "请刷新列表。",
	}
	PayoutInvalid = Problem{
		Code: "payout_invalid", Status: http.StatusBadRequest,
		EN:    "WeChat would refuse this payout.",
		ZH:    "转账内容不符合微信的要求",
		FixEN: "`data.field` or `data.reason` says what: at least 10 fen, a remark of at most 32 characters, the scene with its report rows, and the receiver's real name from 2,000 yuan.",
		FixZH: "见 `data.field` 或 `data.reason`：至少 10 分、备注最多 32 个字、转账场景及其报备信息，2000 元起须填写收款人真实姓名。",
	}
	PayoutsOff = Problem{
		Code: "payouts_off", Status: http.StatusConflict,
		EN:    "The shop sends no money: its owner has chosen no ceiling for a day.",
		ZH:    "未开启转账：店主尚未设置每日转账上限",
		FixEN: "Set `payoutsPerDay` in the preferences of the shop.",
		FixZH: "请在店铺设置里填写每日转账上限（`payoutsPerDay`）。",
	}
	PayoutCeiling = Problem{
		Code: "payout_ceiling_reached", Status: http.StatusConflict,
		EN:    "The ceiling of today's payouts leaves less than this.",
		ZH:    "超过今天的转账上限",
		FixEN: "`data.left` is what may still leave today, in fen; the day begins at midnight in Beijing.",
		FixZH: "今天还可转 `data.left`（分）；每天北京时间零点重新计算。",
	}
	PayoutRepeated = Problem{
		Code: "payout_repeated", Status: http.StatusConflict,
		EN:    "The same amount to the same person was asked for a moment ago.",
		ZH:    "刚刚给同一个人转过同样的金额",
		FixEN: "`data.payout` is the earlier one: load it. If it shall be sent twice all the same, send a key of its own.",
		FixZH: "先查看 `data.payout` 这笔；确实要再转一次时，请带上新的 key。",
	}
	PayoutKeyReused = Problem{
		Code: "payout_key_reused", Status: http.StatusConflict,
		EN:    "This key was used for another payout.",
		ZH:    "这个 key 已用于另一笔转账",
		FixEN: "Make a new key for a new payout (`data.payout` has this one); keep it for repeats of the same one.",
		FixZH: "新的转账用新的 key（已用于 `data.payout`），重试同一笔才用原来的。",
	}
	PayoutSamePerson = Problem{
		Code: "payout_same_person", Status: http.StatusForbidden,
		EN:    "Another person than the one who asked has to let the money go.",
		ZH:    "须由另一个人复核",
		FixEN: "Ask a colleague who may send money; who asked may cancel it.",
		FixZH: "请有转账权限的同事复核；发起人可以撤销。",
	}
	PayoutState = Problem{
		Code: "payout_state_refused", Status: http.StatusConflict,
		EN:    "The payout is past that: it has ended, its receiver has confirmed, or somebody has decided.",
		ZH:    "当前状态不能这样操作：转账已结束、收款人已确认或已有人处理",
		FixEN: "`data.state` is what it is; load it again.",
		FixZH: "状态见 `data.state`，请刷新。",
	}
	PayoutNotWaiting = Problem{
		Code: "payout_not_waiting", Status: http.StatusConflict,
		EN:    "There is nothing to confirm: the payout has arrived, has ended, or is not ready yet.",
		ZH:    "没有可确认的收款：已到账、已结束或尚未就绪",
		FixEN: "`data.state` says which; for SUBMITTED and ACCEPTED try again in a moment.",
		FixZH: "状态见 `data.state`；SUBMITTED 和 ACCEPTED 请稍后再试。",
	}
	PayoutNeedsV3 = Problem{
		Code: "payout_unavailable", Status: http.StatusServiceUnavailable,
		EN:    "Payouts need the merchant's keys of API v3.",
		ZH:    "商家转账需要商户的 APIv3 密钥和证书",
		FixEN: "Enter the APIv3 key, the certificate's serial and the private key in the settings, also where payments run on v2.",
		FixZH: "请在设置里填写 APIv3 密钥、证书序列号和私钥（收款仍用 v2 的商户也需要）。",
	}
	PayoutSuperuser = Problem{
		Code: "payout_superuser_only", Status: http.StatusForbidden,
		EN:    "Only a superuser says what became of a payout that WeChat has forgotten.",
		ZH:    "只有超级管理员可以登记微信已查不到的转账结果",
		FixEN: "Ask a superuser to look on the merchant platform; you may be the second person.",
		FixZH: "请超级管理员到商户平台核实；您可以作为第二人确认。",
	}
	PayoutKnown = Problem{
		Code: "payout_not_forgotten", Status: http.StatusConflict,
		EN:    "WeChat can still be asked about this payout, or it has ended: nothing is settled by hand.",
		ZH:    "仍可向微信查询该转账，或转账已结束，不能人工登记结果",
		FixEN: "`data.state` is how it stands. WeChat answers for 30 days after a transfer was sent; only after that, and only where it finds nothing, people settle.",
		FixZH: "当前状态见 `data.state`。转账发出后 30 天内可向微信查询；此后微信查不到时才能人工登记。",
	}
	PayoutNotSettled = Problem{
		Code: "payout_settlement_missing", Status: http.StatusConflict,
		EN:    "Nobody has said yet what became of this payout.",
		ZH:    "还没有人登记该转账的结果",
		FixEN: "A superuser begins: POST /api/wx/admin/payouts/{id}/settle.",
		FixZH: "请超级管理员先登记：POST /api/wx/admin/payouts/{id}/settle。",
	}
	PayoutSettledOtherwise = Problem{
		Code: "payout_settlement_differs", Status: http.StatusConflict,
		EN:    "The first person found something else.",
		ZH:    "与第一人登记的结果不同",
		FixEN: "`data.outcome` is what they found. Look together on the merchant platform; a superuser may say it anew.",
		FixZH: "第一人的结果见 `data.outcome`。请一起到商户平台核实，超级管理员可以重新登记。",
	}
)

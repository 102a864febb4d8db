package sim

import (
	"net/http"
	"strconv"
	"strings"

	"wxbase/internal/sim/wire"
)

// refundRules is the body of POST /v3/refund/domestic/refunds.
// https://pay.weixin.qq.com/doc/v3/merchant/4013071036 (退款申请)
func refundRules() []rule {
	return []rule{
		{name: "transaction_id", most: 32},
		{name: "out_trade_no", most: 32},
		{name: "out_refund_no", required: true, most: 64, check: checkRefundNumber},
		{name: "reason", most: 80},
		{name: "notify_url", most: 256, check: checkNotifyURL},
		{name: "funds_account", check: checkFundsAccount},
		{name: "amount", kind: kindObject, required: true, fields: []rule{
			{name: "refund", kind: kindInteger, required: true, atLeast: 1},
			{name: "total", kind: kindInteger, required: true, atLeast: 1},
			{name: "currency", required: true, most: 16, check: checkCurrency},
			{name: "from", kind: kindList, fields: []rule{
				{name: "account", required: true, check: checkShareAccount},
				{name: "amount", kind: kindInteger, required: true, atLeast: 1},
			}},
		}},
		{name: "goods_detail", kind: kindList, fields: []rule{
			{name: "merchant_goods_id", required: true, most: 32},
			{name: "wechatpay_goods_id", most: 32},
			{name: "goods_name", most: 256},
			{name: "unit_price", kind: kindInteger, required: true},
			{name: "refund_amount", kind: kindInteger, required: true},
			{name: "refund_quantity", kind: kindInteger, required: true, atLeast: 1},
		}},
	}
}

// validRefundNumber is the shape of out_refund_no.
func validRefundNumber(number string) bool {
	return number != "" && len(number) <= 64 && strings.Trim(number, wire.Alnum+"_-|*@") == ""
}

func checkRefundNumber(value string) string {
	if !validRefundNumber(value) {
		return "商户退款单号须为1至64个字符，只能是数字、大小写字母_-|*@"
	}
	return ""
}

func checkFundsAccount(value string) string {
	if value != "AVAILABLE" && value != "UNSETTLED" {
		return "退款资金来源只能是AVAILABLE或UNSETTLED"
	}
	return ""
}

func checkShareAccount(value string) string {
	if value != "AVAILABLE" && value != "UNAVAILABLE" {
		return "出资账户类型只能是AVAILABLE或UNAVAILABLE"
	}
	return ""
}

// refund is POST /v3/refund/domestic/refunds: a refund, or the same refund again. 200 means accepted, not refunded.
func (s *Sim) refund(c *call) reply {
	fields, bad := decodePay(c.body)
	if bad == nil {
		bad = checkFields("", fields, refundRules())
	}
	if bad == nil {
		bad = checkRefund(fields)
	}
	if bad != nil {
		return bad.reply(c)
	}
	amount := object(fields["amount"])
	ask := refundAsk{
		mchID: c.seller.MchID, outRefundNo: text(fields["out_refund_no"]), transactionID: text(fields["transaction_id"]), outTradeNo: text(fields["out_trade_no"]),
		amount: integer(amount["refund"]), total: integer(amount["total"]), reason: text(fields["reason"]), notifyURL: text(fields["notify_url"]),
		api: apiV3, hash: hashOf(fields), byKey: c.byKey, fromShares: amount["from"] != nil, fault: c.fault,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, problem, err := s.acceptRefund(ask, c.now)
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case problem.kind != problemNone:
		e := problem.v3()
		if problem.kind == problemSpacing {
			e.code = s.rule().rateLimitCode
		}
		return e.reply(c)
	}
	return okPay(r.answer())
}

// checkRefund checks what the rules of single fields do not.
func checkRefund(fields map[string]any) *payError {
	amount := object(fields["amount"])
	if text(fields["transaction_id"]) == "" && text(fields["out_trade_no"]) == "" {
		return badField(numParam, "/out_trade_no", nil, "transaction_id和out_trade_no须二选一")
	}
	if integer(amount["refund"]) > integer(amount["total"]) {
		return badField(numOutOfRange, "/amount/refund", amount["refund"], "退款金额不能大于订单金额")
	}
	from, listed := amount["from"].([]any)
	var sum int64
	for _, part := range from {
		share := integer(object(part)["amount"])
		if share > integer(amount["refund"]) {
			return badField(numOutOfRange, "/amount/from", nil, "出资金额不能大于退款金额")
		}
		sum += share
	}
	if listed && sum != integer(amount["refund"]) {
		return badField(numParam, "/amount/from", nil, "出资金额之和须等于退款金额")
	}
	return nil
}

// v3 is the refusal in WeChat Pay v3's words.
func (p refundRefusal) v3() payError {
	e := payError{status: http.StatusBadRequest, code: "INVALID_REQUEST", numeric: numParam, reason: p.reason}
	switch p.kind {
	case problemNone:
	case problemMissing, problemUnpaid:
		e.status, e.code, e.numeric, e.message = http.StatusNotFound, "RESOURCE_NOT_EXISTS", numOrderMissing, "订单不存在"
	case problemTerms:
		e.numeric, e.message = numReentry, "请求重入时，参数与首次请求时不一致"
	case problemAmounts:
		e.code, e.numeric, e.message = "REFUND_FEE_MISMATCH", numReentry, "订单金额或退款金额与之前请求不一致，请核实后再试"
	case problemTotal:
		e.message = "订单金额与原订单不一致"
	case problemSum:
		e.numeric, e.message = numOutOfRange, "累计退款金额大于订单金额"
	case problemCount:
		e.message = "部分退款次数超过限制"
	case problemShares:
		e.message = "非分账订单不能指定退款出资账户"
	case problemSpacing:
		e.status, e.code, e.numeric, e.message = http.StatusTooManyRequests, "FREQUENCY_LIMITED", numRate, "同一订单的退款请求过于频繁，请间隔1分钟后重试"
	case problemOld:
		e.code, e.numeric, e.message = "TRADE_OVERDUE", numOrderInvalid, "订单已经超过可退款的期限"
	case problemFunds:
		e.status, e.code, e.numeric, e.message = http.StatusForbidden, "NOT_ENOUGH", numFunds, "基本账户余额不足，请充值后重新发起"
	case problemAccount:
		e.status, e.code, e.numeric, e.message = http.StatusForbidden, "USER_ACCOUNT_ABNORMAL", numAccount, "用户账户异常或已注销"
	}
	return e
}

// queryRefund is GET /v3/refund/domestic/refunds/{out_refund_no}.
// https://pay.weixin.qq.com/doc/v3/merchant/4013071041 (查询单笔退款)
func (s *Sim) queryRefund(c *call) reply {
	number := c.param("out_refund_no")
	if issue := checkRefundNumber(number); issue != "" {
		return paramError(numParam, "url", "out_refund_no", clip(number, 64), issue).reply(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.ripenedRefund(s.state.refunds[c.seller.MchID+"/"+number], c.now)
	switch {
	case err != nil:
		return systemError(err.Error()).reply(c)
	case r == nil:
		return payError{
			status: http.StatusNotFound, code: "RESOURCE_NOT_EXISTS", numeric: numOrderMissing, message: "退款单不存在",
			reason: "no refund of this merchant has this number",
		}.reply(c)
	}
	return okPay(r.answer())
}

// refundAnswer is a refund as both calls return it.
type refundAnswer struct {
	RefundID            string       `json:"refund_id"`
	OutRefundNo         string       `json:"out_refund_no"`
	TransactionID       string       `json:"transaction_id"`
	OutTradeNo          string       `json:"out_trade_no"`
	Channel             string       `json:"channel"`
	UserReceivedAccount string       `json:"user_received_account"`
	SuccessTime         string       `json:"success_time,omitempty"`
	CreateTime          string       `json:"create_time"`
	Status              string       `json:"status"`
	FundsAccount        string       `json:"funds_account"`
	Amount              refundAmount `json:"amount"`
}

// refundAmount is in fen.
type refundAmount struct {
	Total            int64  `json:"total"`
	Refund           int64  `json:"refund"`
	PayerTotal       int64  `json:"payer_total"`
	PayerRefund      int64  `json:"payer_refund"`
	SettlementRefund int64  `json:"settlement_refund"`
	SettlementTotal  int64  `json:"settlement_total"`
	DiscountRefund   int64  `json:"discount_refund"`
	Currency         string `json:"currency"`
}

// payerAccount is the account that gets the money.
const payerAccount = "支付用户零钱"

// answer describes the refund's present state.
func (r *refund) answer() refundAnswer {
	a := refundAnswer{
		RefundID: r.RefundID, OutRefundNo: r.OutRefundNo, TransactionID: r.TransactionID, OutTradeNo: r.OutTradeNo,
		Channel: "ORIGINAL", UserReceivedAccount: payerAccount, CreateTime: wire.Stamp(r.MadeAt), Status: r.Status, FundsAccount: "AVAILABLE",
		Amount: refundAmount{
			Total: r.Total, Refund: r.Amount, PayerTotal: r.PayerTotal, PayerRefund: r.PayerAmount,
			SettlementRefund: r.Amount, SettlementTotal: r.Total, DiscountRefund: r.Amount - r.PayerAmount, Currency: "CNY",
		},
	}
	if r.Status == refundSuccess && r.SettledAt != nil {
		a.SuccessTime = wire.Stamp(*r.SettledAt)
	}
	return a
}

// yuan writes fen as yuan with two decimals.
func yuan(fen int64) string {
	sign := ""
	if fen < 0 {
		sign, fen = "-", -fen
	}
	cents := strconv.FormatInt(100+fen%100, 10)
	return sign + strconv.FormatInt(fen/100, 10) + "." + cents[1:]
}

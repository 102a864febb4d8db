package sim

import (
	"strconv"

	"wxbase/internal/sim/wire"
)

// refundRulesV2 is the body of POST /secapi/pay/refund.
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_4 (申请退款)
func refundRulesV2() []ruleV2 {
	return commonRulesV2(
		ruleV2{name: "transaction_id", most: 32},
		ruleV2{name: "out_trade_no", most: 32},
		ruleV2{name: "out_refund_no", required: true, most: 64, check: validRefundNumber},
		ruleV2{name: "total_fee", required: true, most: 19, check: isFen, fen: true},
		ruleV2{name: "refund_fee", required: true, most: 19, check: isFen, fen: true},
		ruleV2{name: "refund_fee_type", most: 8, check: oneOf("CNY")},
		ruleV2{name: "refund_desc", most: 80},
		ruleV2{name: "refund_account", most: 30, check: oneOf("REFUND_SOURCE_UNSETTLED_FUNDS", "REFUND_SOURCE_RECHARGE_FUNDS")},
		ruleV2{name: "notify_url", most: 256, check: validNotifyV2},
	)
}

// refundV2 is POST /secapi/pay/refund. SUCCESS means accepted, not refunded.
func (s *Sim) refundV2(c *call) reply {
	if refusal, ok := s.checkV2(c, errParam, errParam, refundRulesV2()); !ok {
		return refusal
	}
	if c.fields["transaction_id"] == "" && c.fields["out_trade_no"] == "" {
		return s.refuseV2(c, errParam, "缺少必填参数out_trade_no", "transaction_id or out_trade_no is needed")
	}
	amount, _ := fenV2(c.fields["refund_fee"])
	total, _ := fenV2(c.fields["total_fee"])
	s.mu.Lock()
	defer s.mu.Unlock()
	r, problem, err := s.acceptRefund(refundAsk{
		mchID: c.seller.MchID, outRefundNo: c.fields["out_refund_no"], transactionID: c.fields["transaction_id"], outTradeNo: c.fields["out_trade_no"],
		amount: amount, total: total, reason: c.fields["refund_desc"], notifyURL: c.fields["notify_url"],
		api: apiV2, hash: hashV2(c), fault: c.fault,
	}, c.now)
	switch {
	case err != nil:
		return s.refuseV2(c, errSystem, "系统错误", err.Error())
	case problem.kind != problemNone:
		code, text := problem.v2(c.fields["transaction_id"] != "")
		return s.refuseV2(c, code, text, problem.reason)
	}
	return s.okV2(c,
		wire.XMLField{Name: "transaction_id", Value: r.TransactionID}, wire.XMLField{Name: "out_trade_no", Value: r.OutTradeNo}, wire.XMLField{Name: "out_refund_no", Value: r.OutRefundNo},
		wire.XMLField{Name: "refund_id", Value: r.RefundID}, wire.XMLField{Name: "refund_channel", Value: "ORIGINAL"}, wire.XMLField{Name: "refund_fee", Value: fenText(r.Amount)},
		wire.XMLField{Name: "settlement_refund_fee", Value: fenText(r.PayerAmount)}, wire.XMLField{Name: "total_fee", Value: fenText(r.Total)},
		wire.XMLField{Name: "cash_fee", Value: fenText(r.PayerTotal)}, wire.XMLField{Name: "cash_refund_fee", Value: fenText(r.PayerAmount)},
		wire.XMLField{Name: "coupon_refund_fee", Value: fenText(r.Amount - r.PayerAmount)}, wire.XMLField{Name: "coupon_refund_count", Value: couponsOf(r)},
	)
}

// couponsOf counts the coupons that get a part of the refund.
func couponsOf(r *refund) string {
	if r.Amount > r.PayerAmount {
		return "1"
	}
	return "0"
}

// v2 is the refusal in v2's words.
func (p refundRefusal) v2(byTransaction bool) (code, text string) {
	switch p.kind {
	case problemMissing:
		if byTransaction {
			return "INVALID_TRANSACTIONID", "无效transaction_id"
		}
		return errNoOrder, "订单号不存在"
	case problemUnpaid:
		return "TRADE_STATE_ERROR", "订单状态错误，订单未支付"
	case problemAmounts:
		return "REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试"
	case problemTerms, problemTotal:
		return errParam, "请求参数与原订单或首次请求不一致"
	case problemSpacing:
		return errTooFast, "同一订单的退款请求过于频繁，请间隔1分钟后重试"
	case problemOld:
		return "TRADE_OVERDUE", "订单已经超过退款期限"
	case problemFunds:
		return "NOTENOUGH", "余额不足"
	case problemAccount:
		return "USER_ACCOUNT_ABNORMAL", "用户账户异常或注销"
	case problemNone, problemSum, problemCount, problemShares:
	}
	return "ERROR", "累计退款金额或次数超过限制"
}

// rowsPerAnswer limits the refunds in one answer.
const rowsPerAnswer = 10

// refundQueryV2 is POST /pay/refundquery: by refund_id, else out_refund_no, else all of an order.
// https://pay.weixin.qq.com/wiki/doc/api/wxa/wxa_api.php?chapter=9_5 (查询退款)
func (s *Sim) refundQueryV2(c *call) reply {
	rules := append(queryRulesV2(), ruleV2{name: "out_refund_no", most: 64}, ruleV2{name: "refund_id", most: 32}, ruleV2{name: "offset", most: 9, check: isOffset})
	if refusal, ok := s.checkV2(c, errParam, errParam, rules); !ok {
		return refusal
	}
	if c.fields["refund_id"]+c.fields["out_refund_no"]+c.fields["transaction_id"]+c.fields["out_trade_no"] == "" {
		return s.refuseV2(c, errParam, "缺少必填参数out_refund_no", "one of the four numbers is needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, list, err := s.refundsV2(c)
	offset, _ := strconv.Atoi(c.fields["offset"])
	switch {
	case err != nil:
		return s.refuseV2(c, errSystem, "系统错误", err.Error())
	case o == nil:
		return s.refuseV2(c, errNoOrder, "订单号不存在", "no such order of this merchant")
	case offset >= len(list):
		return s.refuseV2(c, "REFUNDNOTEXIST", "退款订单查询失败", "no such refund")
	}
	page := list[offset:min(offset+rowsPerAnswer, len(list))]
	answer := []wire.XMLField{
		{Name: "transaction_id", Value: o.TransactionID},
		{Name: "out_trade_no", Value: o.OutTradeNo},
		{Name: "total_fee", Value: fenText(o.Total)},
		{Name: "fee_type", Value: "CNY"},
		{Name: "cash_fee", Value: fenText(o.payerTotal())},
		{Name: "total_refund_count", Value: strconv.Itoa(len(list))},
		{Name: "refund_count", Value: strconv.Itoa(len(page))},
	}
	for i, r := range page {
		answer = append(answer, r.rowV2(strconv.Itoa(i))...)
	}
	return s.okV2(c, answer...)
}

func isOffset(text string) bool { n, err := strconv.Atoi(text); return err == nil && n >= 0 }

// refundsV2 finds the refunds of a request, settled if due. The caller holds s.mu.
func (s *Sim) refundsV2(c *call) (o *order, list []*refund, err error) {
	one := s.state.byRefundID[c.fields["refund_id"]]
	if c.fields["refund_id"] == "" {
		one = s.state.refunds[c.seller.MchID+"/"+c.fields["out_refund_no"]]
	}
	if one != nil && one.MchID != c.seller.MchID {
		one = nil
	}
	switch {
	case one != nil:
		o, list = s.state.orders[one.orderKey()], []*refund{one}
	case c.fields["refund_id"]+c.fields["out_refund_no"] != "":
		return &order{}, nil, nil // note: the refund is missing, even if the order exists
	default:
		if o, err = s.orderV2(c); err != nil || o == nil {
			return nil, nil, err
		}
		list = s.state.refundsOf[o.MchID+"/"+o.OutTradeNo]
	}
	for _, r := range list {
		if _, err := s.ripenedRefund(r, c.now); err != nil {
			return nil, nil, err
		}
	}
	return o, list, nil
}

// rowV2 is one refund, with its row number at the end of every name.
func (r *refund) rowV2(n string) []wire.XMLField {
	success := ""
	if r.Status == refundSuccess && r.SettledAt != nil {
		success = billTime(*r.SettledAt)
	}
	return []wire.XMLField{
		{Name: "out_refund_no_" + n, Value: r.OutRefundNo},
		{Name: "refund_id_" + n, Value: r.RefundID},
		{Name: "refund_channel_" + n, Value: "ORIGINAL"},
		{Name: "refund_fee_" + n, Value: fenText(r.Amount)},
		{Name: "settlement_refund_fee_" + n, Value: fenText(r.PayerAmount)},
		{Name: "coupon_refund_fee_" + n, Value: fenText(r.Amount - r.PayerAmount)},
		{Name: "coupon_refund_count_" + n, Value: couponsOf(r)},
		{Name: "refund_status_" + n, Value: refundStateV2(r.Status)},
		{Name: "refund_account_" + n, Value: "REFUND_SOURCE_RECHARGE_FUNDS"},
		{Name: "refund_recv_accout_" + n, Value: payerAccount},
		{Name: "refund_success_time_" + n, Value: success},
	}
}

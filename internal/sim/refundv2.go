package sim

import "strconv"

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

// refundV2 is POST /secapi/pay/refund. SUCCESS says accepted, not refunded.
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
		outRefundNo: c.fields["out_refund_no"], transactionID: c.fields["transaction_id"], outTradeNo: c.fields["out_trade_no"],
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
		xmlField{"transaction_id", r.TransactionID}, xmlField{"out_trade_no", r.OutTradeNo}, xmlField{"out_refund_no", r.OutRefundNo},
		xmlField{"refund_id", r.RefundID}, xmlField{"refund_channel", "ORIGINAL"}, xmlField{"refund_fee", fenText(r.Amount)},
		xmlField{"settlement_refund_fee", fenText(r.PayerAmount)}, xmlField{"total_fee", fenText(r.Total)},
		xmlField{"cash_fee", fenText(r.PayerTotal)}, xmlField{"cash_refund_fee", fenText(r.PayerAmount)},
		xmlField{"coupon_refund_fee", fenText(r.Amount - r.PayerAmount)}, xmlField{"coupon_refund_count", couponsOf(r)},
	)
}

// couponsOf counts the coupons to which a part of the refund goes.
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

// rowsPerAnswer is how many refunds one answer lists.
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
	answer := []xmlField{
		{"transaction_id", o.TransactionID},
		{"out_trade_no", o.OutTradeNo},
		{"total_fee", fenText(o.Total)},
		{"fee_type", "CNY"},
		{"cash_fee", fenText(o.payerTotal())},
		{"total_refund_count", strconv.Itoa(len(list))},
		{"refund_count", strconv.Itoa(len(page))},
	}
	for i, r := range page {
		answer = append(answer, r.rowV2(strconv.Itoa(i))...)
	}
	return s.okV2(c, answer...)
}

func isOffset(text string) bool { n, err := strconv.Atoi(text); return err == nil && n >= 0 }

// refundsV2 finds the refunds that a request means, settled as they are now. The caller holds s.mu.
func (s *Sim) refundsV2(c *call) (o *order, list []*refund, err error) {
	one := s.state.byRefundID[c.fields["refund_id"]]
	if c.fields["refund_id"] == "" {
		one = s.state.refunds[s.keys.MchID+"/"+c.fields["out_refund_no"]]
	}
	switch {
	case one != nil:
		o, list = s.state.orders[one.orderKey()], []*refund{one}
	case c.fields["refund_id"]+c.fields["out_refund_no"] != "":
		return &order{}, nil, nil // note: the order may be there; it is the refund that is not
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

// rowV2 is one refund with the number of its row at every name.
func (r *refund) rowV2(n string) []xmlField {
	success := ""
	if r.Status == refundSuccess && r.SettledAt != nil {
		success = billTime(*r.SettledAt)
	}
	return []xmlField{
		{"out_refund_no_" + n, r.OutRefundNo},
		{"refund_id_" + n, r.RefundID},
		{"refund_channel_" + n, "ORIGINAL"},
		{"refund_fee_" + n, fenText(r.Amount)},
		{"settlement_refund_fee_" + n, fenText(r.PayerAmount)},
		{"coupon_refund_fee_" + n, fenText(r.Amount - r.PayerAmount)},
		{"coupon_refund_count_" + n, couponsOf(r)},
		{"refund_status_" + n, refundStateV2(r.Status)},
		{"refund_account_" + n, "REFUND_SOURCE_RECHARGE_FUNDS"},
		{"refund_recv_accout_" + n, payerAccount},
		{"refund_success_time_" + n, success},
	}
}

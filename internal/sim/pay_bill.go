package sim

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

// The kinds of bill. RECHARGE_REFUND exists only in v2 and is always empty here.
const (
	billAll      = "ALL"
	billSuccess  = "SUCCESS"
	billRefund   = "REFUND"
	billRecharge = "RECHARGE_REFUND"
)

const (
	feeRate      = "0.60%"
	feePerMyriad = 60
)

// billDay is the Beijing day whose bill lists t.
func billDay(t time.Time) string { return t.In(wire.Beijing()).Format(time.DateOnly) }

// billColumns is the header of a kind of bill.
func billColumns(kind string) []string {
	columns := strings.Split("交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额", ",")
	if kind == billRefund {
		columns = append(columns, "退款申请时间", "退款成功时间")
	}
	if kind != billSuccess {
		columns = append(columns, "微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态")
	}
	columns = append(columns, "商品名称", "商户数据包", "手续费", "费率", "订单金额")
	if kind != billSuccess {
		columns = append(columns, "申请退款金额")
	}
	return append(columns, "费率备注")
}

// billLine is one payment or one refund. Amounts are fen; unused ones are zero.
type billLine struct {
	at                              time.Time
	text                            map[string]string
	settled, refunded, coupon, fee  int64
	total, asked, couponPaid        int64
	refundID, outRefundNo, kindText string
}

// payLine is a payment's line in a bill.
func payLine(o *order) billLine {
	fee := feeOf(o.payerTotal())
	return billLine{
		at: *o.PaidAt, text: orderColumns(o, *o.PaidAt, stateSuccess), settled: o.payerTotal(), couponPaid: o.Coupon, total: o.Total, fee: fee,
		refundID: "0", outRefundNo: "0",
	}
}

// refundLine is a refund's line in a bill made at asOf; later changes appear in no bill.
func refundLine(r *refund, o *order, asOf time.Time) billLine {
	l := billLine{
		at: r.MadeAt, text: orderColumns(o, r.MadeAt, stateRefund), refunded: r.PayerAmount, coupon: r.Amount - r.PayerAmount, asked: r.Amount,
		fee: -feeOf(r.PayerAmount), refundID: r.RefundID, outRefundNo: r.OutRefundNo, kindText: "ORIGINAL",
	}
	l.text["退款申请时间"], l.text["退款状态"] = billTime(r.MadeAt), "PROCESSING"
	if r.SettledAt == nil || r.SettledAt.After(asOf) {
		return l
	}
	switch r.Status { // note: these words are the bill's own, not the API's
	case refundSuccess:
		l.text["退款状态"], l.text["退款成功时间"] = "SUCCESS", billTime(*r.SettledAt)
	case refundAbnormal:
		l.text["退款状态"] = "CHANGE"
	case refundClosed:
		l.text["退款状态"] = "FAIL"
	}
	return l
}

// orderColumns are the columns that payment and refund have in common.
func orderColumns(o *order, at time.Time, state string) map[string]string {
	return map[string]string{
		"交易时间": billTime(at), "公众账号ID": o.AppID, "商户号": o.MchID, "特约商户号": "0", "设备号": o.DeviceID,
		"微信订单号": o.TransactionID, "商户订单号": o.OutTradeNo, "用户标识": o.OpenID, "交易类型": o.tradeType(), "交易状态": state,
		"付款银行": "OTHERS", "货币种类": "CNY", "商品名称": billText(o.Description), "商户数据包": billText(o.Attach), "费率": feeRate,
	}
}

// feeOf is what WeChat Pay keeps of an amount, in fen.
func feeOf(amount int64) int64 { return (amount*feePerMyriad + 5000) / 10000 }

// feeText is yuan with five decimals, which only fees have.
func feeText(fen int64) string { return yuan(fen) + "000" }

func billTime(t time.Time) string { return t.In(wire.Beijing()).Format(time.DateTime) }

// billText prepares a merchant's text for a line: commas are escaped, line ends removed.
func billText(text string) string {
	return strings.NewReplacer(",", `\,`, "\r", " ", "\n", " ").Replace(text)
}

// cells returns the line's values under the columns. note: every value has a leading backtick, so that spreadsheets
// keep numbers of 28 digits.
func (l billLine) cells(columns []string) []string {
	l.text["应结订单金额"], l.text["代金券金额"], l.text["订单金额"] = yuan(l.settled), yuan(l.couponPaid), yuan(l.total)
	l.text["微信退款单号"], l.text["商户退款单号"], l.text["退款类型"] = l.refundID, l.outRefundNo, l.kindText
	l.text["退款金额"], l.text["充值券退款金额"], l.text["申请退款金额"] = yuan(l.refunded), yuan(l.coupon), yuan(l.asked)
	l.text["手续费"] = feeText(l.fee)
	out := make([]string, len(columns))
	for i, name := range columns {
		out[i] = "`" + l.text[name]
	}
	return out
}

// billFile writes a bill: header, lines, header of the summary, summary.
func billFile(kind string, lines []billLine) []byte {
	var out strings.Builder
	columns := billColumns(kind)
	out.WriteString(wire.ByteOrderMark + strings.Join(columns, ",") + "\r\n")
	var sum billLine
	for _, l := range lines {
		out.WriteString(strings.Join(l.cells(columns), ",") + "\r\n")
		sum.settled, sum.refunded, sum.coupon = sum.settled+l.settled, sum.refunded+l.refunded, sum.coupon+l.coupon
		sum.fee, sum.total, sum.asked = sum.fee+l.fee, sum.total+l.total, sum.asked+l.asked
	}
	out.WriteString("总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n")
	out.WriteString("`" + strings.Join([]string{
		strconv.Itoa(len(lines)), yuan(sum.settled), yuan(sum.refunded), yuan(sum.coupon), feeText(sum.fee), yuan(sum.total), yuan(sum.asked),
	}, ",`") + "\r\n")
	return []byte(out.String())
}

// billLines gathers a day's payments (by payment time) and refunds (by acceptance time), of v2 and v3. The caller holds
// s.mu.
func (s *Sim) billLines(mchID, day, kind string, asOf time.Time) []billLine {
	var lines []billLine
	if kind == billAll || kind == billSuccess {
		for _, o := range s.state.paidOn[day] {
			if o.MchID == mchID {
				lines = append(lines, payLine(o))
			}
		}
	}
	if kind == billAll || kind == billRefund {
		for _, r := range s.state.refundedOn[day] {
			if r.MchID != mchID {
				continue
			}
			if _, err := s.ripenedRefund(r, s.Now()); err != nil {
				s.note("bill", err.Error())
			}
			lines = append(lines, refundLine(r, s.state.orders[r.orderKey()], asOf))
		}
	}
	slices.SortStableFunc(lines, func(a, b billLine) int { return a.at.Compare(b.at) })
	return lines
}

// billProblem is why a bill is refused; each API has its own word for it.
type billProblem int

const (
	billFine billProblem = iota
	billTooSoon
	billTooOld
	billCreating
	billEmpty
)

const (
	billMadeAt  = 9 * time.Hour // of the next day in Beijing
	billReadyAt = 10 * time.Hour
	billMonths  = 3
)

// billDue tells whether the bill of a day can exist already, or still.
func (s *Sim) billDue(day, now time.Time) billProblem {
	local := now.In(wire.Beijing())
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, wire.Beijing())
	switch {
	case day.Before(today.AddDate(0, -billMonths, 0)):
		return billTooOld
	case day.After(today), day.Equal(today) && !s.rule().billsAnyTime:
		return billTooSoon
	case !s.rule().billsAnyTime && now.Before(day.AddDate(0, 0, 1).Add(billReadyAt)):
		return billCreating
	}
	return billFine
}

// bill makes the bill of the day that begins at day, midnight in Beijing.
func (s *Sim) bill(mchID string, day time.Time, kind string, now time.Time) ([]byte, billProblem) {
	if problem := s.billDue(day, now); problem != billFine {
		return nil, problem
	}
	asOf := day.AddDate(0, 0, 1).Add(billMadeAt)
	if s.rule().billsAnyTime {
		asOf = now
	}
	s.mu.Lock()
	lines := s.billLines(mchID, billDay(day), kind, asOf)
	s.mu.Unlock()
	if len(lines) == 0 {
		return nil, billEmpty
	}
	return billFile(kind, lines), billFine
}

package sim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

// flow is one movement on the merchant's account. Amounts are fen.
type flow struct {
	at             time.Time
	businessID     string // transaction_id or refund_id
	id             string // of the movement itself
	name, kind     string
	income         bool
	amount, left   int64
	note, evidence string
}

// fundFlowBill is GET /v3/bill/fundflowbill: every movement of a day on one account. Here the account BASIC has all of
// them; OPERATION and FEES are always empty.
// https://pay.weixin.qq.com/doc/v3/merchant/4013071235 (申请资金账单)
func (s *Sim) fundFlowBill(c *call) reply {
	account, packing := or(c.query.Get("account_type"), "BASIC"), c.query.Get("tar_type")
	day, err := time.ParseInLocation(time.DateOnly, c.query.Get("bill_date"), wire.Beijing())
	switch {
	case err != nil:
		return paramError(numParam, "query", "bill_date", clip(c.query.Get("bill_date"), 32), "账单日期格式须为yyyy-MM-dd").reply(c)
	case !oneOf("BASIC", "OPERATION", "FEES")(account):
		return paramError(numParam, "query", "account_type", clip(account, 32), "资金账户类型只能是BASIC、OPERATION或FEES").reply(c)
	case packing != "" && packing != gzipped:
		return paramError(numParam, "query", "tar_type", clip(packing, 32), "压缩类型只能是GZIP").reply(c)
	}
	if problem := s.billDue(day, c.now); problem != billFine {
		return problem.v3().reply(c)
	}
	s.mu.Lock()
	list := s.flows(c.seller.MchID, billDay(day))
	s.mu.Unlock()
	if len(list) == 0 || account != "BASIC" {
		return billEmpty.v3().reply(c)
	}
	return s.offerBill(c, fundFlowFile(list), packing)
}

// flows lists the movements of a day with the balance after each: payments and their fees, refunds and returned fees.
// The caller holds s.mu.
func (s *Sim) flows(mchID, day string) (list []flow) {
	var all []flow
	for _, o := range s.state.paidShelf {
		if o.MchID != mchID {
			continue
		}
		fee := feeOf(o.payerTotal())
		all = append(all,
			flow{at: *o.PaidAt, businessID: o.TransactionID, name: "交易", kind: "交易", income: true, amount: o.payerTotal(), evidence: o.OutTradeNo},
			flow{at: *o.PaidAt, businessID: o.TransactionID, name: "交易手续费", kind: "扣除交易手续费", amount: fee, evidence: o.OutTradeNo})
	}
	for _, r := range s.state.refundShelf.Rows {
		if r.MchID == mchID && r.Status != refundClosed {
			all = append(all,
				flow{at: r.MadeAt, businessID: r.RefundID, name: "退款", kind: "退款", amount: r.PayerAmount, evidence: r.OutRefundNo},
				flow{at: r.MadeAt, businessID: r.RefundID, name: "交易手续费", kind: "退还交易手续费", income: true, amount: feeOf(r.PayerAmount), evidence: r.OutRefundNo})
		}
	}
	slices.SortStableFunc(all, func(a, b flow) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.businessID, b.businessID)) })
	var balance int64
	for i, f := range all {
		if f.amount == 0 {
			continue // note: a fee that rounds to zero is not listed
		}
		balance += f.signed()
		if billDay(f.at) == day {
			f.left, f.id = balance, f.businessID+strconv.Itoa(i)
			list = append(list, f)
		}
	}
	return list
}

func (f flow) signed() int64 {
	if f.income {
		return f.amount
	}
	return -f.amount
}

// fundFlowFile writes the bill: header, lines, header of the summary, summary.
func fundFlowFile(list []flow) []byte {
	var out strings.Builder
	out.WriteString(wire.ByteOrderMark + "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号\r\n")
	var in, spent, inCount int64
	for _, f := range list {
		way := "支出"
		if f.income {
			way, in, inCount = "收入", in+f.amount, inCount+1
		} else {
			spent += f.amount
		}
		out.WriteString(ticked(billTime(f.at), f.businessID, f.id, f.name, f.kind, way, yuan(f.amount), yuan(f.left), "system", billText(f.note), f.evidence))
	}
	out.WriteString("资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n")
	out.WriteString(ticked(strconv.Itoa(len(list)), fenText(inCount), yuan(in), fenText(int64(len(list))-inCount), yuan(spent)))
	return []byte(out.String())
}

// ticked joins values, each with a leading backtick.
func ticked(values ...string) string { return "`" + strings.Join(values, ",`") + "\r\n" }

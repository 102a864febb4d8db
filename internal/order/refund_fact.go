package order

import "strconv"

// RefundFact is what WeChat says about a refund, from a verified answer, query or notification. The v2 notification is
// not signed: confirm it by a query.
type RefundFact struct {
	MchID, OutTradeNo, TransactionID, OutRefundNo string

	Amount, Total int64  // fen: amount.refund and amount.total, not payer_refund
	State         string // status, WeChat's word
}

// RefundAttempt is what our own rows say about the refund of a fact.
type RefundAttempt struct {
	MchID, OutTradeNo, TransactionID, OutRefundNo string

	Amount, Total int64 // fen
}

// CompareRefund returns the event of a refund's fact, and every field in which it differs. It knows v2's words
// (REFUNDCLOSE, CHANGE). A missing field never counts as equal.
func CompareRefund(expected RefundAttempt, fact RefundFact) (RefundEvent, []Mismatch) {
	found := diffRefund(expected, fact)
	event := refundEventOf(fact.State)
	if event == EventRefundOtherFact {
		found = append(found, mismatch("status", "", fact.State))
	}
	if len(found) > 0 {
		return EventRefundOtherFact, found
	}
	return event, nil
}

// refundEventOf translates WeChat's word.
func refundEventOf(state string) RefundEvent {
	switch state {
	case "PROCESSING":
		return EventRefundAccepted
	case "SUCCESS":
		return EventRefundSucceeded
	case "CLOSED", "REFUNDCLOSE":
		return EventRefundClosed
	case "ABNORMAL", "CHANGE":
		return EventRefundAbnormal
	}
	return EventRefundOtherFact
}

func diffRefund(expected RefundAttempt, fact RefundFact) []Mismatch {
	var found []Mismatch
	for _, pair := range [][3]string{
		{"mchid", expected.MchID, fact.MchID},
		{"out_trade_no", expected.OutTradeNo, fact.OutTradeNo},
		{"transaction_id", expected.TransactionID, fact.TransactionID},
		{"out_refund_no", expected.OutRefundNo, fact.OutRefundNo},
		{"amount", fen(expected.Amount), fen(fact.Amount)},
		{"total", fen(expected.Total), fen(fact.Total)},
	} {
		if pair[1] == "" || pair[1] != pair[2] {
			found = append(found, mismatch(pair[0], pair[1], pair[2]))
		}
	}
	return found
}

// fen prints an amount; an invalid one is empty, hence never equal.
func fen(amount int64) string {
	if amount < 1 {
		return ""
	}
	return strconv.FormatInt(amount, 10)
}

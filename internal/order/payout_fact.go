package order

import "strings"

// PayoutFact is what WeChat says about a transfer, from a verified answer, query
// or notification.
//
// note: not every answer names everything; what is empty was not said.
type PayoutFact struct {
	MchID, AppID, OutBillNo, OpenID string

	Amount int64  // fen, 0 when it was not said
	State  string // WeChat's word
}

// PayoutAttempt is what our own row says about the transfer that a fact is about.
type PayoutAttempt struct {
	MchID, AppID, OutBillNo, OpenID string

	Amount int64 // fen
}

// ComparePayout says which event a transfer's fact is, and every field in which
// it differs. The answers to creating and cancelling name no more than the number;
// nothing that is said may differ, and money that has arrived must be named.
func ComparePayout(expected PayoutAttempt, fact PayoutFact) (PayoutEvent, []Mismatch) {
	found := diffPayout(expected, fact)
	event := payoutEventOf(fact.State)
	if event == EventPayoutOtherFact {
		found = append(found, mismatch("state", "", fact.State))
	}
	if len(found) > 0 {
		return EventPayoutOtherFact, found
	}
	return event, nil
}

// payoutEventOf translates WeChat's word.
func payoutEventOf(state string) PayoutEvent {
	switch state {
	case "ACCEPTED", "PROCESSING":
		return EventPayoutAccepted
	case "WAIT_USER_CONFIRM":
		return EventPayoutWaits
	case "TRANSFERING":
		return EventPayoutConfirmed
	case "CANCELING":
		return EventPayoutCancelling
	case "SUCCESS":
		return EventPayoutSucceeded
	case "FAIL":
		return EventPayoutFailed
	case "CANCELLED":
		return EventPayoutCancelled
	}
	return EventPayoutOtherFact
}

func diffPayout(expected PayoutAttempt, fact PayoutFact) []Mismatch {
	var found []Mismatch
	for _, pair := range []struct {
		name, want, got string
		always          bool
	}{
		{"out_bill_no", expected.OutBillNo, fact.OutBillNo, true},
		{"mchid", expected.MchID, fact.MchID, true},
		{"appid", expected.AppID, fact.AppID, false},
		{"openid", expected.OpenID, fact.OpenID, false},
		{"transfer_amount", fen(expected.Amount), fen(fact.Amount), fact.State == "SUCCESS" || fact.Amount != 0},
	} {
		said := pair.always || pair.got != ""
		if said && (pair.want == "" || pair.want != pair.got) {
			found = append(found, mismatch(pair.name, pair.want, pair.got))
		}
	}
	return found
}

// NewOutBillNo makes WeChat's out_bill_no of our payout's id: at most 32 letters
// and digits. It is fixed: a new try after a final failure is a new row.
func NewOutBillNo(id string) string {
	return "po" + strings.ReplaceAll(NewOutTradeNo(id, 1), "-", "x")
}

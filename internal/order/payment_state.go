package order

// PaymentState is the state of one payment attempt (one out_trade_no), as stored
// in payments.state.
type PaymentState string

// The states of a payment attempt.
const (
	// PaymentNew is a row that is written and of which no byte has left yet.
	PaymentNew PaymentState = "NEW"
	// PaymentPrepaying has its first prepay call under way.
	PaymentPrepaying PaymentState = "PREPAYING"
	// PaymentPrepaid can be paid: the phone may hold a prepay_id.
	PaymentPrepaid PaymentState = "PREPAID"
	// PaymentUnknown has sent a prepay call whose outcome nobody knows.
	PaymentUnknown PaymentState = "UNKNOWN"
	// PaymentPaid is proven by a verified fact. Final.
	PaymentPaid PaymentState = "PAID"
	// PaymentClosing is being closed and may still turn out to be paid.
	PaymentClosing PaymentState = "CLOSING"
	// PaymentClosed is closed at WeChat, confirmed.
	PaymentClosed PaymentState = "CLOSED"
	// PaymentRejected was refused by WeChat for good at the first call.
	PaymentRejected PaymentState = "REJECTED"
	// PaymentPaidLate was paid when nobody wanted the money any more; it goes
	// back by itself. Final.
	PaymentPaidLate PaymentState = "PAID_LATE"
	// PaymentDisputed was paid on other terms than ours and waits for a person.
	PaymentDisputed PaymentState = "DISPUTED"
)

// PaymentStates returns every PaymentState, in the order of their life.
func PaymentStates() []PaymentState {
	return []PaymentState{
		PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentPaid,
		PaymentClosing, PaymentClosed, PaymentRejected, PaymentPaidLate, PaymentDisputed,
	}
}

// ParsePaymentState returns the state with exactly this spelling, or an error.
func ParsePaymentState(word string) (PaymentState, error) {
	return parseWord("payment state", word, PaymentStates())
}

// IsLive reports whether the attempt may still be paid. An order has at most one
// live attempt: close it before a new one is made.
func (s PaymentState) IsLive() bool {
	switch s {
	case PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing:
		return true
	case PaymentPaid, PaymentClosed, PaymentRejected, PaymentPaidLate, PaymentDisputed:
	}
	return false
}

package order

// PaymentState is the state of one payment attempt (one out_trade_no), as stored
// in payments.state.
type PaymentState string

// The states of a payment attempt.
const (
	// PaymentNew is a written row whose first byte is not sent yet.
	PaymentNew PaymentState = "NEW"
	// PaymentPrepaying has a running first prepay call.
	PaymentPrepaying PaymentState = "PREPAYING"
	// PaymentPrepaid can be paid: the phone may hold a prepay_id.
	PaymentPrepaid PaymentState = "PREPAID"
	// PaymentUnknown has sent a prepay call with unknown outcome.
	PaymentUnknown PaymentState = "UNKNOWN"
	// PaymentPaid is proven by a verified fact. Final.
	PaymentPaid PaymentState = "PAID"
	// PaymentClosing is being closed and may still prove to be paid.
	PaymentClosing PaymentState = "CLOSING"
	// PaymentClosed is closed at WeChat, confirmed.
	PaymentClosed PaymentState = "CLOSED"
	// PaymentRejected was finally refused by WeChat at the first call.
	PaymentRejected PaymentState = "REJECTED"
	// PaymentPaidLate was paid too late and is refunded automatically. Final.
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

// IsLive reports whether the attempt may still be paid. An order has at most one live attempt: close it before making a
// new one.
func (s PaymentState) IsLive() bool {
	switch s {
	case PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing:
		return true
	case PaymentPaid, PaymentClosed, PaymentRejected, PaymentPaidLate, PaymentDisputed:
	}
	return false
}

package order

// RefundState is the state of one refund (one out_refund_no), as stored in
// refunds.state.
type RefundState string

// The states of a refund.
const (
	// RefundNew is a written row; its amount is reserved from here on.
	RefundNew RefundState = "NEW"
	// RefundSubmitted is sent, or about to be, and has no answer yet.
	RefundSubmitted RefundState = "SUBMITTED"
	// RefundProcessing was accepted by WeChat.
	RefundProcessing RefundState = "PROCESSING"
	// RefundSuccess has reached the payer. Final.
	RefundSuccess RefundState = "SUCCESS"
	// RefundClosed was closed by WeChat; a new try needs a new number.
	RefundClosed RefundState = "CLOSED"
	// RefundAbnormal could not reach the payer; a person must act, and it may succeed later.
	RefundAbnormal RefundState = "ABNORMAL"
	// RefundRejected was finally refused.
	RefundRejected RefundState = "REJECTED"
)

// RefundStates returns every RefundState, in the order of their life.
func RefundStates() []RefundState {
	return []RefundState{
		RefundNew, RefundSubmitted, RefundProcessing, RefundSuccess,
		RefundClosed, RefundAbnormal, RefundRejected,
	}
}

// ParseRefundState returns the state with exactly this spelling, or an error.
func ParseRefundState(word string) (RefundState, error) {
	return parseWord("refund state", word, RefundStates())
}

// Reserves reports whether a refund in this state keeps its amount from other refunds: all except CLOSED and REJECTED
// do.
func (s RefundState) Reserves() bool { return s != RefundClosed && s != RefundRejected }

// RefundEvent is something that happened to a refund.
type RefundEvent string

// The events of a refund. A refund made on the merchant platform is imported as a NEW row, to which its fact is
// applied.
const (
	// EventRefundRequested is our row being sent.
	EventRefundRequested RefundEvent = "refund_requested"
	// EventRefundAccepted is PROCESSING, in an answer or in a query.
	EventRefundAccepted RefundEvent = "refund_accepted"
	// EventRefundUnknown is a timeout, a 429 or a 5xx: it may have worked.
	EventRefundUnknown RefundEvent = "refund_unknown"
	// EventRefundNotFound is a query that finds no such refund.
	EventRefundNotFound RefundEvent = "refund_not_found"
	// EventRefundRejected is a final refusal. After EventRefundUnknown query first, and use it only if WeChat does not
	// know the number.
	EventRefundRejected RefundEvent = "refund_rejected"
	// EventRefundNotEnough is NOT_ENOUGH: the merchant's balance is too low.
	EventRefundNotEnough RefundEvent = "refund_not_enough"
	// EventRefundTooSoon is FREQUENCY_LIMITED, and a query that does not find the refund: it was not sent.
	EventRefundTooSoon RefundEvent = "refund_too_soon"
	// EventRefundSucceeded is SUCCESS.
	EventRefundSucceeded RefundEvent = "refund_succeeded"
	// EventRefundClosed is CLOSED (REFUNDCLOSE in v2).
	EventRefundClosed RefundEvent = "refund_closed"
	// EventRefundAbnormal is ABNORMAL (CHANGE in v2).
	EventRefundAbnormal RefundEvent = "refund_abnormal"
	// EventRefundOtherFact is a refund under our number with other terms, or with an unknown status.
	EventRefundOtherFact RefundEvent = "refund_other_fact"
)

// RefundEvents returns every RefundEvent, in the order of the table.
func RefundEvents() []RefundEvent {
	return []RefundEvent{
		EventRefundRequested, EventRefundAccepted, EventRefundUnknown, EventRefundNotFound,
		EventRefundRejected, EventRefundNotEnough, EventRefundTooSoon, EventRefundSucceeded,
		EventRefundClosed, EventRefundAbnormal, EventRefundOtherFact,
	}
}

// ParseRefundEvent returns the event with exactly this spelling, or an error.
func ParseRefundEvent(word string) (RefundEvent, error) {
	return parseWord("refund event", word, RefundEvents())
}

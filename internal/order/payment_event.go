package order

// PaymentEvent is something that happened to a payment attempt.
type PaymentEvent string

// Events of our own calls to prepay.
const (
	// EventPayRequested is the owner's request to pay on the same terms.
	EventPayRequested PaymentEvent = "pay_requested"
	// EventPrepaid is a prepay_id in a verified answer.
	EventPrepaid PaymentEvent = "prepaid"
	// EventPrepayUnknown is a timeout, a 5xx or a 429: it may have worked.
	EventPrepayUnknown PaymentEvent = "prepay_unknown"
	// EventPrepayRejected is a definite refusal (parameters, rights, binding).
	EventPrepayRejected PaymentEvent = "prepay_rejected"
	// EventNumberUsed is OUT_TRADE_NO_USED, ORDERPAID or ORDERCLOSED in answer to prepay: only a query shows the state
	// of the number.
	EventNumberUsed PaymentEvent = "number_used"
	// EventPrepayStale is the owner's request to pay when the prepay_id is too old (see PrepayFresh): the same number
	// with identical parameters gives a new one.
	EventPrepayStale PaymentEvent = "prepay_stale"
)

// Events that the phone reports. They prove nothing.
const (
	// EventClientOK is requestPayment:ok.
	EventClientOK PaymentEvent = "client_ok"
	// EventClientFailed is requestPayment:fail or a cancel on the cashier's sheet.
	EventClientFailed PaymentEvent = "client_failed"
)

// Events that Compare makes from verified facts.
const (
	// EventPaidFact is SUCCESS with every field equal to ours; in PAID and PAID_LATE it is the same transaction again.
	EventPaidFact PaymentEvent = "paid_fact"
	// EventRefundedFact is REFUND with every field equal: paid, then refunded in
	// whole or in part.
	EventRefundedFact PaymentEvent = "refunded_fact"
	// EventOtherPaidFact is a payment that differs from what we asked for.
	EventOtherPaidFact PaymentEvent = "other_paid_fact"
	// EventSecondTransaction is another transaction_id for a paid number, which the contract with WeChat rules out.
	EventSecondTransaction PaymentEvent = "second_transaction"
	// EventPaidTwice is a payment of this attempt after another attempt has paid the order.
	EventPaidTwice PaymentEvent = "paid_twice"
	// EventNotPaidFact is NOTPAY (or USERPAYING, PAYERROR): open, not failed.
	EventNotPaidFact PaymentEvent = "not_paid_fact"
	// EventOtherOpenFact is an open number with other terms than ours.
	EventOtherOpenFact PaymentEvent = "other_open_fact"
	// EventClosedFact is CLOSED (or REVOKED) at WeChat.
	EventClosedFact PaymentEvent = "closed_fact"
	// EventUnclearFact is a fact about another number, app or merchant, or with an unknown trade_state.
	EventUnclearFact PaymentEvent = "unclear_fact"
)

// Events of querying and of ending an attempt.
const (
	// EventUnknownToWeChat is ORDER_NOT_EXIST within UnknownGrace.
	EventUnknownToWeChat PaymentEvent = "unknown_to_wechat"
	// EventUnknownPastGrace is ORDER_NOT_EXIST after UnknownGrace, in answer to a
	// query or to a close.
	EventUnknownPastGrace PaymentEvent = "unknown_past_grace"
	// EventExpire is the sweep after CloseAfter.
	EventExpire PaymentEvent = "expire"
	// EventCancel is the owner cancelling the order.
	EventCancel PaymentEvent = "cancel"
	// EventReplace is the owner's request to pay on other terms: this attempt must be closed before the next one is
	// made. See CancelOrder.
	EventReplace PaymentEvent = "replace"
	// EventCloseDone is 204, or ORDERCLOSED, in answer to a close.
	EventCloseDone PaymentEvent = "close_done"
	// EventCloseRefusedPaid is ORDERPAID, ORDER_PAID or TRADE_ERROR on a close.
	EventCloseRefusedPaid PaymentEvent = "close_refused_paid"
	// EventCloseUnknown is a close that timed out, met a 5xx or came too early.
	EventCloseUnknown PaymentEvent = "close_unknown"
)

// Events of policy and of people. The caller must hold a matching fact, checked by Compare, from a query made for this
// decision.
const (
	// EventRevive accepts a payment that came after the close. Use it instead of EventPaidFact when the same
	// transaction reserves the stock again.
	EventRevive PaymentEvent = "revive"
	// EventResolvePaid is a person accepting a disputed payment, or closing the trouble with a settled one (PAID,
	// PAID_LATE).
	EventResolvePaid PaymentEvent = "resolve_paid"
	// EventResolveClosed is a person ending a dispute whose money was refunded.
	EventResolveClosed PaymentEvent = "resolve_closed"
)

// PaymentEvents returns every PaymentEvent, in the order of the table.
func PaymentEvents() []PaymentEvent {
	return []PaymentEvent{
		EventPayRequested, EventPrepaid, EventPrepayUnknown, EventPrepayRejected,
		EventNumberUsed, EventPrepayStale, EventClientOK, EventClientFailed,
		EventPaidFact, EventRefundedFact, EventOtherPaidFact, EventSecondTransaction,
		EventPaidTwice, EventNotPaidFact, EventOtherOpenFact, EventClosedFact,
		EventUnclearFact, EventUnknownToWeChat, EventUnknownPastGrace, EventExpire,
		EventCancel, EventReplace, EventCloseDone, EventCloseRefusedPaid,
		EventCloseUnknown, EventRevive, EventResolvePaid, EventResolveClosed,
	}
}

// ParsePaymentEvent returns the event with exactly this spelling, or an error.
func ParsePaymentEvent(word string) (PaymentEvent, error) {
	return parseWord("payment event", word, PaymentEvents())
}

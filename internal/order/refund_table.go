package order

// refundTable says what each event does to a refund in each state. It reads like paymentTable.
var refundTable = table[RefundState, RefundEvent]{
	EventRefundRequested: {
		in(RefundNew).becomes(RefundSubmitted, CallRefund),
		in(RefundSubmitted).stays(CallRefund),
		in(RefundProcessing).isRepeat(),
	},
	// A late answer does not undo what a notification has said. In REJECTED we had given the refund up.
	EventRefundAccepted: {
		in(RefundNew, RefundSubmitted).becomes(RefundProcessing, ScheduleRefundQuery),
		in(RefundProcessing).isRepeat(),
		in(RefundSuccess, RefundAbnormal).isStale(),
		in(RefundClosed).stays(Alert),
		in(RefundRejected).becomes(RefundProcessing, ScheduleRefundQuery, Alert),
	},
	EventRefundUnknown: {
		in(RefundSubmitted, RefundRejected).stays(QueryRefundNow),
		in(RefundProcessing).stays(ScheduleRefundQuery),
		in(RefundSuccess, RefundClosed, RefundAbnormal).isStale(),
	},
	// In PROCESSING WeChat no longer knows what it had accepted.
	EventRefundNotFound: {
		in(RefundNew).needsNothing(),
		in(RefundSubmitted).stays(CallRefund),
		in(RefundProcessing).stays(ScheduleRefundQuery, Alert),
		in(RefundSuccess, RefundAbnormal).stays(Alert),
		in(RefundClosed).isStale(),
		in(RefundRejected).isRepeat(),
	},
	EventRefundRejected: {
		in(RefundSubmitted).becomes(RefundRejected, Alert),
		in(RefundProcessing).stays(QueryRefundNow),
		in(RefundSuccess, RefundClosed, RefundAbnormal).isStale(),
		in(RefundRejected).isRepeat(),
	},
	// The merchant's balance is too low; the refund is sent again later.
	EventRefundNotEnough: {
		in(RefundSubmitted).stays(RetryRefundLater, Alert),
		in(RefundProcessing, RefundSuccess, RefundClosed, RefundAbnormal, RefundRejected).isStale(),
	},
	EventRefundTooSoon: {
		in(RefundNew).isRepeat(),
		in(RefundSubmitted).becomes(RefundNew, RetryRefundSoon),
		in(RefundProcessing, RefundSuccess, RefundClosed, RefundAbnormal, RefundRejected).isStale(),
	},
	// Money that leaves after we had given a refund up is counted too, and an alert is raised.
	EventRefundSucceeded: {
		in(RefundNew, RefundSubmitted, RefundProcessing, RefundAbnormal).becomes(RefundSuccess, CountRefund),
		in(RefundSuccess).isRepeat(),
		in(RefundClosed, RefundRejected).becomes(RefundSuccess, CountRefund, Alert),
	},
	EventRefundClosed: {
		in(RefundNew, RefundSubmitted, RefundProcessing, RefundAbnormal).becomes(RefundClosed, Alert),
		in(RefundSuccess).stays(Alert),
		in(RefundClosed).isRepeat(),
		in(RefundRejected).isStale(),
	},
	// The money cannot reach the payer.
	EventRefundAbnormal: {
		in(RefundNew, RefundSubmitted, RefundProcessing, RefundRejected).becomes(RefundAbnormal, Alert),
		in(RefundSuccess, RefundClosed).stays(Alert),
		in(RefundAbnormal).isRepeat(),
	},
	// The refund has other terms than ours.
	EventRefundOtherFact: {
		in(RefundStates()...).stays(Freeze, Alert),
	},
}

// ApplyRefund says what event does to a refund in state. A refused pair, and an unknown word, give a *TransitionError.
func ApplyRefund(state RefundState, event RefundEvent) (RefundStep, error) {
	return refundTable.step("refund", state, event)
}

package order

// paymentTable says what each event does to an attempt in each state. A pair that is not listed is refused with a
// *TransitionError. The effects of a cell are queued in their order; effect.go describes each.
var paymentTable = table[PaymentState, PaymentEvent]{
	EventPayRequested: {
		in(PaymentNew).becomes(PaymentPrepaying, CallPrepay),
		in(PaymentPrepaying).becomes(PaymentUnknown, CallPrepay),
		in(PaymentPrepaid).stays(SignClientParams),
		in(PaymentUnknown).stays(CallPrepay),
	},
	// A prepay_id that arrives after a close began is never handed out: the number is closed once more.
	EventPrepaid: {
		in(PaymentPrepaying, PaymentPrepaid, PaymentUnknown).becomes(PaymentPrepaid, SignClientParams, ScheduleQuery),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing, PaymentClosed).stays(CloseAtWeChat),
		in(PaymentRejected).becomes(PaymentClosing, CloseAtWeChat, Alert),
	},
	EventPrepayUnknown: {
		in(PaymentPrepaying).becomes(PaymentUnknown, ScheduleQuery),
		in(PaymentPrepaid, PaymentUnknown).stays(ScheduleQuery),
		in(PaymentPaid, PaymentRejected, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing, PaymentClosed).stays(QueryNow),
	},
	// In UNKNOWN this is the refusal of a second call; it proves nothing about the first one, so WeChat is queried.
	EventPrepayRejected: {
		in(PaymentPrepaying).becomes(PaymentRejected, Alert),
		in(PaymentPrepaid, PaymentUnknown).stays(Alert, QueryNow),
		in(PaymentPaid, PaymentClosed, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing).stays(ScheduleQuery),
		in(PaymentRejected).isRepeat(),
	},
	// WeChat has the number already: query its state.
	EventNumberUsed: {
		in(PaymentPrepaying).becomes(PaymentUnknown, QueryNow),
		in(PaymentPrepaid, PaymentUnknown, PaymentClosing, PaymentClosed, PaymentRejected).stays(QueryNow),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
	},
	EventPrepayStale: {
		in(PaymentPrepaid, PaymentUnknown).stays(CallPrepay),
	},
	EventClientOK: {
		in(
			PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing, PaymentClosed,
			PaymentRejected,
		).stays(QueryNow),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).needsNothing(),
	},
	EventClientFailed: {
		in(PaymentStates()...).needsNothing(),
	},
	// An attempt in NEW can be paid: its row may come from a backup that is older than the payment. In CLOSED the order
	// no longer wants the money, so it is refunded. In REJECTED WeChat had refused the attempt, so an alert is raised.
	EventPaidFact: {
		in(
			PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing,
		).becomes(PaymentPaid, MarkOrderPaid, CloseOthers),
		in(PaymentPaid, PaymentPaidLate).isRepeat(),
		in(PaymentClosed).becomes(PaymentPaidLate, ImportRefunds, RefundAutomatically),
		in(PaymentRejected).becomes(PaymentPaid, MarkOrderPaid, CloseOthers, Alert),
		in(PaymentDisputed).stays(Alert),
	},
	EventRefundedFact: {
		in(
			PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing, PaymentRejected,
		).becomes(PaymentPaid, MarkOrderPaid, CloseOthers, ImportRefunds),
		in(PaymentPaid, PaymentPaidLate).stays(ImportRefunds),
		in(PaymentClosed).becomes(PaymentPaidLate, ImportRefunds, RefundAutomatically),
		in(PaymentDisputed).stays(Alert),
	},
	// The payment has other terms than ours.
	EventOtherPaidFact: {
		in(
			PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing, PaymentClosed,
			PaymentRejected,
		).becomes(PaymentDisputed, Freeze, Alert),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).stays(Freeze, Alert),
	},
	EventSecondTransaction: {
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).stays(Freeze, Alert),
	},
	EventPaidTwice: {
		in(
			PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing, PaymentClosed,
			PaymentRejected,
		).becomes(PaymentPaidLate, ImportRefunds, RefundAutomatically),
		in(PaymentPaidLate).isRepeat(),
		in(PaymentDisputed).stays(Alert),
	},
	// In CLOSED this means that the close failed: close the number again.
	EventNotPaidFact: {
		in(PaymentNew).becomes(PaymentUnknown, ScheduleQuery),
		in(PaymentPrepaying, PaymentPrepaid, PaymentUnknown).stays(ScheduleQuery),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing, PaymentClosed).stays(CloseAtWeChat),
		in(PaymentRejected).becomes(PaymentClosing, CloseAtWeChat),
	},
	EventOtherOpenFact: {
		in(
			PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentRejected,
		).becomes(PaymentClosing, CloseAtWeChat, Alert),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).stays(Alert),
		in(PaymentClosing, PaymentClosed).stays(CloseAtWeChat),
	},
	EventClosedFact: {
		in(
			PaymentNew, PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing, PaymentRejected,
		).becomes(PaymentClosed, CancelOrder, ReleaseStock),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosed).isRepeat(),
	},
	EventUnclearFact: {
		in(PaymentNew, PaymentPaid, PaymentClosed, PaymentRejected, PaymentPaidLate, PaymentDisputed).stays(Alert),
		in(PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing).stays(Alert, ScheduleQuery),
	},
	EventUnknownToWeChat: {
		in(PaymentNew).needsNothing(),
		in(PaymentPrepaying, PaymentPrepaid, PaymentUnknown, PaymentClosing).stays(ScheduleQuery),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosed, PaymentRejected).isRepeat(),
	},
	// WeChat does not know the number. The close call is sent anyway, in case a prepay call is still running.
	EventUnknownPastGrace: {
		in(PaymentNew).needsNothing(),
		in(PaymentPrepaying, PaymentUnknown).becomes(PaymentClosing, CloseAtWeChat),
		in(PaymentPrepaid).stays(Alert, ScheduleQuery),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing).becomes(PaymentClosed, CloseAtWeChat, CancelOrder, ReleaseStock),
		in(PaymentClosed, PaymentRejected).isRepeat(),
	},
	EventExpire: {
		in(PaymentNew, PaymentRejected).becomes(PaymentClosed, CancelOrder, ReleaseStock),
		in(PaymentPrepaying, PaymentPrepaid, PaymentUnknown).becomes(PaymentClosing, QueryNow),
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing).stays(QueryNow),
		in(PaymentClosed).isRepeat(),
	},
	EventCancel: {
		in(PaymentNew, PaymentRejected).becomes(PaymentClosed, CancelOrder, ReleaseStock),
		in(PaymentPrepaying, PaymentPrepaid, PaymentUnknown).becomes(PaymentClosing, QueryNow),
		in(PaymentClosing).stays(QueryNow),
		in(PaymentClosed).isRepeat(),
	},
	// From NEW it was never sent, and another attempt replaces it: order and stock stay unchanged.
	EventReplace: {
		in(PaymentNew).becomes(PaymentClosed),
		in(PaymentPrepaying, PaymentPrepaid, PaymentUnknown).becomes(PaymentClosing, QueryNow),
		in(PaymentClosing).stays(QueryNow),
		in(PaymentClosed).isRepeat(),
		in(PaymentRejected).needsNothing(),
	},
	EventCloseDone: {
		in(PaymentPaid).stays(Alert),
		in(PaymentClosing).becomes(PaymentClosed, CancelOrder, ReleaseStock),
		in(PaymentClosed).isRepeat(),
		in(PaymentPaidLate, PaymentDisputed).isStale(),
	},
	EventCloseRefusedPaid: {
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing, PaymentClosed).stays(QueryNow),
	},
	EventCloseUnknown: {
		in(PaymentPaid, PaymentPaidLate, PaymentDisputed).isStale(),
		in(PaymentClosing, PaymentClosed).stays(ScheduleQuery),
	},
	EventRevive: {
		in(PaymentClosed).becomes(PaymentPaid, MarkOrderPaid, CloseOthers),
	},
	EventResolvePaid: {
		in(PaymentPaid, PaymentPaidLate).isRepeat(),
		in(PaymentDisputed).becomes(PaymentPaid, MarkOrderPaid, CloseOthers),
	},
	EventResolveClosed: {
		in(PaymentClosed).isRepeat(),
		in(PaymentDisputed).becomes(PaymentClosed, CancelOrder, ReleaseStock),
	},
}

// Apply says what event does to a payment attempt in state. A refused pair, and an unknown word, give a
// *TransitionError.
func Apply(state PaymentState, event PaymentEvent) (Step, error) {
	return paymentTable.step("payment", state, event)
}

package order

// payoutTable says what each event does to a payout in each state. It reads as paymentTable does.
//
// NB! a payout is sent from NEW and HELD, where nothing was sent yet, and from SUBMITTED after a question that found nothing. In WAITING,
// where WeChat has it, the same call under the same number only names package_info again. Everywhere else the only way on is to ask.
var payoutTable = table[PayoutState, PayoutEvent]{
	EventPayoutRequested: {
		in(PayoutNew).becomes(PayoutSubmitted, CallPayout),
		in(PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling).stays(QueryPayoutNow),
		in(PayoutSuccess, PayoutFailed, PayoutCancelled, PayoutRejected).isRepeat(),
	},
	EventPayoutApproved: {
		in(PayoutHeld).becomes(PayoutSubmitted, CallPayout),
	},
	EventPayoutPackage: {
		in(PayoutWaiting).stays(CallPayout),
	},
	// In SUBMITTED WeChat may not know the number yet, so it is asked first.
	EventPayoutCancel: {
		in(PayoutHeld, PayoutNew).becomes(PayoutCancelled, TellPayout),
		in(PayoutSubmitted).becomes(PayoutCancelling, QueryPayoutNow),
		in(PayoutAccepted, PayoutWaiting).becomes(PayoutCancelling, CancelPayout),
		in(PayoutCancelling).stays(CancelPayout),
	},
	EventPayoutUnknown: {
		in(PayoutSubmitted, PayoutCancelling, PayoutCancelled, PayoutRejected).stays(QueryPayoutNow),
		in(PayoutAccepted, PayoutWaiting, PayoutTransferring).stays(SchedulePayoutQuery),
		in(PayoutSuccess, PayoutFailed).isStale(),
	},
	// In ACCEPTED and what follows WeChat does not know what it had accepted.
	EventPayoutNotFound: {
		in(PayoutSubmitted).stays(CallPayout),
		in(PayoutCancelling).stays(SchedulePayoutQuery),
		in(PayoutAccepted, PayoutWaiting, PayoutTransferring).stays(SchedulePayoutQuery, Alert),
		in(PayoutSuccess, PayoutFailed).stays(Alert),
		in(PayoutCancelled, PayoutRejected).isRepeat(),
	},
	EventPayoutNeverMade: {
		in(PayoutSubmitted).becomes(PayoutRejected, TellPayout, Alert),
		in(PayoutCancelling).becomes(PayoutCancelled, TellPayout),
		in(PayoutAccepted, PayoutWaiting, PayoutTransferring).stays(SchedulePayoutQuery, Alert),
		in(PayoutSuccess, PayoutFailed).stays(Alert),
		in(PayoutCancelled, PayoutRejected).isRepeat(),
	},
	// Nobody but a person can find out what became of it, on the merchant platform.
	EventPayoutForgotten: {
		in(PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling).stays(Alert),
		in(PayoutSuccess, PayoutFailed, PayoutCancelled, PayoutRejected).isStale(),
	},
	EventPayoutRejected: {
		in(PayoutSubmitted).becomes(PayoutRejected, TellPayout, Alert),
		in(PayoutAccepted, PayoutWaiting, PayoutTransferring).stays(QueryPayoutNow),
		in(PayoutCancelling).becomes(PayoutCancelled, TellPayout),
		in(PayoutSuccess, PayoutFailed, PayoutCancelled).isStale(),
		in(PayoutRejected).isRepeat(),
	},
	// The merchant's account has too little money; the payout is sent again later.
	EventPayoutNotEnough: {
		in(PayoutSubmitted).stays(RetryPayoutLater, Alert),
		in(PayoutCancelling).stays(SchedulePayoutQuery),
		in(PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutSuccess, PayoutFailed, PayoutCancelled, PayoutRejected).isStale(),
	},
	// A transfer that shows up after we had given it up is taken back, and so is one that nobody has approved or sent by our books.
	EventPayoutAccepted: {
		in(PayoutSubmitted, PayoutAccepted).becomes(PayoutAccepted, SchedulePayoutQuery),
		in(PayoutWaiting, PayoutTransferring, PayoutSuccess, PayoutFailed).isStale(),
		in(PayoutCancelling).stays(SchedulePayoutQuery),
		in(PayoutHeld, PayoutNew, PayoutCancelled, PayoutRejected).becomes(PayoutCancelling, SchedulePayoutQuery, Alert),
	},
	EventPayoutWaits: {
		in(PayoutSubmitted, PayoutAccepted, PayoutWaiting).becomes(PayoutWaiting, SchedulePayoutQuery),
		in(PayoutTransferring, PayoutSuccess, PayoutFailed).isStale(),
		in(PayoutCancelling).stays(CancelPayout),
		in(PayoutHeld, PayoutNew, PayoutCancelled, PayoutRejected).becomes(PayoutCancelling, CancelPayout, Alert),
	},
	// The receiver was faster than the cancelling.
	EventPayoutConfirmed: {
		in(
			PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling,
		).becomes(PayoutTransferring, SchedulePayoutQuery),
		in(PayoutSuccess, PayoutFailed).isStale(),
		in(PayoutHeld, PayoutNew, PayoutCancelled, PayoutRejected).becomes(PayoutTransferring, SchedulePayoutQuery, Alert),
	},
	EventPayoutCancelling: {
		in(PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring).becomes(PayoutCancelling, SchedulePayoutQuery),
		in(PayoutCancelling).stays(SchedulePayoutQuery),
		in(PayoutSuccess, PayoutFailed, PayoutCancelled).isStale(),
		in(PayoutHeld, PayoutNew, PayoutRejected).becomes(PayoutCancelling, SchedulePayoutQuery, Alert),
	},
	// Money that leaves after we had given a payout up is counted too, and a person is told.
	EventPayoutSucceeded: {
		in(PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling).becomes(PayoutSuccess, TellPayout),
		in(PayoutSuccess).isRepeat(),
		in(PayoutHeld, PayoutNew, PayoutFailed, PayoutCancelled, PayoutRejected).becomes(PayoutSuccess, TellPayout, Alert),
	},
	EventPayoutFailed: {
		in(
			PayoutHeld, PayoutNew, PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling,
		).becomes(PayoutFailed, TellPayout, Alert),
		in(PayoutSuccess).stays(Alert),
		in(PayoutFailed).isRepeat(),
		in(PayoutCancelled, PayoutRejected).isStale(),
	},
	EventPayoutCancelled: {
		in(
			PayoutHeld, PayoutNew, PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling,
		).becomes(PayoutCancelled, TellPayout),
		in(PayoutSuccess).stays(Alert),
		in(PayoutCancelled).isRepeat(),
		in(PayoutFailed, PayoutRejected).isStale(),
	},
	// What two people saw ends a payout that nobody else can tell about. Nothing is sent, then or later.
	EventPayoutFoundSent: {
		in(PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling).becomes(PayoutSuccess, TellPayout),
	},
	EventPayoutFoundFailed: {
		in(PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling).becomes(PayoutFailed, TellPayout),
	},
	// The transfer has other terms than ours.
	EventPayoutOtherFact: {
		in(PayoutStates()...).stays(Alert),
	},
}

// ApplyPayout says what event does to a payout in state. A pair that is refused, and a word that is not ours, give a
// *TransitionError.
func ApplyPayout(state PayoutState, event PayoutEvent) (PayoutStep, error) {
	return payoutTable.step("payout", state, event)
}

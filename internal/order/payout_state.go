package order

import "time"

// PayoutState is the state of one merchant transfer (one out_bill_no), as stored
// in wx_payouts.state.
type PayoutState string

// The states of a payout.
const (
	// PayoutHeld waits for a second person; nothing was sent.
	PayoutHeld PayoutState = "HELD"
	// PayoutNew is a row that is written; nothing was sent.
	PayoutNew PayoutState = "NEW"
	// PayoutSubmitted has been sent, or is about to be, and has no answer yet.
	PayoutSubmitted PayoutState = "SUBMITTED"
	// PayoutAccepted was accepted by WeChat, which does not yet ask the receiver.
	PayoutAccepted PayoutState = "ACCEPTED"
	// PayoutWaiting waits for the receiver to confirm on the phone.
	PayoutWaiting PayoutState = "WAITING"
	// PayoutTransferring was confirmed; the money is on its way.
	PayoutTransferring PayoutState = "TRANSFERRING"
	// PayoutCancelling is being taken back; the receiver may be faster.
	PayoutCancelling PayoutState = "CANCELLING"
	// PayoutSuccess has reached the receiver. Final.
	PayoutSuccess PayoutState = "SUCCESS"
	// PayoutFailed failed at WeChat, such as for want of a confirmation within 24
	// hours; the money is back. Final.
	PayoutFailed PayoutState = "FAILED"
	// PayoutCancelled was taken back, by us at WeChat or before it was sent. Final.
	PayoutCancelled PayoutState = "CANCELLED"
	// PayoutRejected was refused by WeChat, which made no transfer. Final.
	PayoutRejected PayoutState = "REJECTED"
)

// PayoutStates returns every PayoutState, in the order of their life.
func PayoutStates() []PayoutState {
	return []PayoutState{
		PayoutHeld, PayoutNew, PayoutSubmitted, PayoutAccepted, PayoutWaiting, PayoutTransferring, PayoutCancelling,
		PayoutSuccess, PayoutFailed, PayoutCancelled, PayoutRejected,
	}
}

// ParsePayoutState returns the state with exactly this spelling, or an error.
func ParsePayoutState(word string) (PayoutState, error) {
	return parseWord("payout state", word, PayoutStates())
}

// IsFinal reports whether a payout in this state has ended.
func (s PayoutState) IsFinal() bool { return s == PayoutSuccess || s.IsOff() }

// IsOff reports whether a payout in this state moves no money any more, so that
// its amount does not count against the day's ceiling.
func (s PayoutState) IsOff() bool {
	return s == PayoutFailed || s == PayoutCancelled || s == PayoutRejected
}

// Times of a payout.
const (
	// PayoutConfirmLife is how long the receiver has for the confirmation.
	PayoutConfirmLife = 24 * time.Hour
	// PayoutGrace is how long NOT_FOUND may mean "not yet" after the last call.
	PayoutGrace = 5 * time.Minute
	// PayoutTries is how long a payout that WeChat does not take is sent again,
	// with the same number.
	PayoutTries = 7 * 24 * time.Hour
	// PayoutMemory is how long WeChat answers questions about a transfer.
	// NB! after it NOT_FOUND proves nothing.
	PayoutMemory = 29 * 24 * time.Hour
)

// PayoutEvent is something that happened to a payout.
type PayoutEvent string

// The events of a payout.
const (
	// EventPayoutRequested is our row being sent, or looked at again.
	EventPayoutRequested PayoutEvent = "payout_requested"
	// EventPayoutApproved is a second person who lets the money go.
	EventPayoutApproved PayoutEvent = "payout_approved"
	// EventPayoutPackage is the receiver who wants to confirm while package_info is
	// missing: the answer that named it was lost, and the same call names it again.
	EventPayoutPackage PayoutEvent = "payout_package"
	// EventPayoutCancel is somebody in the shop who takes the payout back.
	EventPayoutCancel PayoutEvent = "payout_cancel"
	// EventPayoutUnknown is a timeout, a 429 or a 5xx: it may have worked.
	EventPayoutUnknown PayoutEvent = "payout_unknown"
	// EventPayoutNotFound is a query that finds no such transfer.
	EventPayoutNotFound PayoutEvent = "payout_not_found"
	// EventPayoutNeverMade is EventPayoutNotFound after PayoutGrace when the payout
	// is being cancelled, and after PayoutTries otherwise.
	EventPayoutNeverMade PayoutEvent = "payout_never_made"
	// EventPayoutForgotten is EventPayoutNotFound after PayoutMemory.
	EventPayoutForgotten PayoutEvent = "payout_forgotten"
	// EventPayoutRejected is a refusal for good, and a query that finds nothing.
	EventPayoutRejected PayoutEvent = "payout_rejected"
	// EventPayoutNotEnough is NOT_ENOUGH, and a query that finds nothing: the
	// merchant's account is short.
	EventPayoutNotEnough PayoutEvent = "payout_not_enough"
	// EventPayoutAccepted is ACCEPTED or PROCESSING.
	EventPayoutAccepted PayoutEvent = "payout_accepted"
	// EventPayoutWaits is WAIT_USER_CONFIRM.
	EventPayoutWaits PayoutEvent = "payout_waits"
	// EventPayoutConfirmed is a receiver who has confirmed: the money is on its way.
	EventPayoutConfirmed PayoutEvent = "payout_confirmed"
	// EventPayoutCancelling is CANCELING.
	EventPayoutCancelling PayoutEvent = "payout_cancelling"
	// EventPayoutSucceeded is SUCCESS.
	EventPayoutSucceeded PayoutEvent = "payout_succeeded"
	// EventPayoutFailed is FAIL.
	EventPayoutFailed PayoutEvent = "payout_failed"
	// EventPayoutCancelled is CANCELLED.
	EventPayoutCancelled PayoutEvent = "payout_cancelled"
	// EventPayoutFoundSent is two people who found on the merchant platform that the
	// money has arrived, after WeChat has forgotten the number.
	EventPayoutFoundSent PayoutEvent = "payout_found_sent"
	// EventPayoutFoundFailed is two people who found that it has not.
	EventPayoutFoundFailed PayoutEvent = "payout_found_failed"
	// EventPayoutOtherFact is a transfer under our number with other terms, or in a
	// state that we do not know.
	EventPayoutOtherFact PayoutEvent = "payout_other_fact"
)

// PayoutEvents returns every PayoutEvent, in the order of the table.
func PayoutEvents() []PayoutEvent {
	return []PayoutEvent{
		EventPayoutRequested, EventPayoutApproved, EventPayoutPackage, EventPayoutCancel, EventPayoutUnknown,
		EventPayoutNotFound, EventPayoutNeverMade, EventPayoutForgotten, EventPayoutRejected, EventPayoutNotEnough,
		EventPayoutAccepted, EventPayoutWaits, EventPayoutConfirmed, EventPayoutCancelling, EventPayoutSucceeded, EventPayoutFailed,
		EventPayoutCancelled, EventPayoutFoundSent, EventPayoutFoundFailed, EventPayoutOtherFact,
	}
}

// ParsePayoutEvent returns the event with exactly this spelling, or an error.
func ParsePayoutEvent(word string) (PayoutEvent, error) {
	return parseWord("payout event", word, PayoutEvents())
}

// PayoutMissing says which event it is that WeChat does not know the number of a
// payout: made is when the row was written, called when it was last sent.
func PayoutMissing(state PayoutState, made, called, now time.Time) PayoutEvent {
	switch {
	case now.Sub(called) >= PayoutMemory:
		return EventPayoutForgotten
	case state == PayoutCancelling && now.Sub(called) >= PayoutGrace, now.Sub(made) >= PayoutTries:
		return EventPayoutNeverMade
	default:
		return EventPayoutNotFound
	}
}

package order

import "slices"

// turn is the meaning of a cell in the refunds' table.
type turn uint8

const (
	deny turn = iota // refused: *TransitionError
	dupl             // known already
	olde             // ignored: we know better
	idle             // nothing to do
	send             // send it
	resd             // send it again under the same number
	take             // accepted
	back             // accepted, though we had given it up
	askn             // ask now
	askl             // ask later
	oddq             // WeChat denies what it had accepted
	refu             // refused for good
	poor             // no money in the account
	soon             // too early, so not sent
	good             // the payer has it
	surp             // the payer has it, though we had given it up
	shtd             // closed by WeChat
	abno             // stuck, needs a person
	tell             // contradiction: tell a person
	frzn             // other terms: hold and tell
)

// refundTurn says what a cell does.
func refundTurn(t turn) rule[RefundState] {
	switch t {
	case dupl:
		return rule[RefundState]{repeat: true}
	case olde:
		return rule[RefundState]{stale: true}
	case send:
		return to(RefundSubmitted, CallRefund)
	case resd:
		return rule[RefundState]{effects: []Effect{CallRefund}}
	case take:
		return to(RefundProcessing, ScheduleRefundQuery)
	case back:
		return to(RefundProcessing, ScheduleRefundQuery, Alert)
	case askn:
		return rule[RefundState]{effects: []Effect{QueryRefundNow}}
	case askl:
		return rule[RefundState]{effects: []Effect{ScheduleRefundQuery}}
	case oddq:
		return rule[RefundState]{effects: []Effect{ScheduleRefundQuery, Alert}}
	case refu:
		return to(RefundRejected, Alert)
	case poor:
		return rule[RefundState]{effects: []Effect{RetryRefundLater, Alert}}
	case soon:
		return to(RefundNew, RetryRefundSoon)
	case good:
		return to(RefundSuccess, CountRefund)
	case surp:
		return to(RefundSuccess, CountRefund, Alert)
	case shtd:
		return to(RefundClosed, Alert)
	case abno:
		return to(RefundAbnormal, Alert)
	case tell:
		return rule[RefundState]{effects: []Effect{Alert}}
	case frzn:
		return rule[RefundState]{effects: []Effect{Freeze, Alert}}
	case deny, idle:
	}
	return rule[RefundState]{}
}

// refundTable lists every pair. Columns are RefundStates, rows RefundEvents.
//
// A late answer never takes back what a notification has told (RefundAccepted in
// SUCCESS). Money that leaves although we had written the refund off is counted
// all the same, and a person is told.
var refundTable = map[RefundEvent][7]turn{
	//                    NEW   SUBMT PROCG SUCCS CLOSD ABNOR REJECTED
	EventRefundRequested: {send, resd, dupl, deny, deny, deny, deny},
	EventRefundAccepted:  {take, take, dupl, olde, tell, olde, back},
	EventRefundUnknown:   {deny, askn, askl, olde, olde, olde, askn},
	EventRefundNotFound:  {idle, resd, oddq, tell, olde, tell, dupl},
	EventRefundRejected:  {deny, refu, askn, olde, olde, olde, dupl},
	EventRefundNotEnough: {deny, poor, olde, olde, olde, olde, olde},
	EventRefundTooSoon:   {dupl, soon, olde, olde, olde, olde, olde},
	EventRefundSucceeded: {good, good, good, dupl, surp, good, surp},
	EventRefundClosed:    {shtd, shtd, shtd, tell, dupl, shtd, olde},
	EventRefundAbnormal:  {abno, abno, abno, tell, tell, dupl, abno},
	EventRefundOtherFact: {frzn, frzn, frzn, frzn, frzn, frzn, frzn},
}

// ApplyRefund says what event does to a refund in state. A pair that has no place,
// or a word that is none of ours, gives a *TransitionError.
func ApplyRefund(state RefundState, event RefundEvent) (RefundStep, error) {
	row, known := refundTable[event]
	column := slices.Index(RefundStates(), state)
	if !known || column < 0 || row[column] == deny {
		return RefundStep{}, &TransitionError{Machine: "refund", State: string(state), Event: string(event)}
	}
	return refundTurn(row[column]).step(state), nil
}

package order

import "slices"

// move is the meaning of a cell in the payments' table. Four letters each, so
// that the table below keeps its columns.
type move uint8

const (
	none move = iota // refused: *TransitionError
	same             // known already
	past             // ignored: we know better
	stay             // nothing to do
	call             // the first prepay call
	agin             // one more call while the first has no answer
	redo             // the same request again for a fresh prepay_id
	sign             // hand out the prepay_id that we have
	prep             // payable
	wait             // ask again later
	look             // ask now
	lost             // no answer: find out later
	used             // the number is taken: find out now
	fail             // refused for good
	paid             // the money is here
	odds             // the money is here, and should not be
	pimp             // paid, and partly gone back since
	impo             // money has gone back
	late             // money that nobody wants
	frez             // money on other terms
	hold             // trouble with money that is settled
	warn             // tell a person
	warq             // tell a person and ask now
	warw             // tell a person and ask later
	shut             // end it: ask first, then close
	kill             // close without asking again
	kila             // likewise, and tell a person
	clos             // close (again)
	done             // closed, confirmed
	gone             // WeChat never heard of it
	drop             // never sent, and replaced
)

// paymentMove says what a cell does.
func paymentMove(m move) rule[PaymentState] {
	switch m {
	case same:
		return rule[PaymentState]{repeat: true}
	case past:
		return rule[PaymentState]{stale: true}
	case call:
		return to(PaymentPrepaying, CallPrepay)
	case agin:
		return to(PaymentUnknown, CallPrepay)
	case redo:
		return keep(CallPrepay)
	case sign:
		return keep(SignClientParams)
	case prep:
		return to(PaymentPrepaid, SignClientParams, ScheduleQuery)
	case wait:
		return keep(ScheduleQuery)
	case look:
		return keep(QueryNow)
	case lost:
		return to(PaymentUnknown, ScheduleQuery)
	case used:
		return to(PaymentUnknown, QueryNow)
	case fail:
		return to(PaymentRejected, Alert)
	case warn:
		return keep(Alert)
	case warq:
		return keep(Alert, QueryNow)
	case warw:
		return keep(Alert, ScheduleQuery)
	case none, stay:
		return keep()
	default:
		return moneyMove(m)
	}
}

// moneyMove is the part of paymentMove where money or stock is at stake.
func moneyMove(m move) rule[PaymentState] {
	switch m {
	case paid:
		return to(PaymentPaid, MarkOrderPaid, CloseOthers)
	case odds:
		return to(PaymentPaid, MarkOrderPaid, CloseOthers, Alert)
	case pimp:
		return to(PaymentPaid, MarkOrderPaid, CloseOthers, ImportRefunds)
	case impo:
		return keep(ImportRefunds)
	case late:
		return to(PaymentPaidLate, ImportRefunds, RefundAutomatically)
	case frez:
		return to(PaymentDisputed, Freeze, Alert)
	case hold:
		return keep(Freeze, Alert)
	case shut:
		return to(PaymentClosing, QueryNow)
	case kill:
		return to(PaymentClosing, CloseAtWeChat)
	case kila:
		return to(PaymentClosing, CloseAtWeChat, Alert)
	case clos:
		return keep(CloseAtWeChat)
	case done:
		return to(PaymentClosed, CancelOrder, ReleaseStock)
	case gone:
		return to(PaymentClosed, CloseAtWeChat, CancelOrder, ReleaseStock)
	case drop:
		return to(PaymentClosed)
	default:
		return keep()
	}
}

func to[S ~string](state S, effects ...Effect) rule[S] {
	return rule[S]{to: state, effects: effects}
}

func keep(effects ...Effect) rule[PaymentState] {
	return rule[PaymentState]{effects: effects}
}

// paymentTable lists every pair. Columns are PaymentStates, rows PaymentEvents.
//
// Reading help, where the cell is not obvious:
//   - UNKNOWN is kept through further calls: a refusal of the second call says
//     nothing about the first (PrepayRejected stays there and asks).
//   - a prepay answer that loses the race against a close is closed again and
//     never handed out (Prepaid in CLOSING, CLOSED, REJECTED).
//   - NOTPAY in CLOSED means that the number came to life after all: close it.
//   - NEW takes facts: the row may come from a backup older than the payment.
var paymentTable = map[PaymentEvent][10]move{
	//                     NEW   PREPG PREPD UNKNO PAID  CLOSG CLOSD REJEC LATE  DISPUTED
	EventPayRequested:      {call, agin, sign, redo, none, none, none, none, none, none},
	EventPrepaid:           {none, prep, prep, prep, past, clos, clos, kila, past, past},
	EventPrepayUnknown:     {none, lost, wait, wait, past, look, look, past, past, past},
	EventPrepayRejected:    {none, fail, warq, warq, past, wait, past, same, past, past},
	EventNumberUsed:        {none, used, look, look, past, look, look, look, past, past},
	EventPrepayStale:       {none, none, redo, redo, none, none, none, none, none, none},
	EventClientOK:          {look, look, look, look, stay, look, look, look, stay, stay},
	EventClientFailed:      {stay, stay, stay, stay, stay, stay, stay, stay, stay, stay},
	EventPaidFact:          {paid, paid, paid, paid, same, paid, late, odds, same, warn},
	EventRefundedFact:      {pimp, pimp, pimp, pimp, impo, pimp, late, pimp, impo, warn},
	EventOtherPaidFact:     {frez, frez, frez, frez, hold, frez, frez, frez, hold, hold},
	EventSecondTransaction: {none, none, none, none, hold, none, none, none, hold, hold},
	EventPaidTwice:         {late, late, late, late, none, late, late, late, same, warn},
	EventNotPaidFact:       {lost, wait, wait, wait, past, clos, clos, kill, past, past},
	EventOtherOpenFact:     {kila, kila, kila, kila, warn, clos, clos, kila, warn, warn},
	EventClosedFact:        {done, done, done, done, past, done, same, done, past, past},
	EventUnclearFact:       {warn, warw, warw, warw, warn, warw, warn, warn, warn, warn},
	EventUnknownToWeChat:   {stay, wait, wait, wait, past, wait, same, same, past, past},
	EventUnknownPastGrace:  {stay, kill, warw, kill, past, gone, same, same, past, past},
	EventExpire:            {done, shut, shut, shut, past, look, same, done, past, past},
	EventCancel:            {done, shut, shut, shut, none, look, same, done, none, none},
	EventReplace:           {drop, shut, shut, shut, none, look, same, stay, none, none},
	EventCloseDone:         {none, none, none, none, warn, done, same, none, past, past},
	EventCloseRefusedPaid:  {none, none, none, none, past, look, look, none, past, past},
	EventCloseUnknown:      {none, none, none, none, past, wait, wait, none, past, past},
	EventRevive:            {none, none, none, none, none, none, paid, none, none, none},
	EventResolvePaid:       {none, none, none, none, same, none, none, none, same, paid},
	EventResolveClosed:     {none, none, none, none, none, none, same, none, none, done},
}

// Apply says what event does to a payment attempt in state. A pair that has no
// place, or a word that is none of ours, gives a *TransitionError.
func Apply(state PaymentState, event PaymentEvent) (Step, error) {
	row, known := paymentTable[event]
	column := slices.Index(PaymentStates(), state)
	if !known || column < 0 || row[column] == none {
		return Step{}, &TransitionError{Machine: "payment", State: string(state), Event: string(event)}
	}
	return paymentMove(row[column]).step(state), nil
}

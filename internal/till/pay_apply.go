package till

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

func (p *Payments) read(tx core.App, id string) (row attempt, err error) {
	if row.payment, err = rows.PaymentByID(tx, id); err != nil {
		return row, err
	}
	row.order, err = rows.OrderByID(tx, row.payment.OrderID())
	return row, err
}

// eventOf is the event that a fact stands for, or a person's decision.
func (p *Payments) eventOf(tx core.App, row attempt, event order.PaymentEvent, why *payEvidence) (order.PaymentEvent, error) {
	payment, o := row.payment, row.order
	if why.fact != nil {
		event, why.mismatches = compare(payment, o, *why.fact)
	}
	if why.decision != nil {
		return decidedEvent(tx, payment, event, *why)
	}
	money := event == order.EventPaidFact || event == order.EventRefundedFact
	if event == order.EventPaidFact && payment.State() == order.PaymentClosed && why.fact != nil {
		if revive, err := canRevive(tx, o, *why.fact); err != nil || revive {
			return order.EventRevive, err
		}
	}
	if money && payment.State() == order.PaymentRejected && o.PayState() == order.PayCancelled {
		return order.EventPaidTwice, nil // NB! the stock of a cancelled order is sold again: the money is refunded
	}
	return event, nil
}

// stepOf is the effect of the event. A fact that a person has decided about is a repeat.
func (p *Payments) stepOf(row attempt, event order.PaymentEvent, why payEvidence) (order.Step, error) {
	state := row.payment.State()
	if why.decision == nil {
		if settled, err := isSettled(row.payment, why.fact); settled || err != nil {
			return order.Step{From: state, To: state, Repeat: true}, err
		}
	}
	return order.Apply(state, event)
}

// verdict is the result of the step for the notification behind it.
func (p *Payments) verdict(event order.PaymentEvent, step order.Step) string {
	return verdict(event, step)
}

// compare compares a fact with the request.
func compare(payment rows.Payment, o rows.Order, t wxpay.Trade) (order.PaymentEvent, []order.Mismatch) {
	expected := order.Attempt{
		AppID: payment.AppID(), MchID: payment.MchID(), OutTradeNo: payment.OutTradeNo(),
		TransactionID: payment.TransactionID(), Total: payment.Amount(), Currency: order.CNY,
		OrderPaid: o.PayState().IsPaid(), TradeType: payment.TradeType(),
	}
	return order.Compare(expected, order.Fact{
		AppID: t.AppID, MchID: t.MchID, OutTradeNo: t.OutTradeNo, TransactionID: t.TransactionID,
		Total: int64(t.Total), Currency: t.Currency, State: string(t.State), TradeType: t.TradeType,
	})
}

// keep stores the event's data. It opens a dispute that the step asks for, and ends one that a person has decided.
func (p *Payments) keep(tx core.App, row attempt, event order.PaymentEvent, step order.Step, why payEvidence) (err error) {
	p.keepFact(row.payment, event, step, why)
	switch {
	case why.decision != nil:
		err = p.endDispute(tx, row, event, why)
	case step.Has(order.Freeze):
		err = p.openDispute(row.payment, why)
	}
	p.schedule(row.payment, step)
	return err
}

// keepFact stores the event's fact.
func (p *Payments) keepFact(payment rows.Payment, event order.PaymentEvent, step order.Step, why payEvidence) {
	if step.Has(order.CallPrepay) {
		payment.SetPrepayAt(p.now())
		payment.SetHandle("") // NB! asking again may end what WeChat gave before: without an answer there is nothing to hand out
	}
	if event == order.EventPrepaid && step.To == order.PaymentPrepaid {
		payment.SetHandle(why.prepayID)
	}
	if why.fact == nil || !why.fact.State.IsPaid() || !step.Changed() {
		return
	}
	payment.Set("raw", json.RawMessage(why.fact.Raw))
	payment.SetSuccessAt(why.fact.SuccessAt)
	payment.SetPayerTotal(int64(why.fact.PayerTotal))
	if len(why.mismatches) == 0 { // NB! another program's payment must not occupy the unique number of ours
		payment.SetTransactionID(why.fact.TransactionID)
		if payment.OpenID() == "" && len(why.fact.OpenID) <= 128 {
			payment.SetOpenID(why.fact.OpenID) // of whoever scanned the code or opened the page
		}
	}
}

// schedule sets when the sweep looks at the attempt next: soon after a step that announces a call, because the process
// may die before the call.
func (p *Payments) schedule(payment rows.Payment, step order.Step) {
	if !step.To.IsLive() && !stillCalls(payment, step, p.now()) {
		payment.SetNextQueryAt(nextLate(payment, step.To, p.now()))
		return
	}
	asked := payment.Queries()
	payment.SetQueries(asked + 1)
	next := p.now().Add(order.NextQuery(asked))
	if ends := closeAfter(payment); ends.After(p.now()) && ends.Before(next) {
		next = ends
	}
	payment.SetNextQueryAt(next)
}

// stillCalls tells whether a step calls WeChat about an attempt that has ended here, as when a prepay_id came after the close. Without an answer
// somebody could still pay, so the sweep asks until there is one (Payments.look), for lateFor at most.
func stillCalls(payment rows.Payment, step order.Step, now time.Time) bool {
	if byVirtualPayment(payment) || now.Sub(closeAfter(payment)) > lateFor { // note: nextLate is for the virtual ones
		return false
	}
	return step.Has(order.CloseAtWeChat) || step.Has(order.QueryNow) || step.Has(order.ScheduleQuery)
}

func closeAfter(payment rows.Payment) time.Time {
	return order.CloseAfter(payment.Created(), payment.ExpiresAt())
}

// follow raises alerts, does what a step asks for in our books, and queues the rest.
func (p *Payments) follow(tx core.App, row attempt, step order.Step, why payEvidence) error {
	payment, o := row.payment, row.order
	if err := p.alertForStep(tx, payment, step, why); err != nil {
		return err
	}
	for _, effect := range step.Effects {
		var err error
		switch effect {
		case order.MarkOrderPaid:
			err = p.orders.markPaid(tx, payment, o)
		case order.CloseOthers:
			err = closeOthers(tx, payment, o)
		case order.CancelOrder:
			err = p.orders.cancelIfOver(tx, o)
		case order.ReleaseStock:
			// cancelIfOver releases the stock together with the order, never separately
		case order.RefundAutomatically:
			err = books.QueueEffect(tx, effectAutoRefund, payment.Id, map[string]any{"payment": payment.Id})
		case order.Freeze:
			err = p.orders.freeze(tx, payment, o)
		case order.ImportRefunds:
			err = books.QueueEffect(tx, effectImport, payment.Id+"/"+string(step.From), map[string]any{"payment": payment.Id})
		case order.Alert:
			// raiseForStep raises the alert
		case order.CallPrepay, order.SignClientParams, order.QueryNow, order.ScheduleQuery, order.CloseAtWeChat:
			// drive and the sweep make the calls
		case order.CallRefund, order.RetryRefundLater, order.RetryRefundSoon, order.QueryRefundNow, order.ScheduleRefundQuery, order.CountRefund,
			order.CallPayout, order.QueryPayoutNow, order.SchedulePayoutQuery, order.RetryPayoutLater, order.CancelPayout, order.TellPayout:
			err = fmt.Errorf("payment step asks for %s", effect)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry names the attempt in the ledger.
func (p *Payments) entry(row attempt, why payEvidence) (columns, proof map[string]any) {
	proof = map[string]any{"outTradeNo": row.payment.OutTradeNo()}
	if why.fact != nil {
		proof["trade"] = json.RawMessage(why.fact.Raw)
	}
	if why.decision != nil {
		proof["decision"] = why.decision
	}
	return map[string]any{"order": row.payment.OrderID(), "payment": row.payment.Id}, proof
}

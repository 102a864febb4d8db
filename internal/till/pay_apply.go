package till

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// apply is the only writer of payment states, and so the only one of PAID. In one transaction it reads the attempt, decides what
// the event means, and writes the new state, the ledger row, what follows for the order, and the effects into the outbox.
func (t *Till) apply(app core.App, paymentID string, event order.PaymentEvent, why evidence) (order.Step, error) {
	var step order.Step
	err := app.RunInTransaction(func(tx core.App) error {
		payment, err := tx.FindRecordById("payments", paymentID)
		if err != nil {
			return fmt.Errorf("read payment: %w", err)
		}
		o, err := tx.FindRecordById("orders", payment.GetString("order"))
		if err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		event, err = t.eventOf(tx, payment, o, event, &why)
		if err != nil {
			return err
		}
		step, err = t.stepOf(payment, event, why)
		if err != nil {
			return err
		}
		return t.record(tx, payment, o, event, step, why)
	})
	if err != nil {
		return step, fmt.Errorf("apply %s to payment %s: %w", event, paymentID, err)
	}
	t.Books.Wake()
	return step, nil
}

// eventOf is what happened: what a fact says, or what a person made of it.
func (t *Till) eventOf(tx core.App, payment, o *core.Record, event order.PaymentEvent, why *evidence) (order.PaymentEvent, error) {
	if why.trade != nil {
		event, why.mismatches = compare(payment, o, *why.trade)
	}
	if why.decision != nil {
		return decidedEvent(tx, payment, event, *why)
	}
	money := event == order.EventPaidFact || event == order.EventRefundedFact
	if money && payment.GetString("state") == string(order.PaymentRejected) && o.GetString("payState") == string(order.PayCancelled) {
		return order.EventPaidTwice, nil // NB! the stock of a cancelled order is sold again: nobody wants this money
	}
	return event, nil
}

// stepOf is what the event does. A fact that a person has decided about says nothing new.
func (t *Till) stepOf(payment *core.Record, event order.PaymentEvent, why evidence) (order.Step, error) {
	state := order.PaymentState(payment.GetString("state"))
	if why.decision == nil {
		if settled, err := isSettled(payment, why.trade); settled || err != nil {
			return order.Step{From: state, To: state, Repeat: true}, err
		}
	}
	return order.Apply(state, event)
}

// compare holds a fact against what we asked for.
func compare(payment, o *core.Record, t wxpay.Trade) (order.PaymentEvent, []order.Mismatch) {
	expected := order.Attempt{
		AppID: payment.GetString("appid"), MchID: payment.GetString("merchant"), OutTradeNo: payment.GetString("outTradeNo"),
		TransactionID: payment.GetString("transactionId"), Total: int64(payment.GetInt("amount")), Currency: order.CNY,
		OrderPaid: order.PayState(o.GetString("payState")).IsPaid(),
	}
	return order.Compare(expected, order.Fact{
		AppID: t.AppID, MchID: t.MchID, OutTradeNo: t.OutTradeNo, TransactionID: t.TransactionID,
		Total: int64(t.Total), Currency: t.Currency, State: string(t.State),
	})
}

// record writes a step. A step that says nothing new writes nothing but its inbox row, so that a notification that is delivered
// ten times costs one commit.
func (t *Till) record(tx core.App, payment, o *core.Record, event order.PaymentEvent, step order.Step, why evidence) error {
	if why.inbox != nil {
		if err := books.SaveInbox(tx, why.inbox, verdict(event, step), describe(why.mismatches)); err != nil {
			return err
		}
	}
	decided := why.decision != nil
	if !decided && (step.Repeat || step.Stale || !step.Changed() && len(step.Effects) == 0) {
		return nil
	}
	payment.Set("state", string(step.To))
	t.keepFact(payment, event, step, why)
	if err := t.keepDispute(tx, payment, o, event, step, why); err != nil {
		return err
	}
	t.schedule(payment, step)
	if err := books.Save(tx, payment); err != nil {
		return fmt.Errorf("save payment: %w", err)
	}
	if step.Changed() || decided {
		if err := saveLedger(tx, payment, event, step, why); err != nil {
			return err
		}
	}
	if err := t.alertForStep(tx, payment, step, why); err != nil {
		return err
	}
	return t.follow(tx, payment, o, step)
}

// keepDispute opens a dispute that the step asks for, and ends one that a person has decided about.
func (t *Till) keepDispute(tx core.App, payment, o *core.Record, event order.PaymentEvent, step order.Step, why evidence) error {
	switch {
	case why.decision != nil:
		return t.endDispute(tx, payment, o, event, why)
	case step.Has(order.Freeze):
		return t.openDispute(payment, why)
	default:
		return nil
	}
}

// keepFact stores what an event brought with it.
func (t *Till) keepFact(payment *core.Record, event order.PaymentEvent, step order.Step, why evidence) {
	if step.Has(order.CallPrepay) {
		payment.Set("prepayAt", t.Now())
	}
	if event == order.EventPrepaid && step.To == order.PaymentPrepaid {
		payment.Set("prepayId", why.prepayID)
	}
	if why.trade == nil || !why.trade.State.IsPaid() || !step.Changed() {
		return
	}
	payment.Set("raw", json.RawMessage(why.trade.Raw))
	payment.Set("successAt", why.trade.SuccessAt)
	payment.Set("payerTotal", int64(why.trade.PayerTotal))
	if len(why.mismatches) == 0 { // NB! a payment that is not ours must not occupy the unique number of one that is
		payment.Set("transactionId", why.trade.TransactionID)
	}
}

// schedule sets when the sweep looks at the attempt next. A step that announces a call is looked at soon even if the process
// dies before it makes the call.
func (t *Till) schedule(payment *core.Record, step order.Step) {
	if !step.To.IsLive() {
		payment.Set("nextQueryAt", nil)
		return
	}
	asked := payment.GetInt("queries")
	payment.Set("queries", asked+1)
	next := t.Now().Add(order.NextQuery(asked))
	if ends := closeAfter(payment); ends.After(t.Now()) && ends.Before(next) {
		next = ends
	}
	payment.Set("nextQueryAt", next)
}

func closeAfter(payment *core.Record) time.Time {
	return order.CloseAfter(payment.GetDateTime("created").Time(), payment.GetDateTime("expiresAt").Time())
}

// follow does in our books what a step asks for, and queues the rest.
func (t *Till) follow(tx core.App, payment, o *core.Record, step order.Step) error {
	for _, effect := range step.Effects {
		var err error
		switch effect {
		case order.MarkOrderPaid:
			err = t.markPaid(tx, payment, o)
		case order.CloseOthers:
			err = closeOthers(tx, payment, o)
		case order.CancelOrder:
			err = t.cancelIfOver(tx, o)
		case order.ReleaseStock:
			// cancelIfOver releases the stock together with the order: never one without the other
		case order.RefundAutomatically:
			err = books.QueueEffect(tx, effectAutoRefund, payment.Id, map[string]any{"payment": payment.Id})
		case order.Freeze:
			err = t.freezeOrder(tx, payment, o)
		case order.ImportRefunds:
			err = books.QueueEffect(tx, effectImport, payment.Id+"/"+string(step.From), map[string]any{"payment": payment.Id})
		case order.Alert:
			// raiseForStep tells a person
		case order.CallPrepay, order.SignClientParams, order.QueryNow, order.ScheduleQuery, order.CloseAtWeChat:
			// drive and the sweep make the calls
		case order.CallRefund, order.RetryRefundLater, order.RetryRefundSoon, order.QueryRefundNow, order.ScheduleRefundQuery, order.CountRefund:
			err = fmt.Errorf("payment step asks for %s", effect)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// markPaid moves the order to PAID and queues what the shop does about it.
func (t *Till) markPaid(tx core.App, payment, o *core.Record) error {
	state := order.PayState(o.GetString("payState"))
	if state.IsPaid() {
		return nil
	}
	if state == order.PayCancelled { // NB! its stock was given back: without it there is nothing to sell
		if err := takeStockAgain(tx, o); err != nil {
			return err
		}
	}
	o.Set("payState", string(order.PayPaid))
	o.Set("paidAt", payment.GetDateTime("successAt"))
	if err := books.Save(tx, o); err != nil {
		return fmt.Errorf("save order: %w", err)
	}
	for _, effect := range []string{EffectNotice, effectPaidHooks} {
		if err := books.QueueEffect(tx, effect, o.Id, map[string]any{"order": o.Id}); err != nil {
			return err
		}
	}
	return nil
}

// takeStockAgain reserves what the cancelling of an order gave back.
func takeStockAgain(tx core.App, o *core.Record) error {
	items, err := order.ParseItems(o.GetString("items"))
	if err != nil {
		return err
	}
	o.Set("cancelAt", nil)
	o.Set("closedAt", nil)
	return reserveStock(tx, items, -1)
}

func closeOthers(tx core.App, payment, o *core.Record) error {
	live, err := liveAttempts(tx, o.Id)
	if err != nil {
		return err
	}
	for _, other := range live {
		if other.Id == payment.Id {
			continue
		}
		if err := books.QueueEffect(tx, effectClosePayment, other.Id, map[string]any{"payment": other.Id}); err != nil {
			return err
		}
	}
	return nil
}

// cancelIfOver cancels the order once none of its attempts can take money any more, and only if its time is up or its owner
// cancelled: an attempt that merely made way for the next one leaves the order open.
func (t *Till) cancelIfOver(tx core.App, o *core.Record) error {
	over := !o.GetDateTime("cancelAt").IsZero() || !t.Now().Before(o.GetDateTime("expiresAt").Time())
	if o.GetString("payState") != string(order.PayUnpaid) || !over || isFrozen(o) {
		return nil
	}
	live, err := liveAttempts(tx, o.Id)
	if err != nil || len(live) > 0 {
		return err
	}
	items, err := order.ParseItems(o.GetString("items"))
	if err != nil {
		return err
	}
	if err := reserveStock(tx, items, +1); err != nil {
		return err
	}
	o.Set("payState", string(order.PayCancelled))
	o.Set("closedAt", t.Now())
	if err := books.Save(tx, o); err != nil {
		return fmt.Errorf("save order: %w", err)
	}
	return nil
}

// saveLedger appends the transition with what it rests on.
func saveLedger(tx core.App, payment *core.Record, event order.PaymentEvent, step order.Step, why evidence) error {
	proof := map[string]any{"event": string(event), "outTradeNo": payment.GetString("outTradeNo")}
	if why.trade != nil {
		proof["trade"] = json.RawMessage(why.trade.Raw)
	}
	if len(why.mismatches) > 0 {
		proof["mismatches"] = why.mismatches
	}
	if why.decision != nil {
		proof["decision"] = why.decision
	}
	_, err := books.Insert(tx, "wx_ledger", map[string]any{
		"order": payment.GetString("order"), "payment": payment.Id, "from": string(step.From), "to": string(step.To),
		"source": why.source, "evidence": proof,
	})
	return err
}

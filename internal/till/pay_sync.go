package till

import (
	"context"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/order"
)

// SyncOrder handles POST /api/wx/orders/{id}/sync: it asks WeChat about every attempt of the order that is not settled, applies the
// answers, and returns the order. What the phone believes about its payment changes nothing. Of an order that is paid it asks, for its
// buyer once a minute, whether money has gone back without us.
func (t *Till) SyncOrder(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	record, err := OwnOrder(e)
	if err != nil {
		return err
	}
	defer t.Locks.Lock("order/" + record.Id)()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	live, err := liveAttempts(e.App, record.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(live) == 0 && (desk.IsOperator(e) || t.syncMinute.Allow(record.Id, 1, t.Now())) {
		err := t.syncPaid(ctx, record.Id)
		if err != nil && desk.IsOperator(e) {
			return answer.FromPay(err)
		}
		t.Books.LogError("looking for refunds by hand", err) // note: to the buyer the order is paid all the same
	}
	for _, payment := range live {
		end := t.drive(ctx, payment.Id, order.EventClientOK, evidence{source: "sync"})
		if end.err != nil {
			return answer.Fail(answer.Busy, end.err)
		}
		if end.callErr != nil {
			return answer.FromPay(end.callErr)
		}
	}
	return answerOrder(e, record.Id)
}

// CancelOrder handles POST /api/wx/orders/{id}/cancel. The order is closed at WeChat first and here second, so the answer may be an
// order that is still UNPAID (WeChat did not answer; the sweep goes on) or even PAID (the payer was faster).
func (t *Till) CancelOrder(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	record, err := OwnOrder(e)
	if err != nil {
		return err
	}
	defer t.Locks.Lock("order/" + record.Id)()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	if err := t.requestCancel(e.App, record.Id); err != nil {
		return answer.Or(err, answer.Busy)
	}
	if err := t.endAttempts(ctx, record.Id, order.EventCancel, "cancel"); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return t.answerCancel(e, record.Id)
}

// answerCancel answers with the order, unless cancelling met a payment that does not fit it.
func (t *Till) answerCancel(e *core.RequestEvent, orderID string) error {
	o, err := e.App.FindRecordById("orders", orderID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if isFrozen(o) {
		return answer.Fail(answer.OrderDisputed, nil)
	}
	return answerOrder(e, orderID)
}

// requestCancel notes that the owner wants out, so that the last attempt to close takes the order with it.
func (t *Till) requestCancel(app core.App, orderID string) error {
	return app.RunInTransaction(func(tx core.App) error {
		o, err := tx.FindRecordById("orders", orderID)
		if err != nil {
			return err
		}
		if state := order.PayState(o.GetString("payState")); state.IsPaid() {
			return answer.Fail(answer.OrderPaid, nil)
		}
		if isFrozen(o) {
			return answer.Fail(answer.OrderDisputed, nil)
		}
		if o.GetDateTime("cancelAt").IsZero() {
			o.Set("cancelAt", t.Now())
			if err := books.Save(tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// endAttempts sends an ending event to every live attempt, and closes the order where there is none.
func (t *Till) endAttempts(ctx context.Context, orderID string, event order.PaymentEvent, source string) error {
	live, err := liveAttempts(t.App, orderID)
	if err != nil {
		return err
	}
	for _, payment := range live {
		if end := t.drive(ctx, payment.Id, event, evidence{source: source}); end.err != nil && !isOutpaced(end.err) {
			return end.err
		}
	}
	return t.App.RunInTransaction(func(tx core.App) error {
		o, err := tx.FindRecordById("orders", orderID)
		if err != nil {
			return err
		}
		return t.cancelIfOver(tx, o)
	})
}

// Sweep looks after what nobody reports: attempts that are due for a question, and orders whose time is up.
func (t *Till) Sweep(ctx context.Context) error {
	var due, over []*core.Record
	if err := DuePayments(t.App, t.Now()).All(&due); err != nil {
		return fmt.Errorf("find due payments: %w", err)
	}
	for _, payment := range due {
		t.sweepPayment(ctx, payment)
	}
	if err := DueOrders(t.App, t.Now()).All(&over); err != nil {
		return fmt.Errorf("find expired orders: %w", err)
	}
	for _, o := range over {
		if err := t.sweepOrder(o.Id); err != nil {
			return err
		}
	}
	return nil
}

func (t *Till) sweepPayment(ctx context.Context, payment *core.Record) {
	defer t.Locks.Lock("order/" + payment.GetString("order"))()
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	event := order.EventClientOK // which asks WeChat
	if !t.Now().Before(closeAfter(payment)) {
		event = order.EventExpire
	}
	end := t.drive(ctx, payment.Id, event, evidence{source: "sweep"})
	if end.err != nil {
		t.App.Logger().Error("sweep of a payment stopped", "payment", payment.Id, "error", end.err.Error())
	}
	if end.err != nil || end.callErr != nil {
		t.postpone(payment.Id)
	}
}

// postpone makes an attempt wait after a question that had no answer, so that an outage is not answered with a storm.
func (t *Till) postpone(paymentID string) {
	err := t.App.RunInTransaction(func(tx core.App) error {
		payment, err := tx.FindRecordById("payments", paymentID)
		if err != nil || !order.PaymentState(payment.GetString("state")).IsLive() {
			return err
		}
		asked := payment.GetInt("queries")
		payment.Set("queries", asked+1)
		payment.Set("nextQueryAt", t.Now().Add(order.NextQuery(asked)))
		return books.Save(tx, payment)
	})
	if err != nil {
		t.App.Logger().Warn("payment not postponed", "payment", paymentID, "error", err.Error())
	}
}

// sweepOrder cancels an expired order that nobody tried to pay, or whose attempts have all ended.
func (t *Till) sweepOrder(orderID string) error {
	return t.App.RunInTransaction(func(tx core.App) error {
		o, err := tx.FindRecordById("orders", orderID)
		if err != nil {
			return err
		}
		return t.cancelIfOver(tx, o)
	})
}

// WorkSweep runs rounds of both sweeps until ctx ends.
func (t *Till) WorkSweep(ctx context.Context) {
	tick := time.NewTicker(t.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.Books.LogError("sweep", t.Sweep(ctx))
			t.Books.LogError("sweep of refunds", t.SweepRefunds(ctx))
		}
	}
}

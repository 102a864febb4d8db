package hooks

import (
	"context"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/order"
)

// syncOrder handles POST /api/wx/orders/{id}/sync: it asks WeChat about every attempt of the order that is not settled, applies the
// answers, and returns the order. What the phone believes about its payment changes nothing. Of an order that is paid it asks, for its
// buyer once a minute, whether money has gone back without us.
func (p *Plugin) syncOrder(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	record, err := ownOrder(e)
	if err != nil {
		return err
	}
	defer p.locks.lock("order/" + record.Id)()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), payTimeout)
	defer cancel()
	live, err := liveAttempts(e.App, record.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(live) == 0 && (isOperator(e) || p.syncMinute.allow(record.Id, 1, p.now())) {
		err := p.syncPaid(ctx, record.Id)
		if err != nil && isOperator(e) {
			return answer.FromPay(err)
		}
		p.logErr("looking for refunds by hand", err) // note: to the buyer the order is paid all the same
	}
	for _, payment := range live {
		end := p.drive(ctx, payment.Id, order.EventClientOK, evidence{source: "sync"})
		if end.err != nil {
			return answer.Fail(answer.Busy, end.err)
		}
		if end.callErr != nil {
			return answer.FromPay(end.callErr)
		}
	}
	return answerOrder(e, record.Id)
}

// cancelOrder handles POST /api/wx/orders/{id}/cancel. The order is closed at WeChat first and here second, so the answer may be an
// order that is still UNPAID (WeChat did not answer; the sweep goes on) or even PAID (the payer was faster).
func (p *Plugin) cancelOrder(e *core.RequestEvent) error {
	if err := answer.ReadNothing(e); err != nil {
		return err
	}
	record, err := ownOrder(e)
	if err != nil {
		return err
	}
	defer p.locks.lock("order/" + record.Id)()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), payTimeout)
	defer cancel()
	if err := p.requestCancel(e.App, record.Id); err != nil {
		return answer.Or(err, answer.Busy)
	}
	if err := p.endAttempts(ctx, record.Id, order.EventCancel, "cancel"); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return p.answerCancel(e, record.Id)
}

// answerCancel answers with the order, unless cancelling met a payment that does not fit it.
func (p *Plugin) answerCancel(e *core.RequestEvent, orderID string) error {
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
func (p *Plugin) requestCancel(app core.App, orderID string) error {
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
			o.Set("cancelAt", p.now())
			if err := save(tx, o); err != nil {
				return err
			}
		}
		return nil
	})
}

// endAttempts sends an ending event to every live attempt, and closes the order where there is none.
func (p *Plugin) endAttempts(ctx context.Context, orderID string, event order.PaymentEvent, source string) error {
	live, err := liveAttempts(p.app, orderID)
	if err != nil {
		return err
	}
	for _, payment := range live {
		if end := p.drive(ctx, payment.Id, event, evidence{source: source}); end.err != nil && !isOutpaced(end.err) {
			return end.err
		}
	}
	return p.app.RunInTransaction(func(tx core.App) error {
		o, err := tx.FindRecordById("orders", orderID)
		if err != nil {
			return err
		}
		return p.cancelIfOver(tx, o)
	})
}

// sweep looks after what nobody reports: attempts that are due for a question, and orders whose time is up.
func (p *Plugin) sweep(ctx context.Context) error {
	var due, over []*core.Record
	if err := duePayments(p.app, p.now()).All(&due); err != nil {
		return fmt.Errorf("find due payments: %w", err)
	}
	for _, payment := range due {
		p.sweepPayment(ctx, payment)
	}
	if err := dueOrders(p.app, p.now()).All(&over); err != nil {
		return fmt.Errorf("find expired orders: %w", err)
	}
	for _, o := range over {
		if err := p.sweepOrder(o.Id); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plugin) sweepPayment(ctx context.Context, payment *core.Record) {
	defer p.locks.lock("order/" + payment.GetString("order"))()
	ctx, cancel := context.WithTimeout(ctx, payTimeout)
	defer cancel()
	event := order.EventClientOK // which asks WeChat
	if !p.now().Before(closeAfter(payment)) {
		event = order.EventExpire
	}
	end := p.drive(ctx, payment.Id, event, evidence{source: "sweep"})
	if end.err != nil {
		p.app.Logger().Error("sweep of a payment stopped", "payment", payment.Id, "error", end.err.Error())
	}
	if end.err != nil || end.callErr != nil {
		p.postpone(payment.Id)
	}
}

// postpone makes an attempt wait after a question that had no answer, so that an outage is not answered with a storm.
func (p *Plugin) postpone(paymentID string) {
	err := p.app.RunInTransaction(func(tx core.App) error {
		payment, err := tx.FindRecordById("payments", paymentID)
		if err != nil || !order.PaymentState(payment.GetString("state")).IsLive() {
			return err
		}
		asked := payment.GetInt("queries")
		payment.Set("queries", asked+1)
		payment.Set("nextQueryAt", p.now().Add(order.NextQuery(asked)))
		return save(tx, payment)
	})
	if err != nil {
		p.app.Logger().Warn("payment not postponed", "payment", paymentID, "error", err.Error())
	}
}

// sweepOrder cancels an expired order that nobody tried to pay, or whose attempts have all ended.
func (p *Plugin) sweepOrder(orderID string) error {
	return p.app.RunInTransaction(func(tx core.App) error {
		o, err := tx.FindRecordById("orders", orderID)
		if err != nil {
			return err
		}
		return p.cancelIfOver(tx, o)
	})
}

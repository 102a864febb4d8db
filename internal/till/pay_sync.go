package till

import (
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// Sync handles POST /api/wx/orders/{id}/sync: it queries WeChat about every unsettled attempt of the order, applies the
// answers, and returns the order. The phone's own view of its payment changes nothing. For a paid order it checks, for
// its buyer once a minute, whether others have refunded money.
func (c *Cashier) Sync(e *core.RequestEvent) error {
	record, ctx, end, err := c.begin(e)
	if err != nil {
		return err
	}
	defer end()
	live, err := liveAttempts(e.App, record.Id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if len(live) == 0 && (desk.IsOperator(e) || c.syncMinute.Allow(record.Id, 1, c.now())) {
		err := c.imports.syncPaid(ctx, record.Id)
		if err != nil && desk.IsOperator(e) {
			return answer.FromPay(err)
		}
		c.books.LogError("looking for refunds by hand", err) // note: for the buyer the order is paid all the same
	}
	for _, payment := range live {
		end := c.payments.drive(ctx, payment.Id, order.EventClientOK, payEvidence{source: "sync"})
		if end.err != nil {
			return answer.Fail(answer.Busy, end.err)
		}
		if end.callErr != nil {
			return answer.FromPay(end.callErr)
		}
	}
	return answerOrder(e, record.Id)
}

// Cancel handles POST /api/wx/orders/{id}/cancel. The order is closed at WeChat first and here second, so the answer
// may be an order that is still UNPAID (WeChat did not answer; the sweep continues) or even PAID (the payer was
// faster).
func (c *Cashier) Cancel(e *core.RequestEvent) error {
	record, ctx, end, err := c.begin(e)
	if err != nil {
		return err
	}
	defer end()
	if err := c.requestCancel(e.App, record.Id); err != nil {
		return answer.Or(err, answer.Busy)
	}
	if err := c.endAttempts(ctx, record.Id, order.EventCancel, "cancel"); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return c.answerCancel(e, record.Id)
}

// answerCancel answers with the order, unless cancelling met a contradicting payment.
func (c *Cashier) answerCancel(e *core.RequestEvent, orderID string) error {
	o, err := rows.OrderByID(e.App, orderID)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if o.IsFrozen() {
		return answer.Fail(answer.OrderDisputed, nil)
	}
	return answerOrder(e, orderID)
}

// requestCancel notes the owner's wish to cancel, so that the close of the last attempt cancels the order.
func (c *Cashier) requestCancel(app core.App, orderID string) error {
	return app.RunInTransaction(func(tx core.App) error {
		o, err := rows.OrderByID(tx, orderID)
		if err != nil {
			return err
		}
		if state := o.PayState(); state.IsPaid() {
			return answer.Fail(answer.OrderPaid, nil)
		}
		if o.IsFrozen() {
			return answer.Fail(answer.OrderDisputed, nil)
		}
		if o.IsWanted() {
			o.SetCancelAt(c.now())
			if err := books.Write(tx, o.Record); err != nil {
				return err
			}
		}
		return nil
	})
}

// endAttempts applies an ending event to every live attempt, and closes an order without any.
func (c *Cashier) endAttempts(ctx context.Context, orderID string, event order.PaymentEvent, source string) error {
	live, err := liveAttempts(c.app, orderID)
	if err != nil {
		return err
	}
	for _, payment := range live {
		if end := c.payments.drive(ctx, payment.Id, event, payEvidence{source: source}); end.err != nil && !isOutpaced(end.err) {
			return end.err
		}
	}
	return c.app.RunInTransaction(func(tx core.App) error {
		o, err := rows.OrderByID(tx, orderID)
		if err != nil {
			return err
		}
		return c.orders.cancelIfOver(tx, o)
	})
}

// look queries WeChat about an attempt, and ends it when its time is up. One that had ended is left alone once WeChat says the same.
func (p *Payments) look(ctx context.Context, r *core.Record) driven[attempt, order.PaymentState] {
	event := order.EventClientOK // which asks WeChat
	if payment := rows.PaymentOf(r); payment.State().IsLive() && !p.now().Before(closeAfter(payment)) {
		event = order.EventExpire
	}
	end := p.drive(ctx, r.Id, event, payEvidence{source: "sweep"})
	if end.err == nil && end.callErr == nil && end.step.Repeat && !end.step.To.IsLive() && !byVirtualPayment(end.row.payment) {
		end.err = p.leave(r.Id)
	}
	return end
}

// leave ends the looks at an attempt that has ended.
func (p *Payments) leave(id string) error {
	return books.Together(p.app, func(tx core.App) error {
		payment, err := rows.PaymentByID(tx, id)
		if err != nil || payment.State().IsLive() || payment.NextQueryAt().IsZero() {
			return err
		}
		payment.SetNextQueryAt(time.Time{})
		return books.Write(tx, payment.Record)
	})
}

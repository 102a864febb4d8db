package till

import (
	"context"
	"errors"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// Effects of payments and refunds.
const (
	EffectNotice       = "order.paid.notice" // the banner in the room notice
	effectPaidHooks    = "order.paid.hooks"  // OnOrderPaid
	effectRefundHooks  = "refund.succeeded"  // OnRefundSucceeded
	effectPayoutHooks  = "payout.ended"      // OnPayoutSucceeded, OnPayoutFailed
	effectClosePayment = "payment.close"     // another attempt has paid the order
	effectAutoRefund   = "refund.auto"       // money that nobody wants goes back
	effectImport       = "refund.import"     // WeChat knows of refunds that we have not made
	effectProvide      = "payment.provide"   // WeChat is told that virtual goods were delivered
)

// HandleEffects registers what happens after a payment or a refund.
func (t *Till) HandleEffects() {
	t.books.Handle(effectPaidHooks, books.Effect{Do: func(_ context.Context, row *core.Record) error {
		a, err := books.AboutOf(row)
		if err != nil {
			return err
		}
		return t.tellPaid(a.Order)
	}, Wanted: func() bool { return t.OnPaid.Length() > 0 }})
	t.books.Handle(effectRefundHooks, books.Effect{Do: func(_ context.Context, row *core.Record) error {
		a, err := books.AboutOf(row)
		if err != nil {
			return err
		}
		return t.tellRefunded(a.Refund)
	}, Wanted: func() bool { return t.OnRefunded.Length() > 0 }})
	t.books.Handle(effectPayoutHooks, books.Effect{
		Do:     func(_ context.Context, row *core.Record) error { return t.tellPayout(row) },
		Wanted: func() bool { return t.OnPayoutSucceeded.Length()+t.OnPayoutFailed.Length() > 0 },
	})
	for name, do := range map[string]func(context.Context, string) error{
		effectClosePayment: t.Payments.closeReplaced, effectAutoRefund: t.Refunds.automatic, effectImport: t.Refunds.imports.byEffect,
		effectProvide: t.Payments.provide,
	} {
		t.books.Handle(name, books.Effect{Do: func(ctx context.Context, row *core.Record) error {
			a, err := books.AboutOf(row)
			if err != nil {
				return err
			}
			return do(ctx, a.Payment)
		}})
	}
}

func (p *Payments) closeReplaced(ctx context.Context, paymentID string) error {
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	end := p.drive(ctx, paymentID, order.EventReplace, payEvidence{source: "replace"})
	if isOutpaced(end.err) {
		return nil // it has ended meanwhile
	}
	return errors.Join(end.err, end.callErr)
}

func (t *Till) tellRefunded(refundID string) error {
	refund, err := rows.RefundByID(t.app, refundID)
	if err != nil {
		return err
	}
	o, err := rows.OrderByID(t.app, refund.OrderID())
	if err != nil {
		return err
	}
	return t.OnRefunded.Trigger(&events.RefundEvent{App: t.app, Order: o.Record, Refund: refund.Record})
}

func (t *Till) tellPaid(orderID string) error {
	o, err := rows.OrderByID(t.app, orderID)
	if err != nil {
		return err
	}
	return t.OnPaid.Trigger(&events.PaidEvent{App: t.app, Order: o.Record})
}

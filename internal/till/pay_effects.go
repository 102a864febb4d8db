package till

import (
	"context"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/order"
)

// Effects of payments and refunds.
const (
	EffectNotice       = "order.paid.notice" // the banner in the room notice
	effectPaidHooks    = "order.paid.hooks"  // OnOrderPaid
	effectRefundHooks  = "refund.succeeded"  // OnRefundSucceeded
	effectClosePayment = "payment.close"     // another attempt has paid the order
	effectAutoRefund   = "refund.auto"       // money that nobody wants goes back
	effectImport       = "refund.import"     // WeChat knows of refunds that we have not made
)

// HandleEffects registers what happens after a payment or a refund.
func (t *Till) HandleEffects() {
	t.Books.Handle(effectPaidHooks, books.Effect{Do: func(_ context.Context, row *core.Record) error {
		a, err := books.AboutOf(row)
		if err != nil {
			return err
		}
		return t.tellPaid(a.Order)
	}})
	t.Books.Handle(effectRefundHooks, books.Effect{Do: func(_ context.Context, row *core.Record) error {
		a, err := books.AboutOf(row)
		if err != nil {
			return err
		}
		return t.tellRefunded(a.Refund)
	}})
	for name, do := range map[string]func(context.Context, string) error{
		effectClosePayment: t.closeReplaced, effectAutoRefund: t.refundAutomatically, effectImport: t.importByEffect,
	} {
		t.Books.Handle(name, books.Effect{Do: func(ctx context.Context, row *core.Record) error {
			a, err := books.AboutOf(row)
			if err != nil {
				return err
			}
			return do(ctx, a.Payment)
		}})
	}
}

func (t *Till) closeReplaced(ctx context.Context, paymentID string) error {
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	end := t.drive(ctx, paymentID, order.EventReplace, evidence{source: "replace"})
	if isOutpaced(end.err) {
		return nil // it has ended meanwhile
	}
	return errors.Join(end.err, end.callErr)
}

func (t *Till) tellRefunded(refundID string) error {
	refund, err := t.App.FindRecordById("refunds", refundID)
	if err != nil {
		return fmt.Errorf("read refund: %w", err)
	}
	o, err := t.App.FindRecordById("orders", refund.GetString("order"))
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return t.OnRefundSucceeded.Trigger(&events.RefundEvent{App: t.App, Order: o, Refund: refund})
}

func (t *Till) tellPaid(orderID string) error {
	o, err := t.App.FindRecordById("orders", orderID)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return t.OnOrderPaid.Trigger(&events.PaidEvent{App: t.App, Order: o})
}

package hooks

import (
	"context"
	"errors"
	"fmt"
	"wxbase/internal/order"

	"github.com/pocketbase/pocketbase/core"
)

// Effects of payments and refunds.
const (
	effectNotice       = "order.paid.notice" // the banner in the room notice
	effectPaidHooks    = "order.paid.hooks"  // OnOrderPaid
	effectRefundHooks  = "refund.succeeded"  // OnRefundSucceeded
	effectClosePayment = "payment.close"     // another attempt has paid the order
	effectAutoRefund   = "refund.auto"       // money that nobody wants goes back
	effectImport       = "refund.import"     // WeChat knows of refunds that we have not made
)

// handleEffects registers what happens after a payment or a refund.
func (p *Plugin) handleEffects() {
	p.handle(effectPaidHooks, effect{do: func(_ context.Context, row *core.Record) error {
		a, err := aboutOf(row)
		if err != nil {
			return err
		}
		return p.tellPaid(a.Order)
	}})
	p.handle(effectRefundHooks, effect{do: func(_ context.Context, row *core.Record) error {
		a, err := aboutOf(row)
		if err != nil {
			return err
		}
		return p.tellRefunded(a.Refund)
	}})
	for name, do := range map[string]func(context.Context, string) error{
		effectClosePayment: p.closeReplaced, effectAutoRefund: p.refundAutomatically, effectImport: p.importByEffect,
	} {
		p.handle(name, effect{do: func(ctx context.Context, row *core.Record) error {
			a, err := aboutOf(row)
			if err != nil {
				return err
			}
			return do(ctx, a.Payment)
		}})
	}
}

func (p *Plugin) closeReplaced(ctx context.Context, paymentID string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	end := p.drive(ctx, paymentID, order.EventReplace, evidence{source: "replace"})
	if isOutpaced(end.err) {
		return nil // it has ended meanwhile
	}
	return errors.Join(end.err, end.callErr)
}

func (p *Plugin) tellRefunded(refundID string) error {
	refund, err := p.app.FindRecordById("refunds", refundID)
	if err != nil {
		return fmt.Errorf("read refund: %w", err)
	}
	o, err := p.app.FindRecordById("orders", refund.GetString("order"))
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return p.onRefundSucceeded.Trigger(&RefundEvent{App: p.app, Order: o, Refund: refund})
}

func (p *Plugin) tellPaid(orderID string) error {
	o, err := p.app.FindRecordById("orders", orderID)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	return p.onOrderPaid.Trigger(&PaidEvent{App: p.app, Order: o})
}

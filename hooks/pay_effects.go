package hooks

import (
	"context"
	"errors"
	"fmt"
	"wxbase/internal/order"
)

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

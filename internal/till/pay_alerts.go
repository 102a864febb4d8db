package till

import (
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// alertForStep closes the alerts that a step has settled, and raises those that it asks for.
func (p *Payments) alertForStep(tx core.App, payment rows.Payment, step order.Step, why payEvidence) error {
	if step.Changed() && (why.inbox != nil || step.To == order.PaymentPaid || step.To == order.PaymentPaidLate) { // it may have been unmatched before
		if err := p.books.CloseUnmatched(tx, payment.MchID(), payment.OutTradeNo(), why.source, "it is ours"); err != nil {
			return err
		}
	}
	if step.Changed() && step.From == order.PaymentDisputed {
		if err := p.books.Settle(tx, books.AlertDisputed, payment.Id, why.source); err != nil {
			return err
		}
	}
	return p.raiseForStep(tx, payment, step)
}

// raiseForStep raises the alerts of a payment's step. Money that came too late and is refunded automatically needs no
// alert: if the refund fails, it raises its own.
//
// note: WeChat has no list of an order's refunds; those of others come by notification or with the bill.
func (p *Payments) raiseForStep(tx core.App, payment rows.Payment, step order.Step) error {
	details := map[string]any{
		"payment": payment.Id, "order": payment.OrderID(), "merchant": payment.MchID(),
		"outTradeNo": payment.OutTradeNo(), "amount": payment.Amount(), "from": string(step.From), "to": string(step.To),
	}
	switch {
	case step.Has(order.Freeze):
		return p.books.Raise(tx, books.AlertDisputed, payment.Id, details)
	case step.Has(order.Alert) && step.To == order.PaymentRejected:
		return p.books.Raise(tx, books.AlertPayment, "refused by "+payment.MchID(), details) // one row for all buyers
	case step.Has(order.Alert):
		return p.books.Raise(tx, books.AlertPayment, payment.Id, details)
	case step.Has(order.ImportRefunds) && !step.Has(order.RefundAutomatically):
		return p.books.Raise(tx, books.AlertRefund, "of payment "+payment.Id, details)
	default:
		return nil
	}
}

// raiseForStep does the same for a refund; one that has reached the payer needs no alert.
func (m *refundRows) raiseForStep(tx core.App, refund rows.Refund, step order.RefundStep) error {
	switch {
	case step.Has(order.Alert), step.Has(order.Freeze):
		return m.books.Raise(tx, books.AlertRefund, refund.Id, map[string]any{
			"refund": refund.Id, "payment": refund.PaymentID(), "order": refund.OrderID(),
			"outRefundNo": refund.OutRefundNo(), "amount": refund.Amount(), "from": string(step.From), "to": string(step.To),
		})
	case step.Changed() && step.To == order.RefundSuccess:
		if err := m.books.CloseUnmatched(tx, refund.MchID(), refund.OutRefundNo(), "refund", "it is ours"); err != nil {
			return err
		}
		return m.books.Settle(tx, books.AlertRefund, refund.Id, "it has reached the payer")
	default:
		return nil
	}
}

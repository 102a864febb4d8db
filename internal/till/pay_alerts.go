package till

import (
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
)

// alertForStep closes what a step has mended, and raises what it asks for.
func (t *Till) alertForStep(tx core.App, payment *core.Record, step order.Step, why evidence) error {
	if step.Changed() && why.inbox != nil { // it may have been unmatched at first
		if err := t.Books.Settle(tx, books.AlertUnmatched, payment.GetString("merchant")+"/"+payment.GetString("outTradeNo"), why.source); err != nil {
			return err
		}
	}
	if step.Changed() && step.From == order.PaymentDisputed {
		if err := t.Books.Settle(tx, books.AlertDisputed, payment.Id, why.source); err != nil {
			return err
		}
	}
	return t.raiseForStep(tx, payment, step)
}

// raiseForStep tells a person what a step of a payment asks for. Money that came too late and goes back by itself needs nobody: if it
// does not go back, its refund says so.
//
// note: WeChat has no list of an order's refunds; those that are not ours come by notification or with the bill.
func (t *Till) raiseForStep(tx core.App, payment *core.Record, step order.Step) error {
	details := map[string]any{
		"payment": payment.Id, "order": payment.GetString("order"), "merchant": payment.GetString("merchant"),
		"outTradeNo": payment.GetString("outTradeNo"), "amount": payment.GetInt("amount"), "from": string(step.From), "to": string(step.To),
	}
	switch {
	case step.Has(order.Freeze):
		return t.Books.Raise(tx, books.AlertDisputed, payment.Id, details)
	case step.Has(order.Alert) && step.To == order.PaymentRejected:
		return t.Books.Raise(tx, books.AlertPayment, "refused by "+payment.GetString("merchant"), details) // one row, however many buyers try
	case step.Has(order.Alert):
		return t.Books.Raise(tx, books.AlertPayment, payment.Id, details)
	case step.Has(order.ImportRefunds) && !step.Has(order.RefundAutomatically):
		return t.Books.Raise(tx, books.AlertRefund, "of payment "+payment.Id, details)
	default:
		return nil
	}
}

// raiseForRefund does the same for a refund; one that has reached the payer needs nobody any more.
func (t *Till) raiseForRefund(tx core.App, refund *core.Record, step order.RefundStep) error {
	switch {
	case step.Has(order.Alert), step.Has(order.Freeze):
		return t.Books.Raise(tx, books.AlertRefund, refund.Id, map[string]any{
			"refund": refund.Id, "payment": refund.GetString("payment"), "order": refund.GetString("order"),
			"outRefundNo": refund.GetString("outRefundNo"), "amount": refund.GetInt("amount"), "from": string(step.From), "to": string(step.To),
		})
	case step.Changed() && step.To == order.RefundSuccess:
		return t.Books.Settle(tx, books.AlertRefund, refund.Id, "it has reached the payer")
	default:
		return nil
	}
}

package till

// A disputed payment that was partly given back on the merchant platform. WeChat's answer is REFUND without an amount,
// so its list of refunds is read; a decision may move only the rest.

import (
	"context"
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// leftToGive is what WeChat still holds of a disputed payment, in fen. It books the refunds made by others, so that the
// ledger shows where the rest went.
//
// NB! without the list the rest is unknown, and nothing is given back by a guess.
func (s *Disputes) leftToGive(ctx context.Context, payment rows.Payment, trade *wxpay.Trade) (int64, error) {
	if trade.State != wxpay.StateRefund {
		return int64(trade.Total), nil
	}
	lister, err := s.refunds.imports.lister(payment)
	if err != nil {
		return 0, err
	}
	if lister == nil {
		return 0, answer.Fail(answer.DisputeRefundsUnknown, nil)
	}
	facts, err := lister.RefundsOf(ctx, payment.OutTradeNo())
	if err != nil {
		return 0, answer.FromPay(err)
	}
	if err := s.holdMoney(payment.Id, trade); err != nil {
		return 0, err
	}
	for _, fact := range facts {
		if err := s.refunds.imports.one(payment.MchID(), fact); err != nil {
			return 0, err
		}
	}
	return s.leftInBooks(payment.Id, trade, facts)
}

// holdMoney notes the amount that WeChat holds under the number, with which the refunds of others are compared.
func (s *Disputes) holdMoney(paymentID string, trade *wxpay.Trade) error {
	return s.app.RunInTransaction(func(tx core.App) error {
		payment, err := rows.PaymentByID(tx, paymentID)
		if err != nil {
			return err
		}
		if payment.State() != order.PaymentDisputed || payment.HeldTransaction() != "" {
			return nil
		}
		payment.SetHeldTransaction(trade.TransactionID)
		payment.SetHeldTotal(int64(trade.Total))
		return books.Write(tx, payment.Record)
	})
}

// leftInBooks is the rest after the refunds of others. If WeChat lists one that the books do not show equally, a person
// must look.
func (s *Disputes) leftInBooks(paymentID string, trade *wxpay.Trade, facts []wxpay.Refund) (int64, error) {
	refunds, err := rows.RefundsOfPayment(s.app, paymentID)
	if err != nil {
		return 0, err
	}
	booked := map[string]rows.Refund{}
	for _, r := range refunds {
		booked[r.OutRefundNo()] = r
	}
	for _, fact := range facts {
		r, known := booked[fact.OutRefundNo]
		if !known || r.Amount() != int64(fact.Refund) || r.State() == order.RefundNew {
			return 0, answer.Fail(answer.DisputeRefundsUnknown, fmt.Errorf("refund %s is not booked as WeChat lists it", fact.OutRefundNo))
		}
	}
	isOurs := func(r rows.Refund) bool { return !isOthers(r) }
	return order.Refundable(int64(trade.Total), rows.RefundAmounts(slices.DeleteFunc(refunds, isOurs)))
}

// isOthers tells whether a refund of a payment is not our give-back, whose number is made from the payment.
func isOthers(refund rows.Refund) bool {
	for try := 1; try <= order.MaxRefunds; try++ {
		if refund.OutRefundNo() == order.GiveBackNo(refund.PaymentID(), try) {
			return false
		}
	}
	return true
}

// refuseWhileHeld refuses to close a dispute while WeChat still holds a part of the money. Without a list of the
// refunds the person's word counts, which the ledger keeps.
func (s *Disputes) refuseWhileHeld(ctx context.Context, payment rows.Payment, trade *wxpay.Trade) error {
	if lister, err := s.refunds.imports.lister(payment); lister == nil {
		return err
	}
	left, err := s.leftToGive(ctx, payment, trade)
	if err != nil || left == 0 {
		return err
	}
	refusal := answer.With(answer.DisputeHeld, "tradeState", string(trade.State))
	refusal.Data["total"] = left
	return refusal
}

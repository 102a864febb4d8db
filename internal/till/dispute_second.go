package till

// A disputed payment's money above one person's limit waits for a second person, like a refund (Till.Hold).

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// errSecondPerson reports a decision that is stored and waits.
var errSecondPerson = errors.New("the decision waits for a second person")

// holdBy returns the check whether an amount in fen must wait for a second person.
func (s *Disputes) holdBy(e *core.RequestEvent, payment rows.Payment, reason string) func(fen int64) (bool, error) {
	return func(fen int64) (bool, error) {
		if s.Hold == nil {
			return false, nil
		}
		return s.Hold(e, payment.Record, fen, reason)
	}
}

// mayGiveBack refuses what cannot be given back, and what must wait. A refund that is under way is only queried.
func (s *Disputes) mayGiveBack(ctx context.Context, payment rows.Payment, trade *wxpay.Trade, d *decision) error {
	given, err := isGivenBack(s.app, payment.Id)
	if err != nil || given {
		return err
	}
	if err := canGiveBack(payment, trade); err != nil {
		return err
	}
	if d.left, err = s.leftToGive(ctx, payment, trade); err != nil {
		return err
	}
	if d.left < 1 {
		return answer.With(answer.DisputeNothing, "tradeState", string(trade.State))
	}
	if d.left != int64(trade.Total) {
		d.Left = d.left
	}
	if d.agreed > 0 && d.agreed != d.left {
		return answer.With(answer.RefundAmount, "left", d.left)
	}
	held, err := d.waits()
	if err == nil && held {
		return errSecondPerson
	}
	return err
}

// waits tells whether the decision's money must wait. What a second person has agreed to does not.
func (d *decision) waits() (bool, error) {
	if d.hold == nil {
		return false, nil
	}
	return d.hold(d.left)
}

// GiveBack gives the money of a disputed payment back after two people have agreed to the amount, and returns the row
// of refunds. The caller holds the order's lock.
//
// NB! WeChat is queried again, and an amount other than the agreed one is refused.
func (s *Disputes) GiveBack(ctx context.Context, orderID, paymentID string, amount int64, reason, by string) (refundID string, err error) {
	payment, err := disputedPayment(s.app, orderID, resolveForm{Payment: paymentID, Decision: decideGiveBack})
	if err != nil {
		return "", err
	}
	gateway, err := s.gateways.Gateway(payment.MchID(), payment.AppID())
	if err != nil {
		return "", answer.FromPay(err)
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	trade, err := askTrade(ctx, gateway, payment)
	if err != nil {
		return "", answer.FromPay(err)
	}
	if err := s.giveMoneyBack(ctx, payment, trade, &decision{What: decideGiveBack, By: by, Reason: reason, agreed: amount}); err != nil {
		return "", err
	}
	return lastRefund(s.app, payment.Id)
}

func lastRefund(app core.App, paymentID string) (string, error) {
	refunds, err := app.FindRecordsByFilter("refunds", "payment = {:p}", "-created,-@rowid", 1, 0, dbx.Params{"p": paymentID})
	if err != nil || len(refunds) == 0 {
		return "", answer.Fail(answer.Busy, err)
	}
	return refunds[0].Id, nil
}

// isGivenBack tells whether the money of a payment is being given back, or has arrived.
func isGivenBack(app core.App, paymentID string) (bool, error) {
	refunds, err := rows.RefundsOfPayment(app, paymentID)
	if err != nil {
		return false, err
	}
	for _, r := range slices.DeleteFunc(refunds, isOthers) {
		if r.State().Reserves() {
			return true, nil
		}
	}
	return false, nil
}

// answerWaiting answers with the order and its payment, which are unchanged.
func answerWaiting(e *core.RequestEvent, orderID, paymentID string) error {
	reply := map[string]any{"waitsFor": "second_person"}
	for name, id := range map[string]string{"orders": orderID, "payments": paymentID} {
		r, err := e.App.FindRecordById(name, id)
		if err != nil {
			return answer.Fail(answer.Busy, err)
		}
		if err := apis.EnrichRecord(e, r); err != nil {
			return answer.Fail(answer.Busy, err)
		}
		reply[name[:len(name)-1]] = r
	}
	return e.JSON(http.StatusAccepted, reply)
}

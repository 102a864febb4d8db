package till

// The money of a disputed payment that is more than one person may move waits for a second one, as a refund does (Till.Hold).

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

// errSecondPerson is a decision that is written down and waits.
var errSecondPerson = errors.New("the decision waits for a second person")

// holdBy asks, for a person's decision, whether an amount in fen has to wait.
func (s *Disputes) holdBy(e *core.RequestEvent, payment rows.Payment, reason string) func(fen int64) (bool, error) {
	return func(fen int64) (bool, error) {
		if s.Hold == nil {
			return false, nil
		}
		return s.Hold(e, payment.Record, fen, reason)
	}
}

// mayGiveBack refuses what cannot go back, and what has to wait. What is on its way already is only looked at again.
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

// waits tells whether the money of the decision has to wait. What a second person has agreed to waits no more.
func (d *decision) waits() (bool, error) {
	if d.hold == nil {
		return false, nil
	}
	return d.hold(d.left)
}

// GiveBack sends the money of a disputed payment back after two people have agreed to the amount, and names the row of refunds. The caller
// has the order's turn.
//
// NB! WeChat is asked anew, and another amount than the one that was agreed to is refused.
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

// isGivenBack tells whether the money of a payment is on its way back, or has arrived.
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

// answerWaiting answers with the order and its payment, of which nothing has moved yet.
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

package till

// What a refund request may contain. The amount is named, or `"all": true` is: a body with neither, or with an unknown
// field, moves nothing. A client without an answer repeats the request under the same key and gets the same refund;
// without a key, a repeat of the same amount counts as a second click.

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// secondClick is how long a repeat of the same amount for the same order counts as a second click.
const secondClick = time.Minute

// RefundForm is the body of POST /api/wx/orders/{id}/refunds.
type RefundForm struct {
	Amount *int64 `json:"amount"` // fen
	All    *bool  `json:"all"`    // the whole rest, instead of an amount
	Reason string `json:"reason"`
	Key    string `json:"key"` // equal for repeats of the same wish
}

// RefundWish is a parsed form. Amount is 0 for the whole rest.
type RefundWish struct {
	Amount          int64
	Reason, Key, By string
}

// All tells whether the wish is for the whole rest.
func (w RefundWish) All() bool { return w.Amount == 0 }

// Wish checks a form that was read strictly. by is the person who asks, for the books.
func (f RefundForm) Wish(by string) (RefundWish, error) {
	wish := RefundWish{Reason: f.Reason, Key: f.Key, By: by}
	switch {
	case f.Amount == nil && f.All == nil:
		return wish, answer.Field(answer.RefundAmount, "amount", `name an amount in fen, or "all": true`)
	case f.Amount != nil && f.All != nil:
		return wish, answer.Field(answer.RefundAmount, "all", "name an amount or all, not both")
	case f.All != nil && !*f.All:
		return wish, answer.Field(answer.RefundAmount, "all", "true, or left out")
	case f.Amount != nil && *f.Amount < 1:
		return wish, answer.Field(answer.RefundAmount, "amount", "at least 1 fen")
	case len(f.Reason) > 80:
		return wish, answer.Field(answer.RefundAmount, "reason", "at most 80 bytes")
	case len(f.Key) > 64:
		return wish, answer.Field(answer.FieldInvalid, "key", "at most 64 bytes")
	}
	if f.Amount != nil {
		wish.Amount = *f.Amount
	}
	return wish, nil
}

// ask checks WeChat's limits and writes the row, which reserves the amount.
func (f *Refunds) ask(app core.App, orderID string, wish RefundWish) (refund rows.Refund, err error) {
	err = app.RunInTransaction(func(tx core.App) error {
		if refund, err = refundOfKey(tx, orderID, wish); refund.Record != nil || err != nil {
			return err
		}
		payment, err := rows.PaymentToGiveBack(tx, orderID)
		if errors.Is(err, sql.ErrNoRows) {
			return answer.Fail(answer.OrderNotPaid, nil)
		}
		if err != nil {
			return err
		}
		if err := RefuseFrozen(tx, orderID); err != nil {
			return err
		}
		if wish.Key == "" {
			if err := f.refuseSecondClick(tx, payment, wish); err != nil {
				return err
			}
		}
		refund, err = f.write(tx, payment, wish)
		return err
	})
	return refund, err
}

func (f *Refunds) write(tx core.App, payment rows.Payment, wish RefundWish) (none rows.Refund, err error) {
	if paidToApple(payment) {
		return none, answer.Fail(answer.RefundApple, nil)
	}
	ask, err := f.rows.ask(tx, payment, wish.Amount)
	if err != nil {
		return none, err
	}
	at := f.now()
	switch err := order.AllowRefund(ask); {
	case errors.Is(err, order.ErrRefundTooSoon):
		at = ask.LastAt.Add(order.RefundSpacing)
	case err != nil:
		return none, refuseRefund(err, ask)
	}
	id := core.GenerateDefaultRandomId()
	return saveRefund(tx, payment, map[string]any{
		"id": id, "outRefundNo": order.NewOutRefundNo(id), "amount": ask.Amount, "reason": wish.Reason, "requestedBy": wish.By,
		"nextQueryAt": at, "key": wish.Key, "all": wish.All(),
	})
}

// refundOfKey finds the refund of an earlier call with the same key. Another wish under the same key is a client's
// mistake, which is reported.
func refundOfKey(tx core.App, orderID string, wish RefundWish) (none rows.Refund, err error) {
	if wish.Key == "" {
		return none, nil // without a key there is no earlier refund
	}
	have, err := rows.FindRefund(tx, dbx.HashExp{"order": orderID, "key": wish.Key})
	if errors.Is(err, sql.ErrNoRows) {
		return none, nil // the key is new
	}
	if err != nil {
		return none, fmt.Errorf("find refund by key: %w", err)
	}
	otherAmount := have.All() != wish.All() || !wish.All() && have.Amount() != wish.Amount
	if otherAmount || have.Reason() != wish.Reason {
		return none, answer.With(answer.RefundKeyReused, "refund", have.Id)
	}
	return have, nil
}

// refuseSecondClick refuses a repeat within a moment, and while the first is still open. A refund that WeChat refused
// or closed gave nothing back, and may be requested again at once.
func (f *Refunds) refuseSecondClick(tx core.App, payment rows.Payment, wish RefundWish) error {
	refunds, err := rows.RefundsOfPayment(tx, payment.Id)
	if err != nil {
		return err
	}
	total := payment.Amount()
	left, err := order.Refundable(total, rows.RefundAmounts(refunds))
	if err != nil {
		return err
	}
	for _, r := range slices.Backward(refunds) {
		same := r.Amount() == wish.Amount || wish.All() && left == 0
		if same && f.isFresh(r) {
			refusal := answer.With(answer.RefundRepeated, "refund", r.Id)
			refusal.Data["state"], refusal.Data["amount"] = string(r.State()), r.Amount()
			return refusal
		}
	}
	return nil
}

// isFresh tells whether a refund is open, or was requested within the minute.
func (f *Refunds) isFresh(r rows.Refund) bool {
	switch r.State() {
	case order.RefundNew, order.RefundSubmitted, order.RefundProcessing, order.RefundAbnormal:
		return true
	case order.RefundSuccess:
		return f.now().Before(r.LastSent().Add(secondClick))
	case order.RefundClosed, order.RefundRejected:
	}
	return false
}

package till

// How a refund goes. A row with its number is committed first and reserves its amount; the call follows, and whatever becomes of it, the
// number stays: WeChat makes one refund per number however often it is asked. Accepted is not refunded: the money counts as gone back
// when a verified fact says SUCCESS, from a notification or from a query.
//
// Refunds that somebody makes by hand on the merchant platform reach us as notifications for numbers that we do not know, and are
// imported. Money that nobody wants, paid after the order was closed or paid twice, is refunded by itself under a number that is
// derived from the payment, so that it cannot happen twice.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// CreateRefund handles POST /api/wx/orders/{id}/refunds for the shop: `{amount, reason?, key?}`, or `{all: true, reason?, key?}` for
// all that is left. WeChat wants a minute between two refunds of one payment: one that comes too soon is kept and sent by the sweep.
func (t *Till) CreateRefund(e *core.RequestEvent) error {
	var form RefundForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	wish, err := form.Wish(e.Auth.Email())
	if err != nil {
		return err
	}
	record, err := OwnOrder(e)
	if err != nil {
		return err
	}
	defer t.Locks.Lock("order/" + record.Id)()
	desk.About(e, record.Id, record.GetString("number"))
	held, status, err := t.Hold(e, record.Id, wish)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	if held != nil {
		return e.JSON(status, held)
	}
	refund, err := t.MakeRefund(context.WithoutCancel(e.Request.Context()), record.Id, wish)
	if err != nil {
		return err
	}
	return answerRefund(e, refund)
}

// MakeRefund makes a refund and sends it, unless it is too early for it. The caller has the order's turn.
func (t *Till) MakeRefund(ctx context.Context, orderID string, wish RefundWish) (id string, err error) {
	refund, err := t.askRefund(t.App, orderID, wish)
	if err != nil {
		return "", answer.Or(err, answer.Busy)
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	isNew := refund.GetString("state") == string(order.RefundNew) // note: not so when the key has met an earlier one
	if isNew && !refund.GetDateTime("nextQueryAt").Time().After(t.Now()) {
		if end := t.driveRefund(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "refund"}); end.err != nil {
			return "", answer.Fail(answer.Busy, end.err)
		}
	}
	return refund.Id, nil
}

func answerRefund(e *core.RequestEvent, id string) error {
	r, err := e.App.FindRecordById("refunds", id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if err := apis.EnrichRecord(e, r); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, r)
}

// PaidAttempt is the attempt that paid the order.
func PaidAttempt(tx core.App, orderID string) (*core.Record, error) {
	r, err := books.Find(tx, "payments", dbx.HashExp{"order": orderID, "state": string(order.PaymentPaid)})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.OrderNotPaid, nil)
	}
	return r, err
}

// refundAsk collects what the answer depends on; an amount of 0 means all that is left.
func (t *Till) refundAsk(tx core.App, payment *core.Record, amount int64) (order.RefundAsk, error) {
	rows, err := tx.FindAllRecords("refunds", dbx.HashExp{"payment": payment.Id})
	if err != nil {
		return order.RefundAsk{}, fmt.Errorf("read refunds: %w", err)
	}
	_, total := heldMoney(payment)
	ask := order.RefundAsk{
		Total: total, Amount: amount, PaidAt: payment.GetDateTime("successAt").Time(), Now: t.Now(),
	}
	ask.Refunds = refundAmounts(rows)
	for _, r := range rows {
		if at := lastSent(r); at.After(ask.LastAt) {
			ask.LastAt = at
		}
		// note: one that waits for its turn counts from when it will be sent
		if at := r.GetDateTime("nextQueryAt").Time(); r.GetString("state") == string(order.RefundNew) && at.After(ask.LastAt) {
			ask.LastAt = at
		}
	}
	if amount == 0 {
		ask.Amount, err = order.Refundable(ask.Total, ask.Refunds)
	}
	return ask, err
}

func refuseRefund(err error, ask order.RefundAsk) error {
	switch {
	case errors.Is(err, order.ErrRefundTooLate):
		return answer.Fail(answer.RefundTooLate, err)
	case errors.Is(err, order.ErrRefundTooMany):
		return answer.Fail(answer.RefundTooMany, err)
	case errors.Is(err, order.ErrRefundAmount):
		left, _ := order.Refundable(ask.Total, ask.Refunds)
		refusal := answer.Fail(answer.RefundAmount, err)
		refusal.Data["left"] = left
		return refusal
	default:
		return err
	}
}

func saveRefund(tx core.App, payment *core.Record, fields map[string]any) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId("refunds")
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"order": payment.GetString("order"), "payment": payment.Id, "merchant": payment.GetString("merchant"), "state": string(order.RefundNew),
	})
	r.Load(fields)
	if err := books.Save(tx, r); err != nil {
		return nil, fmt.Errorf("save refund: %w", err)
	}
	return r, nil
}

// refundAutomatically gives back money that nobody wants, under the one number that the payment has for it.
func (t *Till) refundAutomatically(ctx context.Context, paymentID string) error {
	var refund *core.Record
	err := t.App.RunInTransaction(func(tx core.App) error {
		payment, err := tx.FindRecordById("payments", paymentID)
		if err != nil {
			return fmt.Errorf("read payment: %w", err)
		}
		number := order.AutoRefundNo(payment.Id)
		refund, err = books.Find(tx, "refunds", dbx.HashExp{"merchant": payment.GetString("merchant"), "outRefundNo": number})
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		ask, err := t.refundAsk(tx, payment, 0)
		if err != nil || ask.Amount == 0 {
			return err
		}
		refund, err = saveRefund(tx, payment, map[string]any{
			"outRefundNo": number, "amount": ask.Amount, "reason": "订单已关闭，自动退款", "requestedBy": "wxbase", "nextQueryAt": t.Now(),
		})
		return err
	})
	if err != nil || refund == nil || refund.GetString("state") != string(order.RefundNew) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	return t.driveRefund(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "auto"}).err
}

// SweepRefunds sends what waits for its turn and asks about what has no answer.
func (t *Till) SweepRefunds(ctx context.Context) error {
	var due []*core.Record
	if err := DueRefunds(t.App, t.Now()).All(&due); err != nil {
		return fmt.Errorf("find due refunds: %w", err)
	}
	for _, refund := range due {
		t.sweepRefund(ctx, refund)
	}
	return nil
}

func (t *Till) sweepRefund(ctx context.Context, refund *core.Record) {
	defer t.Locks.Lock("order/" + refund.GetString("order"))()
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	refund, err := t.App.FindRecordById("refunds", refund.Id) // note: a request may have sent it while we waited for the lock
	if err != nil {
		t.Books.LogError("sweep of refunds", err)
		return
	}
	if waits, err := t.waitsForDispute(refund); waits || err != nil {
		t.Books.LogError("sweep of refunds", err)
		return
	}
	var end drivenRefund
	if order.RefundState(refund.GetString("state")) == order.RefundNew {
		if waits, err := t.waitForTurn(refund); waits || err != nil {
			t.Books.LogError("spacing of refunds", err)
			return
		}
		end = t.driveRefund(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "sweep"})
	} else {
		end = t.queryRefund(ctx, refund.Id)
	}
	if end.err != nil {
		t.App.Logger().Error("sweep of a refund stopped", "refund", refund.Id, "error", end.err.Error())
	}
	if end.err != nil || end.callErr != nil {
		t.postponeRefund(refund.Id)
	}
}

// waitsForDispute puts a refund off that has not been sent and whose order is frozen. One of the disputed payment itself is what a
// person decided.
func (t *Till) waitsForDispute(refund *core.Record) (waits bool, err error) {
	if order.RefundState(refund.GetString("state")) != order.RefundNew {
		return false, nil
	}
	o, err := t.App.FindRecordById("orders", refund.GetString("order"))
	if err != nil {
		return false, fmt.Errorf("read order: %w", err)
	}
	payment, err := t.App.FindRecordById("payments", refund.GetString("payment"))
	if err != nil {
		return false, fmt.Errorf("read payment: %w", err)
	}
	if !isFrozen(o) || payment.GetString("state") != string(order.PaymentPaid) {
		return false, nil
	}
	refund.Set("nextQueryAt", t.Now().Add(order.RefundSpacing))
	return true, books.Save(t.App, refund)
}

// waitForTurn puts a refund off that would leave within a minute of another one of the payment: its turn was reckoned when it was asked
// for, and the one before it may have left late.
func (t *Till) waitForTurn(refund *core.Record) (waits bool, err error) {
	others, err := t.App.FindAllRecords("refunds", dbx.HashExp{"payment": refund.GetString("payment")},
		dbx.Not(dbx.HashExp{"id": refund.Id}), dbx.Not(dbx.HashExp{"state": string(order.RefundNew)}))
	if err != nil {
		return false, fmt.Errorf("read refunds: %w", err)
	}
	turn := t.Now()
	for _, r := range others {
		if next := lastSent(r).Add(order.RefundSpacing); next.After(turn) {
			turn = next
		}
	}
	if !turn.After(t.Now()) {
		return false, nil
	}
	refund.Set("nextQueryAt", turn)
	return true, books.Save(t.App, refund)
}

// postponeRefund makes a refund wait after a question that had no answer.
func (t *Till) postponeRefund(id string) {
	err := t.App.RunInTransaction(func(tx core.App) error {
		r, err := tx.FindRecordById("refunds", id)
		if err != nil || r.GetDateTime("nextQueryAt").IsZero() {
			return err
		}
		asked := r.GetInt("queries")
		r.Set("queries", asked+1)
		r.Set("nextQueryAt", t.Now().Add(nextRefundQuery(asked)))
		return books.Save(tx, r)
	})
	if err != nil {
		t.App.Logger().Warn("refund not postponed", "refund", id, "error", err.Error())
	}
}

// nextRefundQuery follows the guidance for refunds: every minute at first, then at wider and wider steps.
func nextRefundQuery(asked int) time.Duration {
	return max(time.Minute, order.NextQuery(asked))
}

// refundFact is what WeChat said about a refund, in the words of internal/order.
func refundFact(r wxpay.Refund) order.RefundFact {
	return order.RefundFact{
		MchID: r.MchID, OutTradeNo: r.OutTradeNo, TransactionID: r.TransactionID, OutRefundNo: r.OutRefundNo,
		Amount: int64(r.Refund), Total: int64(r.Total), State: string(r.State),
	}
}

package till

// How a refund goes. A row with its number is committed first and reserves its amount; the call follows, and the number
// stays whatever its result: WeChat makes one refund per number, however often it is asked. Accepted is not refunded:
// the money counts as refunded when a verified fact says SUCCESS, from a notification or from a query.
//
// Refunds made by hand on the merchant platform reach us as notifications for unknown numbers, and are imported.
// Unwanted money, paid after the close or paid twice, is refunded automatically under a number that is derived from the
// payment, so that it cannot happen twice.

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
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// Refunds moves money back to the payer.
type Refunds struct {
	*kit
	rows    *refundRows
	imports *imports

	Hold func(e *core.RequestEvent, order string, wish RefundWish) (held any, status int, err error) // for a second person; held is nil when none is needed
}

// Create handles POST /api/wx/orders/{id}/refunds for the shop: `{amount, reason?, key?}`, or `{all: true, reason?,
// key?}` for the whole rest. WeChat wants a minute between two refunds of one payment: one that comes too soon is
// stored and sent by the sweep.
func (f *Refunds) Create(e *core.RequestEvent) error {
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
	defer f.locks.Lock("order/" + record.Id)()
	desk.About(e, record.Id, record.Number())
	held, status, err := f.Hold(e, record.Id, wish)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	if held != nil {
		return e.JSON(status, held)
	}
	refund, err := f.Make(context.WithoutCancel(e.Request.Context()), record.Id, wish)
	if err != nil {
		return err
	}
	return answerRefund(e, refund)
}

// Make makes a refund and sends it, unless it is too early. The caller holds the order's lock.
func (f *Refunds) Make(ctx context.Context, orderID string, wish RefundWish) (id string, err error) {
	refund, err := f.ask(f.app, orderID, wish)
	if err != nil {
		return "", answer.Or(err, answer.Busy)
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	isNew := refund.State() == order.RefundNew // note: false when the key has found an earlier one
	if isNew && !refund.NextQueryAt().After(f.now()) {
		if end := f.drive(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "refund"}); end.err != nil {
			return "", answer.Fail(answer.Busy, end.err)
		}
	}
	return refund.Id, nil
}

func answerRefund(e *core.RequestEvent, id string) error {
	r, err := rows.RefundByID(e.App, id)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if err := apis.EnrichRecord(e, r.Record); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, r)
}

// PaidAttempt is the attempt that paid the order.
func PaidAttempt(tx core.App, orderID string) (rows.Payment, error) {
	r, err := rows.FindPayment(tx, dbx.HashExp{"order": orderID, "state": string(order.PaymentPaid)})
	if errors.Is(err, sql.ErrNoRows) {
		return r, answer.Fail(answer.OrderNotPaid, nil)
	}
	return r, err
}

// ask collects what the decision depends on; an amount of 0 means the whole rest.
func (m *refundRows) ask(tx core.App, payment rows.Payment, amount int64) (order.RefundAsk, error) {
	refunds, err := rows.RefundsOfPayment(tx, payment.Id)
	if err != nil {
		return order.RefundAsk{}, err
	}
	_, total := payment.HeldMoney()
	ask := order.RefundAsk{
		Total: total, Amount: amount, PaidAt: payment.SuccessAt(), Now: m.now(),
	}
	ask.Refunds = rows.RefundAmounts(refunds)
	for _, r := range refunds {
		if at := r.LastSent(); at.After(ask.LastAt) {
			ask.LastAt = at
		}
		// note: one that waits counts from the time at which it will be sent
		if at := r.NextQueryAt(); r.State() == order.RefundNew && at.After(ask.LastAt) {
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

func saveRefund(tx core.App, payment rows.Payment, fields map[string]any) (none rows.Refund, err error) {
	c, err := tx.FindCachedCollectionByNameOrId("refunds")
	if err != nil {
		return none, err
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{
		"order": payment.OrderID(), "payment": payment.Id, "merchant": payment.MchID(), "state": string(order.RefundNew),
	})
	r.Load(fields)
	if err := books.Write(tx, r); err != nil {
		return none, fmt.Errorf("save refund: %w", err)
	}
	return rows.RefundOf(r), nil
}

// automatic gives unwanted money back, under the payment's only number for that.
func (f *Refunds) automatic(ctx context.Context, paymentID string) error {
	var refund rows.Refund
	err := f.app.RunInTransaction(func(tx core.App) error {
		payment, err := rows.PaymentByID(tx, paymentID)
		if err != nil {
			return err
		}
		number := order.AutoRefundNo(payment.Id)
		refund, err = rows.FindRefund(tx, dbx.HashExp{"merchant": payment.MchID(), "outRefundNo": number})
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		ask, err := f.rows.ask(tx, payment, 0)
		if err != nil || ask.Amount == 0 {
			return err
		}
		refund, err = saveRefund(tx, payment, map[string]any{
			"outRefundNo": number, "amount": ask.Amount, "reason": "订单已关闭，自动退款", "requestedBy": "wxbase", "nextQueryAt": f.now(),
		})
		return err
	})
	if err != nil || refund.Record == nil || refund.State() != order.RefundNew {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	return f.drive(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "auto"}).err
}

// drive moves a refund, and looks for refunds by hand when WeChat refuses ours.
func (f *Refunds) drive(ctx context.Context, id string, event order.RefundEvent, why refundEvidence) drivenRefund {
	end := f.rows.drive(ctx, id, event, why)
	f.lookBehindRefusal(ctx, id, end)
	return end
}

// query queries WeChat about a refund and applies the answer.
func (f *Refunds) query(ctx context.Context, id string) drivenRefund {
	row, err := f.rows.read(f.app, id)
	if err != nil {
		return drivenRefund{err: err}
	}
	event, why, err := f.rows.carryOut(ctx, row, order.RefundStep{Effects: []order.Effect{order.QueryRefundNow}})
	if event == "" && why.fact == nil {
		return drivenRefund{callErr: err}
	}
	return f.drive(ctx, id, event, why)
}

// Sweep sends refunds that wait and queries those without an answer.
func (f *Refunds) Sweep(ctx context.Context) error { return f.rows.sweep(ctx, f.look) }

// look reads the row anew: a request may have sent it while the sweep waited for the order's lock.
func (f *Refunds) look(ctx context.Context, r *core.Record) (end drivenRefund) {
	refund, err := rows.RefundByID(f.app, r.Id)
	if err != nil {
		f.books.LogError("sweep of refunds", err)
		return end
	}
	if waits, err := f.waitsForDispute(refund); waits || err != nil {
		f.books.LogError("sweep of refunds", err)
		return end
	}
	if refund.State() != order.RefundNew {
		return f.query(ctx, refund.Id)
	}
	if waits, err := f.waitForTurn(refund); waits || err != nil {
		f.books.LogError("spacing of refunds", err)
		return end
	}
	return f.drive(ctx, refund.Id, order.EventRefundRequested, refundEvidence{source: "sweep"})
}

// waitsForDispute postpones an unsent refund of a frozen order, except a refund of the disputed payment itself, which a
// person decided.
func (f *Refunds) waitsForDispute(refund rows.Refund) (waits bool, err error) {
	if refund.State() != order.RefundNew {
		return false, nil
	}
	o, err := rows.OrderByID(f.app, refund.OrderID())
	if err != nil {
		return false, err
	}
	payment, err := rows.PaymentByID(f.app, refund.PaymentID())
	if err != nil {
		return false, err
	}
	if !o.IsFrozen() || payment.State() != order.PaymentPaid {
		return false, nil
	}
	refund.SetNextQueryAt(f.now().Add(order.RefundSpacing))
	return true, books.Write(f.app, refund.Record)
}

// waitForTurn postpones a refund that would be sent within a minute of another one of the payment: its time was
// computed when it was requested, and the one before it may have been late.
func (f *Refunds) waitForTurn(refund rows.Refund) (waits bool, err error) {
	others, err := rows.RefundsOfPayment(f.app, refund.PaymentID(), dbx.Not(dbx.HashExp{"id": refund.Id}), dbx.Not(dbx.HashExp{"state": string(order.RefundNew)}))
	if err != nil {
		return false, err
	}
	turn := f.now()
	for _, r := range others {
		if next := r.LastSent().Add(order.RefundSpacing); next.After(turn) {
			turn = next
		}
	}
	if !turn.After(f.now()) {
		return false, nil
	}
	refund.SetNextQueryAt(turn)
	return true, books.Write(f.app, refund.Record)
}

// nextRefundQuery follows the guidance for refunds: every minute at first, then at growing intervals.
func nextRefundQuery(asked int) time.Duration {
	return max(time.Minute, order.NextQuery(asked))
}

// refundFact translates WeChat's refund for internal/order.
func refundFact(r wxpay.Refund) order.RefundFact {
	return order.RefundFact{
		MchID: r.MchID, OutTradeNo: r.OutTradeNo, TransactionID: r.TransactionID, OutRefundNo: r.OutRefundNo,
		Amount: int64(r.Refund), Total: int64(r.Total), State: string(r.State),
	}
}

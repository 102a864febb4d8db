package desk

// The money of a disputed payment goes back above the owner's amount only with a second person, as a refund does.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/rows"
)

// GiveBackWish is a disputed payment whose money goes back: all that WeChat holds, and Amount is what two people have agreed to.
type GiveBackWish struct {
	Order, Payment string
	Amount         int64 // fen
	Reason, By     string
}

// holdGiveBack is Desk.HoldGiveBack.
func (d *refundDesk) holdGiveBack(e *core.RequestEvent, payment *core.Record, fen int64, reason string) (bool, error) {
	preferences, err := LoadPreferences(d.App)
	if err != nil {
		return false, answer.Fail(answer.Busy, err)
	}
	if preferences.TwoPersonsAbove <= 0 || fen <= preferences.TwoPersonsAbove {
		return false, nil
	}
	err = e.App.RunInTransaction(func(tx core.App) error { return saveGiveBackRequest(tx, payment, fen, reason, Who(e)) })
	if err != nil {
		return false, answer.Fail(answer.Busy, err)
	}
	Note(e, "waitsFor", secondPerson)
	Note(e, "amount", fen)
	return true, nil
}

// saveGiveBackRequest writes the request, unless it waits already. One about another amount, which WeChat has held before, is refused: it
// could be approved no more.
func saveGiveBackRequest(tx core.App, payment *core.Record, fen int64, reason string, who Actor) error {
	row := &core.Record{}
	err := tx.RecordQuery("wx_refund_requests").AndWhere(dbx.HashExp{"order": payment.GetString("order"), "payment": payment.Id, "state": requestWaiting}).
		Limit(1).One(row)
	if err == nil && rows.RefundRequestOf(row).Amount() == fen {
		return nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("find request: %w", err)
	}
	if err == nil {
		rows.RefundRequestOf(row).SetState(requestRefused)
		if err := books.Save(tx, row); err != nil {
			return fmt.Errorf("refuse request: %w", err)
		}
	}
	c, err := tx.FindCachedCollectionByNameOrId("wx_refund_requests")
	if err != nil {
		return fmt.Errorf("find wx_refund_requests: %w", err)
	}
	row = core.NewRecord(c)
	row.Load(map[string]any{
		"order": payment.GetString("order"), "payment": payment.Id, "amount": fen, "all": true, "reason": reason, "state": requestWaiting,
		"requestedBy": who.Email, "requesterId": who.ID,
	})
	return books.Save(tx, row)
}

// letGo makes what a request asks for, with the amount that was seen, and names the row of refunds.
func (d *refundDesk) letGo(ctx context.Context, row rows.RefundRequest, by string) (refund string, err error) {
	amount, reason := row.Amount(), row.Reason()
	if payment := row.PaymentID(); payment != "" {
		return d.giveBack(ctx, GiveBackWish{row.OrderID(), payment, amount, reason, by})
	}
	// note: the amount that was seen, not what is left by now; and a key of ours, under which it is made once
	return d.refund(ctx, row.OrderID(), RefundWish{Amount: amount, Reason: reason, Key: "second person/" + row.Id, By: by})
}

package till

// When the books are compared. Every ten minutes a round finds the days of a merchant without a finished row in
// `wx_bills`, and fetches some of them: yesterday first, then the gaps of an outage. WeChat keeps a bill for three
// months. A failed day is retried at growing intervals; what is unfinished in the afternoon becomes an alert.
//
// Days before a merchant's first payment attempt are skipped: their bills cannot contain anything of ours.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/redact"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// The states of a row of wx_bills.
const (
	billOK        = "OK"
	billEmpty     = "EMPTY"
	billDifferent = "DIFFERENT"
	billWaiting   = "WAITING" // it could not be fetched yet
	billLost      = "LOST"    // it was never fetched, and WeChat no longer has it
)

const (
	billReady     = 10*time.Hour + 30*time.Minute // of the next day in Beijing
	billAlertTime = 16 * time.Hour                // of the next day too: what is unfinished then becomes an alert
	billsPerRound = 5                             // per merchant
	billMonths    = 3
)

// Schedule starts a round every ten minutes; most of them find nothing to do.
func (b *Bills) Schedule(app core.App) {
	app.Cron().MustAdd("wxReconcile", "*/10 * * * *", func() { b.RunDue(context.Background()) })
}

// RunDue is one round. It does nothing while another round runs.
func (b *Bills) RunDue(ctx context.Context) {
	if !b.round.TryLock() {
		return
	}
	defer b.round.Unlock()
	merchants, err := b.accounts.Settings.Merchants()
	if err != nil {
		b.books.LogError("reconciliation", err)
		return
	}
	for _, m := range merchants {
		b.books.LogError("unmatched money of merchant "+m.MchID, b.closeForeign(m.MchID))
		b.books.LogError("reconciliation of merchant "+m.MchID, b.runMerchant(ctx, m.MchID))
	}
}

// Again compares a day anew, for every merchant. It waits for a running round.
func (b *Bills) Again(ctx context.Context, day time.Time) error {
	merchants, err := b.accounts.Settings.Merchants()
	if err != nil {
		return err
	}
	b.round.Lock()
	defer b.round.Unlock()
	for _, m := range merchants {
		if _, err := b.Reconcile(ctx, m.MchID, day, func(int, int) {}); err != nil {
			return err
		}
	}
	return nil
}

// runMerchant fetches what is due. After a failure it leaves the rest to the next round, unless WeChat only says that
// this bill is not made yet.
func (b *Bills) runMerchant(ctx context.Context, mchID string) error {
	days, err := b.due(mchID)
	if err != nil {
		return err
	}
	for _, day := range days[:min(len(days), billsPerRound)] {
		_, err := b.Reconcile(ctx, mchID, day, func(int, int) {})
		if err == nil {
			continue
		}
		if err := b.keepWaiting(mchID, day, err); err != nil {
			return err
		}
		if pe, ok := errors.AsType[*wxpay.Error](err); !ok || pe.Kind != wxpay.KindNotReady && pe.Kind != wxpay.KindParam {
			return err
		}
	}
	return nil
}

// due are the days without a finished row, the newest first.
func (b *Bills) due(mchID string) ([]time.Time, error) {
	first, ok, err := b.firstPayment(mchID)
	if err != nil || !ok {
		return nil, err
	}
	newest := midnight(b.now().Add(-billReady)).AddDate(0, 0, -1)
	oldest := midnight(b.now()).AddDate(0, -billMonths, 1)
	if err := b.lose(mchID, oldest); err != nil {
		return nil, err
	}
	if err := b.nameLostDays(mchID, first, oldest); err != nil {
		return nil, err
	}
	if first.After(oldest) {
		oldest = first
	}
	found, err := b.app.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID}, dbx.NewExp("[[date]] >= {:oldest}", dbx.Params{"oldest": oldest.Format(time.DateOnly)}))
	if err != nil {
		return nil, fmt.Errorf("read bills: %w", err)
	}
	done := map[string]bool{}
	for _, bill := range rows.BillsOf(found) {
		next := bill.NextAt()
		done[bill.Date()] = next.IsZero() || next.After(b.now())
	}
	var days []time.Time
	for day := newest; !day.Before(oldest); day = day.AddDate(0, 0, -1) {
		if !done[day.Format(time.DateOnly)] {
			days = append(days, day)
		}
	}
	return days, nil
}

// firstPayment is the day of a merchant's first payment attempt.
func (b *Bills) firstPayment(mchID string) (day time.Time, ok bool, err error) {
	if _, err := books.First(b.app, "payments", "`merchant` = ?", mchID); errors.Is(err, sql.ErrNoRows) {
		return day, false, nil
	} else if err != nil {
		return day, false, fmt.Errorf("read payments: %w", err)
	}
	// note: the plus keeps SQLite from the index of merchants, whose every row it would sort
	found, err := books.First(b.app, "payments", "+`merchant` = ? ORDER BY `created`", mchID)
	if err != nil {
		return day, false, fmt.Errorf("read first payment: %w", err)
	}
	return midnight(rows.PaymentOf(found).Created()), true, nil
}

// midnight is the start of the Beijing day of a moment.
func midnight(at time.Time) time.Time {
	at = at.In(days.Beijing())
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
}

// lose gives up the days whose bill WeChat no longer has.
func (b *Bills) lose(mchID string, oldest time.Time) error {
	found, err := b.app.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID}, dbx.Not(dbx.HashExp{"nextAt": ""}),
		dbx.NewExp("[[date]] < {:oldest}", dbx.Params{"oldest": oldest.Format(time.DateOnly)}))
	if err != nil {
		return fmt.Errorf("read bills: %w", err)
	}
	for _, bill := range rows.BillsOf(found) {
		bill.SetNextAt(time.Time{})
		if bill.State() == billWaiting {
			bill.SetState(billLost)
		}
		if err := books.Write(b.app, bill.Record); err != nil {
			return fmt.Errorf("save bill: %w", err)
		}
		if err := b.alert(b.app, bill, 0); err != nil {
			return err
		}
	}
	return nil
}

// keepWaiting notes why a day has no bill yet. It keeps an existing result, and only moves its next try.
func (b *Bills) keepWaiting(mchID string, day time.Time, cause error) error {
	return b.app.RunInTransaction(func(tx core.App) error {
		row := map[string]any{"error": books.Clip(redact.Text(cause.Error()), 600)}
		have, err := tx.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID, "date": day.Format(time.DateOnly)})
		if err != nil {
			return fmt.Errorf("read bills: %w", err)
		}
		if len(have) > 0 && rows.BillOf(have[0]).State() != billWaiting {
			r := rows.BillOf(have[0])
			attempts := r.Attempts() + 1
			r.Load(row)
			r.SetAttempts(attempts)
			r.SetNextAt(b.now().Add(nextBill(attempts)))
			return books.Write(tx, r.Record)
		}
		row["state"] = billWaiting
		bill, err := b.replace(tx, mchID, day.Format(time.DateOnly), row, true)
		if err != nil {
			return err
		}
		return b.alert(tx, bill, 0)
	})
}

// replace writes the row of a day anew. The counter of tries continues while the day is unfinished.
func (b *Bills) replace(tx core.App, mchID, date string, row map[string]any, again bool) (none rows.Bill, err error) {
	old, err := tx.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID, "date": date})
	if err != nil {
		return none, fmt.Errorf("read bills: %w", err)
	}
	attempts := 1
	for _, r := range old {
		attempts += rows.BillOf(r).Attempts()
		if err := tx.Delete(r); err != nil {
			return none, fmt.Errorf("replace bill: %w", err)
		}
	}
	row["merchant"], row["date"], row["attempts"] = mchID, date, attempts
	if again {
		row["nextAt"] = b.now().Add(nextBill(attempts))
	}
	bill, err := books.Insert(tx, "wx_bills", row)
	return rows.BillOf(bill), err
}

// nextBill is the pause after so many tries.
func nextBill(attempts int) time.Duration {
	return min(2*time.Hour, 15*time.Minute<<min(max(attempts-1, 0), 6))
}

// alert raises an alert about differences, a late day or a lost one; a day in order closes its alert.
func (b *Bills) alert(tx core.App, bill rows.Bill, differences int) error {
	date, state := bill.Date(), bill.State()
	subject := bill.MchID() + "/" + date
	day, err := time.ParseInLocation(time.DateOnly, date, days.Beijing())
	if err != nil {
		return fmt.Errorf("read date of bill: %w", err)
	}
	late := !b.now().Before(day.AddDate(0, 0, 1).Add(billAlertTime))
	switch {
	case state == billOK || state == billEmpty:
		return b.books.Settle(tx, books.AlertBill, subject, "the books are equal")
	case state == billWaiting && !late:
		return nil
	default:
		return b.books.Raise(tx, books.AlertBill, subject, map[string]any{
			"merchant": bill.MchID(), "date": date, "state": state, "differences": differences,
			"attempts": bill.Attempts(), "error": bill.Problem(),
		})
	}
}

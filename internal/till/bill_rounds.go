package till

// When the books are compared. Every ten minutes a round looks which days of a merchant have no finished row in `wx_bills`, and fetches
// some of them: yesterday first, then the gaps that an outage or a server that was down has left. WeChat keeps a bill for three months.
// A day that failed waits longer and longer; what is not done by the afternoon becomes an alert.
//
// Days before the first payment attempt of a merchant are not asked for: nothing of ours can stand there.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/redact"
	"wxbase/internal/wxpay"
)

// States of a row of wx_bills.
const (
	billOK        = "OK"
	billEmpty     = "EMPTY"
	billDifferent = "DIFFERENT"
	billWaiting   = "WAITING" // it could not be fetched yet
	billLost      = "LOST"    // it never could, and WeChat has it no longer
)

const (
	billReady     = 10*time.Hour + 30*time.Minute // of the next day in Beijing
	billAlertTime = 16 * time.Hour                // likewise: what is not done by then is for a person to see
	billsPerRound = 5                             // of one merchant
	billMonths    = 3
)

// ScheduleReconciliation starts a round every ten minutes; most of them find nothing to do.
func (t *Till) ScheduleReconciliation(app core.App) {
	app.Cron().MustAdd("wxReconcile", "*/10 * * * *", func() { t.ReconcileDue(context.Background()) })
}

// ReconcileDue is one round. A round that is still under way is not joined by another.
func (t *Till) ReconcileDue(ctx context.Context) {
	if !t.BillRound.TryLock() {
		return
	}
	defer t.BillRound.Unlock()
	merchants, err := t.Accounts.Settings.Merchants()
	if err != nil {
		t.Books.LogError("reconciliation", err)
		return
	}
	for _, m := range merchants {
		t.Books.LogError("reconciliation of merchant "+m.MchID, t.reconcileMerchant(ctx, m.MchID))
	}
}

// reconcileMerchant fetches what is due. After a failure it leaves the rest for the next round, unless WeChat only says that this one
// bill is not made yet.
func (t *Till) reconcileMerchant(ctx context.Context, mchID string) error {
	days, err := t.dueBills(mchID)
	if err != nil {
		return err
	}
	for _, day := range days[:min(len(days), billsPerRound)] {
		_, err := t.Reconcile(ctx, mchID, day, func(int, int) {})
		if err == nil {
			continue
		}
		if err := t.keepWaiting(mchID, day, err); err != nil {
			return err
		}
		if pe, ok := errors.AsType[*wxpay.Error](err); !ok || pe.Kind != wxpay.KindNotReady && pe.Kind != wxpay.KindParam {
			return err
		}
	}
	return nil
}

// dueBills are the days without a finished row, the newest first.
func (t *Till) dueBills(mchID string) ([]time.Time, error) {
	first, ok, err := t.firstPayment(mchID)
	if err != nil || !ok {
		return nil, err
	}
	newest := midnight(t.Now().Add(-billReady)).AddDate(0, 0, -1)
	oldest := midnight(t.Now()).AddDate(0, -billMonths, 1)
	if err := t.loseBills(mchID, oldest); err != nil {
		return nil, err
	}
	if first.After(oldest) {
		oldest = first
	}
	rows, err := t.App.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID}, dbx.NewExp("[[date]] >= {:oldest}", dbx.Params{"oldest": oldest.Format(time.DateOnly)}))
	if err != nil {
		return nil, fmt.Errorf("read bills: %w", err)
	}
	done := map[string]bool{}
	for _, r := range rows {
		next := r.GetDateTime("nextAt").Time()
		done[r.GetString("date")] = next.IsZero() || next.After(t.Now())
	}
	var days []time.Time
	for day := newest; !day.Before(oldest); day = day.AddDate(0, 0, -1) {
		if !done[day.Format(time.DateOnly)] {
			days = append(days, day)
		}
	}
	return days, nil
}

// firstPayment is the day of the first attempt to pay at a merchant.
func (t *Till) firstPayment(mchID string) (day time.Time, ok bool, err error) {
	rows, err := t.App.FindRecordsByFilter("payments", "merchant = {:merchant}", "created", 1, 0, dbx.Params{"merchant": mchID})
	if err != nil || len(rows) == 0 {
		return day, false, err
	}
	return midnight(rows[0].GetDateTime("created").Time()), true, nil
}

// midnight is when the day of a moment began in Beijing.
func midnight(at time.Time) time.Time {
	at = at.In(days.Beijing())
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
}

// loseBills gives up the days that WeChat no longer has.
func (t *Till) loseBills(mchID string, oldest time.Time) error {
	rows, err := t.App.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID}, dbx.Not(dbx.HashExp{"nextAt": ""}),
		dbx.NewExp("[[date]] < {:oldest}", dbx.Params{"oldest": oldest.Format(time.DateOnly)}))
	if err != nil {
		return fmt.Errorf("read bills: %w", err)
	}
	for _, r := range rows {
		r.Set("nextAt", nil)
		if r.GetString("state") == billWaiting {
			r.Set("state", billLost)
		}
		if err := books.Save(t.App, r); err != nil {
			return fmt.Errorf("save bill: %w", err)
		}
		if err := t.alertForBill(t.App, r, 0); err != nil {
			return err
		}
	}
	return nil
}

// keepWaiting notes why a day has no bill yet. An outcome that is there already stays; only its next try moves.
func (t *Till) keepWaiting(mchID string, day time.Time, cause error) error {
	return t.App.RunInTransaction(func(tx core.App) error {
		row := map[string]any{"error": books.Clip(redact.Text(cause.Error()), 600)}
		have, err := tx.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID, "date": day.Format(time.DateOnly)})
		if err != nil {
			return fmt.Errorf("read bills: %w", err)
		}
		if len(have) > 0 && have[0].GetString("state") != billWaiting {
			r := have[0]
			attempts := r.GetInt("attempts") + 1
			r.Load(row)
			r.Set("attempts", attempts)
			r.Set("nextAt", t.Now().Add(nextBill(attempts)))
			return books.Save(tx, r)
		}
		row["state"] = billWaiting
		bill, err := t.replaceBill(tx, mchID, day.Format(time.DateOnly), row, true)
		if err != nil {
			return err
		}
		return t.alertForBill(tx, bill, 0)
	})
}

// replaceBill writes the row of a day anew. It goes on counting while the day is not finished.
func (t *Till) replaceBill(tx core.App, mchID, date string, row map[string]any, again bool) (*core.Record, error) {
	old, err := tx.FindAllRecords("wx_bills", dbx.HashExp{"merchant": mchID, "date": date})
	if err != nil {
		return nil, fmt.Errorf("read bills: %w", err)
	}
	attempts := 1
	for _, r := range old {
		attempts += r.GetInt("attempts")
		if err := tx.Delete(r); err != nil {
			return nil, fmt.Errorf("replace bill: %w", err)
		}
	}
	row["merchant"], row["date"], row["attempts"] = mchID, date, attempts
	if again {
		row["nextAt"] = t.Now().Add(nextBill(attempts))
	}
	return books.Insert(tx, "wx_bills", row)
}

// nextBill is how long a day waits after so many tries.
func nextBill(attempts int) time.Duration {
	return min(2*time.Hour, 15*time.Minute<<min(max(attempts-1, 0), 6))
}

// alertForBill tells a person of differences, of a day that is late, and of one that is lost; a day that is in order closes its alert.
func (t *Till) alertForBill(tx core.App, bill *core.Record, differences int) error {
	date, state := bill.GetString("date"), bill.GetString("state")
	subject := bill.GetString("merchant") + "/" + date
	day, err := time.ParseInLocation(time.DateOnly, date, days.Beijing())
	if err != nil {
		return fmt.Errorf("read date of bill: %w", err)
	}
	late := !t.Now().Before(day.AddDate(0, 0, 1).Add(billAlertTime))
	switch {
	case state == billOK || state == billEmpty:
		return t.Books.Settle(tx, books.AlertBill, subject, "the books are equal")
	case state == billWaiting && !late:
		return nil
	default:
		return t.Books.Raise(tx, books.AlertBill, subject, map[string]any{
			"merchant": bill.GetString("merchant"), "date": date, "state": state, "differences": differences,
			"attempts": bill.GetInt("attempts"), "error": bill.GetString("error"),
		})
	}
}

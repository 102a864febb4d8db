// Package healing looks for what came after data that were restored. WeChat is asked about every payment and refund that was under way, and the
// bills of the days since are compared anew. What was found, and what a person has to look at, stands in one alert.
//
// An order that was made after the data were saved is in nobody's books but WeChat's: its payment is a difference in the day's bill, and a
// notification that comes for it is unmatched money. Neither is made up here.
package healing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/backup"
	"wxbase/internal/books"
	"wxbase/internal/days"
	"wxbase/internal/folder"
	"wxbase/internal/redact"
)

// Subject is the subject of the alert, of the kind restore.
const Subject = "restored"

const (
	job       = "wxHeal"
	billReady = 10*time.Hour + 30*time.Minute // of the next day in Beijing, when WeChat has the bill of a day
	patience  = 4 * 24 * time.Hour            // after which a day that could not be compared is left to a person
	farthest  = 90                            // days for which WeChat keeps its bills
	listed    = 40                            // numbers that the alert names
)

// Healing is the work after one restore. It goes on where it stopped when the server starts again.
type Healing struct {
	App   core.App
	Books *books.Books
	Now   func() time.Time
	Again func(ctx context.Context, day time.Time) error // compares the bill of a day anew
	Wake  func()                                         // the one who asks WeChat
	Note  backup.Restored

	round sync.Mutex
}

// Start tells of the restore, makes everything that is under way due now, and looks again every ten minutes until the last bill was compared.
func (h *Healing) Start() error {
	if err := h.tell("WeChat is asked"); err != nil {
		return err
	}
	if !h.Note.Asked {
		if err := h.askAll(); err != nil {
			return err
		}
		h.Note.Asked = true
		if err := h.keep(); err != nil {
			return err
		}
	}
	h.Wake()
	h.App.Cron().MustAdd(job, "*/10 * * * *", func() { h.Round(context.Background()) })
	return nil
}

func (h *Healing) keep() error { return folder.WriteNote(h.App.DataDir(), backup.RestoredFile, h.Note) }

// askAll makes every payment and refund that waits for WeChat due.
func (h *Healing) askAll() error {
	for _, table := range []string{"payments", "refunds"} {
		err := books.Exec(h.App, "UPDATE `"+table+"` SET `nextQueryAt` = ? WHERE `nextQueryAt` > ?", h.stored(h.Now()), h.stored(h.Now()))
		if err != nil {
			return fmt.Errorf("ask about %s: %w", table, err)
		}
	}
	return nil
}

func (h *Healing) stored(at time.Time) string { return at.UTC().Format(days.Stored) }

// gap are the days, in Beijing, in which something may be missing.
func (h *Healing) gap() (all []time.Time) {
	from, to := h.Note.Until, h.Note.At
	if from.IsZero() || from.After(to) {
		from = to
	}
	day, last := midnight(from), midnight(to)
	if oldest := last.AddDate(0, 0, -farthest); day.Before(oldest) {
		day = oldest
	}
	for ; !day.After(last); day = day.AddDate(0, 0, 1) {
		all = append(all, day)
	}
	return all
}

func midnight(at time.Time) time.Time {
	at = at.In(days.Beijing())
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, at.Location())
}

// Round compares the bills that are there by now, and brings the alert up to date. With the last one the work is done.
func (h *Healing) Round(ctx context.Context) {
	if !h.round.TryLock() {
		return
	}
	defer h.round.Unlock()
	if h.Note.From == "" { // it is done
		return
	}
	waiting := 0
	for _, day := range h.gap() {
		date := day.Format(time.DateOnly)
		if slices.Contains(h.Note.Days, date) {
			continue
		}
		ready := day.AddDate(0, 0, 1).Add(billReady)
		if h.Now().Before(ready) {
			waiting++
			continue
		}
		if err := h.Again(ctx, day); err != nil && h.Now().Before(ready.Add(patience)) {
			h.Books.LogError("comparing the bill of "+date+" after a restore", err)
			waiting++
			continue
		} else if err != nil {
			h.Note.Failed = append(h.Note.Failed, date+": "+redact.Text(err.Error()))
		}
		h.Note.Days = append(h.Note.Days, date)
		h.Books.LogError("healing", h.keep())
	}
	state := fmt.Sprintf("the bills of %d days are still to come", waiting)
	if waiting == 0 {
		state = "done"
	}
	if err := h.tell(state); err != nil {
		h.Books.LogError("healing", err)
		return
	}
	if waiting == 0 {
		h.App.Cron().Remove(job)
		h.Books.LogError("healing", backup.Forget(h.App.DataDir()))
		h.Note = backup.Restored{}
	}
}

// tell writes the alert: what was healed, and what is left to a person.
func (h *Healing) tell(state string) error {
	healed, open, err := h.lists()
	if err != nil {
		return err
	}
	open = append(open, h.Note.Failed...)
	return h.Books.Raise(h.App, books.AlertRestore, Subject, map[string]any{
		"from": h.Note.From, "at": h.Note.At, "newest": h.Note.Until, "state": state, "days": strings.Join(h.Note.Days, " "),
		"healed": healed[:min(len(healed), listed)], "healedCount": len(healed), "open": open[:min(len(open), listed)], "openCount": len(open),
	})
}

// lists are what was found since the restore, and what still differs.
func (h *Healing) lists() (healed, open []string, err error) {
	gap := h.gap()
	bind := dbx.Params{
		"at": h.stored(h.Note.At), "first": gap[0].Format(time.DateOnly), "last": gap[len(gap)-1].Format(time.DateOnly),
	}
	healed, open = []string{}, []string{}
	for _, q := range []struct {
		into  *[]string
		query string
	}{
		{&healed, `SELECT DISTINCT 'payment ' || p.outTradeNo || ' is ' || g.[[to]] FROM wx_ledger g JOIN payments p ON p.id = g.payment
			WHERE g.created >= {:at} AND p.created < {:at} AND g.[[to]] IN ('PAID', 'PAID_LATE', 'DISPUTED') ORDER BY 1`},
		{&healed, `SELECT 'refund ' || outRefundNo || ' is ' || state FROM refunds WHERE updated >= {:at} AND created < {:at} AND state = 'SUCCESS' ORDER BY 1`},
		{&healed, `SELECT DISTINCT d.kind || ' ' || d.outTradeNo FROM wx_bill_diffs d JOIN wx_bills b ON b.id = d.bill
			WHERE b.date BETWEEN {:first} AND {:last} AND d.resolved = 1 ORDER BY 1`},
		{&open, `SELECT DISTINCT d.kind || ' ' || d.outTradeNo FROM wx_bill_diffs d JOIN wx_bills b ON b.id = d.bill
			WHERE b.date BETWEEN {:first} AND {:last} AND d.resolved = 0 ORDER BY 1`},
		{&open, `SELECT DISTINCT 'unmatched money ' || subject FROM wx_alerts WHERE kind = 'unmatched' AND closedAt = '' AND since >= {:at} ORDER BY 1`},
		{&open, `SELECT 'payment ' || outTradeNo || ' is ' || state || ', not yet answered' FROM payments
			WHERE created < {:at} AND state IN ('NEW', 'PREPAYING', 'PREPAID', 'UNKNOWN', 'CLOSING') ORDER BY 1`},
	} {
		var found []string
		if err := h.App.ConcurrentDB().NewQuery(q.query).Bind(bind).Column(&found); err != nil {
			return nil, nil, fmt.Errorf("list what was healed: %w", err)
		}
		*q.into = append(*q.into, found...)
	}
	return healed, open, nil
}

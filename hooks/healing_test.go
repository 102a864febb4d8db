package hooks_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	backups "wxbase/internal/backup"
	"wxbase/internal/books"
	"wxbase/internal/folder"
	"wxbase/internal/healing"
)

// healed is what the alert of a restore says.
type healed struct {
	State  string   `json:"state"`
	Healed []string `json:"healed"`
	Open   []string `json:"open"`
}

func readHealed(t *testing.T, app *apptest.App) (h healed) {
	t.Helper()
	alert, err := app.FindFirstRecordByFilter("wx_alerts", "kind = 'restore' && subject = 'restored' && closedAt = ''")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(alert.GetString("details")), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHealing plays a shop whose data are those of before a payment: the order that was being paid is found by a question, the one that was made
// after the data were saved stands in WeChat's bill, and is left to a person.
func TestHealing(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.SweepEvery = 50 * time.Millisecond })
	buyer := app.Login("小明")
	app.Fault("notification", "lost", 20)
	known := buyer.Order("三鲜面", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(known), nil))
	gone := buyer.Order("酸梅汤", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(gone), nil))
	payment, err := app.FindFirstRecordByData("payments", "order", gone.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	number := payment.GetString("outTradeNo")
	for _, statement := range []string{ // as the data were before the second order
		"DELETE FROM payments WHERE `order` = {:id}", "DELETE FROM orders WHERE id = {:id}",
		"UPDATE payments SET nextQueryAt = '2999-01-01 00:00:00.000Z' WHERE `order` = {:known}",
	} {
		if _, err := app.DB().NewQuery(statement).Bind(dbx.Params{"id": gone.Text("id"), "known": known.Text("id")}).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	note := backups.Restored{From: "one.zip", At: app.Clock.Now(), Until: app.Clock.Now().Add(-time.Hour)}
	if err := folder.WriteNote(app.DataDir(), backups.RestoredFile, note); err != nil {
		t.Fatal(err)
	}
	work := &healing.Healing{
		App: app, Now: app.Clock.Now, Note: note, Wake: func() {},
		Books: books.New(app, app.Clock.Now, time.Hour, nil, func() string { return "" }),
		Again: func(ctx context.Context, day time.Time) error {
			_, err := app.WX.Reconcile(ctx, merchantOf(t, app), day, func(int, int) {})
			return err
		},
	}
	if err := work.Start(); err != nil {
		t.Fatal(err)
	}
	app.WaitFor(t, "orders", dbx.HashExp{"id": known.Text("id")}, func(r *core.Record) bool { return r.GetString("payState") == "PAID" })
	work.Round(t.Context())
	h := readHealed(t, app)
	if !slices.ContainsFunc(h.Healed, func(line string) bool { return strings.HasSuffix(line, "is PAID") }) || !strings.Contains(h.State, "still to come") {
		t.Errorf("before the bill: got %+v, want the known order healed and the bill awaited", h)
	}
	noon(app)
	work.Round(t.Context())
	h = readHealed(t, app)
	if h.State != "done" || !slices.Contains(h.Open, "payment_missing_here "+number) {
		t.Errorf("after the bill: got %+v, want it done and %s left to a person", h, number)
	}
	if found, err := folder.ReadNote(app.DataDir(), backups.RestoredFile, &note); found || err != nil {
		t.Errorf("the note: got %v %v, want it gone", found, err)
	}
	work.Round(t.Context()) // and nothing more
}

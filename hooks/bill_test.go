package hooks_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/cmd"
	"wxbase/internal/apptest"
	"wxbase/internal/till"
)

// noon moves the clock to noon in Beijing of the day after, and returns the day before.
func noon(app *apptest.App) time.Time {
	now := app.Clock.Now().In(time.FixedZone("", 8*60*60))
	next := time.Date(now.Year(), now.Month(), now.Day()+1, 12, 0, 0, 0, now.Location())
	app.Clock.Advance(next.Sub(now))
	return now
}

// breakfast moves the clock to 8 in the morning in Beijing, so that no midnight falls into a test about a day.
func breakfast(app *apptest.App) {
	now := app.Clock.Now().In(time.FixedZone("", 8*60*60))
	next := time.Date(now.Year(), now.Month(), now.Day()+1, 8, 0, 0, 0, now.Location())
	app.Clock.Advance(next.Sub(now))
}

func reconcile(t *testing.T, app *apptest.App, day time.Time) till.BillReport {
	t.Helper()
	report, err := app.WX.Reconcile(t.Context(), merchantOf(t, app), day, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func merchantOf(t *testing.T, app *apptest.App) string {
	t.Helper()
	var config struct {
		Merchants []struct {
			MchID string `json:"mchid"`
		} `json:"merchants"`
	}
	decode(t, app.Must(http.MethodGet, "/_sim/config", "", nil).Body, &config)
	return config.Merchants[0].MchID
}

func TestReconcileMendsWhatWasLost(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	breakfast(app)
	buyer := app.Login("小明")
	known := buyer.Order("三鲜面", 2)
	payAndSync(t, buyer, known)
	app.Must(http.MethodPost, refundPath(known), app.Superuser(), map[string]any{"amount": 1000})
	settle(t, app)
	app.Fault("notification", "lost", 20)
	lost := buyer.Order("酸梅汤", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(lost), nil))
	payment, err := app.FindFirstRecordByData("payments", "order", known.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	// by hand on the platform, and nobody is told
	app.Must(http.MethodPost, "/_sim/orders/"+payment.GetString("outTradeNo")+"/refund", "", map[string]any{"amount": 500})

	day := noon(app)
	report := reconcile(t, app, day)
	if report.State != "OK" || report.Mended != 2 || report.Payments != 2 || report.Refunds != 2 ||
		report.TheirTotal != 4200 || report.OurTotal != 4200 || report.TheirRefund != 1500 || report.OurRefund != 1500 {
		t.Errorf("report: got %+v, want equal totals and two differences mended", report)
	}
	wantStates(t, app, lost.Text("id"), "PAID", "PAID")
	o, err := app.FindRecordById("orders", known.Text("id"))
	if err != nil || o.GetInt("refunded") != 1500 {
		t.Errorf("refunded: got %d (%v), want 1500", o.GetInt("refunded"), err)
	}
	if n := count(t, app, "wx_bill_diffs", dbx.HashExp{"resolved": true}); n != 2 {
		t.Errorf("differences kept: got %d, want 2", n)
	}
	// the same day once more: nothing is left to mend, and the row is replaced
	if again := reconcile(t, app, day); again.State != "OK" || len(again.Diffs) != 0 || again.OurTotal != 4200 {
		t.Errorf("second report: got %+v, want equal books", again)
	}
	if n := count(t, app, "wx_bills", nil); n != 1 {
		t.Errorf("bills: got %d, want 1", n)
	}
}

func TestReconcileNamesWhatItCannotMend(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	payment, err := app.FindFirstRecordByData("payments", "order", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	payment.Set("amount", 3599) // as if somebody had been at the database
	if err := app.Save(payment); err != nil {
		t.Fatal(err)
	}
	report := reconcile(t, app, noon(app))
	if report.State != "DIFFERENT" || len(report.Diffs) != 1 || report.Diffs[0].Kind != "payment_total" || report.Diffs[0].Resolved {
		t.Errorf("report: got %+v, want one difference of the total", report)
	}
}

func TestReconcileOfAnEmptyDay(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	if report := reconcile(t, app, noon(app)); report.State != "EMPTY" {
		t.Errorf("report: got %+v, want EMPTY", report)
	}
	if _, err := app.WX.Reconcile(t.Context(), merchantOf(t, app), app.Clock.Now(), func(int, int) {}); err == nil {
		t.Error("today: got a bill, want an error")
	}
}

func TestBillCommand(t *testing.T) {
	t.Parallel()
	app, _, _ := paidOrder(t)
	day := noon(app)
	run := func(args ...string) (string, error) {
		var out bytes.Buffer
		command := cmd.NewBillCommand(app.WX)
		command.SetArgs(args)
		command.SetOut(&out)
		command.SetErr(&bytes.Buffer{})
		err := command.ExecuteContext(t.Context())
		return out.String(), err
	}
	out, err := run(day.Format(time.DateOnly), "--json")
	var report till.BillReport
	if err != nil || json.Unmarshal([]byte(out), &report) != nil || report.State != "OK" || report.Payments != 1 {
		t.Errorf("--json: got %s (%v), want a report", out, err)
	}
	if out, err := run(); err != nil || !bytes.Contains([]byte(out), []byte("1 payments 36.00 yuan (ours 36.00)")) {
		t.Errorf("yesterday: got %s (%v), want one line of words", out, err)
	}
	if _, err := run("22.11.2026"); err == nil {
		t.Error("a date that is none: got no error")
	}
}

package hooks_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
	"wxbase/internal/wxpay"
)

const billCall = "/v3/bill/tradebill"

// billRefuser answers the first questions for a bill with one of WeChat's refusals.
type billRefuser struct {
	left atomic.Int32
	code string
}

func (b *billRefuser) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == billCall && b.left.Add(-1) >= 0 {
		return reply(http.StatusBadRequest, `{"code":"`+b.code+`","message":"账单生成中"}`)
	}
	return web.Transport.RoundTrip(r)
}

// at moves the clock to an hour of the day in Beijing, some days on.
func at(app *apptest.App, days, hour int) {
	now := app.Clock.Now().In(time.FixedZone("", 8*60*60))
	next := time.Date(now.Year(), now.Month(), now.Day()+days, hour, 0, 0, 0, now.Location())
	app.Clock.Advance(next.Sub(now))
}

func billOf(t *testing.T, app *apptest.App, day time.Time) *core.Record {
	t.Helper()
	rows, err := app.FindAllRecords("wx_bills", dbx.HashExp{"date": day.Format(time.DateOnly)})
	if err != nil || len(rows) != 1 {
		t.Fatalf("bills of %s: got %d (%v), want one", day.Format(time.DateOnly), len(rows), err)
	}
	return rows[0]
}

func wantBill(t *testing.T, app *apptest.App, day time.Time, state string, finished bool) {
	t.Helper()
	r := billOf(t, app, day)
	if r.GetString("state") != state || r.GetDateTime("nextAt").IsZero() != finished {
		t.Errorf("bill of %s: got %s, next %s, want %s, finished %t", day.Format(time.DateOnly), r.GetString("state"), r.GetDateTime("nextAt"), state, finished)
	}
}

func openBillAlerts(t *testing.T, app *apptest.App) int {
	t.Helper()
	return count(t, app, "wx_alerts", dbx.HashExp{"kind": "bill", "closedAt": ""})
}

// one busy answer at half past ten is not the end of the day
func TestBillIsAskedForAgain(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	breakfast(app)
	buyer := app.Login("小明")
	app.Fault("notification", "lost", 20)
	lost := buyer.Order("酸梅汤", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(lost), nil))
	day := noon(app)
	app.Fault("tradebill", "busy", 1)
	app.WX.ReconcileDue(t.Context())
	wantBill(t, app, day, "WAITING", false)
	calls := app.Calls(billCall)
	app.WX.ReconcileDue(t.Context())
	if n := app.Calls(billCall) - calls; n > 1 { // a day before may be due
		t.Errorf("at once: got %d more calls, want the day to wait", n)
	}
	if n := openBillAlerts(t, app); n != 0 {
		t.Errorf("alerts at noon: got %d, want none", n)
	}
	app.Clock.Advance(16 * time.Minute)
	app.WX.ReconcileDue(t.Context())
	wantBill(t, app, day, "OK", true)
	wantStates(t, app, lost.Text("id"), "PAID", "PAID")
	calls = app.Calls(billCall)
	app.Clock.Advance(time.Hour)
	app.WX.ReconcileDue(t.Context())
	if n := app.Calls(billCall); n != calls {
		t.Errorf("when all is done: got %d more calls, want none", n-calls)
	}
}

// a bill that is being made for the whole day is an alert in the afternoon, and the alert passes with it
func TestBillThatIsLate(t *testing.T) {
	t.Parallel()
	creating := &billRefuser{code: "STATEMENT_CREATING"}
	creating.left.Store(100)
	app, _, _ := paidOrder(t, func(c *hooks.Config) { c.Transport = creating })
	day := noon(app)
	for range 40 {
		app.WX.ReconcileDue(t.Context())
		app.Clock.Advance(10 * time.Minute)
	}
	if tries := 100 - int(creating.left.Load()); tries < 4 || tries > 10 {
		t.Errorf("tries in seven hours: got %d, want some, and fewer than rounds", tries)
	}
	wantBill(t, app, day, "WAITING", false)
	if n := openBillAlerts(t, app); n != 1 {
		t.Errorf("alerts in the afternoon: got %d, want one", n)
	}
	creating.left.Store(0)
	app.Clock.Advance(2 * time.Hour)
	app.WX.ReconcileDue(t.Context())
	wantBill(t, app, day, "OK", true)
	if n := openBillAlerts(t, app); n != 0 {
		t.Errorf("alerts in the end: got %d, want none", n)
	}
}

// a server that was down for a week catches up, some days in each round, and asks for no day before its first payment
func TestBillsAreCaughtUp(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	breakfast(app)
	buyer := app.Login("小明")
	app.Fault("notification", "lost", 20)
	lost := buyer.Order("酸梅汤", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(lost), nil))
	day := app.Clock.Now().In(time.FixedZone("", 8*60*60))
	at(app, 8, 12)
	app.WX.ReconcileDue(t.Context())
	if n := count(t, app, "wx_bills", nil); n != 5 {
		t.Errorf("days in one round: got %d, want 5", n)
	}
	for range 4 {
		app.WX.ReconcileDue(t.Context())
	}
	wantBill(t, app, day, "OK", true)
	wantStates(t, app, lost.Text("id"), "PAID", "PAID")
	// the first attempt was stored today by the wall clock, which is one or two days before breakfast's day
	if n := count(t, app, "wx_bills", nil); n < 8 || n > 10 {
		t.Errorf("days: got %d, want those since the first payment", n)
	}
}

func TestNoBillsWithoutPayments(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	at(app, 40, 12)
	app.WX.ReconcileDue(t.Context())
	if n := app.Calls(billCall); n != 0 {
		t.Errorf("calls: got %d, want none", n)
	}
}

// WeChat keeps a bill for three months; what was not fetched by then is lost, and a person is told
func TestBillThatIsLost(t *testing.T) {
	t.Parallel()
	creating := &billRefuser{code: "SYSTEM_ERROR"}
	creating.left.Store(1_000)
	app, _, _ := paidOrder(t, func(c *hooks.Config) { c.Transport = creating })
	day := noon(app)
	app.WX.ReconcileDue(t.Context())
	wantBill(t, app, day, "WAITING", false)
	app.Clock.Advance(100 * 24 * time.Hour)
	app.WX.ReconcileDue(t.Context())
	wantBill(t, app, day, "LOST", true)
	if n := count(t, app, "wx_alerts", dbx.HashExp{"kind": "bill", "closedAt": "", "subject": merchantOf(t, app) + "/" + day.Format(time.DateOnly)}); n != 1 {
		t.Errorf("alerts: got %d, want one of the day", n)
	}
}

// a difference about which WeChat did not answer is asked about again
func TestBillWhoseMendingFailed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	breakfast(app)
	buyer := app.Login("小明")
	app.Fault("notification", "lost", 20)
	lost := buyer.Order("酸梅汤", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(lost), nil))
	day := noon(app)
	app.Fault("query", "busy", 5)
	app.WX.ReconcileDue(t.Context())
	wantBill(t, app, day, "DIFFERENT", false)
	if n := openBillAlerts(t, app); n != 1 {
		t.Errorf("alerts: got %d, want one", n)
	}
	app.Must(http.MethodDelete, "/_sim/faults", "", nil)
	app.Clock.Advance(time.Hour)
	app.WX.ReconcileDue(t.Context())
	wantBill(t, app, day, "OK", true)
	if n := openBillAlerts(t, app); n != 0 {
		t.Errorf("alerts in the end: got %d, want none", n)
	}
}

// what another program has sold is marked once, by a rule; what may be ours is hidden by none
func TestBillWithPaymentsOfOthers(t *testing.T) {
	t.Parallel()
	app, buyer, _ := paidOrder(t)
	sellElsewhere(t, app, buyer, wxpay.PrepayRequest{OutTradeNo: "ERP-2026-7", Attach: "till", Total: 500})
	sellElsewhere(t, app, buyer, wxpay.PrepayRequest{OutTradeNo: "SHOP2-1", Attach: "mall/7", Total: 700})
	sellElsewhere(t, app, buyer, wxpay.PrepayRequest{OutTradeNo: "abcdefghij01234-1", Attach: "till", Total: 900})
	day := noon(app)
	if report := reconcile(t, app, day); report.State != "DIFFERENT" || len(report.Diffs) != 3 || report.Foreign != 0 || report.TheirTotal != 5700 {
		t.Errorf("without a rule: got %+v, want three differences", report)
	}
	super := app.Superuser()
	row := app.Must(http.MethodPost, "/api/collections/wx_merchants/records", super, map[string]any{"mchid": merchantOf(t, app), "api": "v3"})
	path := "/api/collections/wx_merchants/records/" + row.Text("id")
	for _, bad := range []string{"number:*", "number:", "ERP", "number:E*P*", "openid:o-1", "appid"} {
		if got := app.Call(http.MethodPatch, path, super, map[string]any{"foreign": bad}); got.Status != http.StatusBadRequest || !strings.Contains(string(got.Body), "foreign_invalid") {
			t.Errorf("rule %q: got %d %s, want it refused", bad, got.Status, got.Body)
		}
	}
	app.Must(http.MethodPatch, path, super, map[string]any{"foreign": "number:ERP-*\nattach:mall*\nattach:till\nnumber:abc*\nappid:" + app.AppID()})
	report := reconcile(t, app, day)
	if report.State != "DIFFERENT" || len(report.Diffs) != 1 || report.Diffs[0].OutTradeNo != "abcdefghij01234-1" || report.Foreign != 2 ||
		report.TheirTotal != 4500 || report.OurTotal != 3600 || report.Payments != 2 {
		t.Errorf("with rules: got %+v, want two left out, and the one that may be ours named", report)
	}
}

// sellElsewhere pays something that our books know nothing of.
func sellElsewhere(t *testing.T, app *apptest.App, buyer apptest.Person, what wxpay.PrepayRequest) {
	t.Helper()
	identity, err := app.FindFirstRecordByData("wx_identities", "user", buyer.User)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := app.WX.Gateway(merchantOf(t, app), app.AppID())
	if err != nil {
		t.Fatal(err)
	}
	what.AppID, what.OpenID, what.Description = app.AppID(), identity.GetString("openid"), "别处的货"
	if what.NotifyURL == "" {
		what.NotifyURL = "https://till.example.com/notify"
	}
	prepayID, err := gateway.Prepay(t.Context(), what)
	if err != nil {
		t.Fatal(err)
	}
	params, err := gateway.RequestPayment(what.AppID, prepayID)
	if err != nil {
		t.Fatal(err)
	}
	got := buyer.PayAtCashier(apptest.Answer{JSON: map[string]any{
		"timeStamp": params.TimeStamp, "nonceStr": params.NonceStr, "package": params.Package, "signType": params.SignType, "paySign": params.PaySign,
	}})
	if got != "requestPayment:ok" {
		t.Fatalf("phone: got %q, want requestPayment:ok", got)
	}
}

package hooks_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

// patience is how long a test waits for what another goroutine does; a test that gets there has failed.
const patience = 20 * time.Second

func TestPayWholeStory(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	paid := make(chan string, 1)
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		paid <- e.Order.Id
		return e.Next()
	})
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 2)
	params := buyer.Must(http.MethodPost, payPath(order), nil)
	if got := buyer.PayAtCashier(params); got != "requestPayment:ok" {
		t.Fatalf("phone: got %q, want requestPayment:ok", got)
	}
	if got := receive(t, paid); got != order.Text("id") {
		t.Errorf("paid order: got %s, want %s", got, order.Text("id"))
	}
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
	got := ledger(t, app, order.Text("id"))
	if want := "NEW>PREPAYING PREPAYING>PREPAID PREPAID>PAID"; got != want {
		t.Errorf("ledger: got %s, want %s", got, want)
	}
}

func TestPayRefusals(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer, stranger := app.Login("小明"), app.Login("小红")
	order := buyer.Order("三鲜面", 1)
	cancelled := buyer.Order("三鲜面", 1)
	buyer.Must(http.MethodPost, "/api/wx/orders/"+cancelled.Text("id")+"/cancel", nil)
	paid := buyer.Order("酸梅汤", 1)
	payAndSync(t, buyer, paid)

	scenarios := []struct {
		name, path, token string
		status            int
		code              string
	}{
		{"guest", payPath(order), "", 401, ""},
		{"another user", payPath(order), stranger.Token, 404, "order_not_found"},
		{"superuser has no phone", payPath(order), app.Superuser(), 403, ""},
		{"no such order", "/api/wx/orders/nosuchorder0000/pay", buyer.Token, 404, "order_not_found"},
		{"cancelled", payPath(cancelled), buyer.Token, 409, "order_not_payable"},
		{"paid", payPath(paid), buyer.Token, 409, "order_already_paid"},
		{"sync of another user's order", "/api/wx/orders/" + order.Text("id") + "/sync", stranger.Token, 404, "order_not_found"},
		{"cancel of another user's order", "/api/wx/orders/" + order.Text("id") + "/cancel", stranger.Token, 404, "order_not_found"},
		{"cancel of a paid order", "/api/wx/orders/" + paid.Text("id") + "/cancel", buyer.Token, 409, "order_already_paid"},
	}
	for _, s := range scenarios {
		got := app.Call(http.MethodPost, s.path, s.token, nil)
		if got.Status != s.status || got.Code() != s.code {
			t.Errorf("%s: got %d %q, want %d %q", s.name, got.Status, got.Code(), s.status, s.code)
		}
	}
	if n := count(t, app, "payments", dbx.HashExp{"order": order.Text("id")}); n != 0 {
		t.Errorf("payments of the order that nobody paid: got %d, want 0", n)
	}
	app.Clock.Advance(31 * time.Minute)
	if got := buyer.Call(http.MethodPost, payPath(order), nil); got.Code() != "order_expired" {
		t.Errorf("expired: got %d %q, want order_expired", got.Status, got.Code())
	}
}

func TestPayAgainKeepsTheNumber(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	first := buyer.Must(http.MethodPost, payPath(order), nil)
	again := buyer.Must(http.MethodPost, payPath(order), nil)
	if first.Text("package") != again.Text("package") {
		t.Errorf("prepay id: got %s, want %s again", again.Text("package"), first.Text("package"))
	}
	if n := count(t, app, "payments", dbx.HashExp{"order": order.Text("id")}); n != 1 {
		t.Errorf("attempts: got %d, want 1", n)
	}
}

// TestPayIsTwoWrites: the attempt is committed once before the call and once after it, and asking again writes nothing.
func TestPayIsTwoWrites(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var written []string
	note := func(e *core.RecordEvent) error {
		written = append(written, e.Record.GetString("state"))
		return e.Next()
	}
	app.OnRecordAfterCreateSuccess("payments").BindFunc(note)
	app.OnRecordAfterUpdateSuccess("payments").BindFunc(note)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	for range 3 {
		buyer.Must(http.MethodPost, payPath(order), nil)
	}
	if got, want := strings.Join(written, " "), "PREPAYING PREPAID"; got != want {
		t.Errorf("written: got %s, want %s", got, want)
	}
}

// TestPayAtOnceAsksWeChatOnce: ten taps on the button are one attempt and one call; the others wait for its answer.
func TestPayAtOnceAsksWeChatOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	before := app.Calls("/v3/pay/transactions/jsapi")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if got := buyer.Call(http.MethodPost, payPath(order), nil); got.Status != http.StatusOK {
				t.Errorf("got %d %s, want 200", got.Status, got.Code())
			}
		})
	}
	wg.Wait()
	if got := app.Calls("/v3/pay/transactions/jsapi") - before; got != 1 {
		t.Errorf("calls: got %d, want 1", got)
	}
	if got, want := ledger(t, app, order.Text("id")), "NEW>PREPAYING PREPAYING>PREPAID"; got != want {
		t.Errorf("ledger: got %s, want %s", got, want)
	}
}

// TestPaymentCannotBeVetoed: a hook that refuses each change of orders and payments, as an operator's may by mistake, does not stop what has happened.
func TestPaymentCannotBeVetoed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	refuse := func(*core.RecordEvent) error { return errors.New("not today") }
	told := make(chan string, 8)
	app.OnRecordUpdate("orders", "payments").BindFunc(refuse)
	app.OnRecordValidate("orders").BindFunc(refuse)
	app.OnRecordCreate("payments").BindFunc(refuse)
	app.OnRecordAfterUpdateSuccess("orders").BindFunc(func(e *core.RecordEvent) error {
		told <- e.Record.GetString("payState")
		return e.Next()
	})
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil))
	if got := receive(t, told); got != "PAID" {
		t.Errorf("after the commit: got %s, want PAID", got)
	}
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
}

// whatever WeChat does to the prepay call, the number stays the same and the order can be paid in the end
func TestPayWhenPrepayFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"busy", "cut", "html", "empty", "rate_limit", "wrong_signature", "probe", "stale_time", "future_time"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			buyer := app.Login("小明")
			order := buyer.Order("三鲜面", 1)
			app.Fault("prepay", kind, 1)
			if got := buyer.Call(http.MethodPost, payPath(order), nil); got.Status != 503 || got.Code() != "pay_busy" {
				t.Errorf("first try: got %d %q, want 503 pay_busy", got.Status, got.Code())
			}
			payAndSync(t, buyer, order)
			if n := count(t, app, "payments", dbx.HashExp{"order": order.Text("id")}); n != 1 {
				t.Errorf("attempts: got %d, want 1", n)
			}
		})
	}
}

func TestSyncFindsAPaymentWhoseNotificationIsLost(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Fault("notification", "lost", 10)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	payAndSync(t, buyer, order)
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
}

func TestSweepFindsAPaymentThatNobodyReports(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Fault("notification", "lost", 10)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil))
	app.Clock.Advance(time.Minute)
	if err := app.WX.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
}

func TestExpiryClosesAtWeChatAndGivesTheStockBack(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	tried, untouched := buyer.Order("桂花糕", 5), buyer.Order("桂花糕", 4)
	params := buyer.Must(http.MethodPost, payPath(tried), nil)
	wantStock(t, app, "桂花糕", "3")
	app.Clock.Advance(32 * time.Minute)
	if err := app.WX.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, app, tried.Text("id"), "CANCELLED", "CLOSED")
	wantStates(t, app, untouched.Text("id"), "CANCELLED")
	wantStock(t, app, "桂花糕", "12")
	if got := buyer.PayAtCashier(params); got == "requestPayment:ok" {
		t.Error("the phone paid an order that was closed")
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order := buyer.Order("桂花糕", 5)
	buyer.Must(http.MethodPost, payPath(order), nil)
	got := buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/cancel", nil)
	if got.Text("payState") != "CANCELLED" {
		t.Errorf("state: got %s, want CANCELLED", got.Text("payState"))
	}
	wantStock(t, app, "桂花糕", "12")
	// once more changes nothing
	buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/cancel", nil)
	wantStock(t, app, "桂花糕", "12")
}

func TestCancelLosesAgainstThePayer(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Fault("notification", "lost", 10)
	buyer := app.Login("小明")
	order := buyer.Order("桂花糕", 5)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil))
	got := buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/cancel", nil)
	if got.Text("payState") != "PAID" {
		t.Errorf("state: got %s, want PAID", got.Text("payState"))
	}
	wantStock(t, app, "桂花糕", "7")
}

// a merchant that is changed in the dashboard meanwhile makes the old attempt close before a new number is taken
func TestPayOnOtherTermsTakesANewNumber(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	buyer.Must(http.MethodPost, payPath(order), nil)
	record, err := app.FindRecordById("orders", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	record.Set("description", "另一种说法")
	if err := app.Save(record); err != nil {
		t.Fatal(err)
	}
	payAndSync(t, buyer, order)
	wantStates(t, app, order.Text("id"), "PAID", "CLOSED", "PAID")
}

func TestOutboxTriesAFailedHookAgain(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	tries := make(chan int, 10)
	n := 0
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		n++
		tries <- n
		if n == 1 {
			return http.ErrServerClosed
		}
		return e.Next()
	})
	buyer := app.Login("小明")
	payAndSync(t, buyer, buyer.Order("三鲜面", 1))
	receive(t, tries)
	rows := waitFor(t, app, "wx_outbox", dbx.HashExp{"effect": "order.paid.hooks"}, func(r *core.Record) bool { return r.GetString("error") != "" })
	rows.Set("nextAt", time.Now().Add(-time.Second))
	if err := app.Save(rows); err != nil {
		t.Fatal(err)
	}
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, tries); got != 2 {
		t.Errorf("tries: got %d, want 2", got)
	}
	done, err := app.FindRecordById("wx_outbox", rows.Id)
	if err != nil || done.GetDateTime("doneAt").IsZero() {
		t.Errorf("outbox row: got %v %v, want done", done, err)
	}
}

func payPath(order apptest.Answer) string { return "/api/wx/orders/" + order.Text("id") + "/pay" }

// payAndSync pays at the cashier and comes back, as the client SDK does.
func payAndSync(tb testing.TB, buyer apptest.Person, order apptest.Answer) {
	tb.Helper()
	if got := buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil)); got != "requestPayment:ok" {
		tb.Fatalf("phone: got %q, want requestPayment:ok", got)
	}
	after := buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/sync", nil)
	if after.Text("payState") != "PAID" {
		tb.Fatalf("order after sync: got %s, want PAID", after.Text("payState"))
	}
}

func receive[T any](tb testing.TB, from <-chan T) T {
	tb.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		tb.Fatal("nothing happened")
		panic("unreachable")
	}
}

// waitFor polls for a row that another goroutine is writing.
func waitFor(tb testing.TB, app *apptest.App, collection string, where dbx.Expression, ok func(*core.Record) bool) *core.Record {
	tb.Helper()
	return app.WaitFor(tb, collection, where, ok)
}

func count(tb testing.TB, app *apptest.App, collection string, where dbx.Expression) int {
	tb.Helper()
	n, err := app.CountRecords(collection, where)
	if err != nil {
		tb.Fatal(err)
	}
	return int(n)
}

// wantStates compares an order's state and the states of its attempts, the oldest first.
func wantStates(tb testing.TB, app *apptest.App, orderID, want string, attempts ...string) {
	tb.Helper()
	app.WantStates(tb, orderID, want, attempts...)
}

func wantStock(tb testing.TB, app *apptest.App, product, want string) {
	tb.Helper()
	r, err := app.FindFirstRecordByData("products", "name", product)
	if err != nil {
		tb.Fatal(err)
	}
	if got := r.GetString("stock"); got != want {
		tb.Errorf("stock of %s: got %s, want %s", product, got, want)
	}
}

// ledger is the order's history as "FROM>TO FROM>TO".
func ledger(tb testing.TB, app *apptest.App, orderID string) string {
	tb.Helper()
	rows, err := app.FindRecordsByFilter("wx_ledger", "order = {:o}", "created", 0, 0, dbx.Params{"o": orderID})
	if err != nil {
		tb.Fatal(err)
	}
	var steps []string
	for _, r := range rows {
		steps = append(steps, r.GetString("from")+">"+r.GetString("to"))
	}
	return strings.Join(steps, " ")
}

// WeChat counts the description in bytes; what a hook has written is cut to fit, and no character is split
func TestPayWithALongDescription(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.WX.OnOrderCreate().BindFunc(func(e *events.OrderEvent) error {
		e.Order.Set("description", strings.Repeat("面", 33)+strings.Repeat("d", 36)) // 69 characters, 135 bytes
		return e.Next()
	})
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	if got := buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil)); got != "requestPayment:ok" {
		t.Errorf("phone: got %q, want requestPayment:ok", got)
	}
	want := strings.Repeat("面", 33) + strings.Repeat("d", 28)
	for _, o := range list(t, app, "/_sim/orders") {
		if o["description"] != want {
			t.Errorf("description at WeChat: got %q, want 127 bytes", o["description"])
		}
	}
}

package hooks_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

// captured is a genuine notification that has not reached the app.
type captured struct {
	path   string
	header http.Header
	body   []byte
}

// captureNotify starts an app whose notifications go to the test instead, which hands them on as it likes.
func captureNotify(t *testing.T, change ...func(*hooks.Config)) (*apptest.App, <-chan captured) {
	t.Helper()
	notes := make(chan captured, 50)
	catcher := httptest.NewServer(catch(notes))
	t.Cleanup(catcher.Close)
	return apptest.New(t, append(change, func(c *hooks.Config) { c.PublicURL = catcher.URL })...), notes
}

// catch keeps every notification and takes none.
func catch(notes chan<- captured) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		notes <- captured{r.URL.Path, r.Header.Clone(), body}
		w.WriteHeader(http.StatusInternalServerError)
	})
}

// deliver posts a notification to the app.
func (c captured) deliver(t *testing.T, app *apptest.App) apptest.Answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+c.path, bytes.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = c.header.Clone()
	return app.Do(req)
}

// paidUnheard is an order that is paid at WeChat, with the notification in the test's hands.
func paidUnheard(t *testing.T) (*apptest.App, apptest.Answer, captured) {
	t.Helper()
	app, notes := captureNotify(t)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	if got := buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil)); got != "requestPayment:ok" {
		t.Fatalf("phone: got %q, want requestPayment:ok", got)
	}
	return app, order, receive(t, notes)
}

func TestNotifyTwentyAtOnce(t *testing.T) {
	t.Parallel()
	app, order, note := paidUnheard(t)
	told := make(chan string, 20)
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		told <- e.Order.Id
		return e.Next()
	})
	banners := listen(t, app, "rooms/notice")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got := note.deliver(t, app); got.Status != http.StatusNoContent {
				t.Errorf("answer: got %d %s, want 204", got.Status, got.Body)
			}
		})
	}
	wg.Wait()
	receive(t, told)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
	if n := count(t, app, "wx_ledger", dbx.HashExp{"to": "PAID"}); n != 1 {
		t.Errorf("ledger rows: got %d, want 1", n)
	}
	if n := count(t, app, "wx_inbox", dbx.HashExp{"state": "APPLIED"}); n != 1 {
		t.Errorf("inbox rows: got %d, want 1", n)
	}
	if len(told) != 0 {
		t.Errorf("OnOrderPaid: got %d more, want 1 in all", len(told))
	}
	// NB! one banner: what comes after a message of our own proves that nothing else came before
	if _, err := app.WX.Publish("notice", "end", nil); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, banners); !strings.Contains(got, `"order.paid"`) {
		t.Errorf("first message: got %s, want the banner", got)
	}
	if got := receive(t, banners); !strings.Contains(got, `"end"`) {
		t.Errorf("second message: got %s, want the end", got)
	}
}

func TestNotifyRepeatCostsNoWrite(t *testing.T) {
	t.Parallel()
	app, _, note := paidUnheard(t)
	note.deliver(t, app)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := changes(t, app)
	for range 5 {
		if got := note.deliver(t, app); got.Status != http.StatusNoContent {
			t.Errorf("answer: got %d, want 204", got.Status)
		}
	}
	if after := changes(t, app); after != before {
		t.Errorf("changes in the database: got %d, want %d", after, before)
	}
}

func TestNotifyHostile(t *testing.T) {
	t.Parallel()
	app, order, note := paidUnheard(t)
	without := func(name string) func(captured) captured {
		return func(c captured) captured {
			c.header = c.header.Clone()
			c.header.Del(name)
			return c
		}
	}
	with := func(name, value string) func(captured) captured {
		return func(c captured) captured {
			c.header = c.header.Clone()
			c.header.Set(name, value)
			return c
		}
	}
	body := func(change func([]byte) []byte) func(captured) captured {
		return func(c captured) captured {
			c.body = change(bytes.Clone(c.body))
			return c
		}
	}
	scenarios := []struct {
		name   string
		change func(captured) captured
		status int
		code   string
	}{
		{"no signature", without("Wechatpay-Signature"), 401, "pay_notify_signature"},
		{"no serial", without("Wechatpay-Serial"), 401, "pay_notify_signature"},
		{"no nonce", without("Wechatpay-Nonce"), 401, "pay_notify_signature"},
		{"no time", without("Wechatpay-Timestamp"), 401, "pay_notify_signature"},
		{"unknown serial", with("Wechatpay-Serial", "PUB_KEY_ID_0000000000000000"), 401, "pay_notify_signature"},
		{"another nonce", with("Wechatpay-Nonce", "x"), 401, "pay_notify_signature"},
		{"probe", with("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+note.header.Get("Wechatpay-Signature")), 401, "pay_notify_signature"},
		{"one bit", body(func(b []byte) []byte { b[10] ^= 1; return b }), 401, "pay_notify_signature"},
		{"written anew", body(func(b []byte) []byte { return append(b, ' ') }), 401, "pay_notify_signature"},
		{"cut", body(func(b []byte) []byte { return b[:len(b)/2] }), 401, "pay_notify_signature"},
		{"empty", body(func([]byte) []byte { return nil }), 401, "pay_notify_signature"},
		{"a megabyte of garbage", body(func([]byte) []byte { return bytes.Repeat([]byte("x"), 1<<20) }), 401, "pay_notify_signature"},
		{"two megabytes", body(func([]byte) []byte { return bytes.Repeat([]byte("x"), 2<<20) }), 400, "pay_notify_malformed"},
		{"another merchant's address", func(c captured) captured { c.path = "/api/wx/notify/pay/1999999999"; return c }, 404, "pay_notify_merchant"},
	}
	for _, s := range scenarios {
		got := s.change(note).deliver(t, app)
		if got.Status != s.status || got.Code() != s.code || got.Text("code") != "FAIL" {
			t.Errorf("%s: got %d %q %s, want %d %q FAIL", s.name, got.Status, got.Code(), got.Text("code"), s.status, s.code)
		}
	}
	for _, off := range []time.Duration{6 * time.Minute, -6 * time.Minute} {
		app.Clock.Advance(off)
		if got := note.deliver(t, app); got.Status != 401 || got.Code() != "pay_notify_stale" {
			t.Errorf("clock %s off: got %d %q, want 401 pay_notify_stale", off, got.Status, got.Code())
		}
		app.Clock.Advance(-off)
	}
	wantStates(t, app, order.Text("id"), "UNPAID", "PREPAID")
	refused, err := app.FindAllRecords("wx_inbox", dbx.HashExp{"state": "REFUSED"})
	if err != nil || len(refused) < 5 {
		t.Errorf("inbox: got %d refused rows (%v), want one per different body", len(refused), err)
	}
	for _, r := range refused {
		if r.GetString("error") == "" || r.GetBool("verified") || len(r.GetString("body")) > 16<<10 {
			t.Errorf("inbox row: got %q verified %t %d bytes, want a reason, false, a short body",
				r.GetString("error"), r.GetBool("verified"), len(r.GetString("body")))
		}
	}
	// and the genuine one still works
	if got := note.deliver(t, app); got.Status != http.StatusNoContent {
		t.Errorf("genuine: got %d %s, want 204", got.Status, got.Body)
	}
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
}

// what WeChat signs but what does not fit our books never pays an order, and is never lost
func TestNotifyThatDoesNotFit(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		fault          string
		status         int
		payment, inbox string
	}{
		{"other_amount", 204, "DISPUTED", "DISPUTED"},
		{"other_appid", 204, "DISPUTED", "DISPUTED"},
		{"other_mchid", 404, "PREPAID", "REFUSED"},
		{"unknown_order", 503, "PREPAID", "UNMATCHED"},
		{"no_resource", 400, "PREPAID", "REFUSED"},
	}
	for _, s := range scenarios {
		t.Run(s.fault, func(t *testing.T) {
			t.Parallel()
			app, notes := captureNotify(t)
			app.Fault("notification", s.fault, 1)
			buyer := app.Login("小明")
			order := buyer.Order("三鲜面", 1)
			buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil))
			note := receive(t, notes)
			if got := note.deliver(t, app); got.Status != s.status {
				t.Errorf("answer: got %d %s, want %d", got.Status, got.Body, s.status)
			}
			wantStates(t, app, order.Text("id"), "UNPAID", s.payment)
			if n := count(t, app, "wx_inbox", dbx.HashExp{"state": s.inbox}); n != 1 {
				t.Errorf("inbox rows in %s: got %d, want 1", s.inbox, n)
			}
			if s.fault == "unknown_order" {
				for range 4 {
					note.deliver(t, app)
				}
				if got := note.deliver(t, app); got.Status != http.StatusNoContent {
					t.Errorf("after many tries: got %d, want 204", got.Status)
				}
			}
		})
	}
}

// changes counts what the one writing connection has changed.
func changes(tb testing.TB, app *apptest.App) int {
	tb.Helper()
	var n int
	if err := app.NonconcurrentDB().NewQuery("SELECT total_changes()").Row(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

// the number of a transaction is unique: a payment that is not ours must leave it to the one that it belongs to
func TestForeignPaymentLeavesTheTransactionNumber(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"other_amount", "other_appid"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			foreign := disputedBy(t, fault, "三鲜面", 1)
			transaction := list(t, foreign.app, "/_sim/orders")[0]["transaction_id"]
			if got := foreign.row(t, "payments", foreign.payment).GetString("transactionId"); got != "" {
				t.Errorf("number of the foreign payment: got %s, want none", got)
			}
			own := foreign.buyer.Order("酸梅汤", 1)
			foreign.buyer.Must(http.MethodPost, payPath(own), nil)
			payment := onlyPayment(t, foreign.app, own)
			payment.Set("transactionId", transaction)
			if err := foreign.app.Save(payment); err != nil {
				t.Errorf("booking of the payment that it belongs to: got %v, want it saved", err)
			}
		})
	}
}

// a payment that arrives between two steps of cancelling wins: the answer is the paid order
func TestCancelMeetsThePayment(t *testing.T) {
	t.Parallel()
	app, order, note := paidUnheard(t)
	payment := onlyPayment(t, app, order)
	// an older attempt, of which nothing has left: cancelling ends it first, and the notification comes just then
	older := core.NewRecord(payment.Collection())
	older.Load(payment.FieldsData())
	older.Id = core.GenerateDefaultRandomId()
	older.Set("outTradeNo", older.Id+"-1")
	older.Set("state", "NEW")
	if err := app.Save(older); err != nil {
		t.Fatal(err)
	}
	_, err := app.NonconcurrentDB().Update("payments", dbx.Params{"created": "2020-01-01 00:00:00.000Z"}, dbx.HashExp{"id": older.Id}).Execute()
	if err != nil {
		t.Fatal(err)
	}
	app.OnRecordAfterUpdateSuccess("payments").BindFunc(func(e *core.RecordEvent) error {
		if e.Record.Id == older.Id {
			note.deliver(t, app)
		}
		return e.Next()
	})
	got := app.Call(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/cancel", app.Superuser(), nil)
	if got.Status != http.StatusOK || got.Text("payState") != "PAID" {
		t.Errorf("cancel: got %d %s, want 200 PAID", got.Status, got.Body)
	}
	if got := app.Call(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/cancel", app.Superuser(), nil); got.Code() != "order_already_paid" {
		t.Errorf("once more: got %d %q, want order_already_paid", got.Status, got.Code())
	}
}

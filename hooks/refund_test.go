package hooks_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
)

func refundPath(order apptest.Answer) string {
	return "/api/wx/orders/" + order.Text("id") + "/refunds"
}

// all is the body that refunds all that is left.
func all() map[string]any { return map[string]any{"all": true} }

func isState(want string) func(*core.Record) bool {
	return func(r *core.Record) bool { return r.GetString("state") == want }
}

// paidOrder is an order of 2 x 1800 fen that is paid.
func paidOrder(t *testing.T, change ...func(*hooks.Config)) (*apptest.App, apptest.Person, apptest.Answer) {
	t.Helper()
	app := apptest.New(t, change...)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 2)
	payAndSync(t, buyer, order)
	return app, buyer, order
}

// settle moves the clock over the simulator's delay and asks.
func settle(t *testing.T, app *apptest.App) {
	t.Helper()
	app.Clock.Advance(2 * time.Minute)
	if err := app.WX.SweepRefunds(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRefundInFull(t *testing.T) {
	t.Parallel()
	app, buyer, order := paidOrder(t)
	told := make(chan string, 1)
	app.WX.OnRefundSucceeded().BindFunc(func(e *events.RefundEvent) error {
		told <- e.Refund.Id
		return e.Next()
	})
	got := app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"all": true, "reason": "缺货"})
	if got.JSON["amount"] != 3600.0 || got.Text("state") != "PROCESSING" {
		t.Errorf("refund: got %s, want 3600 fen PROCESSING", got.Body)
	}
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
	settle(t, app)
	wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
	if id := receive(t, told); id != got.Text("id") {
		t.Errorf("OnRefundSucceeded: got %s, want %s", id, got.Text("id"))
	}
	seen := buyer.Must(http.MethodGet, "/api/collections/refunds/records/"+got.Text("id"), nil)
	if seen.JSON["raw"] != nil {
		t.Error("the buyer sees what WeChat wrote")
	}
	if got := app.Call(http.MethodPost, refundPath(order), app.Superuser(), all()); got.Code() != "refund_amount_invalid" {
		t.Errorf("once more: got %d %q, want refund_amount_invalid", got.Status, got.Code())
	}
}

func TestRefundsInParts(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	super := app.Superuser()
	first := app.Must(http.MethodPost, refundPath(order), super, map[string]any{"amount": 1000})
	if got := app.Call(http.MethodPost, refundPath(order), super, map[string]any{"amount": 2601}); got.Code() != "refund_amount_invalid" {
		t.Errorf("more than is left: got %d %q, want refund_amount_invalid", got.Status, got.Code())
	}
	// WeChat wants a minute between two: the second waits for its turn
	second := app.Must(http.MethodPost, refundPath(order), super, map[string]any{"amount": 600})
	if first.Text("state") != "PROCESSING" || second.Text("state") != "NEW" {
		t.Errorf("states: got %s and %s, want PROCESSING and NEW", first.Text("state"), second.Text("state"))
	}
	settle(t, app)
	settle(t, app)
	settle(t, app)
	o, err := app.FindRecordById("orders", order.Text("id"))
	if err != nil || o.GetInt("refunded") != 1600 || o.GetString("payState") != "PART_REFUNDED" {
		t.Errorf("order: got %d fen %s (%v), want 1600 PART_REFUNDED", o.GetInt("refunded"), o.GetString("payState"), err)
	}
	rest := app.Must(http.MethodPost, refundPath(order), super, all())
	if rest.JSON["amount"] != 2000.0 {
		t.Errorf("rest: got %v, want 2000", rest.JSON["amount"])
	}
	settle(t, app)
	wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
}

func TestRefundRefusals(t *testing.T) {
	t.Parallel()
	app, buyer, order := paidOrder(t)
	super := app.Superuser()
	unpaid := buyer.Order("三鲜面", 1)
	scenarios := []struct {
		name, path, token string
		body              any
		status            int
		code              string
	}{
		{"guest", refundPath(order), "", nil, 401, "staff_sign_in"},
		{"the buyer", refundPath(order), buyer.Token, nil, 403, "staff_not_allowed"},
		{"unpaid", refundPath(unpaid), super, all(), 409, "order_not_paid"},
		{"no such order", "/api/wx/orders/nosuchorder0000/refunds", super, all(), 404, "order_not_found"},
		{"a fen too much", refundPath(order), super, map[string]any{"amount": 3601}, 400, "refund_amount_invalid"},
		{"below nothing", refundPath(order), super, map[string]any{"amount": -1}, 400, "refund_amount_invalid"},
	}
	for _, s := range scenarios {
		got := app.Call(http.MethodPost, s.path, s.token, s.body)
		if got.Status != s.status || got.Code() != s.code {
			t.Errorf("%s: got %d %q, want %d %q", s.name, got.Status, got.Code(), s.status, s.code)
		}
	}
	if n := count(t, app, "refunds", nil); n != 0 {
		t.Errorf("refunds: got %d, want 0", n)
	}
	app.Clock.Advance(366 * 24 * time.Hour)
	record, err := app.FindFirstRecordByData("_superusers", "email", "demo@example.com")
	if err != nil {
		t.Fatal(err)
	}
	token, err := record.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	if got := app.Call(http.MethodPost, refundPath(order), token, all()); got.Code() != "refund_too_late" {
		t.Errorf("after a year: got %d %q, want refund_too_late", got.Status, got.Code())
	}
}

// whatever WeChat does to the call, there is one refund of one number in the end
func TestRefundWhenTheCallFails(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"busy", "cut", "html", "empty", "rate_limit", "wrong_signature", "timeout_after_accept"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			app, _, order := paidOrder(t)
			app.Must(http.MethodPost, "/_sim/faults", "", map[string]any{"on": "refund", "kind": kind, "times": 1, "delay": "10ms"})
			app.Must(http.MethodPost, refundPath(order), app.Superuser(), all())
			for range 4 {
				settle(t, app)
			}
			wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
			if n := count(t, app, "refunds", nil); n != 1 {
				t.Errorf("refunds: got %d, want 1", n)
			}
			if n := refundsAtWeChat(t, app); n != 1 {
				t.Errorf("refunds at WeChat: got %d, want 1", n)
			}
		})
	}
}

func refundsAtWeChat(t *testing.T, app *apptest.App) int {
	t.Helper()
	return len(list(t, app, "/_sim/refunds"))
}

func TestRefundThatDoesNotReachThePayer(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{"refund_abnormal": "ABNORMAL", "refund_closed": "CLOSED"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			app, _, order := paidOrder(t)
			app.Fault("refund", fault, 1)
			refund := app.Must(http.MethodPost, refundPath(order), app.Superuser(), all())
			settle(t, app)
			r, err := app.FindRecordById("refunds", refund.Text("id"))
			if err != nil || r.GetString("state") != want {
				t.Fatalf("refund: got %v (%v), want %s", r.GetString("state"), err, want)
			}
			wantStates(t, app, order.Text("id"), "PAID", "PAID")
			again := app.Call(http.MethodPost, refundPath(order), app.Superuser(), all())
			if free := again.Status == http.StatusOK; free != (want == "CLOSED") {
				t.Errorf("a new refund: got %d %s; the amount is free only after CLOSED", again.Status, again.Body)
			}
		})
	}
}

func TestRefundWithoutMoneyInTheAccountWaits(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	app.Fault("refund", "not_enough", 1)
	refund := app.Must(http.MethodPost, refundPath(order), app.Superuser(), all())
	if refund.Text("state") != "SUBMITTED" {
		t.Errorf("state: got %s, want SUBMITTED", refund.Text("state"))
	}
	app.Clock.Advance(31 * time.Minute)
	for range 4 {
		settle(t, app)
	}
	wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
}

// a refund that somebody made by hand on the merchant platform comes as a v2 document, which moves nothing before we have asked
func TestRefundMadeOnThePlatformIsImported(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	payment, err := app.FindFirstRecordByData("payments", "order", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	merchant := payment.GetString("merchant")
	app.Must(http.MethodPost, "/_sim/merchant", "", map[string]any{"refundUrl": app.URL + "/api/wx/notify/refund/" + merchant})
	app.Must(http.MethodPost, "/_sim/orders/"+payment.GetString("outTradeNo")+"/refund", "", map[string]any{"amount": 1000})
	app.Must(http.MethodPost, "/_sim/clock", "", map[string]any{"advance": "10s"})
	r := waitFor(t, app, "refunds", dbx.HashExp{"payment": payment.Id}, isState("SUCCESS"))
	if r.GetInt("amount") != 1000 || r.GetString("requestedBy") != "merchant platform" {
		t.Errorf("refund: got %d by %s, want 1000 by the merchant platform", r.GetInt("amount"), r.GetString("requestedBy"))
	}
	wantStates(t, app, order.Text("id"), "PART_REFUNDED", "PAID")
	waitFor(t, app, "wx_inbox", dbx.HashExp{"kind": "refund"}, isState("APPLIED"))
}

// lateOrder is an order of 1760 fen that was paid after it was cancelled.
func lateOrder(t *testing.T, app *apptest.App) (id string) {
	t.Helper()
	buyer := app.Login("小明")
	order := buyer.Order("桂花糕", 2)
	params := buyer.Must(http.MethodPost, payPath(order), nil)
	buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/cancel", nil)
	wantStates(t, app, order.Text("id"), "CANCELLED", "CLOSED")
	app.Fault("pay_device", "paid_after_close", 1)
	if got := buyer.PayAtCashier(params); got != "requestPayment:ok" {
		t.Fatalf("phone: got %q, want requestPayment:ok", got)
	}
	waitFor(t, app, "payments", dbx.HashExp{"order": order.Text("id")}, isState("PAID_LATE"))
	return order.Text("id")
}

// the payer was faster than the close: the money goes back by itself, once
func TestPaidAfterCloseIsRefunded(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	order := lateOrder(t, app)
	refund := waitFor(t, app, "refunds", dbx.HashExp{"order": order}, isState("PROCESSING")) // the call has ended
	settle(t, app)
	settle(t, app)
	refund, err := app.FindRecordById("refunds", refund.Id)
	if err != nil || refund.GetString("state") != "SUCCESS" || refund.GetInt("amount") != 1760 {
		t.Errorf("refund: got %s %d (%v), want SUCCESS 1760", refund.GetString("state"), refund.GetInt("amount"), err)
	}
	wantStates(t, app, order, "CANCELLED", "PAID_LATE")
	wantStock(t, app, "桂花糕", "12")
}

// WeChat closes the automatic refund: an alert says so, and a person gives the money back, once.
func TestLateMoneyWhoseRefundIsClosed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Fault("refund", "refund_closed", 1)
	order := lateOrder(t, app)
	path := "/api/wx/orders/" + order + "/refunds"
	auto := waitFor(t, app, "refunds", dbx.HashExp{"order": order}, isState("PROCESSING"))                         // the call has ended
	wantAnswer(t, app.Call(http.MethodPost, path, app.Superuser(), all()), http.StatusConflict, "refund_repeated") // the automatic one is under way
	settle(t, app)
	settle(t, app)
	waitFor(t, app, "refunds", dbx.HashExp{"id": auto.Id}, isState("CLOSED"))
	wantAlert(t, app, "refund", auto.Id)
	story := app.Must(http.MethodGet, "/api/wx/admin/orders/"+order, app.Superuser(), nil)
	if !strings.Contains(string(story.Body), `"refundable":1760`) {
		t.Errorf("page of the order: got %s, want 1760 fen to give back", story.Body)
	}

	second := app.Must(http.MethodPost, path, app.Superuser(), all())
	settle(t, app)
	settle(t, app)
	refund := waitFor(t, app, "refunds", dbx.HashExp{"id": second.Text("id")}, isState("SUCCESS"))
	if refund.GetInt("amount") != 1760 {
		t.Errorf("refund: got %d fen, want 1760", refund.GetInt("amount"))
	}
	wantAnswer(t, app.Call(http.MethodPost, path, app.Superuser(), all()), http.StatusBadRequest, "refund_amount_invalid")
	wantStates(t, app, order, "CANCELLED", "PAID_LATE")
}

func list(t *testing.T, app *apptest.App, path string) []map[string]any {
	t.Helper()
	var rows []map[string]any
	decode(t, app.Must(http.MethodGet, path, "", nil).Body, &rows)
	return rows
}

func TestRefundsOfOneOrderAtOnce(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	super := app.Superuser()
	roomtest.AtOnce(10, func(i int) {
		app.Call(http.MethodPost, refundPath(order), super, map[string]any{"amount": 1000, "key": fmt.Sprint(i)})
	})
	rows, err := app.FindAllRecords("refunds")
	if err != nil || len(rows) != 3 {
		t.Errorf("refunds of 1000 of 3600 fen: got %d (%v), want 3", len(rows), err)
	}
	for range 8 {
		settle(t, app)
	}
	o, err := app.FindRecordById("orders", order.Text("id"))
	if err != nil || o.GetInt("refunded") != 3000 {
		t.Errorf("refunded: got %s (%v), want 3000", fmt.Sprint(o.GetInt("refunded")), err)
	}
}

func decode(t *testing.T, raw []byte, to any) {
	t.Helper()
	if err := json.Unmarshal(raw, to); err != nil {
		t.Fatalf("decode %.200s: %v", raw, err)
	}
}

func readJSON(t *testing.T, res *http.Response, to any) {
	t.Helper()
	if err := json.NewDecoder(res.Body).Decode(to); err != nil {
		t.Fatalf("decode answer: %v", err)
	}
}

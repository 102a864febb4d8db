package hooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/order"
)

// byHand refunds an amount at pay.weixin.qq.com, and nobody is told.
func byHand(t *testing.T, app *apptest.App, paid apptest.Answer, amount int) *core.Record {
	t.Helper()
	payment, err := app.FindFirstRecordByData("payments", "order", paid.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	app.Must(http.MethodPost, "/_sim/orders/"+payment.GetString("outTradeNo")+"/refund", "", map[string]any{"amount": amount})
	return payment
}

// a refund by hand whose notification never comes is found by sync, over every way of speaking to WeChat Pay
func TestSyncFindsRefundsByHand(t *testing.T) {
	t.Parallel()
	for name, env := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app, buyer, paid := paidOrder(t, func(c *hooks.Config) { c.Env = func(name string) string { return env[name] } })
			for range 12 { // WeChat lists ten at a time
				byHand(t, app, paid, 100)
				app.Clock.Advance(order.RefundSpacing)
			}
			buyer.Must(http.MethodPost, "/api/wx/orders/"+paid.Text("id")+"/sync", nil)
			if n := count(t, app, "refunds", dbx.HashExp{"requestedBy": "merchant platform", "amount": 100}); n != 12 {
				t.Errorf("refunds: got %d, want the 12 of the merchant platform", n)
			}
			settle(t, app)
			app.Must(http.MethodPost, "/api/wx/orders/"+paid.Text("id")+"/sync", app.Superuser(), nil)
			o, err := app.FindRecordById("orders", paid.Text("id"))
			if err != nil || o.GetInt("refunded") != 1200 || o.GetString("payState") != "PART_REFUNDED" {
				t.Errorf("order: got %d fen %s (%v), want 1200 PART_REFUNDED", o.GetInt("refunded"), o.GetString("payState"), err)
			}
		})
	}
}

// a buyer who asks again and again asks WeChat once a minute
func TestSyncOfAPaidOrderIsQuiet(t *testing.T) {
	t.Parallel()
	app, buyer, paid := paidOrder(t)
	payment, err := app.FindFirstRecordByData("payments", "order", paid.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	query := "/v3/pay/transactions/out-trade-no/" + payment.GetString("outTradeNo")
	app.Clock.Advance(2 * time.Minute) // the cashier's own sync may have been the one of this minute
	before := app.Calls(query)
	app.Fault("query", "busy", 1)
	for range 5 {
		buyer.Must(http.MethodPost, "/api/wx/orders/"+paid.Text("id")+"/sync", nil)
	}
	if n := app.Calls(query) - before; n != 1 {
		t.Errorf("calls: got %d, want 1", n)
	}
}

// a refund that WeChat refuses because the money has gone back by hand finds that out
func TestRefusedRefundFindsRefundsByHand(t *testing.T) {
	t.Parallel()
	app, _, paid := paidOrder(t)
	byHand(t, app, paid, 3600)
	app.Clock.Advance(order.RefundSpacing)
	got := app.Must(http.MethodPost, refundPath(paid), app.Superuser(), map[string]any{"amount": 1000})
	if got.Text("state") != "REJECTED" || got.Text("refusedCode") == "" || got.Text("refusedMessage") == "" {
		t.Errorf("refund: got %s, want REJECTED with WeChat's words", got.Body)
	}
	settle(t, app)
	settle(t, app)
	wantStates(t, app, paid.Text("id"), "REFUNDED", "PAID")
	if n := count(t, app, "refunds", dbx.HashExp{"requestedBy": "merchant platform", "amount": 3600}); n != 1 {
		t.Errorf("refunds by hand: got %d, want one of 3600 fen", n)
	}
}

// without an APIv2 key there is no list: a person is told, until the refund is booked
func TestRefundByHandWithoutAList(t *testing.T) {
	t.Parallel()
	app, _, paid := paidOrder(t)
	payment, err := app.FindFirstRecordByData("payments", "order", paid.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	alerts := func(want int) {
		t.Helper()
		if err := app.WX.AskForRefundsByHand(t.Context(), payment); err != nil {
			t.Fatal(err)
		}
		if n := count(t, app, "wx_alerts", dbx.HashExp{"kind": "refund", "subject": "of payment " + payment.Id, "closedAt": ""}); n != want {
			t.Errorf("alerts: got %d, want %d", n, want)
		}
	}
	alerts(0)
	byHand(t, app, paid, 500)
	alerts(1)
	app.Must(http.MethodPost, "/api/wx/orders/"+paid.Text("id")+"/sync", app.Superuser(), nil)
	alerts(0)
}

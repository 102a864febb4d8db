package hooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// TestReceiptByPush: the buyer confirms in WeChat, WeChat pushes it, and the order is received, without anybody asking.
func TestReceiptByPush(t *testing.T) {
	t.Parallel()
	app, _, order := shippableOrder(t)
	wantShipment(t, ship(app, order, shipment("JT1")), 200, true, "SHIPPED")
	app.Must(http.MethodPost, "/_sim/trigger", "", map[string]any{"event": "goods.received"})
	waitFor(t, app, "orders", dbx.HashExp{"id": order.Text("id")}, func(r *core.Record) bool { return r.GetString("shipState") == "RECEIVED" })
}

// TestPreSale: the simulated WeChat takes the date, the order's owner sees it, and the desk counts by it.
func TestPreSale(t *testing.T) {
	t.Parallel()
	app, buyer, order := shippableOrder(t)
	at := app.Clock.Now().Add(30 * 24 * time.Hour).UTC().Truncate(time.Second)
	path := "/api/wx/orders/" + order.Text("id") + "/presale"
	wantAnswer(t, app.Call(http.MethodPost, path, buyer.Token, map[string]any{"shipBy": at}), 403, "staff_not_allowed")
	if got := app.Must(http.MethodPost, path, app.Superuser(), map[string]any{"shipBy": at}); got.Text("rule") != "330d" {
		t.Errorf("got %s, want it reported", got.Body)
	}
	seen := buyer.Must(http.MethodGet, "/api/collections/orders/records/"+order.Text("id"), nil)
	if got, err := time.Parse("2006-01-02 15:04:05.000Z", seen.Text("shipBy")); err != nil || !got.Equal(at) {
		t.Errorf("buyer: got %s, %v, want %s", seen.Text("shipBy"), err, at)
	}
	if sims := list(t, app, "/_sim/orders"); sims[0]["delay_to"] == nil {
		t.Errorf("WeChat: got %v, want the date", sims[0])
	}
	due := func() bool {
		var said struct{ Items []struct{ Kind string } }
		decode(t, app.Must(http.MethodGet, "/api/wx/admin/attention", app.Superuser(), nil).Body, &said)
		for _, one := range said.Items {
			if one.Kind == "shipping_due" {
				return true
			}
		}
		return false
	}
	app.Clock.Advance(5 * 24 * time.Hour)
	if due() {
		t.Error("after five days: got it due, want it to wait for its date")
	}
	app.Clock.Advance(25 * 24 * time.Hour)
	if !due() {
		t.Error("on its day: got nothing due")
	}
}

// TestPhoneQuotaUsed: the button's errno becomes a sentence that says who has to do what.
func TestPhoneQuotaUsed(t *testing.T) {
	t.Parallel()
	app, buyer, _ := shippableOrder(t)
	app.Must(http.MethodPost, "/_sim/quotas", "", map[string]any{"phoneNumbers": 0})
	detail := buyer.Phone("phone", nil)
	if detail.JSON["errno"] != 1400001.0 || detail.Text("code") != "" {
		t.Fatalf("phone: got %s, want the errno", detail.Body)
	}
	wantAnswer(t, buyer.Call(http.MethodPost, "/api/wx/phone", map[string]any{"errno": 1400001}), 409, "phone_quota_used")
	wantAnswer(t, buyer.Call(http.MethodPost, "/api/wx/phone", map[string]any{"errno": 104}), 400, "wx_data_malformed")
}

package apptest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// patience is how long a test waits for what another goroutine does.
const patience = 20 * time.Second

// WaitFor polls for a row that another goroutine is writing.
func (a *App) WaitFor(tb testing.TB, collection string, where dbx.Expression, ok func(*core.Record) bool) *core.Record {
	tb.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		rows, err := a.FindAllRecords(collection, where)
		if err != nil {
			tb.Fatal(err)
		}
		for _, r := range rows {
			if ok(r) {
				return r
			}
		}
	}
	tb.Fatalf("no such row in %s", collection)
	return nil
}

// WantStates compares an order's state and the states of its attempts, the oldest first.
func (a *App) WantStates(tb testing.TB, orderID, want string, attempts ...string) {
	tb.Helper()
	o, err := a.FindRecordById("orders", orderID)
	if err != nil {
		tb.Fatal(err)
	}
	if got := o.GetString("payState"); got != want {
		tb.Errorf("order: got %s, want %s", got, want)
	}
	payments, err := a.FindRecordsByFilter("payments", "order = {:o}", "created", 0, 0, dbx.Params{"o": orderID})
	if err != nil {
		tb.Fatal(err)
	}
	states := make([]string, 0, len(payments))
	for _, p := range payments {
		states = append(states, p.GetString("state"))
	}
	if strings.Join(states, " ") != strings.Join(attempts, " ") {
		tb.Errorf("attempts: got %v, want %v", states, attempts)
	}
}

// Sells plays a whole order: logged in, ordered, paid by a notification, shipped, refunded in part.
func (a *App) Sells(tb testing.TB, who string) {
	tb.Helper()
	buyer := a.Login(who)
	order := buyer.Order("三鲜面", 1)
	id := order.Text("id")
	path := "/api/wx/orders/" + id
	if said := buyer.PayAtCashier(buyer.Must(http.MethodPost, path+"/pay", nil)); !strings.HasSuffix(said, ":ok") {
		tb.Fatalf("cashier: got %q, want ok", said)
	}
	a.WaitFor(tb, "orders", dbx.HashExp{"id": id}, func(r *core.Record) bool { return r.GetString("payState") == "PAID" })
	a.Clock.Advance(3 * time.Second)
	shipped := a.Must(http.MethodPost, path+"/shipments", a.Superuser(), map[string]any{
		"logisticsType": 1, "deliveryMode": 1, "shippingList": []any{map[string]any{
			"trackingNo": "SF" + id, "expressCompany": "STO", "itemDesc": "三鲜面*2", "contact": map[string]any{"receiverContact": "138****8000"},
		}},
	})
	if shipped.Status != http.StatusOK || shipped.JSON["ok"] != true || shipped.Text("state") != "SHIPPED" {
		tb.Errorf("shipment: got %d %s, want 200, ok true, SHIPPED", shipped.Status, shipped.Body)
	}
	a.Must(http.MethodPost, path+"/refunds", a.Superuser(), map[string]any{"amount": 100})
	a.Clock.Advance(2 * time.Minute) // over the simulator's delay
	a.Must(http.MethodPost, path+"/sync", a.Superuser(), nil)
	a.WaitFor(tb, "orders", dbx.HashExp{"id": id}, func(r *core.Record) bool { return r.GetString("payState") == "PART_REFUNDED" })
	a.WantStates(tb, id, "PART_REFUNDED", "PAID")
}

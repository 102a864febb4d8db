package hooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
)

// TestOrderLocks: whatever moves the money of an order waits for what is moving it already. Each of them runs while the test holds the
// order, and must be seen to wait.
func TestOrderLocks(t *testing.T) {
	t.Parallel()
	d := prepaidUnheard(t, "三鲜面", 2)
	d.arrive(t)
	id, super := d.order.Text("id"), d.app.Superuser()
	d.app.Must(http.MethodPost, refundPath(d.order), super, map[string]any{"amount": 100, "key": "a"})
	post := func(path, token string, body any) func() {
		return func() { d.app.Call(http.MethodPost, path, token, body) }
	}
	scenarios := []struct {
		name string
		do   func()
	}{
		{"pay", post(payPath(d.order), d.buyer.Token, nil)},
		{"sync", post("/api/wx/orders/"+id+"/sync", d.buyer.Token, nil)},
		{"cancel", post("/api/wx/orders/"+id+"/cancel", d.buyer.Token, nil)},
		{"refund", post(refundPath(d.order), super, map[string]any{"amount": 100, "key": "b"})},
		{"resolve", func() { d.resolve("close") }},
		{"sweep of refunds", func() { _ = d.app.WX.SweepRefunds(t.Context()) }},
		{"sweep of payments", func() { _ = d.app.WX.Sweep(t.Context()) }},
	}
	due := dbx.Params{"nextQueryAt": "2020-01-01 00:00:00.000Z"}
	d.set(t, "payments", d.payment, due)
	for _, s := range scenarios {
		if _, err := d.app.NonconcurrentDB().Update("refunds", due, dbx.HashExp{"order": id}).Execute(); err != nil {
			t.Fatal(err)
		}
		unlock := d.app.WX.HoldOrder(id)
		done := make(chan struct{})
		go func() { defer close(done); s.do() }()
		if !d.waits(t, id, done) {
			t.Errorf("%s: got it done while somebody else has the order, want it to wait", s.name)
		}
		unlock()
		receive(t, done)
	}
}

// waits tells whether somebody waits for the order before done.
func (d disputed) waits(t *testing.T, id string, done <-chan struct{}) bool {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		select {
		case <-done:
			return false
		default:
		}
		if d.app.WX.OrderWaiters(id) > 0 {
			return true
		}
	}
	t.Fatal("neither done nor waiting")
	return false
}

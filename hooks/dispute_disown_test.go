package hooks_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/pocketbase/dbx"
)

// disputedByOthers is an order under whose number another program of the merchant was paid; WeChat says so everywhere.
func disputedByOthers(t *testing.T, product string, quantity int) disputed {
	t.Helper()
	app, notes := captureNotify(t)
	breakfast(app)
	d := disputed{app: app, buyer: app.Login("小明"), notes: notes}
	d.order = d.buyer.Order(product, quantity)
	d.params = d.buyer.Must(http.MethodPost, payPath(d.order), nil)
	d.payment = onlyPayment(t, app, d.order).Id
	app.Fault("pay_device", "other_program", 1)
	d.arrive(t)
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
	return d
}

// may are the actions that the order's page offers.
func (d disputed) may(t *testing.T, action string) bool {
	t.Helper()
	var story struct{ Can []string }
	decode(t, d.app.Must(http.MethodGet, "/api/wx/admin/orders/"+d.order.Text("id"), d.app.Superuser(), nil).Body, &story)
	return slices.Contains(story.Can, action)
}

// the money of another program stays where it is, the order is paid anew, and the bill knows whose it is
func TestDisputeOfAnotherProgram(t *testing.T) {
	t.Parallel()
	d := disputedByOthers(t, "桂花糕", 12)
	if !d.may(t, "disown") {
		t.Error("actions of the order: got none that disowns")
	}
	wantAnswer(t, d.resolve("accept"), http.StatusConflict, "dispute_mismatch")
	d.app.Fault("query", "busy", 5)
	wantAnswer(t, d.resolve("notOurs"), http.StatusServiceUnavailable, "pay_busy")
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
	d.app.Call(http.MethodDelete, "/_sim/faults", "", nil)
	wantAnswer(t, d.resolve("notOurs"), http.StatusOK, "")
	d.wantDisowned(t)
	wantAnswer(t, d.resolve("notOurs"), http.StatusNotFound, "dispute_not_found")
	wantAnswer(t, d.resolve("accept"), http.StatusConflict, "dispute_mismatch")
	if got := d.note.deliver(t, d.app); got.Status != http.StatusNoContent {
		t.Errorf("the same notification again: got %d %s, want 204", got.Status, got.Body)
	}
	d.wantDisowned(t)
	if n := count(t, d.app, "wx_audit", dbx.HashExp{"action": "order.resolve", "subject": d.order.Text("id")}); n == 0 {
		t.Error("audit: got none, want the decision")
	}
	d.buyer.PayAtCashier(d.buyer.Must(http.MethodPost, payPath(d.order), nil))
	receive(t, d.notes).deliver(t, d.app)
	wantStates(t, d.app, d.order.Text("id"), "PAID", "CLOSED", "PAID")
	wantStock(t, d.app, "桂花糕", "0")
	if report := reconcile(t, d.app, noon(d.app)); report.State != "OK" || report.Foreign != 1 || report.Payments != 1 || report.TheirTotal != report.OurTotal {
		t.Errorf("bill: got %+v, want one payment of ours and one of another program", report)
	}
}

// wantDisowned checks that the dispute is over and no money has moved.
func (d disputed) wantDisowned(t *testing.T) {
	t.Helper()
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "CLOSED")
	d.wantFrozen(t, false)
	d.wantDecision(t, "notOurs")
	if n := count(t, d.app, "refunds", nil) + len(list(t, d.app, "/_sim/refunds")); n != 0 {
		t.Errorf("refunds: got %d, want none", n)
	}
	if got := d.row(t, "payments", d.payment).GetString("transactionId"); got != "" {
		t.Errorf("transaction: got %s, want none: it is not ours", got)
	}
}

// whatever may be ours is never disowned
func TestDisownRefusals(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		dispute func(*testing.T) disputed
		offered bool
		code    string
	}{
		{"a message names another mini program, WeChat ours", func(t *testing.T) disputed { return disputedBy(t, "other_appid", "三鲜面", 1) }, true, "dispute_is_ours"},
		{"another amount", func(t *testing.T) disputed { return disputedOver(t, "amount", 1799) }, false, "dispute_is_ours"},
		{"our books name another mini program", func(t *testing.T) disputed { return disputedOver(t, "appid", "wx00000000000000ff") }, true, "dispute_is_ours"},
		{"money on its way back", func(t *testing.T) disputed {
			d := disputedByOthers(t, "三鲜面", 1)
			wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "")
			return d
		}, true, "dispute_going_back"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			d := s.dispute(t)
			if got := d.may(t, "disown"); got != s.offered {
				t.Errorf("offered: got %t, want %t", got, s.offered)
			}
			wantAnswer(t, d.resolve("notOurs"), http.StatusConflict, s.code)
			wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
			d.wantFrozen(t, true)
		})
	}
}

// a payment that is settled stays ours, and a number under which nobody paid is closed instead
func TestDisownWhatIsNotDisputedMoney(t *testing.T) {
	t.Parallel()
	d := prepaidUnheard(t, "三鲜面", 1)
	d.set(t, "payments", d.payment, dbx.Params{"state": "DISPUTED", "disputedAt": "2026-01-01 00:00:00.000Z"})
	d.set(t, "orders", d.order.Text("id"), dbx.Params{"frozenAt": "2026-01-01 00:00:00.000Z"})
	wantAnswer(t, d.resolve("notOurs"), http.StatusConflict, "dispute_nothing_held")
	d.set(t, "payments", d.payment, dbx.Params{"state": "PAID"})
	wantAnswer(t, d.resolve("notOurs"), http.StatusConflict, "dispute_payment_settled")
}

package hooks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

// disputed is an order whose payment WeChat tells of on other terms than ours.
type disputed struct {
	app     *apptest.App
	buyer   apptest.Person
	order   apptest.Answer
	params  apptest.Answer // what the phone pays with
	payment string
	note    captured
	notes   <-chan captured
}

// disputedBy has a notification lie in the way of the fault; what a query says is the truth.
func disputedBy(t *testing.T, fault, product string, quantity int) disputed {
	t.Helper()
	d := prepaidUnheard(t, product, quantity)
	d.app.Fault("notification", fault, 1)
	d.arrive(t)
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
	return d
}

// disputedOver has WeChat and our books really differ in a field of the payment.
func disputedOver(t *testing.T, field string, ours any) disputed {
	t.Helper()
	d := prepaidUnheard(t, "三鲜面", 1)
	d.set(t, "payments", d.payment, dbx.Params{field: ours})
	d.arrive(t)
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
	return d
}

func prepaidUnheard(t *testing.T, product string, quantity int) disputed {
	t.Helper()
	app, notes := captureNotify(t)
	d := disputed{app: app, buyer: app.Login("小明"), notes: notes}
	d.order = d.buyer.Order(product, quantity)
	d.params = d.buyer.Must(http.MethodPost, payPath(d.order), nil)
	d.payment = onlyPayment(t, app, d.order).Id
	return d
}

// arrive pays and hands the notification over.
func (d *disputed) arrive(t *testing.T) {
	t.Helper()
	d.buyer.PayAtCashier(d.params)
	d.note = receive(t, d.notes)
	if got := d.note.deliver(t, d.app); got.Status != http.StatusNoContent {
		t.Fatalf("notification: got %d %s, want 204", got.Status, got.Body)
	}
}

// set writes past the engine, as only a test may.
func (d disputed) set(t *testing.T, table, id string, fields dbx.Params) {
	t.Helper()
	if _, err := d.app.NonconcurrentDB().Update(table, fields, dbx.HashExp{"id": id}).Execute(); err != nil {
		t.Fatal(err)
	}
}

func (d disputed) resolve(decision string) apptest.Answer {
	return d.app.Call(http.MethodPost, "/api/wx/admin/orders/"+d.order.Text("id")+"/resolve", d.app.Superuser(),
		map[string]any{"payment": d.payment, "decision": decision, "reason": "电话核实"})
}

func (d disputed) cancel() apptest.Answer {
	return d.buyer.Call(http.MethodPost, "/api/wx/orders/"+d.order.Text("id")+"/cancel", nil)
}

func (d disputed) row(t *testing.T, table, id string) *core.Record {
	t.Helper()
	r, err := d.app.FindRecordById(table, id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (d disputed) wantFrozen(t *testing.T, want bool) {
	t.Helper()
	if got := !d.row(t, "orders", d.order.Text("id")).GetDateTime("frozenAt").IsZero(); got != want {
		t.Errorf("order frozen: got %t, want %t", got, want)
	}
	open := count(t, d.app, "wx_alerts", dbx.HashExp{"kind": "disputed", "subject": d.payment, "closedAt": ""})
	if (open == 1) != want {
		t.Errorf("open alerts: got %d, want one while it is frozen", open)
	}
}

// wantDecision checks that the ledger says who decided what.
func (d disputed) wantDecision(t *testing.T, decision string) {
	t.Helper()
	rows, err := d.app.FindAllRecords("wx_ledger", dbx.HashExp{"payment": d.payment, "source": "resolve"})
	if err != nil || len(rows) == 0 {
		t.Fatalf("ledger rows: got %d (%v), want the decision", len(rows), err)
	}
	for _, want := range []string{`"decision":"` + decision + `"`, `"by":"`, "@", `"reason":"电话核实"`} {
		if got := rows[0].GetString("evidence"); !strings.Contains(got, want) {
			t.Errorf("evidence: got %s, want %s in it", got, want)
		}
	}
}

func onlyPayment(tb testing.TB, app *apptest.App, order apptest.Answer) *core.Record {
	tb.Helper()
	rows, err := app.FindAllRecords("payments", dbx.HashExp{"order": order.Text("id")})
	if err != nil || len(rows) != 1 {
		tb.Fatalf("payments: got %d (%v), want 1", len(rows), err)
	}
	return rows[0]
}

func sweep(t *testing.T, app *apptest.App) {
	t.Helper()
	if err := app.WX.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestDisputeFreezesItsOrder(t *testing.T) {
	t.Parallel()
	d := disputedBy(t, "other_amount", "桂花糕", 12)
	d.wantFrozen(t, true)
	super := d.app.Superuser()
	scenarios := []struct {
		name, path, token string
		body              any
	}{
		{"pay", payPath(d.order), d.buyer.Token, nil},
		{"cancel", "/api/wx/orders/" + d.order.Text("id") + "/cancel", d.buyer.Token, nil},
		{"cancel by the shop", "/api/wx/orders/" + d.order.Text("id") + "/cancel", super, nil},
		{"ship", shipmentsPath(d.order), super, shipment("1")},
	}
	for _, s := range scenarios {
		if got := d.app.Call(http.MethodPost, s.path, s.token, s.body); got.Status != http.StatusConflict || got.Code() != "order_disputed" {
			t.Errorf("%s: got %d %q, want 409 order_disputed", s.name, got.Status, got.Code())
		}
	}
	d.app.Clock.Advance(24 * time.Hour)
	for range 3 {
		sweep(t, d.app)
	}
	d.buyer.Must(http.MethodPost, "/api/wx/orders/"+d.order.Text("id")+"/sync", nil)
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
	wantStock(t, d.app, "桂花糕", "0")
}

// orders that wait for a person must not keep the sweep from those that have expired
func TestDisputesDoNotFillTheSweep(t *testing.T) {
	t.Parallel()
	d := disputedBy(t, "other_amount", "三鲜面", 1)
	frozen := d.row(t, "orders", d.order.Text("id"))
	for range 50 {
		copied := core.NewRecord(frozen.Collection())
		copied.Load(frozen.FieldsData())
		copied.Id = core.GenerateDefaultRandomId()
		copied.Set("number", copied.Id)
		if err := d.app.Save(copied); err != nil {
			t.Fatal(err)
		}
	}
	d.app.Clock.Advance(time.Second)
	later := d.buyer.Order("三鲜面", 1)
	d.app.Clock.Advance(time.Hour)
	sweep(t, d.app)
	wantStates(t, d.app, later.Text("id"), "CANCELLED")
}

func TestDisputeAccepted(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"other_amount", "other_appid"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			d := disputedBy(t, fault, "三鲜面", 1)
			if got := d.row(t, "payments", d.payment).GetString("transactionId"); got != "" {
				t.Errorf("transaction of the foreign payment: got %s, want none", got)
			}
			d.app.Clock.Advance(24 * time.Hour) // long after the order's time is up
			d.app.Must(http.MethodPost, "/api/wx/admin/orders/"+d.order.Text("id")+"/resolve", d.app.Superuser(),
				map[string]any{"payment": d.payment, "decision": "accept", "reason": "电话核实"})
			wantStates(t, d.app, d.order.Text("id"), "PAID", "PAID")
			d.wantFrozen(t, false)
			d.wantDecision(t, "accept")
			if got := d.row(t, "payments", d.payment).GetString("transactionId"); got == "" {
				t.Error("transaction: got none, want WeChat's")
			}
			if n := count(t, d.app, "wx_outbox", dbx.HashExp{"key": "order.paid.notice/" + d.order.Text("id")}); n != 1 {
				t.Errorf("effects of paying: got %d, want 1", n)
			}
			wantAnswer(t, d.resolve("accept"), http.StatusNotFound, "dispute_not_found")
			d.app.Clock.Advance(-24 * time.Hour)
			if got := d.note.deliver(t, d.app); got.Status != http.StatusNoContent {
				t.Errorf("the same notification again: got %d, want 204", got.Status)
			}
			d.wantFrozen(t, false)
		})
	}
}

// what WeChat really holds on other terms is never accepted, and goes back to the fen and once
func TestDisputeGivenBack(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		field string
		ours  any
	}{
		{"amount", 1799}, {"amount", 1}, {"amount", 99_999}, {"appid", "wx00000000000000ff"},
	}
	for _, s := range scenarios {
		t.Run(s.field, func(t *testing.T) {
			t.Parallel()
			d := disputedOver(t, s.field, s.ours)
			wantAnswer(t, d.resolve("accept"), http.StatusConflict, "dispute_mismatch")
			wantAnswer(t, d.resolve("close"), http.StatusConflict, "dispute_money_held")
			wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
			d.wantFrozen(t, true)
			d.app.Superuser()
			roomtest.AtOnce(5, func(int) { wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "") })
			wantAnswer(t, d.resolve("accept"), http.StatusConflict, "dispute_going_back")
			for range 3 {
				settle(t, d.app)
			}
			backs := list(t, d.app, "/_sim/refunds")
			if len(backs) != 1 || backs[0]["refund"] != 1800.0 || backs[0]["out_refund_no"] != "auto-"+d.payment+"-1" {
				t.Errorf("refunds at WeChat: got %v, want one of 1800 under the derived number", backs)
			}
			wantStates(t, d.app, d.order.Text("id"), "UNPAID", "CLOSED")
			d.wantFrozen(t, false)
			d.wantDecision(t, "giveBack")
			if got := d.row(t, "orders", d.order.Text("id")).GetInt("refunded"); got != 0 {
				t.Errorf("refunded of the order: got %d, want 0", got)
			}
			d.deliverLate(t)
			wantStates(t, d.app, d.order.Text("id"), "UNPAID", "CLOSED")
			d.wantFrozen(t, false)
			d.buyer.Must(http.MethodPost, payPath(d.order), nil) // the buyer may pay anew
		})
	}
}

// deliverLate brings the notification once more, as long as its time stamp is taken.
func (d disputed) deliverLate(t *testing.T) {
	t.Helper()
	d.app.Clock.Advance(-6 * time.Minute)
	if got := d.note.deliver(t, d.app); got.Status != http.StatusNoContent {
		t.Errorf("the same notification again: got %d %s, want 204", got.Status, got.Body)
	}
	d.app.Clock.Advance(6 * time.Minute)
}

// a refund that WeChat refuses leaves the dispute open, and the next try has a number of its own
func TestDisputeGivenBackAgain(t *testing.T) {
	t.Parallel()
	d := disputedBy(t, "other_amount", "三鲜面", 1)
	d.app.Fault("refund", "account_abnormal", 1)
	wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "")
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
	d.wantFrozen(t, true)
	d.app.Clock.Advance(2 * time.Minute)
	wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "")
	for range 3 {
		settle(t, d.app)
	}
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "CLOSED")
	if n := count(t, d.app, "refunds", dbx.HashExp{"outRefundNo": "auto-" + d.payment + "-2", "state": "SUCCESS"}); n != 1 {
		t.Errorf("refunds under the second number: got %d, want 1", n)
	}
}

// nothing is held under the number: it is closed at WeChat first, and then the order is open again, or over with its stock
func TestDisputeClosed(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]time.Duration{"in time": 0, "expired": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := prepaidUnheard(t, "桂花糕", 12)
			d.set(t, "payments", d.payment, dbx.Params{"state": "DISPUTED", "disputedAt": "2026-01-01 00:00:00.000Z"})
			d.set(t, "orders", d.order.Text("id"), dbx.Params{"frozenAt": "2026-01-01 00:00:00.000Z"})
			wantAnswer(t, d.resolve("giveBack"), http.StatusConflict, "dispute_nothing_held")
			wantAnswer(t, d.resolve("accept"), http.StatusConflict, "dispute_mismatch")
			d.app.Fault("close", "busy", 5)
			wantAnswer(t, d.resolve("close"), http.StatusServiceUnavailable, "pay_busy")
			wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
			d.app.Call(http.MethodDelete, "/_sim/faults", "", nil)
			d.app.Clock.Advance(after)
			wantAnswer(t, d.resolve("close"), http.StatusOK, "")
			want, stock := "UNPAID", "0"
			if after > 0 {
				want, stock = "CANCELLED", "12"
			}
			wantStates(t, d.app, d.order.Text("id"), want, "CLOSED")
			wantStock(t, d.app, "桂花糕", stock)
			d.wantFrozen(t, false)
			d.wantDecision(t, "close")
			if got := d.buyer.PayAtCashier(d.params); got == "requestPayment:ok" {
				t.Error("the phone paid a number that was closed")
			}
		})
	}
}

// a cancelled order whose stock was sold meanwhile cannot be accepted before the stock is there again
func TestDisputeOfACancelledOrder(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]string{"disputed": "other_amount", "paid after close, unheard": "lost"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := prepaidUnheard(t, "桂花糕", 12)
			if got := d.cancel(); got.Text("payState") != "CANCELLED" {
				t.Fatalf("cancel: got %s, want CANCELLED", got.Body)
			}
			other := d.buyer.Order("桂花糕", 5)
			d.app.Fault("pay_device", "paid_after_close", 1)
			d.app.Fault("notification", fault, 20)
			if got := d.buyer.PayAtCashier(d.params); got != "requestPayment:ok" {
				t.Fatalf("phone: got %s, want ok", got)
			}
			if fault == "other_amount" {
				receive(t, d.notes).deliver(t, d.app)
				wantStates(t, d.app, d.order.Text("id"), "CANCELLED", "DISPUTED")
			}
			before := d.row(t, "payments", d.payment).GetString("state")
			wantAnswer(t, d.resolve("accept"), http.StatusConflict, "product_out_of_stock")
			wantStates(t, d.app, d.order.Text("id"), "CANCELLED", before)
			wantStock(t, d.app, "桂花糕", "7")
			d.buyer.Must(http.MethodPost, "/api/wx/orders/"+other.Text("id")+"/cancel", nil)
			wantAnswer(t, d.resolve("accept"), http.StatusOK, "")
			wantStates(t, d.app, d.order.Text("id"), "PAID", "PAID")
			wantStock(t, d.app, "桂花糕", "0")
			d.wantFrozen(t, false)
		})
	}
}

// a second transaction of a paid number holds the order, and the payment stays what it is
func TestDisputeOfASettledPayment(t *testing.T) {
	t.Parallel()
	d := prepaidUnheard(t, "三鲜面", 1)
	d.arrive(t)
	wantStates(t, d.app, d.order.Text("id"), "PAID", "PAID")
	d.set(t, "payments", d.payment, dbx.Params{"transactionId": "4200000000000000000000000001"})
	if got := d.note.deliver(t, d.app); got.Status != http.StatusNoContent {
		t.Fatalf("notification: got %d %s, want 204", got.Status, got.Body)
	}
	d.wantFrozen(t, true)
	super := d.app.Superuser()
	wantAnswer(t, d.app.Call(http.MethodPost, refundPath(d.order), super, all()), http.StatusConflict, "order_disputed")
	wantAnswer(t, d.app.Call(http.MethodPost, shipmentsPath(d.order), super, shipment("1")), http.StatusConflict, "order_disputed")
	wantAnswer(t, d.cancel(), http.StatusConflict, "order_already_paid")
	wantAnswer(t, d.resolve("giveBack"), http.StatusConflict, "dispute_payment_settled")
	wantAnswer(t, d.resolve("accept"), http.StatusConflict, "dispute_mismatch")
	wantAnswer(t, d.resolve("close"), http.StatusOK, "")
	wantStates(t, d.app, d.order.Text("id"), "PAID", "PAID")
	d.wantFrozen(t, false)
	d.wantDecision(t, "close")
	d.note.deliver(t, d.app)
	d.wantFrozen(t, false)
}

// a refund that waits for its minute when the order is frozen waits on
func TestDisputeHoldsARefundThatWaits(t *testing.T) {
	t.Parallel()
	d := prepaidUnheard(t, "三鲜面", 1)
	d.arrive(t)
	for range 2 {
		d.app.Must(http.MethodPost, refundPath(d.order), d.app.Superuser(), map[string]any{"amount": 100 + count(t, d.app, "refunds", nil)})
	}
	if n := count(t, d.app, "refunds", dbx.HashExp{"state": "NEW"}); n != 1 {
		t.Fatalf("refunds that wait: got %d, want 1", n)
	}
	d.set(t, "orders", d.order.Text("id"), dbx.Params{"frozenAt": "2026-01-01 00:00:00.000Z"})
	d.set(t, "payments", d.payment, dbx.Params{"disputedAt": "2026-01-01 00:00:00.000Z"})
	for range 3 {
		settle(t, d.app)
	}
	if n := len(list(t, d.app, "/_sim/refunds")); n != 1 {
		t.Errorf("refunds at WeChat while the order is frozen: got %d, want 1", n)
	}
	wantAnswer(t, d.resolve("close"), http.StatusOK, "")
	for range 3 {
		settle(t, d.app)
	}
	if n := len(list(t, d.app, "/_sim/refunds")); n != 2 {
		t.Errorf("refunds at WeChat after the decision: got %d, want 2", n)
	}
}

// the order is paid by its second attempt when the first turns up with other terms: only giving back is left
func TestDisputeOfASecondAttempt(t *testing.T) {
	t.Parallel()
	d := prepaidUnheard(t, "三鲜面", 1)
	d.set(t, "orders", d.order.Text("id"), dbx.Params{"description": "另一种说法"})
	second := d.buyer.Must(http.MethodPost, payPath(d.order), nil)
	if got := d.buyer.PayAtCashier(second); got != "requestPayment:ok" {
		t.Fatalf("phone: got %s, want ok", got)
	}
	receive(t, d.notes).deliver(t, d.app)
	wantStates(t, d.app, d.order.Text("id"), "PAID", "CLOSED", "PAID")
	d.app.Fault("pay_device", "paid_after_close", 1)
	d.app.Fault("notification", "other_amount", 1)
	d.buyer.PayAtCashier(d.params)
	receive(t, d.notes).deliver(t, d.app)
	wantStates(t, d.app, d.order.Text("id"), "PAID", "DISPUTED", "PAID")
	d.wantFrozen(t, true)
	wantAnswer(t, d.resolve("accept"), http.StatusConflict, "order_already_paid")
	wantAnswer(t, d.resolve("giveBack"), http.StatusOK, "")
	for range 3 {
		settle(t, d.app)
	}
	wantStates(t, d.app, d.order.Text("id"), "PAID", "CLOSED", "PAID")
	d.wantFrozen(t, false)
}

// money for an attempt that WeChat had refused, of an order that was cancelled since, goes back: its stock is sold again
func TestPaidAfterRejectionOfACancelledOrder(t *testing.T) {
	t.Parallel()
	d := prepaidUnheard(t, "桂花糕", 12)
	d.set(t, "payments", d.payment, dbx.Params{"state": "REJECTED", "nextQueryAt": ""})
	if got := d.cancel(); got.Text("payState") != "CANCELLED" {
		t.Fatalf("cancel: got %s, want CANCELLED", got.Body)
	}
	d.buyer.PayAtCashier(d.params)
	receive(t, d.notes).deliver(t, d.app)
	wantStates(t, d.app, d.order.Text("id"), "CANCELLED", "PAID_LATE")
	wantStock(t, d.app, "桂花糕", "12")
}

func TestResolveRefusals(t *testing.T) {
	t.Parallel()
	d := disputedBy(t, "other_amount", "三鲜面", 1)
	other := d.buyer.Order("三鲜面", 1)
	super := d.app.Superuser()
	path := "/api/wx/admin/orders/" + d.order.Text("id") + "/resolve"
	body := func(more map[string]any) map[string]any {
		return merged(map[string]any{"payment": d.payment, "decision": "accept", "reason": "r"}, more)
	}
	scenarios := []struct {
		name, path, token string
		body              any
		status            int
		code              string
	}{
		{"guest", path, "", body(nil), 401, "staff_sign_in"},
		{"the buyer", path, d.buyer.Token, body(nil), 403, "staff_not_allowed"},
		{"no such order", "/api/wx/admin/orders/nosuchorder0000/resolve", super, body(nil), 404, "order_not_found"},
		{"a payment of another order", "/api/wx/admin/orders/" + other.Text("id") + "/resolve", super, body(nil), 404, "dispute_not_found"},
		{"no body", path, super, nil, 400, "field_invalid"},
		{"no decision", path, super, body(map[string]any{"decision": ""}), 400, "field_invalid"},
		{"another decision", path, super, body(map[string]any{"decision": "ACCEPT"}), 400, "field_invalid"},
		{"no reason", path, super, body(map[string]any{"reason": ""}), 400, "field_invalid"},
		{"a long reason", path, super, body(map[string]any{"reason": strings.Repeat("长", 201)}), 400, "field_invalid"},
		{"an amount", path, super, body(map[string]any{"amount": 1}), 400, "field_unknown"},
		{"not JSON", path, super, "decision=accept", 400, "body_not_json"},
	}
	for _, s := range scenarios {
		if got := d.app.Call(http.MethodPost, s.path, s.token, s.body); got.Status != s.status || got.Code() != s.code {
			t.Errorf("%s: got %d %q, want %d %q", s.name, got.Status, got.Code(), s.status, s.code)
		}
	}
	d.app.Fault("query", "busy", 5)
	wantAnswer(t, d.resolve("accept"), http.StatusServiceUnavailable, "pay_busy")
	wantStates(t, d.app, d.order.Text("id"), "UNPAID", "DISPUTED")
}

// another attempt that ends while the order is frozen does not take the order and its stock with it
func TestDisputeOutlivesAnotherAttempt(t *testing.T) {
	t.Parallel()
	d := disputedBy(t, "other_amount", "桂花糕", 12)
	first := d.row(t, "payments", d.payment)
	other := core.NewRecord(first.Collection())
	other.Load(first.FieldsData())
	other.Id = core.GenerateDefaultRandomId()
	other.Load(map[string]any{"outTradeNo": other.Id + "-1", "state": "NEW", "disputedAt": nil, "nextQueryAt": d.app.Clock.Now()})
	if err := d.app.Save(other); err != nil {
		t.Fatal(err)
	}
	d.app.Clock.Advance(24 * time.Hour)
	sweep(t, d.app)
	if got := d.row(t, "payments", other.Id).GetString("state"); got != "CLOSED" {
		t.Fatalf("other attempt: got %s, want CLOSED", got)
	}
	wantStock(t, d.app, "桂花糕", "0")
	if got := d.row(t, "orders", d.order.Text("id")).GetString("payState"); got != "UNPAID" {
		t.Errorf("order: got %s, want UNPAID", got)
	}
}

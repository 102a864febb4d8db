package desk_test

import (
	"net/http"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/desk"
)

// disputedOrder is an order of 45 yuan whose payment WeChat has told of with another amount.
func (k kit) disputedOrder(p apptest.Person) (order, payment string) {
	k.t.Helper()
	order = k.Must(http.MethodPost, "/api/wx/orders", k.Superuser(), map[string]any{
		"user": p.User, "total": 4500, "description": "宴席 [sim:notify.other_amount]",
	}).Text("id")
	p.PayAtCashier(p.Must(http.MethodPost, "/api/wx/orders/"+order+"/pay", nil))
	for range 500 {
		row, err := k.FindFirstRecordByData("payments", "order", order)
		if err != nil {
			k.t.Fatal(err)
		}
		if !row.GetDateTime("disputedAt").IsZero() {
			return order, row.Id
		}
		time.Sleep(10 * time.Millisecond) // the notification comes from another goroutine
	}
	k.t.Fatal("the payment is not disputed")
	return "", ""
}

// TestGiveBackNeedsASecondPerson: the money of a disputed payment is no easier to send away than a refund.
func TestGiveBackNeedsASecondPerson(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.prefer(desk.Preferences{TwoPersonsAbove: 1000})
	one, other := k.staff(desk.Finance), k.staff(desk.Manager)
	order, payment := k.disputedOrder(k.Login("小明"))
	giveBack := func(token string) apptest.Answer {
		return k.admin(http.MethodPost, "/orders/"+order+"/resolve", token, map[string]any{"payment": payment, "decision": "giveBack", "reason": "电话核实"})
	}
	refunds := func() int64 {
		n, err := k.CountRecords("refunds")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 2 { // a second click
		if got := giveBack(one); got.Status != http.StatusAccepted || got.Text("waitsFor") != "second_person" {
			t.Fatalf("give back: got %d %s, want it to wait", got.Status, got.Body)
		}
	}
	waiting := items(k.ask(http.MethodGet, "/attention?kind=refund_second_person", other, nil))
	if len(waiting) != 1 || refunds() != 0 {
		t.Fatalf("got %v and %d refunds, want one request and no money moved", waiting, refunds())
	}
	row, err := k.FindFirstRecordByData("wx_refund_requests", "payment", payment)
	if err != nil || row.GetInt("amount") != 4500 {
		t.Fatalf("request: got %v, %v, want 45 yuan", row, err)
	}
	path := "/refunds/" + row.Id + "/approve"
	want(t, "the same person", k.admin(http.MethodPost, path, one, nil), http.StatusForbidden, "refund_same_person")
	want(t, "another person", k.admin(http.MethodPost, path, other, nil), http.StatusOK, "")
	want(t, "once more", k.admin(http.MethodPost, path, k.Superuser(), nil), http.StatusConflict, "refund_request_decided")
	refund, err := k.FindFirstRecordByData("refunds", "payment", payment)
	if err != nil || refund.GetInt("amount") != 4500 || refund.GetString("requestedBy") != "finance@example.com, manager@example.com" {
		t.Fatalf("refund: got %v, %v, want 45 yuan under both names", refund, err)
	}
	if got := giveBack(one); got.Status != http.StatusOK || refunds() != 1 {
		t.Errorf("once it is on its way: got %d and %d refunds, want it shown and one", got.Status, refunds())
	}
}

// TestGiveBackOfWhatWasAgreedTo: two people agree to an amount, and no other goes back.
func TestGiveBackOfWhatWasAgreedTo(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.prefer(desk.Preferences{TwoPersonsAbove: 1000})
	one, other := k.staff(desk.Finance), k.staff(desk.Manager)
	order, payment := k.disputedOrder(k.Login("小明"))
	k.ask(http.MethodPost, "/orders/"+order+"/resolve", one, map[string]any{"payment": payment, "decision": "giveBack", "reason": "电话核实"})
	row, err := k.FindFirstRecordByData("wx_refund_requests", "payment", payment)
	if err != nil {
		t.Fatal(err)
	}
	row.Set("amount", 4400)
	if err := k.Save(row); err != nil {
		t.Fatal(err)
	}
	want(t, "another amount", k.admin(http.MethodPost, "/refunds/"+row.Id+"/approve", other, nil), http.StatusBadRequest, "refund_amount_invalid")
	if n, _ := k.CountRecords("refunds"); n != 0 {
		t.Errorf("got %d refunds, want none", n)
	}
	k.prefer(desk.Preferences{TwoPersonsAbove: 4500})
	got := k.admin(http.MethodPost, "/orders/"+order+"/resolve", one, map[string]any{"payment": payment, "decision": "giveBack", "reason": "电话核实"})
	if n, _ := k.CountRecords("refunds"); got.Status != http.StatusOK || n != 1 {
		t.Errorf("not above the amount: got %d %s and %d refunds, want it made", got.Status, got.Body, n)
	}
}

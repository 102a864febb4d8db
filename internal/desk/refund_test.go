package desk_test

import (
	"net/http"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/desk"
)

func TestRefundByLines(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	finance := k.staff(desk.Finance)
	buyer := k.Login("小明")
	order := buyer.Must(http.MethodPost, "/api/wx/orders", map[string]any{"items": []any{
		map[string]any{"product": k.Product(noodles), "quantity": 2}, map[string]any{"product": k.Product(plum), "quantity": 3},
	}})
	id := order.Text("id")
	preview := func(lines ...any) apptest.Answer {
		return k.admin(http.MethodPost, "/orders/"+id+"/refunds/preview", finance, map[string]any{"lines": lines})
	}
	line := func(n, quantity int) map[string]any { return map[string]any{"line": n, "quantity": quantity} }
	want(t, "not paid", preview(line(0, 1)), http.StatusConflict, "order_not_paid")
	buyer.PayAtCashier(buyer.Must(http.MethodPost, "/api/wx/orders/"+id+"/pay", nil))
	buyer.Must(http.MethodPost, "/api/wx/orders/"+id+"/sync", nil)
	for _, s := range []struct {
		lines []any
		want  float64
	}{
		{[]any{line(0, 1)}, 1800}, {[]any{line(1, 2)}, 1200}, {[]any{line(0, 2), line(1, 3)}, 5400},
	} {
		if got := preview(s.lines...).JSON["amount"]; got != s.want {
			t.Errorf("%v: got %v, want %v", s.lines, got, s.want)
		}
	}
	for _, bad := range [][]any{{line(2, 1)}, {line(-1, 1)}, {line(0, 3)}, {line(0, 0)}, {line(0, 1), line(0, 1)}} {
		want(t, "bad lines", preview(bad...), http.StatusBadRequest, "refund_lines_invalid")
	}
	k.Must(http.MethodPost, "/api/wx/orders/"+id+"/refunds", finance, map[string]any{"amount": 5000})
	if got := preview(line(0, 2)).JSON["amount"]; got != 400.0 {
		t.Errorf("after a refund: got %v, want what is left: 400", got)
	}
}

// twoPersons is an order of 36 yuan in a shop where more than 10 yuan need a second person.
func twoPersons(t *testing.T) (k kit, order, one, other string) {
	t.Helper()
	k = newKit(t)
	k.prefer(desk.Preferences{TwoPersonsAbove: 1000})
	return k, k.paidOrder(k.Login("小明"), noodles, 2), k.staff(desk.Finance), k.staff(desk.Manager)
}

func (k kit) refund(token, order string, body map[string]any) apptest.Answer {
	k.t.Helper()
	return k.Call(http.MethodPost, "/api/wx/orders/"+order+"/refunds", token, body)
}

func TestSecondPerson(t *testing.T) {
	t.Parallel()
	k, order, one, other := twoPersons(t)
	if got := k.refund(one, order, map[string]any{"amount": 600}); got.Status != http.StatusOK {
		t.Errorf("a small one: got %d %s, want it made at once", got.Status, got.Body)
	}
	held := k.refund(one, order, map[string]any{"amount": 600, "key": "k1"})
	if held.Status != http.StatusAccepted || held.Text("waitsFor") != "second_person" {
		t.Fatalf("small ones that are large together: got %d %s, want it to wait", held.Status, held.Body)
	}
	if again := k.refund(one, order, map[string]any{"amount": 600, "key": "k1"}); again.Text("id") != held.Text("id") {
		t.Errorf("the same key: got %s, want the same request", again.Body)
	}
	want(t, "another wish under the key", k.refund(one, order, map[string]any{"amount": 601, "key": "k1"}), http.StatusConflict, "refund_key_reused")
	if got, _ := k.CountRecords("refunds"); got != 1 {
		t.Fatalf("got %d refunds, want no money moved for a request", got)
	}
	k.Clock.Advance(2 * time.Minute)
	path := "/refunds/" + held.Text("id") + "/approve"
	want(t, "the same person", k.admin(http.MethodPost, path, one, nil), http.StatusForbidden, "refund_same_person")
	want(t, "a clerk", k.admin(http.MethodPost, path, k.staff(desk.Clerk), nil), http.StatusForbidden, "staff_not_allowed")
	want(t, "another person", k.admin(http.MethodPost, path, other, nil), http.StatusOK, "")
	want(t, "once more", k.admin(http.MethodPost, path, k.Superuser(), nil), http.StatusConflict, "refund_request_decided")
	refunds, err := k.FindRecordsByFilter("refunds", "order = {:order}", "created", 0, 0, map[string]any{"order": order})
	if err != nil || len(refunds) != 2 || refunds[1].GetInt("amount") != 600 || refunds[1].GetString("requestedBy") != "finance@example.com, manager@example.com" {
		t.Fatalf("got %v, %v, want the refund with both names", refunds, err)
	}
	if again := k.refund(one, order, map[string]any{"amount": 600, "key": "k1"}); again.Text("id") != refunds[1].Id {
		t.Errorf("the first key after the approval: got %s, want the refund", again.Body)
	}
	if got := k.refund(one, order, map[string]any{"amount": 400, "key": "k2"}); got.Status != http.StatusOK {
		t.Errorf("what two have approved does not count: got %d %s, want it made", got.Status, got.Body)
	}
}

func TestSecondPersonRefuses(t *testing.T) {
	t.Parallel()
	k, order, one, other := twoPersons(t)
	held := k.refund(one, order, map[string]any{"all": true, "key": "k1"})
	if held.JSON["amount"] != 3600.0 {
		t.Fatalf("all: got %s, want 3600", held.Body)
	}
	attention := items(k.ask(http.MethodGet, "/attention", other, nil))
	if len(attention) == 0 || field(attention[0].(map[string]any), "kind") != "refund_second_person" {
		t.Errorf("attention: got %v", attention)
	}
	refused := k.ask(http.MethodPost, "/refunds/"+held.Text("id")+"/refuse", other, nil)
	if refused.Text("state") != "REFUSED" || refused.Text("waitsFor") != "" {
		t.Errorf("refuse: got %s", refused.Body)
	}
	want(t, "approve what was refused", k.admin(http.MethodPost, "/refunds/"+held.Text("id")+"/approve", other, nil), http.StatusConflict, "refund_request_decided")
	want(t, "the same key", k.refund(one, order, map[string]any{"all": true, "key": "k1"}), http.StatusConflict, "refund_request_decided")
	want(t, "more than is left", k.refund(one, order, map[string]any{"amount": 9999}), http.StatusBadRequest, "refund_amount_invalid")
	if got, _ := k.CountRecords("refunds"); got != 0 {
		t.Errorf("got %d refunds, want none", got)
	}
}

// TestManyApprove: however many press the button, money goes once, and never more than is left.
func TestManyApprove(t *testing.T) {
	t.Parallel()
	k, order, one, other := twoPersons(t)
	first, second := k.refund(one, order, map[string]any{"amount": 2000, "key": "a"}), k.refund(one, order, map[string]any{"amount": 3000, "key": "b"})
	roomtest.AtOnce(8, func(i int) {
		id := first.Text("id")
		if i%2 == 1 {
			id = second.Text("id")
		}
		token := other
		if i > 3 {
			token = k.Superuser()
		}
		k.admin(http.MethodPost, "/refunds/"+id+"/approve", token, nil)
	})
	refunds, err := k.FindAllRecords("refunds")
	if err != nil || len(refunds) != 1 {
		t.Fatalf("got %d refunds, %v, want one of the two: they are more than was paid", len(refunds), err)
	}
	story := k.ask(http.MethodGet, "/orders/"+order, one, nil)
	if left := story.JSON["refundable"].(float64); left != 3600-float64(refunds[0].GetInt("amount")) {
		t.Errorf("left: got %v", left)
	}
}

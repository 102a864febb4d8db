package desk_test

import (
	"net/http"
	"testing"

	"wxbase/internal/desk"
)

// TestSeveralOfAKindAreAList: one line for them all, which leads to each of them.
func TestSeveralOfAKindAreAList(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	viewer := k.staff(desk.Viewer)
	alert := func(kind, subject string) {
		put(t, k.App, "wx_alerts", map[string]any{"kind": kind, "subject": subject, "details": map[string]any{}, "since": k.Clock.Now(), "seen": 1})
	}
	alert("effect", "order.paid/1")
	only := items(k.ask(http.MethodGet, "/attention", viewer, nil))[0].(map[string]any)
	if only["to"] != "/effects" || only["kind"] != "effect_failed" {
		t.Errorf("one: got %v, want the page that mends it", only)
	}
	alert("effect", "order.paid/2")
	alert("payment", "p-1")
	both := items(k.ask(http.MethodGet, "/attention", viewer, nil))
	line := both[len(both)-1].(map[string]any)
	if len(both) != 2 || line["count"] != 2.0 || line["to"] != "/alerts?kind=effect_failed" {
		t.Errorf("two: got %v, want one line that leads to a list", both)
	}
	list := items(k.ask(http.MethodGet, "/attention?kind=effect_failed", viewer, nil))
	if len(list) != 2 || list[1].(map[string]any)["subject"] != "order.paid/2" || list[1].(map[string]any)["to"] != "/effects" {
		t.Errorf("list: got %v, want both with the page that mends them", list)
	}
	if got := items(k.ask(http.MethodGet, "/attention?kind=nothing", viewer, nil)); len(got) != 0 {
		t.Errorf("another kind: got %v", got)
	}
}

// TestTheLastDifferenceClosesTheAlert: and not one before it.
func TestTheLastDifferenceClosesTheAlert(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	finance := k.staff(desk.Finance)
	bill := put(t, k.App, "wx_bills", map[string]any{"date": "2026-01-05", "merchant": "1900000001", "state": "DIFFERENT"})
	mine := put(t, k.App, "wx_alerts", map[string]any{"kind": "bill", "subject": "1900000001/2026-01-05", "details": map[string]any{}, "since": k.Clock.Now(), "seen": 1})
	other := put(t, k.App, "wx_alerts", map[string]any{"kind": "bill", "subject": "1900000001/2026-01-06", "details": map[string]any{}, "since": k.Clock.Now(), "seen": 1})
	put(t, k.App, "wx_bill_diffs", map[string]any{"bill": bill.Id, "kind": "payment_missing_here", "outTradeNo": "n-0", "resolved": true})
	first := put(t, k.App, "wx_bill_diffs", map[string]any{"bill": bill.Id, "kind": "payment_missing_here", "outTradeNo": "n-1"})
	last := put(t, k.App, "wx_bill_diffs", map[string]any{"bill": bill.Id, "kind": "payment_missing_here", "outTradeNo": "n-2"})
	k.ask(http.MethodPost, "/bill-diffs/"+first.Id+"/resolve", finance, map[string]any{"note": "x"})
	if !k.record("wx_alerts", mine.Id).GetDateTime("closedAt").IsZero() {
		t.Error("after the first of two: got it closed, want it open")
	}
	k.ask(http.MethodPost, "/bill-diffs/"+last.Id+"/resolve", finance, map[string]any{"note": "x"})
	closed := k.record("wx_alerts", mine.Id)
	if closed.GetDateTime("closedAt").IsZero() || closed.GetString("closedBy") != "finance@example.com" {
		t.Errorf("after the last: got %v by %q, want it closed by who settled it", closed.GetDateTime("closedAt"), closed.GetString("closedBy"))
	}
	if !k.record("wx_alerts", other.Id).GetDateTime("closedAt").IsZero() {
		t.Error("another day's alert is closed too")
	}
}

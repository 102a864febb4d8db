package desk_test

import (
	"net/http"
	"slices"
	"testing"

	"wxbase/internal/desk"
)

// TestShopShowsAPayCode: a clerk shows the code of an unpaid order, somebody scans it, and the order tells how it was paid.
func TestShopShowsAPayCode(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	clerk, finance := k.staff(desk.Clerk), k.staff(desk.Finance)
	buyer := k.Login("小明")
	id := buyer.Order(noodles, 1).Text("id")
	path := "/api/wx/orders/" + id + "/native"
	mayShow := func() bool {
		can, _ := k.ask(http.MethodGet, "/orders/"+id, clerk, nil).JSON["can"].([]any)
		return slices.Contains(can, any("native"))
	}
	if !mayShow() {
		t.Error("got no code for an unpaid order, want one")
	}
	want(t, "finance", k.Call(http.MethodPost, path, finance, nil), http.StatusForbidden, "staff_not_allowed")
	want(t, "a stranger", k.Login("小红").Call(http.MethodPost, path, nil), http.StatusNotFound, "order_not_found")
	shown := k.Must(http.MethodPost, path, clerk, nil)
	if said := k.Must(http.MethodPost, "/_sim/people/"+buyer.ID+"/pay-url", "", map[string]any{"url": shown.Text("codeUrl")}); said.Text("errMsg") != "requestPayment:ok" {
		t.Fatalf("scan: got %s, want ok", said.Body)
	}
	k.Must(http.MethodPost, "/api/wx/orders/"+id+"/sync", clerk, nil)
	story := k.ask(http.MethodGet, "/orders/"+id, clerk, nil)
	if got := field(story.JSON["payments"].([]any)[0].(map[string]any), "tradeType"); story.Text("payState") != "PAID" || got != "NATIVE" || mayShow() {
		t.Errorf("story: got %s, want it paid by a code, and none to show any more", story.Body)
	}
	trail := k.ask(http.MethodGet, "/audit?action=order.native", k.staff(desk.Owner), nil)
	if len(items(trail)) != 2 { // the refusal too
		t.Errorf("audit: got %s, want the code of the clerk, and the refusal", trail.Body)
	}
}

package desk_test

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/desk"
)

const (
	noodles = "三鲜面" // 18 yuan
	plum    = "酸梅汤" // 6 yuan
)

// field reads a field of an answer, by names with dots between.
func field(a map[string]any, path string) any {
	var at any = a
	for name := range strings.SplitSeq(path, ".") {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	return at
}

func TestOrdersAreFound(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	token := k.staff(desk.Viewer)
	ming, hong := k.Login("小明"), k.Login("小红")
	paid := k.paidOrder(ming, noodles, 2)
	open := hong.Order(plum, 1).Text("id")
	k.setPhone(ming.User, "13912345678")
	k.setPhone(hong.User, "13800138000")
	number := k.record("orders", paid).GetString("number")
	payment, err := k.FindFirstRecordByData("payments", "order", paid)
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		query string
		want  []string
	}{
		{"", []string{open, paid}},
		{"?perPage=1&page=2", []string{paid}},
		{"?search=" + number, []string{paid}},
		{"?search=" + strings.ToLower(number[:16]), []string{paid}},
		{"?search=" + payment.GetString("transactionId"), []string{paid}},
		{"?search=" + payment.GetString("outTradeNo"), []string{paid}},
		{"?search=13912345678", []string{paid}},
		{"?search=5678", []string{paid}},
		{"?search=8000", []string{open}},
		{"?search=三鲜", []string{paid}},
		{"?search=nothing-like-it", nil},
		{"?search=%25", nil},
		{"?state=PAID", []string{paid}},
		{"?state=UNPAID", []string{open}},
		{"?state=disputed", nil},
		{"?ship=NONE", []string{paid}},
		{"?ship=NONE&state=UNPAID", nil},
		{"?ship=SHIPPED", nil},
		{"?product=" + k.Product(plum), []string{open}},
		{"?from=2020-01-01&to=2020-01-02", nil},
		{"?from=2020-01-01", []string{open, paid}},
	}
	for _, s := range scenarios {
		answer := k.ask(http.MethodGet, "/orders"+strings.ReplaceAll(s.query, "|", "%7C"), token, nil)
		var got []string
		for _, row := range items(answer) {
			got = append(got, row.(map[string]any)["id"].(string))
		}
		if !sameIDs(got, s.want) {
			t.Errorf("%q: got %v, want %v", s.query, got, s.want)
		}
	}
	row := items(k.ask(http.MethodGet, "/orders?search="+number, token, nil))[0].(map[string]any)
	if row["total"] != 3600.0 || row["lines"] != 1.0 || field(row, "buyer.phone") != "139****5678" || field(row, "due.hoursLeft").(float64) < 47 {
		t.Errorf("row: got %v", row)
	}
	for _, query := range []string{"?state=odd", "?ship=odd", "?from=yesterday", "?page=0", "?perPage=x"} {
		want(t, query, k.admin(http.MethodGet, "/orders"+query, token, nil), http.StatusBadRequest, "field_invalid")
	}
}

// sameIDs compares without the order of two that were made within a millisecond.
func sameIDs(got, want []string) bool {
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	return slices.Equal(got, want)
}

func TestOrderStory(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	clerk, finance := k.staff(desk.Clerk), k.staff(desk.Finance)
	buyer := k.Login("小明")
	id := k.paidOrder(buyer, noodles, 2)
	want(t, "remark", k.admin(http.MethodPost, "/orders/"+id+"/remark", clerk, map[string]any{"remark": "熟客，送汤"}), http.StatusOK, "")
	k.Must(http.MethodPost, "/api/wx/orders/"+id+"/refunds", finance, map[string]any{"amount": 600, "reason": "少了一份"})
	story := k.ask(http.MethodGet, "/orders/"+id, clerk, nil)
	if story.Text("remark") != "熟客，送汤" || story.JSON["refundable"] != 3000.0 {
		t.Errorf("story: got %s", story.Body)
	}
	can := story.JSON["can"].([]any)
	if !slices.Contains(can, any("refund")) || !slices.Contains(can, any("ship")) || slices.Contains(can, any("cancel")) || slices.Contains(can, any("resolve")) {
		t.Errorf("can: got %v", can)
	}
	kinds := map[string]bool{}
	last := ""
	for _, e := range story.JSON["timeline"].([]any) {
		e := e.(map[string]any)
		kinds[e["kind"].(string)] = true
		if e["at"].(string) < last {
			t.Errorf("timeline: got %s after %s", e["at"], last)
		}
		last = e["at"].(string)
	}
	for _, kind := range []string{"created", "ledger", "refund", "effect", "remark", "audit"} {
		if !kinds[kind] {
			t.Errorf("timeline: got %v, want %s among them", kinds, kind)
		}
	}
	for _, path := range []string{"/api/collections/orders/records/" + id, "/api/collections/wx_remarks/records", "/api/collections/refunds/records"} {
		if seen := buyer.Call(http.MethodGet, path, nil); strings.Contains(string(seen.Body), "熟客") || strings.Contains(string(seen.Body), "finance@") {
			t.Errorf("%s: the buyer sees %s", path, seen.Body)
		}
	}
	if got := k.record("refunds", field(story.JSON["refunds"].([]any)[0].(map[string]any), "id").(string)).GetString("requestedBy"); got != "finance@example.com" {
		t.Errorf("requestedBy: got %q", got)
	}
	picking := k.ask(http.MethodGet, "/picking?ids="+id+","+id, clerk, nil)
	if len(items(picking)) != 1 {
		t.Errorf("picking: got %s", picking.Body)
	}
	want(t, "picking nothing", k.admin(http.MethodGet, "/picking", clerk, nil), http.StatusBadRequest, "field_invalid")
	want(t, "no such order", k.admin(http.MethodGet, "/orders/missing00000000", clerk, nil), http.StatusNotFound, "order_not_found")
}

func TestStaffShipsCancelsAndAsks(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	clerk := k.staff(desk.Clerk)
	buyer := k.Login("小明")
	id, open := k.paidOrder(buyer, noodles, 1), buyer.Order(plum, 1).Text("id")
	carriers := items(k.ask(http.MethodGet, "/carriers", clerk, nil))
	if len(carriers) < 10 || field(carriers[0].(map[string]any), "id") != "SF" {
		t.Errorf("carriers: got %v", carriers)
	}
	k.ask(http.MethodGet, "/carriers", clerk, nil)
	if got := k.Calls("/cgi-bin/express/delivery/open_msg/get_delivery_list"); got != 1 {
		t.Errorf("asked WeChat %d times for the carriers, want once", got)
	}
	k.Clock.Advance(time.Minute) // WeChat knows the payment by now
	k.Must(http.MethodPost, "/api/wx/orders/"+id+"/shipments", clerk, map[string]any{
		"logisticsType": 1, "deliveryMode": 1, "shippingList": []any{map[string]any{"trackingNo": "YT1", "expressCompany": "YTO", "itemDesc": "面"}},
	})
	story := k.ask(http.MethodGet, "/orders/"+id, clerk, nil)
	if story.Text("shipState") != "SHIPPED" || field(story.JSON, "shipments.parcels").([]any)[0].(map[string]any)["trackingNo"] != "YT1" {
		t.Errorf("shipped: got %s", story.Body)
	}
	if got := k.Must(http.MethodPost, "/api/wx/orders/"+open+"/cancel", clerk, map[string]any{}); got.Text("payState") != "CANCELLED" {
		t.Errorf("cancel: got %s", got.Body)
	}
	k.Must(http.MethodPost, "/api/wx/orders/"+id+"/sync", clerk, map[string]any{})
	want(t, "a clerk refunds", k.Call(http.MethodPost, "/api/wx/orders/"+id+"/refunds", clerk, map[string]any{"all": true}), http.StatusForbidden, "staff_not_allowed")
}

func TestEffectsAreSentAgain(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	clerk := k.staff(desk.Clerk)
	id := k.paidOrder(k.Login("小明"), noodles, 1)
	k.settleEffects(id)
	row, err := k.FindFirstRecordByData("wx_outbox", "key", "order.paid.notice/"+id)
	if err != nil {
		t.Fatal(err)
	}
	again := func() apptest.Answer {
		return k.admin(http.MethodPost, "/orders/"+id+"/resend", clerk, map[string]any{"effect": row.Id})
	}
	want(t, "one that is done", again(), http.StatusConflict, "effect_done")
	want(t, "another's", k.admin(http.MethodPost, "/orders/"+id+"/resend", clerk, map[string]any{"effect": "missing"}), http.StatusNotFound, "effect_not_found")
	row.Set("error", "it failed")
	if err := k.Save(row); err != nil {
		t.Fatal(err)
	}
	if story := k.ask(http.MethodGet, "/orders/"+id, clerk, nil); !slices.Contains(story.JSON["can"].([]any), any("resend")) {
		t.Errorf("can: got %v, want resend", story.JSON["can"])
	}
	want(t, "one that failed", again(), http.StatusOK, "")
	k.settleEffects(id)
	if got := k.record("wx_outbox", row.Id).GetString("error"); got != "" {
		t.Errorf("error after it was sent again: got %q", got)
	}
}

// settleEffects waits until the worker has nothing of an order left.
func (k kit) settleEffects(order string) {
	k.t.Helper()
	for range 200 {
		left, err := k.CountRecords("wx_outbox")
		waiting, err2 := k.FindRecordsByFilter("wx_outbox", "doneAt = '' && key ~ {:order}", "", 0, 0, map[string]any{"order": order})
		if err != nil || err2 != nil {
			k.t.Fatal(err, err2)
		}
		if left > 0 && len(waiting) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	k.t.Fatal("the worker has not finished")
}

func TestExport(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	finance := k.staff(desk.Finance)
	buyer := k.Login("小明")
	buyer.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "=HYPERLINK(\"http://x\")"})
	k.setPhone(buyer.User, "13912345678")
	id := k.paidOrder(buyer, noodles, 2)
	o := k.record("orders", id)
	o.Set("note", "+1 辣\n多放醋")
	if err := k.Save(o); err != nil {
		t.Fatal(err)
	}
	answer := k.ask(http.MethodGet, "/orders.csv", finance, nil)
	text, isMarked := strings.CutPrefix(string(answer.Body), "\ufeff")
	if !isMarked || !strings.Contains(text, "\r\n") {
		t.Errorf("got %q, want a BOM and CRLF", text)
	}
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(lines) != 2 {
		t.Fatalf("got %v, %v, want a head and a line", lines, err)
	}
	line := strings.Join(lines[1], "|")
	for _, part := range []string{"|PAID|", "|36.00|", "'=HYPERLINK", "|139****5678|", "'+1 辣 多放醋"} {
		if !strings.Contains(line, part) {
			t.Errorf("line: got %s, want %s in it", line, part)
		}
	}
	if number := lines[1][11]; !strings.HasSuffix(number, "\t") || len(number) < 20 {
		t.Errorf("WeChat's number: got %q, want it kept a text", number)
	}
	empty := k.ask(http.MethodGet, "/orders.csv?state=CANCELLED", finance, nil)
	if got := strings.Count(string(empty.Body), "\r\n"); got != 1 {
		t.Errorf("filtered: got %q, want the head only", empty.Body)
	}
	if rows := k.rows("orders.export"); len(rows) != 2 || !strings.Contains(rows[0].GetString("details"), `"rows":1`) {
		t.Errorf("audit: got %v", rows)
	}
}

package desk_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
)

// put writes a row as the server does.
func put(t *testing.T, a *apptest.App, collection string, fields map[string]any) *core.Record {
	t.Helper()
	c, err := a.FindCollectionByNameOrId(collection)
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(fields)
	if err := a.Save(r); err != nil {
		t.Fatalf("save %s: %v", collection, err)
	}
	return r
}

// TestInboxReplay: a notification that was lost on the way is replayed by asking WeChat, and one that says nothing new changes nothing.
func TestInboxReplay(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	finance, viewer := memberToken(t, a, "finance"), memberToken(t, a, "viewer")
	a.Fault("notification", "lost", -1)
	buyer := a.Login("买家")
	order := buyer.Order("酸梅汤", 1).Text("id")
	buyer.PayAtCashier(buyer.Must(http.MethodPost, "/api/wx/orders/"+order+"/pay", map[string]any{}))
	payment, err := a.FindFirstRecordByData("payments", "order", order)
	if err != nil {
		t.Fatal(err)
	}
	kept := put(t, a, "wx_inbox", map[string]any{
		"kind": "pay", "source": payment.GetString("merchant"), "dedupeKey": "x", "state": "FAILED", "error": "the disk was full", "ref": payment.GetString("outTradeNo"), "seen": 1, "body": "{}",
	})
	const path = "/api/wx/admin/inbox"
	if got := a.Call(http.MethodGet, path, viewer, nil); got.Status != http.StatusForbidden {
		t.Errorf("a viewer: got %d, want 403", got.Status)
	}
	if rows := itemsOf(t, a.Call(http.MethodGet, path+"?state=FAILED&kind=pay&search="+payment.GetString("outTradeNo"), finance, nil)); len(rows) != 1 {
		t.Errorf("inbox: got %v, want the row", rows)
	}
	if one := a.Must(http.MethodGet, path+"/"+kept.Id, finance, nil); one.Text("body") != "{}" {
		t.Errorf("one: got %s, want its body", one.Body)
	}
	got := a.Must(http.MethodPost, path+"/"+kept.Id+"/replay", finance, nil)
	paid, err := a.FindRecordById("orders", order)
	if err != nil || got.Text("state") != "APPLIED" || got.Text("error") != "" || paid.GetString("payState") != "PAID" {
		t.Errorf("replay: got %s and an order that is %s (%v), want it paid", got.Body, paid.GetString("payState"), err)
	}
	stranger := put(t, a, "wx_inbox", map[string]any{"kind": "pay", "source": payment.GetString("merchant"), "dedupeKey": "y", "state": "UNMATCHED", "ref": "not-ours", "seen": 1})
	if got := a.Must(http.MethodPost, path+"/"+stranger.Id+"/replay", finance, nil); got.Text("state") != "UNMATCHED" || got.Text("error") == "" {
		t.Errorf("a stranger's: got %s, want it as it was, with a reason", got.Body)
	}
	forged := put(t, a, "wx_inbox", map[string]any{"kind": "push", "source": a.AppID(), "dedupeKey": "z", "state": "REFUSED", "seen": 1, "body": "{}"})
	if got := a.Must(http.MethodPost, path+"/"+forged.Id+"/replay", finance, nil); got.Text("state") != "REFUSED" || got.Text("error") == "" {
		t.Errorf("a push that did not verify: got %s, want it refused still", got.Body)
	}
}

func TestEffectsAndBills(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	finance := memberToken(t, a, "finance")
	failed := put(t, a, "wx_outbox", map[string]any{"effect": "nothing", "key": "nothing/1", "payload": map[string]any{"order": "order1"}, "attempts": 3, "doneAt": a.Clock.Now(), "error": "it broke"})
	rows := itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin/effects?failed=1", finance, nil))
	if len(rows) != 1 || rows[0]["order"] != "order1" || rows[0]["error"] != "it broke" {
		t.Errorf("effects: got %v, want the one that failed", rows)
	}
	a.Must(http.MethodPost, "/api/wx/admin/effects/"+failed.Id+"/resend", finance, nil)

	bill := put(t, a, "wx_bills", map[string]any{"date": "2026-01-05", "merchant": "1900000001", "state": "DIFFERENT", "totals": map[string]any{"payments": 2, "ourTotal": 600, "date": "x"}})
	diff := put(t, a, "wx_bill_diffs", map[string]any{"bill": bill.Id, "kind": "paymentMissingHere", "outTradeNo": "n-1", "theirs": map[string]any{"total": 600}})
	put(t, a, "wx_bill_diffs", map[string]any{"bill": bill.Id, "kind": "paymentMissingHere", "outTradeNo": "n-2", "resolved": true})
	bills := itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin/bills?month=2026-01", finance, nil))
	if len(bills) != 1 || bills[0]["differences"] != 2.0 || bills[0]["open"] != 1.0 {
		t.Errorf("bills: got %v, want one day with two differences, one open", bills)
	}
	open := itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin/bill-diffs?resolved=false", finance, nil))
	if len(open) != 1 || open[0]["date"] != "2026-01-05" || open[0]["ours"] != nil {
		t.Errorf("differences: got %v, want the open one", open)
	}
	if got := a.Must(http.MethodPost, "/api/wx/admin/bill-diffs/"+diff.Id+"/resolve", finance, map[string]any{"note": "线下退款"}); got.JSON["resolved"] != true {
		t.Errorf("resolve: got %s", got.Body)
	}
	for _, path := range []string{"/effects", "/bill-diffs", "/inbox", "/bills"} {
		itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin"+path, finance, nil))
	}
	for _, path := range []string{"/bills?month=2026-13", "/bill-diffs?resolved=x"} {
		if got := a.Call(http.MethodGet, "/api/wx/admin"+path, finance, nil); got.Status != http.StatusBadRequest {
			t.Errorf("%s: got %d, want 400", path, got.Status)
		}
	}
	a.Clock.Advance(48 * time.Hour)
	before := a.Clock.Now().In(time.FixedZone("CST", 8*3600)).AddDate(0, 0, -3).Format(time.DateOnly) // yesterday's is there from ten in the morning on
	a.Must(http.MethodPost, "/api/wx/admin/bills/"+before+"/rerun", finance, nil)
	if days := itemsOf(t, a.Call(http.MethodGet, "/api/wx/admin/bills?month="+before[:7], finance, nil)); len(days) != 1 || days[0]["date"] != before || days[0]["state"] != "EMPTY" {
		t.Errorf("rerun: got %v, want the day compared, without a payment", days)
	}
	if got := a.Call(http.MethodPost, "/api/wx/admin/bills/2099-01-01/rerun", finance, nil); got.Status != http.StatusBadRequest {
		t.Errorf("a day to come: got %d, want 400", got.Status)
	}
}

// TestHeld: a person looks at what WeChat would not let pass.
func TestHeld(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	manager := memberToken(t, a, "manager")
	super, user := a.Superuser(), a.Login("写手")
	user.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "写手"})
	users, err := a.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	a.Must(http.MethodPost, "/api/collections", super, map[string]any{
		"name": "comments", "type": "base", "listRule": "", "viewRule": "", "createRule": "@request.auth.id != ''",
		"fields": []map[string]any{{"name": "text", "type": "text"}, {"name": "user", "type": "relation", "collectionId": users.Id, "maxSelect": 1}},
	})
	a.Must(http.MethodPost, "/api/collections/wx_check_fields/records", super, map[string]any{"collection": "comments", "field": "text", "action": "hold", "scene": "2", "author": "user"})
	const path = "/api/wx/admin/held"
	write := func() string {
		return user.Must(http.MethodPost, "/api/collections/comments/records", map[string]any{"text": "请加微信", "user": user.User}).Text("id")
	}
	first, second := write(), write()
	rows := itemsOf(t, a.Call(http.MethodGet, path, manager, nil))
	if len(rows) != 2 || rows[0]["name"] != "写手" || rows[0]["text"] == "" || rows[0]["collection"] != "comments" {
		t.Fatalf("held: got %v, want two texts", rows)
	}
	decide := func(record, decision string) {
		for _, r := range rows {
			if r["record"] == record {
				a.Must(http.MethodPost, path+"/"+r["id"].(string), manager, map[string]any{"decision": decision}) //nolint:forcetypeassert // a row has an id
			}
		}
	}
	decide(first, "pass")
	decide(second, "refuse")
	if seen := a.Must(http.MethodGet, "/api/collections/comments/records", "", nil); seen.JSON["totalItems"] != 1.0 {
		t.Errorf("seen by everybody: got %s, want the one that passed", seen.Body)
	}
	if left := itemsOf(t, a.Call(http.MethodGet, path, manager, nil)); len(left) != 0 {
		t.Errorf("left: got %v, want none", left)
	}
}

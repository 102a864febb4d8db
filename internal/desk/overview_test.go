package desk_test

import (
	"net/http"
	"testing"
	"time"

	"wxbase/internal/desk"
)

func TestOverview(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	viewer := k.staff(desk.Viewer)
	ming := k.Login("小明")
	first := k.paidOrder(ming, noodles, 2)
	k.movePayment(first, -24*time.Hour)
	second := k.paidOrder(ming, plum, 1)
	ming.Order(plum, 5) // not paid: it is no turnover
	refund := k.record("refunds", k.Must(http.MethodPost, "/api/wx/orders/"+second+"/refunds", k.Superuser(), map[string]any{"amount": 200}).Text("id"))
	refund.Set("successAt", k.Clock.Now())
	if err := k.Save(refund); err != nil {
		t.Fatal(err)
	}
	today := k.ask(http.MethodGet, "/overview?days=1", viewer, nil).JSON
	for path, want := range map[string]float64{
		"now.paid": 600, "now.orders": 1, "now.average": 600, "now.refunded": 200, "now.refunds": 1, "now.users": 1, "now.logins": 1, "now.scans": 0,
		"before.paid": 3600, "before.orders": 1, "before.users": 0, "days": 1,
	} {
		if got := field(today, path); got != want {
			t.Errorf("today: %s: got %v, want %v", path, got, want)
		}
	}
	if got := len(today["byDay"].([]any)); got != 7 {
		t.Errorf("byDay: got %d days, want 7", got)
	}
	if got := len(today["byHour"].([]any)); got != 24 {
		t.Errorf("byHour: got %d", got)
	}
	best := today["best"].([]any)
	if len(best) != 1 || field(best[0].(map[string]any), "name") != plum || field(best[0].(map[string]any), "amount") != 600.0 {
		t.Errorf("best: got %v", best)
	}
	month := k.ask(http.MethodGet, "/overview?days=30", viewer, nil).JSON
	if field(month, "now.paid") != 4200.0 || len(month["byDay"].([]any)) != 30 || len(month["best"].([]any)) != 2 {
		t.Errorf("month: got %v", month)
	}
	want(t, "other days", k.admin(http.MethodGet, "/overview?days=2", viewer, nil), http.StatusBadRequest, "field_invalid")
}

// movePayment lets an order have been paid at another moment.
func (k kit) movePayment(order string, by time.Duration) {
	k.t.Helper()
	o := k.record("orders", order)
	o.Set("paidAt", o.GetDateTime("paidAt").Add(by))
	if err := k.Save(o); err != nil {
		k.t.Fatal(err)
	}
}

func TestAttention(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	viewer := k.staff(desk.Viewer)
	if got := items(k.ask(http.MethodGet, "/attention", viewer, nil)); len(got) != 0 {
		t.Errorf("a quiet shop: got %v", got)
	}
	late := k.paidOrder(k.Login("小明"), noodles, 1)
	k.movePayment(late, -47*time.Hour)
	got := items(k.ask(http.MethodGet, "/attention", viewer, nil))
	if len(got) != 1 {
		t.Fatalf("got %v, want what is due", got)
	}
	due := got[0].(map[string]any)
	if left, ok := due["hoursLeft"].(float64); due["kind"] != "shipping_due" || !ok || left < 0.8 || left > 1.1 {
		t.Errorf("got %v, want about an hour left", due)
	}
}

// TestSalesFollowOrders: the sums are those of the orders, whatever happens to these.
func TestSalesFollowOrders(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	ming := k.Login("小明")
	first, second := k.paidOrder(ming, noodles, 2), k.paidOrder(ming, plum, 3)
	ming.Order(plum, 5)
	compare := func(what string) {
		t.Helper()
		for kept, counted := range map[string]string{
			"SELECT coalesce(group_concat(hour || orders || ' ' || paid, ','), '') FROM (SELECT * FROM wx_sales_hours WHERE orders != 0 ORDER BY hour)": `
				SELECT coalesce(group_concat(hour || n || ' ' || paid, ','), '') FROM (SELECT substr(paidAt, 1, 13) AS hour, count(*) AS n, sum(total) AS paid
				FROM orders WHERE paidAt > '' GROUP BY 1 ORDER BY 1)`,
			"SELECT coalesce(group_concat(day || product || quantity || ' ' || amount, ','), '') FROM (SELECT * FROM wx_sales_products WHERE quantity != 0 ORDER BY day, product)": `
				SELECT coalesce(group_concat(day || product || quantity || ' ' || amount, ','), '') FROM (SELECT date(o.paidAt, '+8 hours') AS day, i.value ->> '$.product' AS product,
				sum(i.value ->> '$.quantity') AS quantity, sum((i.value ->> '$.price') * (i.value ->> '$.quantity')) AS amount
				FROM orders o, json_each(o.items) i WHERE o.paidAt > '' GROUP BY 1, 2 ORDER BY 1, 2)`,
		} {
			var got, want string
			if err := k.DB().NewQuery(kept).Row(&got); err != nil {
				t.Fatal(err)
			}
			if err := k.DB().NewQuery(counted).Row(&want); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("%s: got %q, want %q", what, got, want)
			}
		}
	}
	compare("paid")
	k.movePayment(first, -30*time.Hour)
	compare("paid at another moment")
	o := k.record("orders", second)
	o.Set("note", "辣")
	if err := k.Save(o); err != nil {
		t.Fatal(err)
	}
	compare("another change")
	for _, collection := range []string{"payments"} {
		rows, err := k.FindRecordsByFilter(collection, "order = {:order}", "", 0, 0, map[string]any{"order": second})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if err := k.Delete(r); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := k.Delete(o); err != nil {
		t.Fatal(err)
	}
	compare("deleted")
}

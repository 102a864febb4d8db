package hooks_test

import (
	"net/http"
	"testing"

	"wxbase/internal/apptest"
)

// TestDiskOfAnOrder: docs/operations.md says how much room an order takes that is paid: rows, indexes, ledger, inbox and outbox.
func TestDiskOfAnOrder(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("买家")
	size := func() int {
		var pages, bytes int
		if err := app.DB().NewQuery("SELECT p.page_count - f.freelist_count, s.page_size FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s").
			Row(&pages, &bytes); err != nil {
			t.Fatal(err)
		}
		return pages * bytes
	}
	pay := func(n int) {
		for range n {
			order := buyer.Order("三鲜面", 1)
			params := buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/pay", nil)
			if got := buyer.PayAtCashier(params); got != "requestPayment:ok" {
				t.Fatalf("cashier: %s", got)
			}
		}
		if err := app.WX.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	pay(20) // the first pages of every table
	before := size()
	const orders = 60
	pay(orders)
	each := (size() - before) / orders
	t.Logf("%d bytes an order", each)
	if each < 4_000 || each > 9_000 {
		t.Errorf("got %d bytes an order: docs/operations.md says about 7 KB", each)
	}
}

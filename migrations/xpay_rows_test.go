package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// TestXpayKeepsRows: products of before become physical, and payments stay on the way down, those of virtual payment too.
func TestXpayKeepsRows(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1765100100")
	insert := func(app core.App, table string, row dbx.Params) {
		t.Helper()
		if _, err := app.NonconcurrentDB().Insert(table, row).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	insert(old, "products", dbx.Params{"id": "product00000001", "name": "三鲜面", "price": 1800, "active": true})
	insert(old, "wx_apps", dbx.Params{"id": "app000000000001", "appid": "wx0123456789abcdef"})
	insert(old, "payments", dbx.Params{"id": "payment00000001", "merchant": "1900000001", "appid": "wx0123456789abcdef", "api": "v3", "outTradeNo": "a-000001", "state": "PAID", "amount": 1800})
	filled := up(old)
	if r, err := filled.FindRecordById("products", "product00000001"); err != nil || r.GetString("kind") != "physical" || r.GetInt("price") != 1800 {
		t.Fatalf("product: got %v (%v), want it physical", r, err)
	}
	insert(filled, "payments", dbx.Params{"id": "payment00000002", "merchant": "xpay-wx0123456789abcdef", "appid": "wx0123456789abcdef", "api": "xpay", "outTradeNo": "a-000002", "state": "PAID", "amount": 500})
	insert(filled, "wx_items", dbx.Params{"id": "item00000000001", "appid": "wx0123456789abcdef", "itemId": "product00000001-500", "product": "product00000001", "state": "PUBLISHED", "price": 500})
	below := down(filled)
	for id, api := range map[string]string{"payment00000001": "v3", "payment00000002": "v3"} {
		if r, err := below.FindRecordById("payments", id); err != nil || r.GetString("api") != api || r.GetString("state") != "PAID" {
			t.Errorf("payment after going down: got %v (%v), want it paid, as %s", r, err, api)
		}
	}
	if _, err := below.FindRecordById("wx_apps", "app000000000001"); err != nil {
		t.Errorf("mini program after going down: %v", err)
	}
}

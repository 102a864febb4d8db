package hooks_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// tea makes a product that comes in two specifications, of which the second is sold out.
func tea(t *testing.T, a *apptest.App) (product, small, large string) {
	t.Helper()
	super := a.Superuser()
	made := a.Must(http.MethodPost, "/api/collections/products/records", super, map[string]any{"name": "大红袍", "price": 1, "stock": "0", "active": true})
	product = made.Text("id")
	for name, row := range map[string]map[string]any{"小罐": {"price": 900, "stock": "3"}, "大罐": {"price": 2500, "stock": "0"}} {
		row["product"], row["name"], row["active"] = product, name, true
		id := a.Must(http.MethodPost, "/api/collections/product_variants/records", super, row).Text("id")
		if name == "小罐" {
			small = id
		} else {
			large = id
		}
	}
	return product, small, large
}

func stockOf(t *testing.T, a *apptest.App, collection, id string) string {
	t.Helper()
	r, err := a.FindRecordById(collection, id)
	if err != nil {
		t.Fatal(err)
	}
	return r.GetString("stock")
}

func TestOrderVariants(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	buyer := a.Login("茶客")
	product, small, large := tea(t, a)
	other := a.Product("酸梅汤")
	scenarios := []struct {
		name   string
		line   map[string]any
		status int
		code   string
	}{
		{"no specification named", map[string]any{"product": product, "quantity": 1}, 400, "product_variant_wanted"},
		{"unknown specification", map[string]any{"product": product, "variant": "nosuchvariant00", "quantity": 1}, 404, "product_variant_not_found"},
		{"specification of another product", map[string]any{"product": other, "variant": small, "quantity": 1}, 404, "product_variant_not_found"},
		{"sold out", map[string]any{"product": product, "variant": large, "quantity": 1}, 409, "product_out_of_stock"},
		{"more than there is", map[string]any{"product": product, "variant": small, "quantity": 4}, 409, "product_out_of_stock"},
	}
	for _, s := range scenarios {
		got := buyer.Call(http.MethodPost, "/api/wx/orders", map[string]any{"items": []any{s.line}})
		if got.Status != s.status || got.Code() != s.code {
			t.Errorf("%s: got %d %s, want %d %s", s.name, got.Status, got.Body, s.status, s.code)
		}
	}
	body := map[string]any{"key": "tea-1", "items": []any{
		map[string]any{"product": product, "variant": small, "quantity": 1},
		map[string]any{"product": other, "quantity": 1},
		map[string]any{"product": product, "variant": small, "quantity": 1},
	}}
	made := buyer.Must(http.MethodPost, "/api/wx/orders", body)
	var order struct {
		Total int64 `json:"total"`
		Items []struct {
			Variant, VariantName string
			Price                int64
			Quantity             int
		} `json:"items"`
	}
	if err := json.Unmarshal(made.Body, &order); err != nil {
		t.Fatal(err)
	}
	if order.Total != 2*900+600 || len(order.Items) != 2 || order.Items[0].VariantName != "小罐" || order.Items[0].Variant != small || order.Items[0].Quantity != 2 {
		t.Errorf("got %s, want two small tins in one line and a drink", made.Body)
	}
	if got := stockOf(t, a, "product_variants", small); got != "1" {
		t.Errorf("stock: got %s, want 1", got)
	}
	if again := buyer.Must(http.MethodPost, "/api/wx/orders", body); again.Text("id") != made.Text("id") {
		t.Errorf("same key: got another order")
	}
	body["items"] = []any{map[string]any{"product": product, "quantity": 2}, map[string]any{"product": other, "quantity": 1}}
	if got := buyer.Call(http.MethodPost, "/api/wx/orders", body); got.Code() != "order_key_reused" {
		t.Errorf("same key, other goods: got %s", got.Body)
	}
	buyer.Must(http.MethodPost, "/api/wx/orders/"+made.Text("id")+"/cancel", map[string]any{})
	if got := stockOf(t, a, "product_variants", small); got != "3" {
		t.Errorf("stock after cancelling: got %s, want 3", got)
	}
	if got := stockOf(t, a, "products", product); got != "0" {
		t.Errorf("the product's own stock: got %s, want it untouched", got)
	}
}

// TestVariantsExpire: the stock of an order that nobody pays comes back, though the specification has been taken down since.
func TestVariantsExpire(t *testing.T) {
	t.Parallel()
	a := apptest.New(t, func(c *hooks.Config) { c.SweepEvery = 20 * time.Millisecond })
	buyer := a.Login("茶客")
	product, small, _ := tea(t, a)
	buyer.Must(http.MethodPost, "/api/wx/orders", map[string]any{"items": []any{map[string]any{"product": product, "variant": small, "quantity": 3}}})
	a.Must(http.MethodPatch, "/api/collections/product_variants/records/"+small, a.Superuser(), map[string]any{"active": false})
	a.Clock.Advance(time.Hour)
	for deadline := time.Now().Add(10 * time.Second); stockOf(t, a, "product_variants", small) != "3"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("stock: got %s, want 3", stockOf(t, a, "product_variants", small))
		}
	}
}

// TestVariantsAreRead: buyers see the specifications on sale of products on sale, and write none.
func TestVariantsAreRead(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	buyer := a.Login("茶客")
	product, small, large := tea(t, a)
	const path = "/api/collections/product_variants/records"
	a.Must(http.MethodPatch, path+"/"+large, a.Superuser(), map[string]any{"active": false})
	seen := func() float64 {
		n, _ := buyer.Must(http.MethodGet, path+"?filter=product%3D%22"+product+"%22", nil).JSON["totalItems"].(float64)
		return n
	}
	if got := seen(); got != 1 {
		t.Errorf("on sale: got %v, want 1", got)
	}
	if got := buyer.Call(http.MethodPatch, path+"/"+small, map[string]any{"price": 1}); got.Status < 400 {
		t.Errorf("a buyer's price: got %d", got.Status)
	}
	if got := a.Call(http.MethodPatch, path+"/"+small, a.Superuser(), map[string]any{"price": 0}); got.Status != 400 {
		t.Errorf("no price: got %d %s, want 400", got.Status, got.Body)
	}
	a.Must(http.MethodPatch, "/api/collections/products/records/"+product, a.Superuser(), map[string]any{"active": false})
	if got := seen(); got != 0 {
		t.Errorf("of a product that is not on sale: got %v, want 0", got)
	}
}

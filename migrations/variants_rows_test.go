package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
)

// TestVariantsKeepTheirProducts: products of before stay as they are, on the way up and down, with and without variants.
func TestVariantsKeepTheirProducts(t *testing.T) {
	t.Parallel()
	old, up, down := before(t, "1764400200")
	row := dbx.Params{"id": "product00000001", "name": "三鲜面", "price": 1800, "stock": "7", "active": true}
	if _, err := old.NonconcurrentDB().Insert("products", row).Execute(); err != nil {
		t.Fatal(err)
	}
	filled := up(old)
	noodles, err := filled.FindRecordById("products", "product00000001")
	if err != nil || noodles.GetString("stock") != "7" || noodles.GetString("category") != "" || noodles.GetInt("position") != 0 {
		t.Fatalf("product: got %v (%v), want it as it was, with no category", noodles, err)
	}
	variant := dbx.Params{"id": "variant00000001", "product": noodles.Id, "name": "大份", "price": 2200, "stock": "", "active": true}
	if _, err := filled.NonconcurrentDB().Insert("product_variants", variant).Execute(); err != nil {
		t.Fatal(err)
	}
	again := up(down(filled))
	noodles, err = again.FindRecordById("products", "product00000001")
	if err != nil || noodles.GetString("stock") != "7" || noodles.GetInt("price") != 1800 {
		t.Errorf("product after going down and up: got %v (%v), want it as it was", noodles, err)
	}
	if n, err := again.CountRecords("product_variants"); err != nil || n != 0 {
		t.Errorf("variants: got %d, %v, want none", n, err)
	}
}

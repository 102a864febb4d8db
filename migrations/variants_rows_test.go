package migrations_test

import (
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// TestVariantsKeepTheirProducts: products of before stay as they are, on the way up and down, with and without variants.
func TestVariantsKeepTheirProducts(t *testing.T) {
	t.Parallel()
	since := 0
	for _, m := range core.AppMigrations.Items() {
		if m.File >= "1764400200" {
			since++
		}
	}
	up := func(r *core.MigrationsRunner) ([]string, error) { return r.Up() }
	down := func(r *core.MigrationsRunner) ([]string, error) { return r.Down(since) }
	old := migrate(t, migrate(t, boot(t, t.TempDir()), up, len(core.AppMigrations.Items())), down, since)
	row := dbx.Params{"id": "product00000001", "name": "三鲜面", "price": 1800, "stock": "7", "active": true}
	if _, err := old.NonconcurrentDB().Insert("products", row).Execute(); err != nil {
		t.Fatal(err)
	}
	filled := migrate(t, old, up, since)
	noodles, err := filled.FindRecordById("products", "product00000001")
	if err != nil || noodles.GetString("stock") != "7" || noodles.GetString("category") != "" || noodles.GetInt("position") != 0 {
		t.Fatalf("product: got %v (%v), want it as it was, with no category", noodles, err)
	}
	variant := dbx.Params{"id": "variant00000001", "product": noodles.Id, "name": "大份", "price": 2200, "stock": "", "active": true}
	if _, err := filled.NonconcurrentDB().Insert("product_variants", variant).Execute(); err != nil {
		t.Fatal(err)
	}
	again := migrate(t, migrate(t, filled, down, since), up, since)
	noodles, err = again.FindRecordById("products", "product00000001")
	if err != nil || noodles.GetString("stock") != "7" || noodles.GetInt("price") != 1800 {
		t.Errorf("product after going down and up: got %v (%v), want it as it was", noodles, err)
	}
	if n, err := again.CountRecords("product_variants"); err != nil || n != 0 {
		t.Errorf("variants: got %d, %v, want none", n, err)
	}
}

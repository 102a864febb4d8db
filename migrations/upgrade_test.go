package migrations_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest/olddata"
)

// row is a row of a table as text.
type row map[string]string

// TestUpgradeFromTheFirstVersion brings the data of a shop up to date and back: no row is lost, no value changes, and what the operator has added
// stays.
func TestUpgradeFromTheFirstVersion(t *testing.T) {
	t.Parallel()
	old := boot(t, olddata.Folder(t))
	addOperatorsField(t, old)
	rows, shape := rowsOf(t, old), portrait(t, old)
	if len(rows["orders"]) != 7 || len(rows["wx_ledger"]) != 20 {
		t.Fatalf("old data: got %d orders and %d ledger rows, want 7 and 20", len(rows["orders"]), len(rows["wx_ledger"]))
	}
	applied := 0
	for _, m := range core.AppMigrations.Items() {
		var n int
		if err := old.DB().Select("COUNT(*)").From("_migrations").Where(dbx.HashExp{"file": m.File}).Row(&n); err != nil {
			t.Fatal(err)
		}
		applied += n
	}
	ahead := len(core.AppMigrations.Items()) - applied
	current := migrate(t, old, func(r *core.MigrationsRunner) ([]string, error) { return r.Up() }, ahead)
	wantRows(t, "up", rowsOf(t, current), rows)
	if users, err := current.FindCollectionByNameOrId("users"); err != nil || users.Fields.GetByName("points") == nil || users.Fields.GetByName("points").GetSystem() {
		t.Error("the operator's field: got it lost or locked, want it as it was")
	}
	back := migrate(t, current, func(r *core.MigrationsRunner) ([]string, error) { return r.Down(ahead) }, ahead)
	wantRows(t, "down", rowsOf(t, back), rows)
	wantSame(t, "down", portrait(t, back), shape)
	again := migrate(t, back, func(r *core.MigrationsRunner) ([]string, error) { return r.Up() }, ahead)
	wantSame(t, "up again", portrait(t, again), portrait(t, current))
	wantRows(t, "up again", rowsOf(t, again), rows)
}

func addOperatorsField(t *testing.T, app core.App) {
	t.Helper()
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	users.Fields.Add(&core.NumberField{Name: "points"})
	if err := app.Save(users); err != nil {
		t.Fatal(err)
	}
	if _, err := app.DB().Update("users", dbx.Params{"points": 7}, nil).Execute(); err != nil {
		t.Fatal(err)
	}
}

// rowsOf reads every table of ours by id.
func rowsOf(t *testing.T, app core.App) map[string]map[string]row {
	t.Helper()
	all, err := app.FindAllCollections(core.CollectionTypeBase, core.CollectionTypeAuth)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]map[string]row{}
	for _, c := range all {
		if c.System {
			continue
		}
		var raw []dbx.NullStringMap
		if err := app.DB().Select("*").From(c.Name).All(&raw); err != nil {
			t.Fatal(err)
		}
		tables[c.Name] = map[string]row{}
		for _, r := range raw {
			text := row{}
			for name, value := range r {
				text[name] = value.String
			}
			tables[c.Name][text["id"]] = text
		}
	}
	return tables
}

// wantRows wants every old row with every old value; new tables, columns and rows may have come.
func wantRows(t *testing.T, what string, got, want map[string]map[string]row) {
	t.Helper()
	for _, table := range slices.Sorted(maps.Keys(want)) {
		for id, old := range want[table] {
			now, ok := got[table][id]
			if !ok {
				t.Errorf("%s: row %s of %s is gone", what, id, table)
				continue
			}
			for _, column := range slices.Sorted(maps.Keys(old)) {
				givenAway := table == "wx_codes" && column == "user" && now["maker"] == old["user"] // a plain scene belongs to nobody
				if now[column] != old[column] && !givenAway {
					t.Errorf("%s: %s.%s of %s: got %q, want %q", what, table, column, id, now[column], old[column])
				}
			}
		}
	}
}

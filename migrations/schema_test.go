package migrations_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/migrations"
)

// TestSchema holds schema.json, from which the guard of collections reads what is ours, equal to a migrated data folder; and every field of
// ours is one that the dashboard shows as locked.
func TestSchema(t *testing.T) {
	t.Parallel()
	got := schemaOf(t, newKit(t))
	if *update {
		if err := os.WriteFile("schema.json", got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("schema.json is not what the migrations make; run go test ./migrations -update and look at the difference")
	}
	for _, c := range migrations.Schema() {
		for _, f := range c.Fields {
			if f["system"] != true {
				t.Errorf("%s.%s can be removed in the dashboard: add it to a migration that calls lock", c.Name, f["name"])
			}
		}
	}
}

func schemaOf(tb testing.TB, app core.App) []byte {
	tb.Helper()
	all, err := app.FindAllCollections()
	if err != nil {
		tb.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(c *core.Collection) bool { return c.System })
	slices.SortFunc(all, func(a, b *core.Collection) int { return strings.Compare(a.Name, b.Name) })
	list := make([]migrations.Collection, 0, len(all))
	for _, c := range all {
		raw, err := json.Marshal(c.Fields)
		if err != nil {
			tb.Fatal(err)
		}
		ours := migrations.Collection{ID: c.Id, Name: c.Name, Type: c.Type, Indexes: c.Indexes}
		if err := json.Unmarshal(raw, &ours.Fields); err != nil {
			tb.Fatal(err)
		}
		list = append(list, ours)
	}
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return append(text, '\n')
}

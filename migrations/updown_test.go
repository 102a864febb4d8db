package migrations_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
)

// TestUpDownUp: going down gives PocketBase back as it was, and going up again is the same as going up once.
func TestUpDownUp(t *testing.T) {
	t.Parallel()
	pristine := core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()})
	if err := pristine.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pristine.ResetBootstrapState() })
	k := newKit(t)
	runner := core.NewMigrationsRunner(k.TestApp, core.AppMigrations)
	up := portrait(t, k)
	down, err := runner.Down(len(core.AppMigrations.Items()))
	if err != nil || len(down) != len(core.AppMigrations.Items()) {
		t.Fatalf("down: got %v, %v", down, err)
	}
	wantSame(t, "down", portrait(t, k), portrait(t, pristine))
	if _, err := runner.Up(); err != nil {
		t.Fatalf("up again: %v", err)
	}
	wantSame(t, "up again", portrait(t, k), up)
	if room, err := k.FindFirstRecordByData("rooms", "name", "notice"); err != nil || room.GetString("joinRule") == "" {
		t.Errorf("room notice: got %v, %v", room, err)
	}
}

// portrait is everything that migrations shape, as lines of JSON: settings, collections with their fields and options, triggers.
func portrait(tb testing.TB, app core.App) string {
	tb.Helper()
	if err := app.ReloadSettings(); err != nil {
		tb.Fatal(err)
	}
	collections, err := app.FindAllCollections()
	if err != nil {
		tb.Fatal(err)
	}
	byName := map[string]any{"settings": plain(tb, app.Settings())}
	for _, c := range collections {
		byName[c.Name] = plain(tb, c)
	}
	var triggers []string
	if err := app.DB().NewQuery("SELECT sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name").Column(&triggers); err != nil {
		tb.Fatal(err)
	}
	byName["triggers"] = triggers
	raw, err := json.MarshalIndent(byName, "", " ")
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// plain drops what differs between any two apps.
func plain(tb testing.TB, v any) any {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		tb.Fatal(err)
	}
	return without(out, "created", "updated", "secret")
}

func without(v any, keys ...string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range keys {
			if _, isField := v[key].(string); isField {
				delete(v, key)
			}
		}
		for key, value := range v {
			v[key] = without(value, keys...)
		}
	case []any:
		for i, value := range v {
			v[i] = without(value, keys...)
		}
	}
	return v
}

func wantSame(t *testing.T, what, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if at(g, i) != at(w, i) {
			t.Errorf("%s: line %d after %s\n got %s\nwant %s", what, i+1, strings.TrimSpace(at(g, max(0, i-1))), at(g, i), at(w, i))
			return
		}
	}
}

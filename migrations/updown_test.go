package migrations_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
)

// TestUpDownUp: going down gives PocketBase back as it was, and going up again is the same as going up once.
//
// note: every step has an app and a copy of the folder of its own. PocketBase removes the files of a deleted collection behind, in a
// goroutine that reads the settings, and the last step down saves them.
func TestUpDownUp(t *testing.T) {
	t.Parallel()
	n := len(core.AppMigrations.Items())
	up := func(r *core.MigrationsRunner) ([]string, error) { return r.Up() }
	down := func(n int) func(*core.MigrationsRunner) ([]string, error) {
		return func(r *core.MigrationsRunner) ([]string, error) { return r.Down(n) }
	}
	pristine := boot(t, t.TempDir())
	first := migrate(t, pristine, up, n)
	settingsOnly := migrate(t, first, down(n-1), n-1)
	bare := migrate(t, settingsOnly, down(1), 1)
	wantSame(t, "down", portrait(t, bare), portrait(t, pristine))
	second := migrate(t, bare, up, n)
	wantSame(t, "up again", portrait(t, second), portrait(t, first))
	if room, err := second.FindFirstRecordByData("rooms", "name", "notice"); err != nil || room.GetString("joinRule") == "" {
		t.Errorf("room notice: got %v, %v", room, err)
	}
}

// boot opens a data folder without running our migrations.
func boot(t *testing.T, dir string) core.App {
	t.Helper()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	app.OnModelAfterDeleteSuccess().Unbind("__pbFilesManagerDelete__") // note: it works in the background, and reads settings that a step back writes
	if err := app.Bootstrap(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.ResetBootstrapState() })
	return app
}

// migrate takes a step on a copy of an idle app's folder and wants so many migrations to have run.
func migrate(t *testing.T, from core.App, step func(*core.MigrationsRunner) ([]string, error), want int) core.App {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "pb_data")
	if err := os.CopyFS(dir, os.DirFS(from.DataDir())); err != nil {
		t.Fatal(err)
	}
	app := boot(t, dir)
	files, err := step(core.NewMigrationsRunner(app, core.AppMigrations))
	if err != nil || len(files) != want {
		t.Fatalf("migrate: got %v, %v, want %d files", files, err, want)
	}
	return app
}

// before is an app as it was before a migration, which is named by the time in its file's name, and the steps over it and all after it: up and back.
func before(t *testing.T, migration string) (old core.App, up, down func(core.App) core.App) {
	t.Helper()
	n := since(t, migration)
	up = func(app core.App) core.App {
		t.Helper()
		return migrate(t, app, func(r *core.MigrationsRunner) ([]string, error) { return r.Up() }, n)
	}
	down = func(app core.App) core.App {
		t.Helper()
		return migrate(t, app, func(r *core.MigrationsRunner) ([]string, error) { return r.Down(n) }, n)
	}
	newest := migrate(t, boot(t, t.TempDir()), func(r *core.MigrationsRunner) ([]string, error) { return r.Up() }, len(core.AppMigrations.Items()))
	return down(newest), up, down
}

// since counts the migrations from this one to the newest.
func since(t *testing.T, migration string) int {
	t.Helper()
	items := core.AppMigrations.Items()
	for i, item := range items {
		if strings.HasPrefix(item.File, migration) {
			return len(items) - i
		}
	}
	t.Fatalf("there is no migration %s", migration)
	return 0
}

// portrait is everything that migrations shape, as lines of JSON: settings, collections with their fields and options, triggers.
func portrait(tb testing.TB, app core.App) string {
	tb.Helper()
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

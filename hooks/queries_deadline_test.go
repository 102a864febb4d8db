package hooks_test

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// endless makes a collection that no query ever comes back from, and a collection whose rules are given. It names the row of the second.
func endless(t *testing.T, app *apptest.App, rule string) (id string) {
	t.Helper()
	slow := core.NewBaseCollection("slow")
	slow.Fields.Add(&core.TextField{Name: "mark"})
	open := ""
	slow.ViewRule, slow.ListRule = &open, &open
	if err := app.Save(slow); err != nil {
		t.Fatal(err)
	}
	row := newRecord(t, app, "slow", map[string]any{"mark": "x"})
	notes := core.NewBaseCollection("notes")
	notes.Fields.Add(&core.TextField{Name: "text"}, &core.RelationField{Name: "one", CollectionId: slow.Id, MaxSelect: 1})
	notes.ListRule, notes.ViewRule, notes.CreateRule, notes.UpdateRule, notes.DeleteRule = &rule, &rule, &rule, &rule, &rule
	users, err := app.FindCollectionByNameOrId("users")
	if err != nil {
		t.Fatal(err)
	}
	users.Fields.Add(&core.RelationField{Name: "one", CollectionId: slow.Id, MaxSelect: 1})
	for _, c := range []*core.Collection{notes, users} {
		if err := app.Save(c); err != nil {
			t.Fatal(err)
		}
	}
	id = newRecord(t, app, "notes", map[string]any{"text": "a", "one": row.Id}).Id
	if _, err := app.NonconcurrentDB().NewQuery("UPDATE users SET one = '" + row.Id + "'").Execute(); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"ALTER TABLE slow RENAME TO slow_rows",
		"CREATE VIEW slow AS SELECT * FROM slow_rows WHERE (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n) > 0",
	} {
		if _, err := app.NonconcurrentDB().NewQuery(statement).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func oneSecond(c *hooks.Config) {
	c.Env = func(name string) string { return map[string]string{"WXBASE_QUERY_SECONDS": "1"}[name] }
}

// quick fails where something is not over after a few seconds, which is far more than its deadline and far less than PocketBase's.
func quick(t *testing.T, name string, act func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		act()
	}()
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		t.Fatalf("%s: still at work after 15 s, want it stopped after one", name)
	}
}

// TestDeadlineOfWrites: whatever a user asks for, the queries behind it are stopped.
func TestDeadlineOfWrites(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, oneSecond)
	person := app.Login("小明")
	app.Settings().Batch.Enabled, app.Settings().Batch.MaxRequests, app.Settings().Batch.Timeout = true, 5, 60
	note := endless(t, app, `@collection.slow.mark ?= "y" || text = "b"`)
	path := "/api/collections/notes/records"
	batch := func(method, path string) func() apptest.Answer {
		return func() apptest.Answer {
			return person.Call(http.MethodPost, "/api/batch", map[string]any{"requests": []any{map[string]any{"method": method, "url": path, "body": map[string]any{"text": "c"}}}})
		}
	}
	asks := map[string]func() apptest.Answer{
		"create": func() apptest.Answer { return person.Call(http.MethodPost, path, map[string]any{"text": "c"}) },
		"update": func() apptest.Answer {
			return person.Call(http.MethodPatch, path+"/"+note, map[string]any{"text": "c"})
		},
		"delete":       func() apptest.Answer { return person.Call(http.MethodDelete, path+"/"+note, nil) },
		"batch update": batch(http.MethodPatch, path+"/"+note),
		"batch delete": batch(http.MethodDelete, path+"/"+note),
	}
	for _, name := range slices.Sorted(maps.Keys(asks)) {
		quick(t, name, func() {
			if got := asks[name](); got.Status < 400 {
				t.Errorf("%s: got %d %.200s, want it refused", name, got.Status, got.Body)
			}
		})
	}
	quick(t, "auth-refresh", func() { person.Call(http.MethodPost, "/api/collections/users/auth-refresh?expand=one", nil) })
	quick(t, "a route of ours", func() { person.Call(http.MethodPost, "/api/wx/profile?expand=one", map[string]any{"name": "明"}) })
}

// TestDeadlineOfBroadcasts: what a reader of a topic asks for is evaluated while somebody else saves, and that one waits.
func TestDeadlineOfBroadcasts(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]struct{ rule, options string }{
		"rule":   {`@collection.slow.mark ?= "y" || text = "never"`, ""},
		"filter": {"", `{"query":{"filter":"one.mark = \"y\""}}`},
		"expand": {"", `{"query":{"expand":"one"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, oneSecond)
			person := app.Login("小明")
			note := endless(t, app, s.rule)
			topic := "notes/*"
			if s.options != "" {
				topic += "?options=" + url.QueryEscape(s.options)
			}
			app.Must(http.MethodPost, "/api/realtime", person.Token, map[string]any{"clientId": openStream(t, app).id, "subscriptions": []string{topic}})
			quick(t, "create", func() { newRecord(t, app, "notes", map[string]any{"text": "n"}) })
			row, err := app.FindRecordById("notes", note)
			if err != nil {
				t.Fatal(err)
			}
			row.Set("text", "changed")
			quick(t, "update", func() {
				if err := app.SaveNoValidate(row); err != nil { // the check of the relation would ask the endless collection
					t.Error(err)
				}
			})
		})
	}
}

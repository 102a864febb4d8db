package guard_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/migrations"
)

// step is a subtest that runs in its turn: the steps share one app.
func step(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	t.Run(name, do)
}

// guarded calls a route as the superuser and wants a refusal with a code.
func guarded(t *testing.T, app *apptest.App, method, path string, body any, codes ...string) {
	t.Helper()
	got := app.Call(method, path, app.Superuser(), body)
	code := got.Code()
	if strings.HasSuffix(path, "/import") && strings.Contains(string(got.Body), "belongs to wxbase") {
		code = "schema_locked" // PocketBase puts the error of an import into its own words
	}
	if got.Status < 400 || !slices.Contains(codes, code) {
		t.Errorf("%s %s %v: got %d %s, want a refusal with %v", method, path, body, got.Status, got.Body, codes)
	}
}

// TestCollectionsSurviveTheirOperator tries, on every collection of ours, what a person can do to it in the dashboard, and sells after each.
func TestCollectionsSurviveTheirOperator(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Sells(t, "小明")
	for n, ours := range migrations.Schema() {
		step(t, ours.Name, func(t *testing.T) {
			before := collectionOf(t, app, ours.Name)
			breakCollection(t, app, ours, before)
			extendCollection(t, app, ours, before)
			app.Sells(t, fmt.Sprintf("客人%d", n))
		})
	}
	all := app.Must(http.MethodGet, "/api/collections?perPage=500", app.Superuser(), nil)
	var page struct{ Items []map[string]any }
	decode(t, all.Body, &page)
	users := slices.DeleteFunc(page.Items, func(c map[string]any) bool { return c["name"] != "_superusers" })
	guarded(t, app, http.MethodPut, "/api/collections/import", map[string]any{"collections": users, "deleteMissing": true}, "schema_locked")
	app.Sells(t, "小红")
}

func collectionOf(t *testing.T, app *apptest.App, name string) map[string]any {
	t.Helper()
	return app.Must(http.MethodGet, "/api/collections/"+name, app.Superuser(), nil).JSON
}

// breakCollection does everything that would stop the code from working, and wants each refused.
func breakCollection(t *testing.T, app *apptest.App, ours migrations.Collection, before map[string]any) {
	t.Helper()
	path := "/api/collections/" + ours.Name
	locked := []string{"schema_locked", "validation_system_field_change", "validation_field_type_change"}
	guarded(t, app, http.MethodPatch, path, map[string]any{"name": "old_" + ours.Name}, locked...)
	guarded(t, app, http.MethodDelete, path, nil, locked...)
	fields, _ := before["fields"].([]any)
	for i, f := range fields {
		field, _ := f.(map[string]any)
		if field["name"] == "id" {
			continue
		}
		for _, change := range fieldChanges(field) {
			changed := slices.Clone(fields)
			if change == nil {
				changed = slices.Delete(changed, i, i+1)
			} else {
				changed[i] = change
			}
			wantRefusedChange(t, app, path, map[string]any{"fields": changed})
		}
	}
	for _, f := range ours.Fields {
		if freely := []string{"products", "product_variants", "rooms", "wx_apps", "wx_merchants", "wx_templates", "wx_check_fields"}; slices.Contains(freely, ours.Name) {
			break
		}
		index := fmt.Sprintf("CREATE UNIQUE INDEX `idx_%s_own_%s` ON `%s` (`%s`)", ours.Name, f["name"], ours.Name, f["name"])
		wantRefusedChange(t, app, path, map[string]any{"indexes": append(toAny(ours.Indexes), index)})
	}
	for i := range ours.Indexes {
		wantRefusedChange(t, app, path, map[string]any{"indexes": slices.Delete(toAny(ours.Indexes), i, i+1)})
	}
	if after := collectionOf(t, app, ours.Name); !sameJSON(before["fields"], after["fields"]) || !sameJSON(before["indexes"], after["indexes"]) {
		t.Errorf("collection %s has changed", ours.Name)
	}
}

// wantRefusedChange wants a change of a collection refused, by us or by PocketBase.
func wantRefusedChange(t *testing.T, app *apptest.App, path string, body map[string]any) {
	t.Helper()
	if got := app.Call(http.MethodPatch, path, app.Superuser(), body); got.Status < 400 {
		raw, _ := json.Marshal(body)
		t.Errorf("PATCH %s %s: got %d, want a refusal", path, raw, got.Status)
	}
}

// fieldChanges are a removed field (nil), a renamed one, and options that would refuse what we write.
func fieldChanges(field map[string]any) []map[string]any {
	changes := []map[string]any{nil, with(field, "name", "x"+fmt.Sprint(field["name"]))}
	if required, ok := field["required"].(bool); ok {
		changes = append(changes, with(field, "required", !required))
	}
	switch field["type"] {
	case "select":
		values, _ := field["values"].([]any)
		changes = append(changes, with(field, "values", values[1:]))
	case "text":
		changes = append(changes, with(field, "min", 500), with(field, "max", 1), with(field, "pattern", "^never$"))
	case "number":
		changes = append(changes, with(field, "min", 999_999), with(field, "max", 1))
	case "relation":
		changes = append(changes, with(field, "cascadeDelete", field["cascadeDelete"] != true), with(field, "minSelect", 5))
	}
	return changes
}

func with(field map[string]any, option string, value any) map[string]any {
	changed := maps.Clone(field)
	changed[option] = value
	return changed
}

func toAny(list []string) []any {
	out := make([]any, 0, len(list))
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

func sameJSON(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// extendCollection adds what an operator may add: a field that must be filled, and a unique index that leaves the empty ones alone.
func extendCollection(t *testing.T, app *apptest.App, ours migrations.Collection, before map[string]any) {
	t.Helper()
	fields, _ := before["fields"].([]any)
	indexes, _ := before["indexes"].([]any)
	app.Must(http.MethodPatch, "/api/collections/"+ours.Name, app.Superuser(), map[string]any{
		"fields":  append(slices.Clone(fields), map[string]any{"name": "shopRef", "type": "text", "required": true}),
		"indexes": append(slices.Clone(indexes), fmt.Sprintf("CREATE UNIQUE INDEX `idx_%s_shop_ref` ON `%s` (`shopRef`) WHERE `shopRef` != ''", ours.Name, ours.Name)),
	})
}

// TestBooksAreNotWrittenByHand tries every field of ours of every collection as a superuser, with a row that a sale has made.
func TestBooksAreNotWrittenByHand(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Sells(t, "小明")
	writable := map[string][]string{
		"users":         {"name", "avatar", "phone", "countryCode", "blocked", "email", "emailVisibility", "verified", "password", "tokenKey"},
		"orders":        {"note"},
		"wx_bill_diffs": {"resolved"},
		"products":      nil, "product_variants": nil, "rooms": nil, "wx_apps": nil, "wx_merchants": nil, "wx_templates": nil, "wx_check_fields": nil, // people fill them in
	}
	for _, ours := range migrations.Schema() {
		may, listed := writable[ours.Name]
		if listed && may == nil {
			continue
		}
		step(t, ours.Name, func(t *testing.T) { handWrite(t, app, ours, may) })
	}
}

func handWrite(t *testing.T, app *apptest.App, ours migrations.Collection, may []string) {
	t.Helper()
	records := "/api/collections/" + ours.Name + "/records"
	guarded(t, app, http.MethodPost, records, map[string]any{"name": "x"}, "engine_field", "order_use_route")
	if got := app.Call(http.MethodPost, records, app.Superuser(), map[string]any{"name": "x"}); got.Code() == "engine_field" && !strings.Contains(string(got.Body), `"instead":"`) {
		t.Errorf("%s: got %s, want the words of what to do instead", ours.Name, got.Body)
	}
	guarded(t, app, http.MethodDelete, "/api/collections/"+ours.Name+"/truncate", nil, "engine_field")
	row := &core.Record{}
	if rowsIn(t, app, ours.Name) == 0 { // a sale makes none: one is made past every guard
		if _, err := app.NonconcurrentDB().Insert(ours.Name, dbx.Params{"id": "byhandrow000001"}).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	if err := app.RecordQuery(ours.Name).Limit(1).One(row); err != nil {
		t.Fatal(err)
	}
	stored := rowOf(t, app, row)
	for _, f := range ours.Fields {
		name, _ := f["name"].(string)
		if slices.Contains(may, name) || f["type"] == "autodate" || name == "id" {
			continue
		}
		guarded(t, app, http.MethodPatch, records+"/"+row.Id, map[string]any{name: otherValue(f, row)}, "engine_field")
		guarded(t, app, http.MethodPost, "/api/batch", map[string]any{"requests": []any{map[string]any{
			"method": "PATCH", "url": records + "/" + row.Id, "body": map[string]any{name: otherValue(f, row)},
		}}}, "engine_field", "batch_request_failed", "")
	}
	if now := rowOf(t, app, row); !maps.Equal(now, stored) {
		t.Errorf("%s: the row has changed from %v to %v", ours.Name, stored, now)
	}
}

// otherValue is a value that the field does not have now.
func otherValue(f map[string]any, row *core.Record) any {
	name, _ := f["name"].(string)
	switch f["type"] {
	case "number":
		return row.GetInt(name) + 1
	case "bool":
		return !row.GetBool(name)
	case "date":
		return "2031-01-02 03:04:05.000Z"
	case "json":
		return map[string]any{"by": "hand"}
	case "select":
		values, _ := f["values"].([]any)
		at := slices.IndexFunc(values, func(v any) bool { return v != row.GetString(name) })
		return values[max(at, 0)]
	default:
		return "byhandbyhandbyh"
	}
}

func decode(t *testing.T, body []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}

func rowsIn(t *testing.T, app *apptest.App, collection string) int {
	t.Helper()
	n, err := app.CountRecords(collection)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

func rowOf(t *testing.T, app *apptest.App, row *core.Record) map[string]string {
	t.Helper()
	raw := dbx.NullStringMap{}
	if err := app.DB().Select("*").From(row.Collection().Name).Where(dbx.HashExp{"id": row.Id}).One(raw); err != nil {
		t.Fatal(err)
	}
	text := map[string]string{}
	for name, value := range raw {
		text[name] = value.String
	}
	return text
}

// TestSQLConsole: a statement goes past every guard, so the console is off unless a setting opens it.
func TestSQLConsole(t *testing.T) {
	t.Parallel()
	paid := map[string]any{"query": "UPDATE orders SET payState = 'PAID'"}
	app := apptest.New(t)
	guarded(t, app, http.MethodPost, "/api/sql", paid, "sql_console_off")
	open := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_SQL_CONSOLE": "1"}[name] }
	})
	open.Must(http.MethodPost, "/api/sql", open.Superuser(), map[string]any{"query": "SELECT 1"})
}

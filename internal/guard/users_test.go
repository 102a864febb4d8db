package guard_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// TestUsersWriteWhatTheyMay: a field that an owner adds to users is the owner's, until a setting names it.
func TestUsersWriteWhatTheyMay(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_USER_FIELDS": "motto, nick"}[name] }
	})
	addFields(t, app, "users", &core.NumberField{Name: "points"}, &core.TextField{Name: "motto"}, &core.SelectField{Name: "level", Values: []string{"gold"}})
	person := app.Login("小明")
	path := "/api/collections/users/records/" + person.User
	scenarios := []struct {
		name, method string
		body         any
		status       int
		code         string
	}{
		{"their name", http.MethodPatch, map[string]any{"name": "小红"}, 200, ""},
		{"what the setting names", http.MethodPatch, map[string]any{"motto": "吃好"}, 200, ""},
		{"the owner's points", http.MethodPatch, map[string]any{"points": 5}, 403, "field_not_allowed"},
		{"points by a modifier", http.MethodPatch, map[string]any{"points+": 5}, 403, "field_not_allowed"},
		{"a level beside their name", http.MethodPatch, map[string]any{"name": "小刚", "level": "gold"}, 403, "field_not_allowed"},
		{"points as they are", http.MethodPatch, map[string]any{"points": 0, "name": "小刚"}, 200, ""},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) { wantAnswer(t, person.Call(s.method, path, s.body), s.status, s.code) })
	}
	step(t, "a login and a profile that bring fields along", func(_ *testing.T) {
		person.Call(http.MethodPost, "/api/wx/profile", map[string]any{"name": "小强", "points": 9})
		app.LoginWith(map[string]any{"code": person.LoginCode(), "points": 9, "level": "gold"})
	})
	user, err := app.FindRecordById("users", person.User)
	if err != nil {
		t.Fatal(err)
	}
	if user.GetInt("points") != 0 || user.GetString("level") != "" || user.GetString("motto") != "吃好" {
		t.Errorf("user: got points %d, level %q, motto %q", user.GetInt("points"), user.GetString("level"), user.GetString("motto"))
	}
	_, err = hooks.Register(app.TestApp, hooks.Config{Env: func(name string) string { return map[string]string{"WXBASE_USER_FIELDS": "phone"}[name] }})
	if err == nil || !strings.Contains(err.Error(), "WXBASE_USER_FIELDS names phone") {
		t.Errorf("a setting that opens the phone number: got %v, want an error", err)
	}
}

func wantAnswer(t *testing.T, got apptest.Answer, status int, code string) {
	t.Helper()
	if got.Status != status || got.Code() != code {
		t.Errorf("got %d %s, want %d %s", got.Status, got.Body, status, code)
	}
}

func inState(want string) func(*core.Record) bool {
	return func(r *core.Record) bool { return r.GetString("state") == want }
}

func addFields(t *testing.T, app *apptest.App, collection string, fields ...core.Field) {
	t.Helper()
	c, err := app.FindCollectionByNameOrId(collection)
	if err != nil {
		t.Fatal(err)
	}
	c.Fields.Add(fields...)
	if err := app.Save(c); err != nil {
		t.Fatal(err)
	}
}

// TestSchemaConflictIsNamed: what another program has put into the database past every guard stops a write of ours, and the answer and the inbox
// say what it is.
func TestSchemaConflictIsNamed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	params := buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/pay", nil)
	index := "CREATE UNIQUE INDEX stranger ON orders (shipState) WHERE payState = 'PAID'"
	for _, sql := range []string{index, "INSERT INTO orders (id, user, number, payState, shipState) VALUES ('other', 'x', 'x', 'PAID', 'NONE')"} {
		if _, err := app.DB().NewQuery(sql).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	buyer.PayAtCashier(params)
	got := buyer.Call(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/sync", nil)
	wantAnswer(t, got, http.StatusServiceUnavailable, "schema_conflict")
	data, _ := got.JSON["data"].(map[string]any)
	if data["table"] != "orders" || data["field"] != "shipState" {
		t.Errorf("conflict: got %v, want orders.shipState", data)
	}
	app.WaitFor(t, "wx_inbox", dbx.HashExp{"kind": "pay"}, inState("FAILED"))

	if _, err := app.DB().NewQuery("DROP INDEX stranger").Execute(); err != nil {
		t.Fatal(err)
	}
	app.Clock.Advance(time.Minute) // WeChat sends again what was not answered
	app.WaitFor(t, "wx_inbox", dbx.HashExp{"kind": "pay"}, inState("APPLIED"))
	app.WantStates(t, order.Text("id"), "PAID", "PAID")
}

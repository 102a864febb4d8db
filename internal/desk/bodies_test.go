package desk_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"wxbase/internal/apptest"
)

// rowsOfRoutes is the collection of which a route's path names a row, by the path without it. A new route with a row has to say it here.
var rowsOfRoutes = map[string]string{
	"staff": "wx_staff", "staff/sessions": "wx_staff_sessions", "orders": "orders", "refunds": "wx_refund_requests", "users": "users",
	"products": "products", "inbox": "wx_inbox", "effects": "wx_outbox", "bills": "wx_bills", "bill-diffs": "wx_bill_diffs", "held": "wx_checks",
	"alerts": "wx_alerts", "payouts": "wx_payouts", "items": "wx_items", "complaints": "wx_complaints", "chats": "wx_chats",
}

// wordsOfRoutes are names in a path that are no rows.
var wordsOfRoutes = map[string]string{"{event}": "order.paid", "{date}": "2026-01-02", "{room}": "notice", "{id}": ""}

// uploads take a form by right, with one file of this name.
var uploads = map[string]string{"POST /api/wx/admin/products/{id}/image": "image", "POST /api/wx/admin/complaints/{id}/pictures": "picture", "POST /api/wx/admin/chats/{id}/pictures": "picture"}

// pathOf fills in what a route's path names.
func pathOf(t *testing.T, rows map[string]string, route string) string {
	t.Helper()
	_, path, _ := strings.Cut(route, " ")
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if !strings.HasPrefix(part, "{") {
			continue
		}
		word, known := wordsOfRoutes[part]
		if word == "" {
			word = rows[rowsOfRoutes[strings.Join(parts[4:i], "/")]]
		}
		if !known || word == "" {
			t.Fatalf("%s: say in rowsOfRoutes or wordsOfRoutes what %s is", route, part)
		}
		parts[i] = word
	}
	return strings.Join(parts, "/")
}

// rowOfEach makes a row where there is none, past every guard.
func (k kit) rowOfEach() map[string]string {
	k.t.Helper()
	rows := map[string]string{}
	for _, table := range rowsOfRoutes {
		var ids []string
		if err := k.DB().Select("id").From(table).Limit(1).Column(&ids); err != nil {
			k.t.Fatal(err)
		}
		if len(ids) == 0 {
			ids = []string{"bodybodybodybod"}
			if _, err := k.NonconcurrentDB().Insert(table, dbx.Params{"id": ids[0]}).Execute(); err != nil {
				k.t.Fatal(err)
			}
		}
		rows[table] = ids[0]
	}
	return rows
}

// print is all that is stored, but for the audit of what was tried.
func (k kit) print() map[string]string {
	k.t.Helper()
	all, err := k.FindAllCollections("base", "auth")
	if err != nil {
		k.t.Fatal(err)
	}
	prints := map[string]string{}
	for _, c := range all {
		rows := []dbx.NullStringMap{}
		if err := k.DB().NewQuery("SELECT * FROM {{" + c.Name + "}} ORDER BY rowid").All(&rows); err != nil {
			k.t.Fatal(err)
		}
		text, err := json.Marshal(rows)
		if err != nil {
			k.t.Fatal(err)
		}
		prints[c.Name] = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	delete(prints, "wx_audit")
	return prints
}

// TestBodyOfEveryAdminRoute walks the routes that are served, so that a new one is tried too: what is no JSON, or says more than the route
// does, is refused by its name and changes nothing.
func TestBodyOfEveryAdminRoute(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	buyer := k.Login("小明")
	buyer.Order("三鲜面", 1)
	k.hire("somebody@example.com", "clerk")
	rows, super := k.rowOfEach(), k.Superuser()
	tried := 0
	for _, route := range routesBelow(reflect.ValueOf(k.Router.RouterGroup), "") {
		method, path, _ := strings.Cut(route, " ")
		if method == http.MethodGet || !strings.HasPrefix(path, "/api/wx/admin/") {
			continue
		}
		tried++
		path = pathOf(t, rows, route)
		for kind, body := range strangeBodies() {
			if strings.HasPrefix(kind, "multipart") && uploads[route] != "" {
				continue
			}
			k.wantUntouched(route, route+" as "+kind, "body_not_json", func() apptest.Answer { return k.CallAs(method, path, super, kind, body) })
		}
		k.wantUntouched(route, route+" with an unknown field", "field_unknown", func() apptest.Answer { return k.CallAs(method, path, super, "text/plain", `{"zzzUnknown":1}`) })
	}
	if tried < 35 {
		t.Errorf("got %d routes, want all that take a body", tried)
	}
}

// strangeBodies are no JSON, by their Content-Type.
func strangeBodies() map[string]string {
	return map[string]string{
		"application/x-www-form-urlencoded": "amount=100&reason=x", "text/plain": "reason=x", "application/json": "reason=x", "": "reason=x", "text/xml": "<xml/>",
		"multipart/form-data; boundary=x": "--x\r\nContent-Disposition: form-data; name=\"reason\"\r\n\r\nx\r\n--x--\r\n",
	}
}

// wantUntouched wants a refusal with a code, and nothing changed. A route for uploads names its file instead.
func (k kit) wantUntouched(route, name, code string, call func() apptest.Answer) {
	k.t.Helper()
	before := k.print()
	got := call()
	isUpload := uploads[route] != "" && strings.Contains(string(got.Body), `"field":"`+uploads[route]+`"`)
	if got.Status != http.StatusBadRequest || got.Code() != code && !isUpload {
		k.t.Errorf("%s: got %d %s, want %s", name, got.Status, got.Body, code)
	}
	if code == "field_unknown" && !isUpload && !strings.Contains(string(got.Body), "zzzUnknown") {
		k.t.Errorf("%s: got %s, want the field named", name, got.Body)
	}
	for table, now := range k.print() {
		if before[table] != now {
			k.t.Errorf("%s: %s has changed", name, table)
		}
	}
}

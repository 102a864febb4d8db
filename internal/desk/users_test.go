package desk_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/desk"
)

func (k kit) record(collection, id string) *core.Record {
	k.t.Helper()
	r, err := k.FindRecordById(collection, id)
	if err != nil {
		k.t.Fatal(err)
	}
	return r
}

func (k kit) setPhone(user, phone string) {
	k.t.Helper()
	r := k.record("users", user)
	r.Set("phone", phone)
	if err := k.Save(r); err != nil {
		k.t.Fatal(err)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	viewer, clerk, manager := k.staff(desk.Viewer), k.staff(desk.Clerk), k.staff(desk.Manager)
	ming, hong := k.Login("小明"), k.Login("小红")
	ming.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "小明"})
	k.setPhone(ming.User, "13912345678")
	k.paidOrder(ming, noodles, 2)
	scenarios := []struct {
		query string
		want  int
	}{{"", 2}, {"?search=13912345678", 1}, {"?search=5678", 1}, {"?search=小明", 1}, {"?search=" + hong.User, 1}, {"?search=zzz", 0}, {"?blocked=true", 0}, {"?blocked=false", 2}}
	for _, s := range scenarios {
		if got := k.ask(http.MethodGet, "/users"+s.query, viewer, nil).JSON["totalItems"]; got != float64(s.want) {
			t.Errorf("%q: got %v users, want %d", s.query, got, s.want)
		}
	}
	story := k.ask(http.MethodGet, "/users/"+ming.User, viewer, nil)
	if story.Text("phone") != "139****5678" || story.JSON["orders"] != 1.0 || story.JSON["paid"] != 3600.0 || story.Text("lastSeen") == "" ||
		len(story.JSON["recent"].([]any)) != 1 || len(story.JSON["identities"].([]any)) != 1 {
		t.Errorf("story: got %s", story.Body)
	}
	want(t, "phone as viewer", k.admin(http.MethodPost, "/users/"+ming.User+"/phone", viewer, nil), http.StatusForbidden, "staff_not_allowed")
	if got := k.ask(http.MethodPost, "/users/"+ming.User+"/phone", clerk, nil).Text("phone"); got != "13912345678" {
		t.Errorf("phone: got %q", got)
	}
	for _, row := range k.rows("user.phone") {
		if strings.Contains(row.GetString("details")+row.GetString("label"), "13912345678") {
			t.Error("the audit has the number")
		}
	}
	k.ask(http.MethodPost, "/users/"+ming.User+"/logout", manager, nil)
	if got := ming.Call(http.MethodGet, "/api/wx/session", nil); got.Status != http.StatusUnauthorized {
		t.Errorf("after the logout: got %d, want 401", got.Status)
	}
	k.ask(http.MethodPost, "/users/"+hong.User+"/block", manager, map[string]any{"blocked": true})
	if got := hong.Call(http.MethodGet, "/api/wx/session", nil); got.Status != http.StatusUnauthorized {
		t.Errorf("after the block: got %d, want 401", got.Status)
	}
	if got := k.Call(http.MethodPost, "/api/wx/login", "", map[string]any{"code": hong.LoginCode()}); got.Code() != "user_blocked" {
		t.Errorf("login of somebody blocked: got %d %q", got.Status, got.Code())
	}
	k.ask(http.MethodPost, "/users/"+hong.User+"/block", manager, map[string]any{"blocked": false})
	want(t, "nothing said", k.admin(http.MethodPost, "/users/"+hong.User+"/block", manager, map[string]any{}), http.StatusBadRequest, "field_invalid")
}

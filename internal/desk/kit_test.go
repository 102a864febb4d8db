package desk_test

import (
	"net/http"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/apptest"
	"wxbase/internal/desk"
)

const password = "a-long-password"

// kit is an app with people who may use its dashboard.
type kit struct {
	*apptest.App

	t testing.TB
}

func newKit(tb testing.TB) kit {
	tb.Helper()
	return kit{apptest.New(tb), tb}
}

// hire makes an account as the superuser does.
func (k kit) hire(email string, role desk.Role) (id string) {
	k.t.Helper()
	return k.Must(http.MethodPost, "/api/wx/admin/staff", k.Superuser(), map[string]any{"email": email, "role": role, "password": password, "name": email}).Text("id")
}

// signIn gives a token.
func (k kit) signIn(email string) string {
	k.t.Helper()
	token := k.Must(http.MethodPost, "/api/wx/admin/staff/login", "", map[string]any{"email": email, "password": password}).Text("token")
	if token == "" {
		k.t.Fatalf("sign in %s: got no token", email)
	}
	return token
}

// staff hires somebody and signs them in.
func (k kit) staff(role desk.Role) string {
	k.t.Helper()
	email := string(role) + "@example.com"
	k.hire(email, role)
	return k.signIn(email)
}

// admin calls a route of the dashboard.
func (k kit) admin(method, path, token string, body any) apptest.Answer {
	k.t.Helper()
	return k.Call(method, "/api/wx/admin"+path, token, body)
}

// ask is admin for what has to work.
func (k kit) ask(method, path, token string, body any) apptest.Answer {
	k.t.Helper()
	return k.Must(method, "/api/wx/admin"+path, token, body)
}

// want refuses another status or code.
func want(tb testing.TB, what string, got apptest.Answer, status int, code string) {
	tb.Helper()
	if got.Status != status || got.Code() != code {
		tb.Errorf("%s: got %d %q %s, want %d %q", what, got.Status, got.Code(), got.Body, status, code)
	}
}

// paidOrder is an order of a person that has been paid.
func (k kit) paidOrder(p apptest.Person, product string, quantity int) (id string) {
	k.t.Helper()
	id = p.Order(product, quantity).Text("id")
	if got := p.PayAtCashier(p.Must(http.MethodPost, "/api/wx/orders/"+id+"/pay", nil)); got != "requestPayment:ok" {
		k.t.Fatalf("pay: got %s", got)
	}
	p.Must(http.MethodPost, "/api/wx/orders/"+id+"/sync", nil)
	return id
}

func items(a apptest.Answer) []any {
	list, _ := a.JSON["items"].([]any)
	return list
}

// rows counts the rows of the audit with an action.
func (k kit) rows(action string) []*core.Record {
	k.t.Helper()
	rows, err := k.FindRecordsByFilter("wx_audit", "action = {:action}", "at", 0, 0, map[string]any{"action": action})
	if err != nil {
		k.t.Fatal(err)
	}
	return rows
}

// prefer stores preferences of the shop.
func (k kit) prefer(p desk.Preferences) {
	k.t.Helper()
	if err := desk.SavePreferences(k.TestApp, p); err != nil {
		k.t.Fatal(err)
	}
}

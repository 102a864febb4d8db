package desk_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/desk"
)

func (k kit) tryLogin(email, password, code string) apptest.Answer {
	k.t.Helper()
	return k.admin(http.MethodPost, "/staff/login", "", map[string]any{"email": email, "password": password, "code": code})
}

func TestLogin(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.hire("clerk@example.com", desk.Clerk)
	wrong := k.tryLogin("clerk@example.com", "another-password", "")
	unknown := k.tryLogin("nobody@example.com", "another-password", "")
	want(t, "wrong password", wrong, http.StatusUnauthorized, "staff_login_invalid")
	if string(wrong.Body) != string(unknown.Body) || wrong.Status != unknown.Status {
		t.Errorf("unknown address: got %d %s, want the same as for a wrong password: %s", unknown.Status, unknown.Body, wrong.Body)
	}
	right := k.tryLogin("Clerk@Example.com", password, "")
	want(t, "right password", right, http.StatusOK, "")
	me := k.ask(http.MethodGet, "/staff/me", right.Text("token"), nil)
	if me.Text("role") != "clerk" || me.JSON["simulated"] != true || len(me.JSON["permissions"].([]any)) != 4 {
		t.Errorf("me: got %s", me.Body)
	}
	if got := len(k.rows("staff.login")); got != 3 {
		t.Errorf("got %d rows of logins in the audit, want 3", got)
	}
	if row := k.rows("staff.login")[0]; row.GetInt("status") != http.StatusUnauthorized || strings.Contains(row.GetString("details"), "another") {
		t.Errorf("failed login: got %v", row)
	}
}

// TestLockOut: the lock comes for addresses that nobody has just as for accounts, also for the right password, and passes.
func TestLockOut(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.hire("clerk@example.com", desk.Clerk)
	for _, email := range []string{"clerk@example.com", "nobody@example.com"} {
		for range 5 {
			want(t, email, k.tryLogin(email, "another-password", ""), http.StatusUnauthorized, "staff_login_invalid")
		}
		locked := k.tryLogin(email, password, "")
		want(t, email+" locked", locked, http.StatusTooManyRequests, "staff_locked")
		if until, err := time.Parse(time.RFC3339, locked.Data("until")); err != nil || until.Before(k.Clock.Now()) {
			t.Errorf("until: got %q", locked.Data("until"))
		}
	}
	k.Clock.Advance(61 * time.Second)
	want(t, "after the lock", k.tryLogin("clerk@example.com", password, ""), http.StatusOK, "")
}

func TestAddressIsLockedToo(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for i := range 20 {
		k.tryLogin("nobody"+strings.Repeat("x", i)+"@example.com", "another-password", "")
	}
	want(t, "twenty accounts from one address", k.tryLogin("one@example.com", "another-password", ""), http.StatusTooManyRequests, "staff_locked")
}

// TestManyAtOnce: guesses side by side are no more than one after the other.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.hire("clerk@example.com", desk.Clerk)
	answers := make([]apptest.Answer, 15)
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = k.tryLogin("clerk@example.com", "another-password", "") })
	guesses := 0
	for _, a := range answers {
		if a.Status == http.StatusUnauthorized {
			guesses++
		}
	}
	if guesses != 5 {
		t.Errorf("got %d guesses that were looked at, want 5", guesses)
	}
}

// TestWhatEndsSessions: from the next request on.
func TestWhatEndsSessions(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.hire("boss@example.com", desk.Owner)
	boss := k.signIn("boss@example.com")
	scenarios := []struct {
		name string
		end  func(id, token string)
	}{
		{"logout", func(_, token string) { k.ask(http.MethodPost, "/staff/logout", token, map[string]any{}) }},
		{"another role", func(id, _ string) { k.ask(http.MethodPatch, "/staff/"+id, boss, map[string]any{"role": "viewer"}) }},
		{"disabled", func(id, _ string) { k.ask(http.MethodPatch, "/staff/"+id, boss, map[string]any{"disabled": true}) }},
		{"another password", func(id, _ string) {
			k.ask(http.MethodPatch, "/staff/"+id, boss, map[string]any{"password": "yet-another-one"})
		}},
		{"lost authenticator", func(id, _ string) { k.ask(http.MethodPatch, "/staff/"+id, boss, map[string]any{"totp": false}) }},
		{"removed", func(id, _ string) { k.ask(http.MethodDelete, "/staff/"+id, boss, nil) }},
		{"ended by the owner", func(id, _ string) {
			for _, s := range items(k.ask(http.MethodGet, "/staff/"+id+"/sessions", boss, nil)) {
				k.ask(http.MethodDelete, "/staff/sessions/"+s.(map[string]any)["id"].(string), boss, nil)
			}
		}},
	}
	for i, s := range scenarios {
		email := strings.Repeat("c", i+1) + "@example.com"
		id := k.hire(email, desk.Clerk)
		token := k.signIn(email)
		want(t, s.name+": before", k.admin(http.MethodGet, "/overview", token, nil), http.StatusOK, "")
		s.end(id, token)
		want(t, s.name+": after", k.admin(http.MethodGet, "/overview", token, nil), http.StatusUnauthorized, "staff_sign_in")
	}
	k.Clock.Advance(4 * 24 * time.Hour)
	want(t, "idle", k.admin(http.MethodGet, "/overview", boss, nil), http.StatusUnauthorized, "staff_sign_in")
}

func TestPasswordChangeKeepsTheSessionThatAsked(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.hire("clerk@example.com", desk.Clerk)
	mine, other := k.signIn("clerk@example.com"), k.signIn("clerk@example.com")
	change := map[string]any{"old": "wrong-wrong-wrong", "new": "a-newer-password"}
	want(t, "wrong old one", k.admin(http.MethodPost, "/staff/me/password", mine, change), http.StatusForbidden, "staff_password_wrong")
	change["old"], change["new"] = password, "short"
	want(t, "short", k.admin(http.MethodPost, "/staff/me/password", mine, change), http.StatusBadRequest, "field_invalid")
	change["new"] = "a-newer-password"
	want(t, "right", k.admin(http.MethodPost, "/staff/me/password", mine, change), http.StatusNoContent, "")
	want(t, "mine", k.admin(http.MethodGet, "/staff/me", mine, nil), http.StatusOK, "")
	want(t, "the other", k.admin(http.MethodGet, "/staff/me", other, nil), http.StatusUnauthorized, "staff_sign_in")
	for _, row := range k.rows("staff.password") {
		if strings.Contains(row.GetString("details"), "password") {
			t.Errorf("audit: got %s", row.GetString("details"))
		}
	}
}

func TestAnOwnerStays(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	first := k.hire("first@example.com", desk.Owner)
	token := k.signIn("first@example.com")
	for what, change := range map[string]map[string]any{"demoted": {"role": "clerk"}, "disabled": {"disabled": true}} {
		want(t, "the last owner "+what, k.admin(http.MethodPatch, "/staff/"+first, token, change), http.StatusConflict, "staff_last_owner")
	}
	want(t, "the last owner removed", k.admin(http.MethodDelete, "/staff/"+first, k.Superuser(), nil), http.StatusConflict, "staff_last_owner")
	second := k.hire("second@example.com", desk.Owner)
	want(t, "one of two", k.admin(http.MethodPatch, "/staff/"+second, token, map[string]any{"role": "clerk"}), http.StatusOK, "")
	want(t, "same address", k.admin(http.MethodPost, "/staff", token, map[string]any{"email": "SECOND@example.com", "role": "clerk", "password": password}), http.StatusConflict, "staff_email_used")
}

func (k kit) code(secret string) string {
	k.t.Helper()
	code, err := totp.GenerateCode(secret, k.Clock.Now())
	if err != nil {
		k.t.Fatal(err)
	}
	return code
}

func TestAuthenticator(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	id := k.hire("clerk@example.com", desk.Clerk)
	token := k.signIn("clerk@example.com")
	begun := k.ask(http.MethodPost, "/staff/me/totp", token, nil)
	secret := begun.Text("secret")
	if !strings.HasPrefix(begun.Text("image"), "data:image/png;base64,") || !strings.HasPrefix(begun.Text("url"), "otpauth://totp/") {
		t.Errorf("got %s", begun.Body)
	}
	want(t, "not confirmed yet", k.tryLogin("clerk@example.com", password, ""), http.StatusOK, "")
	want(t, "confirm by a wrong code", k.admin(http.MethodPost, "/staff/me/totp/confirm", token, map[string]any{"code": "000000"}), http.StatusBadRequest, "staff_code_invalid")
	code := k.code(secret) // note: the clock goes on, and a code made anew may be the next one
	want(t, "confirm", k.admin(http.MethodPost, "/staff/me/totp/confirm", token, map[string]any{"code": code}), http.StatusNoContent, "")
	want(t, "without a code", k.tryLogin("clerk@example.com", password, ""), http.StatusUnauthorized, "staff_code_wanted")
	want(t, "wrong password", k.tryLogin("clerk@example.com", "another-password", ""), http.StatusUnauthorized, "staff_login_invalid")
	want(t, "the code that confirmed", k.tryLogin("clerk@example.com", password, code), http.StatusBadRequest, "staff_code_invalid")
	k.Clock.Advance(30 * time.Second)
	code = k.code(secret)
	want(t, "the next code", k.tryLogin("clerk@example.com", password, code), http.StatusOK, "")
	want(t, "once more", k.tryLogin("clerk@example.com", password, code), http.StatusBadRequest, "staff_code_invalid")
	r, err := k.FindRecordById("wx_staff", id)
	if err != nil || !strings.HasPrefix(r.GetString("totpSecret"), "enc:") || strings.Contains(r.GetString("totpSecret"), secret) {
		t.Errorf("stored secret: got %q, %v, want it sealed", r.GetString("totpSecret"), err)
	}
	want(t, "remove", k.admin(http.MethodDelete, "/staff/me/totp", token, map[string]any{"password": password}), http.StatusNoContent, "")
	want(t, "removed", k.tryLogin("clerk@example.com", password, ""), http.StatusOK, "")
	for _, row := range k.rows("staff.totp.begin") {
		if strings.Contains(row.GetString("details"), secret) {
			t.Errorf("audit: got the secret")
		}
	}
}

// TestTokenOpensNothingElse: PocketBase does not know it, so that it is worth what no token is worth.
func TestTokenOpensNothingElse(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	id := k.hire("boss@example.com", desk.Owner)
	ours := k.signIn("boss@example.com")
	theirs := k.Must(http.MethodPost, "/api/collections/wx_staff/impersonate/"+id, k.Superuser(), map[string]any{"duration": 600}).Text("token")
	scenarios := []struct{ method, path string }{
		{http.MethodPost, "/api/collections/wx_staff/auth-refresh"},
		{http.MethodGet, "/api/collections/wx_staff/records"},
		{http.MethodGet, "/api/collections/wx_staff/records/" + id},
		{http.MethodPatch, "/api/collections/wx_staff/records/" + id},
		{http.MethodGet, "/api/collections/wx_staff_sessions/records"},
		{http.MethodGet, "/api/collections/wx_audit/records"},
		{http.MethodGet, "/api/collections/orders/records"},
		{http.MethodGet, "/api/collections/users/records"},
		{http.MethodGet, "/api/collections"},
		{http.MethodGet, "/api/settings"},
		{http.MethodPost, "/api/files/token"},
		{http.MethodPost, "/api/batch"},
		{http.MethodGet, "/api/wx/session"},
		{http.MethodPost, "/api/wx/orders"},
		{http.MethodPost, "/api/wx/logout"},
		{http.MethodGet, "/api/wx/admin/token/" + k.AppID()},
	}
	for _, s := range scenarios {
		guest := k.Call(s.method, s.path, "", map[string]any{})
		for name, token := range map[string]string{"our token": ours, "an impersonation": theirs} {
			got := k.Call(s.method, s.path, token, map[string]any{})
			if name == "our token" && strings.Contains(s.path, "/records") { // where PocketBase would take its holder for a guest
				want(t, s.method+" "+s.path+" by "+name, got, http.StatusUnauthorized, "token_invalid")
				continue
			}
			if got.Status != guest.Status || string(got.Body) != string(guest.Body) {
				t.Errorf("%s %s by %s: got %d %s, want what a guest gets: %d %s", s.method, s.path, name, got.Status, got.Body, guest.Status, guest.Body)
			}
		}
	}
	want(t, "an impersonation on the dashboard", k.admin(http.MethodGet, "/overview", theirs, nil), http.StatusUnauthorized, "staff_sign_in")
	for _, route := range []string{"auth-with-password", "request-otp", "request-password-reset"} {
		got := k.Call(http.MethodPost, "/api/collections/wx_staff/"+route, "", map[string]any{"identity": "boss@example.com", "password": password, "email": "boss@example.com"})
		if got.Status < http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want it refused", route, got.Status, got.Body)
		}
	}
}

func TestAuditIsAppendOnly(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.hire("clerk@example.com", desk.Clerk)
	row := k.rows("staff.create")[0]
	for _, method := range []string{http.MethodPatch, http.MethodDelete} {
		got := k.Call(method, "/api/collections/wx_audit/records/"+row.Id, k.Superuser(), map[string]any{"actor": "x"})
		if got.Status < http.StatusBadRequest {
			t.Errorf("%s: got %d, want it refused", method, got.Status)
		}
	}
	row.Set("actor", "x")
	if k.Save(row) == nil || k.Delete(row) == nil {
		t.Error("the server itself may change a row")
	}
	page := k.ask(http.MethodGet, "/audit?action=staff.create&search=clerk", k.Superuser(), nil)
	if len(items(page)) != 1 || items(page)[0].(map[string]any)["actor"] != "demo@example.com" {
		t.Errorf("audit: got %s", page.Body)
	}
}

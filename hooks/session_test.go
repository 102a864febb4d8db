package hooks_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

func TestSession(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	if got := person.Must(http.MethodGet, "/api/wx/session", nil); got.JSON["valid"] != true {
		t.Errorf("after login: got %s, want valid", got.Body)
	}
	person.Must(http.MethodPost, "/api/wx/session/reset", nil)
	if got := person.Must(http.MethodGet, "/api/wx/session", nil); got.JSON["valid"] != true {
		t.Errorf("after reset: got %s, want valid, since the new key is stored", got.Body)
	}
	for _, path := range []string{"/api/wx/session/reset", "/api/wx/decrypt", "/api/wx/logout"} {
		if got := app.Call(http.MethodPost, path, "", nil); got.Status != http.StatusUnauthorized {
			t.Errorf("%s as a guest: got %d, want 401", path, got.Status)
		}
	}
}

func TestDecrypt(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	info := app.Must(http.MethodPost, "/_sim/people/"+person.ID+"/userinfo", "", map[string]any{})
	sealed := map[string]any{"encryptedData": info.Text("encryptedData"), "iv": info.Text("iv")}
	got := person.Must(http.MethodPost, "/api/wx/decrypt", sealed)
	data, _ := got.JSON["data"].(map[string]any)
	if data["nickName"] == nil || data["watermark"] == nil {
		t.Errorf("data: got %s, want nickName and watermark", got.Body)
	}
	// a new session key: what was made with the one before still opens
	person.Must(http.MethodPost, "/api/wx/session/reset", nil)
	if got := person.Call(http.MethodPost, "/api/wx/decrypt", sealed); got.Status != 200 {
		t.Errorf("key before: got %d %s, want 200", got.Status, got.Body)
	}
	stranger := app.Login("小红")
	if got := stranger.Call(http.MethodPost, "/api/wx/decrypt", sealed); got.Code() != "wx_session_stale" {
		t.Errorf("another user's data: got %d %q, want wx_session_stale", got.Status, got.Code())
	}
	app.Clock.Advance(11 * time.Minute)
	if got := person.Call(http.MethodPost, "/api/wx/decrypt", sealed); got.Code() != "wx_watermark_invalid" {
		t.Errorf("old data: got %d %q, want wx_watermark_invalid", got.Status, got.Code())
	}
	// two generations are kept and no third
	person.Must(http.MethodPost, "/api/wx/session/reset", nil)
	if got := person.Call(http.MethodPost, "/api/wx/decrypt", sealed); got.Code() != "wx_session_stale" {
		t.Errorf("third generation: got %d %q, want wx_session_stale", got.Status, got.Code())
	}
}

func TestLogoutEverywhere(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	other := app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": person.LoginCode()}).Text("token")
	person.Must(http.MethodPost, "/api/wx/logout", nil)
	for _, token := range []string{person.Token, other} {
		if got := app.Call(http.MethodPost, "/api/wx/logout", token, nil); got.Status != http.StatusUnauthorized {
			t.Errorf("token after logout: got %d, want 401", got.Status)
		}
	}
}

// a token that was fetched once serves the next start, and lies encrypted in the file
func TestAccessTokenIsKeptEncrypted(t *testing.T) {
	t.Parallel()
	broker := func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_TOKEN_BROKER": "1"}[name] }
	}
	app := apptest.New(t, broker)
	person := app.Login("小明")
	person.Must(http.MethodGet, "/api/wx/session", nil)
	super := app.Superuser()
	appID := app.AppID()
	got := app.Must(http.MethodGet, "/api/wx/admin/token/"+appID, super, nil)
	token := got.Text("access_token")
	if seconds, _ := got.JSON["expires_in"].(float64); len(token) < 100 || seconds < 6000 || seconds > 7200 {
		t.Errorf("token: got %d characters for %v seconds, want a fresh one", len(token), seconds)
	}
	for _, name := range []string{"data.db", "data.db-wal", "auxiliary.db", "auxiliary.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(app.DataDir(), name))
		if err == nil && bytes.Contains(raw, []byte(token)) {
			t.Errorf("%s holds the access token in the clear", name)
		}
	}
	if n := app.Calls("/cgi-bin/stable_token"); n != 1 {
		t.Errorf("token calls: got %d, want 1", n)
	}
	if got := app.Call(http.MethodGet, "/api/wx/admin/token/"+appID, person.Token, nil); got.Status != http.StatusForbidden {
		t.Errorf("user: got %d, want 403", got.Status)
	}
	off := apptest.New(t)
	if got := off.Call(http.MethodGet, "/api/wx/admin/token/"+appID, off.Superuser(), nil); got.Status != http.StatusNotFound {
		t.Errorf("switched off: got %d, want 404", got.Status)
	}
}

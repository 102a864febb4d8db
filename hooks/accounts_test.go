package hooks_test

import (
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/apptest"
)

func TestAccessTokenIsShared(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	people := []apptest.Person{app.Login("小明"), app.Login("小红"), app.Login("老王")}
	for _, person := range people {
		person.Must(http.MethodPost, "/api/wx/phone", map[string]any{"code": person.Phone("phone", nil).Text("code")})
	}
	if n := app.Calls("/cgi-bin/stable_token"); n != 1 {
		t.Errorf("got %d tokens, want one", n)
	}
}

func TestSettingsChangeMakesANewClient(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	var secrets []string
	wechat.answer(func(r *http.Request) (*http.Response, error) {
		secrets = append(secrets, r.URL.Query().Get("secret"))
		return reply(200, `{"errcode":40029,"errmsg":"invalid code"}`)
	})
	stored := addApp(t, app, strings.Repeat("a", 32))
	login := func() { app.LoginWith(map[string]any{"code": "c", "appid": nextAppID}) }
	login()
	stored.Set("secret", strings.Repeat("b", 32))
	if err := app.Save(stored); err != nil {
		t.Fatal(err)
	}
	login()
	stored.Set("enabled", false)
	if err := app.Save(stored); err != nil {
		t.Fatal(err)
	}
	wantAnswer(t, app.LoginWith(map[string]any{"code": "c", "appid": nextAppID}), 503, "wx_not_configured")
	want := strings.Repeat("a", 32) + " " + strings.Repeat("b", 32)
	if got := strings.Join(secrets, " "); got != want {
		t.Errorf("got secrets %s, want %s", got, want)
	}
}

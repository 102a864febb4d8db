package hooks_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/logger"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

func TestUnionIDLinksMiniPrograms(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	addApp(t, app, strings.Repeat("s", 32))
	login := func(appID, code string, s wechatSession) apptest.Answer {
		wechat.allow(appID, code, s)
		return app.Must(http.MethodPost, "/api/wx/login", "", map[string]any{"code": code, "appid": appID})
	}
	first := login(ownAppID, "a1", wechatSession{"o-a", "u-1", keyOne})
	scenarios := []struct {
		name  string
		appID string
		s     wechatSession
		same  bool
		isNew bool
	}{
		{"same unionid in another mini program", nextAppID, wechatSession{"o-b", "u-1", keyTwo}, true, false},
		{"again", nextAppID, wechatSession{"o-b", "u-1", keyTwo}, true, false},
		{"another unionid", nextAppID, wechatSession{"o-c", "u-2", keyTwo}, false, true},
		{"no unionid", nextAppID, wechatSession{"o-d", "", keyTwo}, false, true},
		{"no unionid either", ownAppID, wechatSession{"o-e", "", keyTwo}, false, true},
		{"same openid in another mini program is somebody else", nextAppID, wechatSession{"o-a", "", keyTwo}, false, true},
	}
	for i, s := range scenarios {
		got := login(s.appID, string(rune('k'+i)), s.s)
		if same := recordID(got) == recordID(first); same != s.same || meta(got, "isNew") != s.isNew {
			t.Errorf("%s: got same user %t, new %v, want %t, %t", s.name, same, meta(got, "isNew"), s.same, s.isNew)
		}
		if got := meta(got, "unionid"); got != nil && got != s.s.UnionID || got == nil && s.s.UnionID != "" {
			t.Errorf("%s: got unionid %v, want %q", s.name, got, s.s.UnionID)
		}
	}
	if n, m := rows(t, app, "users"), rows(t, app, "wx_identities"); n != 5 || m != 6 {
		t.Errorf("got %d users with %d identities, want 5 with 6", n, m)
	}
}

func TestUnionIDThatAppearsLaterIsKept(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	addApp(t, app, strings.Repeat("s", 32))
	wechat.allow(ownAppID, "1", wechatSession{"o-a", "", keyOne})
	wechat.allow(ownAppID, "2", wechatSession{"o-a", "u-1", keyOne})
	wechat.allow(nextAppID, "3", wechatSession{"o-b", "u-1", keyTwo})
	before := app.LoginWith(map[string]any{"code": "1", "appid": ownAppID})
	app.LoginWith(map[string]any{"code": "2", "appid": ownAppID})
	elsewhere := app.LoginWith(map[string]any{"code": "3", "appid": nextAppID})
	if recordID(before) != recordID(elsewhere) {
		t.Errorf("got users %s and %s, want one", recordID(before), recordID(elsewhere))
	}
}

// TestOrderBelongsToTheMiniProgramOfTheLastLogin: who comes back to a mini program with an unchanged session key is there, not where
// the key changed last. An order with the other openid could not be paid.
func TestOrderBelongsToTheMiniProgramOfTheLastLogin(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	addApp(t, app, strings.Repeat("s", 32))
	product := addProduct(t, app, map[string]any{"name": "面", "price": 100, "active": true})
	for i, appID := range []string{ownAppID, nextAppID, ownAppID, ownAppID, nextAppID, ownAppID} {
		openID, key := "o-a", keyOne
		if appID == nextAppID {
			openID, key = "o-b", keyTwo
		}
		code := fmt.Sprint("code", i)
		wechat.allow(appID, code, wechatSession{openID, "u-1", key})
		login := app.Must(http.MethodPost, "/api/wx/login", "", map[string]any{"code": code, "appid": appID})
		order := app.Must(http.MethodPost, "/api/wx/orders", login.Text("token"), orderBody(product, 1))
		if got := order.Text("appid"); got != appID {
			t.Errorf("order after login %d: got appid %s, want %s", i, got, appID)
		}
		app.Clock.Advance(time.Minute)
	}
}

func TestReturningLoginWritesOnlyANewKey(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	app.ResetEventCalls()
	before := changes(t, app)
	person.Again()
	if n := changes(t, app) - before; n != 0 || app.EventCalls["OnModelUpdate"] != 0 || app.EventCalls["OnModelCreate"] != 0 {
		t.Errorf("unchanged key: got %d changed rows, events %v, want none", n, app.EventCalls)
	}
	app.Clock.Advance(6 * time.Second) // from here on wx.login changes the key
	person.Again()
	if n := changes(t, app) - before; n != 1 {
		t.Errorf("new key: got %d changed rows, want 1", n)
	}
}

func TestNewUserCostsNoBcryptAndHasNoPassword(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	var hash, tokenKey string
	if err := app.DB().Select("password", "tokenKey").From("users").Where(dbx.HashExp{"id": person.User}).Row(&hash, &tokenKey); err != nil {
		t.Fatal(err)
	}
	// a hash of bcrypt begins with $2, and nothing else is compared successfully with any password
	if hash == "" || strings.HasPrefix(hash, "$2") {
		t.Errorf("got hash %q, want one that bcrypt cannot make", hash)
	}
	if len(tokenKey) < 30 {
		t.Errorf("got a token key of %d characters, want a random one", len(tokenKey))
	}
	got := app.Call(http.MethodPost, "/api/collections/users/auth-with-password", "", map[string]any{"identity": "", "password": hash})
	if got.Status < 400 {
		t.Errorf("login by password: got %d, want a refusal", got.Status)
	}
}

func TestSessionKeysAreCiphertextInTwoGenerations(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	token := ""
	for i, key := range []string{keyOne, keyTwo, keyTwo, keyThree} {
		code := fmt.Sprint("code", i)
		wechat.allow(ownAppID, code, wechatSession{"o-a", "", key})
		token = app.Must(http.MethodPost, "/api/wx/login", "", map[string]any{"code": code}).Text("token")
	}
	identity, err := app.FindFirstRecordByData("wx_identities", "openid", "o-a")
	if err != nil {
		t.Fatal(err)
	}
	now, before := identity.GetString("sessionKey"), identity.GetString("previousSessionKey")
	if now == "" || before == "" || now == before {
		t.Errorf("got %q and %q, want two ciphertexts", now, before)
	}
	scenarios := []struct {
		name, key string
		status    int
		code      string
	}{
		{"the present key", keyThree, 200, ""},
		{"the one before", keyTwo, 200, ""},
		{"the one before that", keyOne, 409, "wx_session_stale"},
	}
	for _, s := range scenarios {
		data := sealed(t, s.key, phoneData(app, ownAppID))
		wantAnswer(t, app.Call(http.MethodPost, "/api/wx/phone", token, data), s.status, s.code)
	}
	wantNowhere(t, app, keyOne, keyTwo, keyThree)
}

// TestTwoLoginsAtOnceKeepBothKeys: each phone encrypts with its own of the two, and which of them WeChat keeps is not known here.
func TestTwoLoginsAtOnceKeepBothKeys(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	for round := range 5 {
		keys := []string{keyOne, keyTwo, keyThree}
		code := func(i int) map[string]any { return map[string]any{"code": fmt.Sprint("round", round, "code", i)} }
		for i, key := range keys {
			wechat.allow(ownAppID, fmt.Sprint(code(i)["code"]), wechatSession{"o-a", "", key})
		}
		token := app.Must(http.MethodPost, "/api/wx/login", "", code(2)).Text("token")
		roomtest.AtOnce(2, func(i int) { app.LoginWith(code(i)) })
		for _, key := range keys[:2] {
			data := sealed(t, key, phoneData(app, ownAppID))
			if got := app.Call(http.MethodPost, "/api/wx/phone", token, data); got.Status != 200 {
				t.Errorf("round %d: got %d %s, want both keys to open", round, got.Status, got.Code())
			}
		}
	}
}

func TestBlockedUser(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Login("小明")
	block := func(blocked bool) {
		user, err := app.FindRecordById("users", person.User)
		if err != nil {
			t.Fatal(err)
		}
		user.Set("blocked", blocked)
		if err := app.Save(user); err != nil {
			t.Fatal(err)
		}
	}
	order := map[string]any{"items": []any{}}
	wantAnswer(t, person.Call(http.MethodPost, "/api/wx/orders", order), 400, "order_items_invalid") // the token works
	block(true)
	wantAnswer(t, app.LoginWith(map[string]any{"code": person.LoginCode()}), 403, "user_blocked")
	for _, path := range []string{"/api/wx/orders", "/api/wx/phone", "/api/wx/codes", "/api/collections/users/auth-refresh"} {
		if got := person.Call(http.MethodPost, path, order); got.Status != 401 {
			t.Errorf("%s with the old token: got %d, want 401", path, got.Status)
		}
	}
	block(false)
	if got := person.Call(http.MethodPost, "/api/wx/orders", order); got.Status != 401 {
		t.Errorf("old token after the block was lifted: got %d, want 401", got.Status)
	}
	person.Again()
}

// TestSecretsAreNowhere drives every way in which a call to WeChat ends, and then looks for the secrets in all answers, in the log and in
// every file of the data folder.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	for i := range 20 {
		wechat.allow(ownAppID, fmt.Sprint("good", i), wechatSession{"o-a", "u-1", keyOne})
	}
	answers := []apptest.Answer{app.LoginWith(map[string]any{"code": "good19"}), app.LoginWith(map[string]any{"code": "bad"})}
	token := answers[0].Text("token")
	post := func(path string, body any) {
		answers = append(answers, app.Call(http.MethodPost, path, token, body))
	}
	endings := []func(*http.Request) (*http.Response, error){
		nil,
		func(r *http.Request) (*http.Response, error) {
			return nil, &url.Error{Op: "Get", URL: r.URL.String(), Err: errors.New("refused")}
		},
		func(r *http.Request) (*http.Response, error) {
			return nil, errors.New("dial " + r.URL.String() + " with " + ownSecret)
		},
		func(r *http.Request) (*http.Response, error) { return reply(500, r.URL.String()) },
		func(r *http.Request) (*http.Response, error) {
			return reply(200, `{"errcode":40125,"errmsg":"invalid appsecret `+ownSecret+` `+r.URL.String()+`"}`)
		},
		func(*http.Request) (*http.Response, error) {
			return reply(200, `{"openid":5,"session_key":"`+keyOne+`","access_token":["`+anyToken+`"]}`)
		},
		func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded },
	}
	for i, ending := range endings {
		wechat.answer(ending)
		post("/api/wx/login", map[string]any{"code": fmt.Sprint("good", 2*i)})
		post("/api/wx/login", merged(map[string]any{"code": fmt.Sprint("good", 2*i+1)}, sealed(t, keyTwo, map[string]any{})))
		post("/api/wx/phone", map[string]any{"code": "a-code"})
		post("/api/wx/codes", map[string]any{"payload": map[string]any{"id": 1}})
	}
	secrets := []string{ownSecret, keyOne, anyToken}
	for _, a := range answers {
		for _, secret := range secrets {
			if bytes.Contains(a.Body, []byte(secret)) || bytes.Contains(a.Body, []byte(url.QueryEscape(secret))) {
				t.Errorf("answer %d %s has a secret", a.Status, a.Body)
			}
		}
	}
	flushLogs(t, app, len(answers))
	wantNowhere(t, app, secrets...)
}

// flushLogs waits for the log rows of so many requests, which PocketBase writes behind.
func flushLogs(t *testing.T, app *apptest.App, requests int) {
	t.Helper()
	handler, ok := app.Logger().Handler().(*logger.BatchHandler)
	if !ok {
		t.Fatalf("got a log handler %T, want PocketBase's", app.Logger().Handler())
	}
	for n := 0; n < requests; {
		if t.Context().Err() != nil {
			t.Fatalf("got %d log rows, want %d", n, requests)
		}
		if err := handler.WriteAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := app.AuxDB().NewQuery("SELECT COUNT(*) FROM {{_logs}}").Row(&n); err != nil {
			t.Fatal(err)
		}
	}
	var logs []*core.Log
	if err := app.AuxModelQuery(&core.Log{}).All(&logs); err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, l := range logs {
		if strings.Contains(l.Data.String(), "wechat code2Session") {
			told++
		}
	}
	if told == 0 {
		t.Error("the log tells no cause of a failed login, so that nothing was looked through")
	}
}

// wantNowhere looks for secrets, as they are and encoded for a URL, in the bytes of every file of the data folder.
func wantNowhere(t *testing.T, app *apptest.App, secrets ...string) {
	t.Helper()
	err := filepath.WalkDir(app.DataDir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, secret := range secrets {
			if bytes.Contains(raw, []byte(secret)) || bytes.Contains(raw, []byte(url.QueryEscape(secret))) {
				t.Errorf("%s holds a secret in the clear", d.Name())
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package hooks_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

const (
	ownAppID  = "wx4f4bc4dec97d474b"
	ownSecret = "5ec7e70f7hef1r5tapp0123456789abc"
	nextAppID = "wx00000000000000aa"
	keyOne    = "tiihtNczf5v6AKRyjwEUhQ=="
	keyTwo    = "HyVFkGl5F5OQWJZZaNzBBg=="
	keyThree  = "FXyAgbNxCO7jXW13E177YA=="
	anyToken  = "91_a7oken-7ha7-n0b0dy-5h0uld-5ee-4nywhere"
)

// wechatSession is what jscode2session answers for one code.
type wechatSession struct {
	OpenID     string `json:"openid"`
	UnionID    string `json:"unionid,omitempty"`
	SessionKey string `json:"session_key"`
}

// scriptedWeChat is a WeChat that a test scripts itself, for what the simulator does not do: unionids, several mini programs, and
// session keys that the test knows.
type scriptedWeChat struct {
	mu       sync.Mutex
	sessions map[string]wechatSession // by appid and code
	instead  func(*http.Request) (*http.Response, error)
	calls    map[string]int // by path
}

// scripted starts an app without the simulator, configured by the environment for ownAppID, whose WeChat is u; change comes last.
func scripted(t *testing.T, change ...func(*hooks.Config)) (*apptest.App, *scriptedWeChat) {
	t.Helper()
	u := &scriptedWeChat{sessions: map[string]wechatSession{}, calls: map[string]int{}}
	base := func(c *hooks.Config) {
		c.Sim, c.Transport, c.Out = false, u, io.Discard
		c.Env = func(name string) string {
			return map[string]string{"WXBASE_APPID": ownAppID, "WXBASE_APP_SECRET": ownSecret}[name]
		}
	}
	return apptest.New(t, slices.Concat([]func(*hooks.Config){base}, change)...), u
}

// addApp stores one more mini program, nextAppID.
func addApp(t *testing.T, app *apptest.App, secret string) *core.Record {
	t.Helper()
	c, err := app.FindCollectionByNameOrId("wx_apps")
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(map[string]any{"appid": nextAppID, "secret": secret, "enabled": true})
	if err := app.Save(r); err != nil {
		t.Fatal(err)
	}
	return r
}

// allow makes a code of wx.login good for a session.
func (u *scriptedWeChat) allow(appID, code string, s wechatSession) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.sessions[appID+"/"+code] = s
}

// answer makes every call end as instead says, until it is nil again.
func (u *scriptedWeChat) answer(instead func(*http.Request) (*http.Response, error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.instead = instead
}

func (u *scriptedWeChat) RoundTrip(r *http.Request) (*http.Response, error) {
	u.mu.Lock()
	instead := u.instead
	u.calls[r.URL.Path]++
	session, known := u.sessions[r.URL.Query().Get("appid")+"/"+r.URL.Query().Get("js_code")]
	u.mu.Unlock()
	switch {
	case instead != nil:
		return instead(r)
	case r.URL.Host != "api.weixin.qq.com":
		return nil, errors.New("the test has no such host: " + r.URL.Host)
	case r.URL.Path == "/cgi-bin/stable_token":
		return reply(http.StatusOK, `{"access_token":"`+anyToken+`","expires_in":7200}`)
	case r.URL.Path != "/sns/jscode2session":
		return reply(http.StatusOK, `{"errcode":-1,"errmsg":"system error"}`)
	case !known:
		return reply(http.StatusOK, `{"errcode":40029,"errmsg":"invalid code, rid: 62de9a0b-7149b5f1-2eee4908"}`)
	}
	body, err := json.Marshal(session)
	if err != nil {
		return nil, err
	}
	return reply(http.StatusOK, string(body))
}

func reply(status int, body string) (*http.Response, error) {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// sealed encrypts v as the phone does and gives the two fields of a request.
func sealed(t *testing.T, key string, v any) map[string]any {
	t.Helper()
	plain, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		t.Fatal(err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	iv := []byte("0123456789abcdef")
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	return map[string]any{"encryptedData": base64.StdEncoding.EncodeToString(plain), "iv": base64.StdEncoding.EncodeToString(iv)}
}

// phoneData is what the phone number button encrypts.
func phoneData(app *apptest.App, appID string) map[string]any {
	const number = "13800138000"
	return map[string]any{
		"phoneNumber": number, "purePhoneNumber": number, "countryCode": "86",
		"watermark": map[string]any{"timestamp": app.Clock.Now().Unix(), "appid": appID},
	}
}

// merged joins the fields of a request.
func merged(parts ...map[string]any) map[string]any {
	all := map[string]any{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}

// step runs one scenario after the other, not beside each other: those of one app share its rows.
func step(t *testing.T, name string, do func(t *testing.T)) {
	t.Helper()
	t.Run(name, do)
}

// wantAnswer compares status and data.code; an empty code means none.
func wantAnswer(tb testing.TB, got apptest.Answer, status int, code string) {
	tb.Helper()
	if got.Status != status || got.Code() != code {
		tb.Errorf("got %d %q, want %d %q: %s", got.Status, got.Code(), status, code, got.Body)
	}
}

// recordID is the id of the user that a login answered with.
func recordID(login apptest.Answer) string {
	record, _ := login.JSON["record"].(map[string]any)
	return fmt.Sprint(record["id"])
}

// meta is a field of what a login tells besides the record.
func meta(login apptest.Answer, field string) any {
	m, _ := login.JSON["meta"].(map[string]any)
	return m[field]
}

// rows counts all of a collection.
func rows(tb testing.TB, app *apptest.App, collection string) int {
	tb.Helper()
	return count(tb, app, collection, dbx.NewExp("TRUE"))
}

// withEnv configures one variable of the environment; all others are empty.
func withEnv(name, value string) func(*hooks.Config) {
	return func(c *hooks.Config) { c.Env = func(n string) string { return map[string]string{name: value}[n] } }
}

// forbid makes a code unknown to WeChat, as a used one is.
func (u *scriptedWeChat) forbid(appID, code string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.sessions, appID+"/"+code)
}

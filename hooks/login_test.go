package hooks_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/events"
)

func TestLoginNewAndReturning(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Stranger(map[string]any{"nickname": "小明"})
	first, second := person.Again(), person.Again()
	if meta(first, "isNew") != true || meta(second, "isNew") != false {
		t.Errorf("isNew: got %v, %v, want true, false", meta(first, "isNew"), meta(second, "isNew"))
	}
	if recordID(first) != recordID(second) || recordID(first) == "" {
		t.Errorf("user: got %s and %s, want one", recordID(first), recordID(second))
	}
	openID, _ := meta(first, "openid").(string)
	if meta(first, "appid") == "" || len(openID) != 28 || meta(second, "openid") != openID {
		t.Errorf("meta: got %v and %v, want the appid and one openid", first.JSON["meta"], second.JSON["meta"])
	}
	// the token is one of PocketBase's own
	refreshed := app.Call(http.MethodPost, "/api/collections/users/auth-refresh", second.Text("token"), nil)
	if recordID(refreshed) != recordID(first) {
		t.Errorf("refresh: got %d %s, want the user", refreshed.Status, refreshed.Body)
	}
}

func TestLoginFiftyAtOnceMakeOneUser(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	var answers [50]apptest.Answer
	var all sync.WaitGroup // holds WeChat's answers back until everybody has asked, so that nobody is known yet to anybody
	all.Add(len(answers))
	wechat.answer(func(*http.Request) (*http.Response, error) {
		all.Done()
		all.Wait()
		return reply(http.StatusOK, `{"openid":"o-a","session_key":"`+keyOne+`"}`)
	})
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = app.LoginWith(map[string]any{"code": fmt.Sprint("code", i)}) })
	users, made := map[string]int{}, 0
	for _, a := range answers {
		wantAnswer(t, a, http.StatusOK, "")
		users[recordID(a)]++
		if meta(a, "isNew") == true {
			made++
		}
	}
	if len(users) != 1 || made != 1 {
		t.Errorf("got %d users, new %d times, want one, once", len(users), made)
	}
	if n, m := rows(t, app, "users"), rows(t, app, "wx_identities"); n != 1 || m != 1 {
		t.Errorf("got %d users with %d identities, want one with one", n, m)
	}
}

func TestLoginProofs(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	const data, sign, sealed, iv = "rawData", "signature", "encryptedData", "iv"
	scenarios := []struct {
		name   string
		send   []string          // of what wx.getUserInfo gives
		change map[string]string // what is sent instead
		status int
		code   string
	}{
		{"signature is right", []string{data, sign}, nil, 200, ""},
		{"both proofs are right", []string{data, sign, sealed, iv}, nil, 200, ""},
		{"encrypted data is right", []string{sealed, iv}, nil, 200, ""},
		{"signature is wrong", []string{data}, map[string]string{sign: strings.Repeat("0", 40)}, 400, "wx_signature_invalid"},
		{"signature is empty", []string{data}, map[string]string{sign: ""}, 400, "wx_signature_invalid"},
		{"data is changed", []string{sign}, map[string]string{data: `{"nickName":"黑客"}`}, 400, "wx_signature_invalid"},
		{"data without signature", []string{data}, nil, 400, "wx_signature_invalid"},
		{"signature without data", []string{sign}, nil, 400, "wx_signature_invalid"},
		{"encrypted data without iv", []string{sealed}, nil, 400, "wx_signature_invalid"},
		{"iv without encrypted data", []string{iv}, nil, 400, "wx_signature_invalid"},
		{"one good proof and half of the other", []string{data, sign, sealed}, nil, 400, "wx_signature_invalid"},
		{"one good proof and a bad other", []string{data, sign, iv}, map[string]string{sealed: strings.Repeat("A", 64)}, 409, "wx_session_stale"},
		{"encrypted under another key", []string{iv}, map[string]string{sealed: strings.Repeat("B", 64)}, 409, "wx_session_stale"},
		{"not base64", []string{iv}, map[string]string{sealed: "%%%"}, 400, "wx_data_malformed"},
		{"not whole blocks", []string{iv}, map[string]string{sealed: "QUJD"}, 400, "wx_data_malformed"},
		{"iv of another length", []string{sealed}, map[string]string{iv: "QUJD"}, 400, "wx_data_malformed"},
		{"empty encrypted data", []string{iv}, map[string]string{sealed: ""}, 400, "wx_data_malformed"},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			person := app.Stranger(map[string]any{})
			body := map[string]any{"code": person.LoginCode()}
			info := person.Phone("userinfo", nil)
			for _, field := range s.send {
				body[field] = info.Text(field)
			}
			for field, value := range s.change {
				body[field] = value
			}
			before := rows(t, app, "users")
			wantAnswer(t, app.LoginWith(body), s.status, s.code)
			if made := rows(t, app, "users") - before; (made == 1) != (s.status == 200) {
				t.Errorf("got %d new users at status %d", made, s.status)
			}
		})
	}
}

func TestLoginRefusesDataOfAnotherMiniProgram(t *testing.T) {
	t.Parallel()
	app, wechat := scripted(t)
	wechat.allow(ownAppID, "code-1", wechatSession{OpenID: "o-one", SessionKey: keyOne})
	watermark := func(appID string) map[string]any {
		return map[string]any{"nickName": "小明", "watermark": map[string]any{"timestamp": 1700000000, "appid": appID}}
	}
	foreign := merged(map[string]any{"code": "code-1"}, sealed(t, keyOne, watermark(nextAppID)))
	wantAnswer(t, app.LoginWith(foreign), http.StatusBadRequest, "wx_watermark_invalid")
	without := merged(map[string]any{"code": "code-1"}, sealed(t, keyOne, map[string]any{"nickName": "小明"}))
	wantAnswer(t, app.LoginWith(without), http.StatusBadRequest, "wx_watermark_invalid")
	own := merged(map[string]any{"code": "code-1"}, sealed(t, keyOne, watermark(ownAppID)))
	wantAnswer(t, app.LoginWith(own), http.StatusOK, "")
}

func TestLoginNames(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	nameAfter := func(person apptest.Person, anonymous bool, proofs ...string) string {
		body := map[string]any{"code": person.LoginCode()}
		info := person.Phone("userinfo", map[string]any{"anonymous": anonymous})
		for _, field := range proofs {
			body[field] = info.Text(field)
		}
		record, _ := app.Must(http.MethodPost, "/api/wx/login", "", body).JSON["record"].(map[string]any)
		name, _ := record["name"].(string)
		return name
	}
	for _, proofs := range [][]string{{"rawData", "signature"}, {"encryptedData", "iv"}} {
		anonymous := app.Stranger(map[string]any{"nickname": "小明"})
		if got := nameAfter(anonymous, true, proofs...); got != "" {
			t.Errorf("%s of everybody: got name %q, want none", proofs[0], got)
		}
		named := app.Stranger(map[string]any{"nickname": "🍜小红"})
		if got := nameAfter(named, false, proofs...); got != "🍜小红" {
			t.Errorf("%s with a name: got %q, want 🍜小红", proofs[0], got)
		}
		chosen := app.Login("老王")
		chosen.Must(http.MethodPost, "/api/wx/profile", map[string]any{"name": "王老板"})
		for _, anonymous := range []bool{true, false} {
			if got := nameAfter(chosen, anonymous, proofs...); got != "王老板" {
				t.Errorf("%s, anonymous %t, after a name was chosen: got %q, want 王老板", proofs[0], anonymous, got)
			}
		}
	}
}

func TestLoginCodes(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Stranger(map[string]any{})
	person.Again()
	used := person.LoginCode()
	spend(t, app, used)
	late := person.LoginCode()
	scenarios := []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{"used", map[string]any{"code": used}, 400, "wx_code_used"},
		{"garbage", map[string]any{"code": "the quick brown fox\x00%&=?#"}, 400, "wx_code_invalid"},
		{"of the phone button", map[string]any{"code": person.Phone("phone", nil).Text("code")}, 400, "wx_code_invalid"},
		{"too long", map[string]any{"code": strings.Repeat("a", 129)}, 400, "wx_code_invalid"},
		{"empty", map[string]any{"code": ""}, 400, "wx_code_invalid"},
		{"missing", map[string]any{}, 400, "wx_code_invalid"},
		{"null", "null", 400, "body_not_json"},
		{"a number", `{"code":1}`, 400, "field_invalid"},
		{"no JSON", `code=1`, 400, "body_not_json"},
		{"half JSON", `{"code":"a`, 400, "body_not_json"},
		{"an array", `[]`, 400, "body_not_json"},
		{"unknown mini program", map[string]any{"code": late, "appid": nextAppID}, 503, "wx_not_configured"},
		{"fresh, after all of these", map[string]any{"code": late}, 200, ""},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) { wantAnswer(t, app.LoginWith(s.body), s.status, s.code) })
	}
	expired := person.LoginCode()
	app.Clock.Advance(5*time.Minute + time.Second)
	wantAnswer(t, app.LoginWith(map[string]any{"code": expired}), 400, "wx_code_invalid")
	if n := rows(t, app, "users"); n != 1 {
		t.Errorf("got %d users, want one", n)
	}
}

// spend redeems a code at the simulated WeChat behind the server's back.
func spend(t *testing.T, app *apptest.App, code string) {
	t.Helper()
	var config struct {
		APIBase string `json:"apiBase"`
		Apps    []struct{ AppID, Secret string }
	}
	if err := json.Unmarshal(app.Must(http.MethodGet, "/_sim/config", "", nil).Body, &config); err != nil {
		t.Fatal(err)
	}
	query := url.Values{
		"appid": {config.Apps[0].AppID}, "secret": {config.Apps[0].Secret}, "js_code": {code}, "grant_type": {"authorization_code"},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, config.APIBase+"/sns/jscode2session?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := app.Do(req); got.Text("openid") == "" {
		t.Fatalf("spend code: got %s, want a session", got.Body)
	}
}

func TestLoginBodyTooLong(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	scenarios := []struct {
		name   string
		body   io.Reader
		expect string // a server that answers and hangs up while one is still sending looks like a broken line
	}{
		{"1 MB, refused before it is sent", strings.NewReader(`{"code":"` + strings.Repeat("a", 1<<20) + `"}`), "100-continue"},
		// without a Content-Length only reading shows how long it is
		{"200 KB in chunks", io.MultiReader(strings.NewReader(`{"code":"` + strings.Repeat("a", 200<<10) + `"}`)), ""},
	}
	for _, s := range scenarios {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+"/api/wx/login", s.body)
		if err != nil {
			t.Fatal(err)
		}
		req.Close = true
		req.Header.Set("Content-Type", "application/json")
		if s.expect != "" {
			req.Header.Set("Expect", s.expect)
		}
		if got := app.Do(req); got.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: got %d %s, want 413", s.name, got.Status, got.Body)
		}
	}
}

func TestLoginOfARiskyPersonIsRefusedInNeutralWords(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person := app.Stranger(map[string]any{"risky": true})
	got := app.LoginWith(map[string]any{"code": person.LoginCode()})
	wantAnswer(t, got, http.StatusForbidden, "wx_login_refused")
	if text := strings.ToLower(got.Text("message")); strings.Contains(text, "risk") || strings.Contains(text, "block") {
		t.Errorf("got %q, want words that blame nobody", text)
	}
	if n := rows(t, app, "users"); n != 0 {
		t.Errorf("got %d users, want none", n)
	}
}

func TestLoginWhenWeChatFails(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Transport = &http.Transport{ResponseHeaderTimeout: 500 * time.Millisecond} // "slow" takes six seconds
	})
	person := app.Stranger(map[string]any{})
	scenarios := []struct {
		kind   string
		times  int
		status int
		code   string
	}{
		{"busy", 3, 503, "wx_busy"},
		{"html", 1, 502, "wx_answer_invalid"},
		{"empty", 1, 502, "wx_answer_invalid"},
		{"cut", 1, 503, "wx_busy"},
		{"slow", 1, 503, "wx_busy"},
		{"rate_limit", 1, 429, "wx_rate_limited"},
		{"busy", 2, 200, ""}, // the third try works
	}
	for _, s := range scenarios {
		step(t, s.kind, func(t *testing.T) {
			app.Fault("code2session", s.kind, s.times)
			got := app.LoginWith(map[string]any{"code": person.LoginCode()})
			wantAnswer(t, got, s.status, s.code)
			if n := rows(t, app, "users"); (n == 1) != (s.status == 200) {
				t.Errorf("got %d users", n)
			}
			data, _ := got.JSON["data"].(map[string]any)
			if _, told := data["errcode"]; told != (s.kind == "busy" && s.status != 200 || s.kind == "rate_limit") {
				t.Errorf("got data %v, want the errcode where WeChat gave one", data)
			}
		})
	}
}

func TestLoginWithoutConfiguration(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.Sim, c.Out = false, io.Discard })
	wantAnswer(t, app.LoginWith(map[string]any{"code": "abc"}), http.StatusServiceUnavailable, "wx_not_configured")
}

func TestOnLoginCanRefuse(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	var seen []events.LoginEvent
	app.WX.OnLogin().BindFunc(func(e *events.LoginEvent) error {
		seen = append(seen, events.LoginEvent{User: e.User, AppID: e.AppID, OpenID: e.OpenID, IsNew: e.IsNew})
		if len(seen) > 1 {
			return e.Request.ForbiddenError("closed", nil)
		}
		return e.Next()
	})
	person := app.Stranger(map[string]any{})
	first := person.Again()
	wantAnswer(t, app.LoginWith(map[string]any{"code": person.LoginCode()}), http.StatusForbidden, "")
	if len(seen) != 2 || !seen[0].IsNew || seen[1].IsNew || seen[0].OpenID != meta(first, "openid") || seen[0].User.Id != recordID(first) {
		t.Errorf("got events %v, want a new and a returning login of %s", seen, recordID(first))
	}
}

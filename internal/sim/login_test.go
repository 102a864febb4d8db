package sim_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCode2Session(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		change func(w *world, q url.Values)
		want   int
	}{
		{"no appid is 41002", func(_ *world, q url.Values) { q.Del("appid") }, 41002},
		{"no secret is 41004", func(_ *world, q url.Values) { q.Del("secret") }, 41004},
		{"no code is 41008", func(_ *world, q url.Values) { q.Del("js_code") }, 41008},
		{"other grant type is 40002", func(_ *world, q url.Values) { q.Set("grant_type", "client_credential") }, 40002},
		{"unknown appid is 40013", func(_ *world, q url.Values) { q.Set("appid", "wx0123456789abcdef") }, 40013},
		{"wrong secret is 40125", func(_ *world, q url.Values) { q.Set("secret", strings.Repeat("0", 32)) }, 40125},
		{"unknown code is 40029", func(_ *world, q url.Values) { q.Set("js_code", "0nobody") }, 40029},
		{"phone code is 40029", func(w *world, q url.Values) {
			q.Set("js_code", w.device("POST", "/people/p1/phone", map[string]any{}).text("code"))
		}, 40029},
		{"code of five minutes ago is 40029", func(w *world, _ url.Values) { w.clock.Add(5 * time.Minute) }, 40029},
		{"risky person is 40226", func(w *world, _ url.Values) { w.device("POST", "/people/p1", map[string]any{"risky": true}) }, 40226},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			q := url.Values{
				"appid": {w.app.AppID}, "secret": {w.app.Secret}, "js_code": {w.code("p1")}, "grant_type": {"authorization_code"},
			}
			s.change(w, q)
			a := w.call(http.MethodGet, "/sns/jscode2session?"+q.Encode(), "")
			wantErrcode(t, a, s.want)
			if !strings.Contains(a.text("errmsg"), ", rid: ") {
				t.Errorf("got errmsg %q, want a comma before rid", a.text("errmsg"))
			}
			if got := a.header.Get("Content-Type"); got != "text/plain" {
				t.Errorf("got Content-Type %q, want text/plain", got)
			}
		})
	}
}

func TestCode2SessionShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.code("p1")
	a := w.exchange(code)
	if len(code) != 32 || len(a.text("openid")) != 28 || a.text("openid")[0] != 'o' || len(a.text("session_key")) != 24 {
		t.Fatalf("got code %q and %s, want the shapes of WeChat", code, a.body)
	}
	if _, there := a.json["errcode"]; there || len(a.json) != 2 {
		t.Fatalf("got %s, want openid and session_key only", a.body)
	}
	wantErrcode(t, w.exchange(code), 40163)
	again, _ := w.login("p1")
	other, _ := w.login("p2")
	if again != a.text("openid") || other == again {
		t.Fatalf("got openids %s, %s and %s, want one for each person", a.text("openid"), again, other)
	}
	wantErrcode(t, w.call(http.MethodPost, "/sns/jscode2session", ""), 43001)
}

func TestCode2SessionOneOfManyWins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.code("p1")
	answers := make([]answer, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = w.exchange(code) })
	}
	all.Wait()
	won := 0
	for _, a := range answers {
		switch {
		case a.text("openid") != "":
			won++
		case a.number("errcode") != 40163:
			t.Errorf("got %s, want 40163", a.body)
		}
	}
	if won != 1 {
		t.Fatalf("got %d winners, want 1", won)
	}
}

func TestCode2SessionRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 100 {
		w.login("p1")
	}
	code := w.code("p1")
	wantErrcode(t, w.exchange(code), 45011)
	w.login("p2")
	w.clock.Add(time.Minute)
	if a := w.exchange(code); a.text("openid") == "" {
		t.Fatalf("got %s a minute later, want an openid", a.body)
	}
}

func TestSessionKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, first := w.login("p1")
	if _, again := w.login("p1"); again != first {
		t.Fatal("got a new session_key at once, want the same within 5 s")
	}
	w.clock.Add(5 * time.Second)
	if _, later := w.login("p1"); later == first {
		t.Fatal("got the same session_key after 5 s, want a new one")
	}
}

func (w *phoneSide) sessionCall(path, openid, signature, method string) answer {
	w.t.Helper()
	q := url.Values{"access_token": {w.token()}, "openid": {openid}, "signature": {signature}, "sig_method": {method}}
	return w.call(http.MethodGet, path+"?"+q.Encode(), "")
}

// sessionHMAC is hex(hmac_sha256(session_key, "")) over the base64 text of the key.
func sessionHMAC(sessionKey string) string {
	return hex.EncodeToString(hmac.New(sha256.New, []byte(sessionKey)).Sum(nil))
}

func TestCheckSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, key := w.login("p1")
	wantErrcode(t, w.sessionCall("/wxa/checksession", openid, sessionHMAC(key), "hmac_sha256"), 0)
	wantErrcode(t, w.sessionCall("/wxa/checksession", openid, sessionHMAC("other"), "hmac_sha256"), 87009)
	wantErrcode(t, w.sessionCall("/wxa/checksession", openid, sessionHMAC(key), "md5"), 87008)
	wantErrcode(t, w.sessionCall("/wxa/checksession", "oNobody", sessionHMAC(key), "hmac_sha256"), 40003)
	wantErrcode(t, w.sessionCall("/wxa/checksession", "", "", "hmac_sha256"), 40097)
	body := `{"openid":"` + openid + `","signature":"` + sessionHMAC(key) + `","sig_method":"hmac_sha256"}`
	wantErrcode(t, w.call(http.MethodGet, "/wxa/checksession?access_token="+w.token(), body), 0)
	w.clock.Add(time.Minute)
	w.code("p1")
	wantErrcode(t, w.sessionCall("/wxa/checksession", openid, sessionHMAC(key), "hmac_sha256"), 87009)
}

func TestResetUserSessionKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, key := w.login("p1")
	a := w.sessionCall("/wxa/resetusersessionkey", openid, sessionHMAC(key), "hmac_sha256")
	wantErrcode(t, a, 0)
	if a.text("session_key") == key || a.text("openid") != openid {
		t.Fatalf("got %s, want a new session_key for %s", a.body, openid)
	}
	wantErrcode(t, w.sessionCall("/wxa/resetusersessionkey", openid, sessionHMAC(key), "hmac_sha256"), 87009)
	wantErrcode(t, w.sessionCall("/wxa/checksession", openid, sessionHMAC(a.text("session_key")), "hmac_sha256"), 0)
}

func (w *phoneSide) redeemPhone(body string) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/wxa/business/getuserphonenumber?access_token="+w.token(), body)
}

func TestGetUserPhoneNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.device("POST", "/people/p1/phone", map[string]any{}).text("code")
	if len(code) != 64 {
		t.Fatalf("got a code of %d characters, want 64", len(code))
	}
	a := w.redeemPhone(`{"code":"` + code + `"}`)
	wantErrcode(t, a, 0)
	info, _ := a.json["phone_info"].(map[string]any)
	mark, _ := info["watermark"].(map[string]any)
	if info["phoneNumber"] != "13800138001" || info["purePhoneNumber"] != "13800138001" || info["countryCode"] != "86" || mark["appid"] != w.app.AppID {
		t.Fatalf("got %s, want the number of p1", a.body)
	}
	wantErrcode(t, w.redeemPhone(`{"code":"`+code+`"}`), 40029)
	wantErrcode(t, w.redeemPhone(`{"code":"`+w.code("p1")+`"}`), 40029)
	wantErrcode(t, w.redeemPhone(`{}`), 40029)
	wantErrcode(t, w.redeemPhone(``), 44002)
	wantErrcode(t, w.redeemPhone(`{"code":`), 47001)
	wantErrcode(t, w.redeemPhone(`["code"]`), 47001)
	wantErrcode(t, w.redeemPhone(`{"code":1}`), 47001)
	wantErrcode(t, w.redeemPhone(`code=`+code), 47001)
	wantErrcode(t, w.call(http.MethodGet, "/wxa/business/getuserphonenumber?access_token="+w.token(), ""), 43002)
	code = w.device("POST", "/people/p1/phone", map[string]any{}).text("code")
	w.clock.Add(5 * time.Minute)
	wantErrcode(t, w.redeemPhone(`{"code":"`+code+`"}`), 40029)
}

func TestForeignPhoneNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.device("POST", "/people", map[string]any{"nickname": "Ann", "phone": "+852 51234567"}).text("id")
	code := w.device("POST", "/people/"+id+"/phone", map[string]any{}).text("code")
	info, _ := w.redeemPhone(`{"code":"` + code + `"}`).json["phone_info"].(map[string]any)
	if info["phoneNumber"] != "+85251234567" || info["purePhoneNumber"] != "51234567" || info["countryCode"] != "852" {
		t.Fatalf("got %v, want a number of Hong Kong", info)
	}
}

package sim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// probe calls with a token and returns the errcode; 44002 means that the token is valid.
func (w *apiSide) probe(token string) int {
	w.t.Helper()
	return w.call(http.MethodPost, "/wxa/getwxacode?access_token="+token, "").number("errcode")
}

const goodToken = 44002

func (w *apiSide) plainToken() string {
	w.t.Helper()
	return w.call(http.MethodGet, "/cgi-bin/token?grant_type=client_credential&appid="+w.app.AppID+"&secret="+w.app.Secret, "").text("access_token")
}

func (w *apiSide) stable(force bool) answer {
	w.t.Helper()
	return w.call(http.MethodPost, "/cgi-bin/stable_token",
		fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%v}`, w.app.AppID, w.app.Secret, force))
}

func (w *apiSide) wantProbe(about, token string, want int) {
	w.t.Helper()
	if got := w.probe(token); got != want {
		w.t.Errorf("%s: got %d, want %d", about, got, want)
	}
}

func TestAccessTokenRefusals(t *testing.T) {
	w := newWorld(t)
	good := `"grant_type":"client_credential","appid":"` + w.app.AppID + `"`
	scenarios := []struct {
		name, method, path, body string
		want                     int
	}{
		{"grant type", "GET", "/cgi-bin/token?grant_type=x", "", 40002},
		{"no appid", "GET", "/cgi-bin/token?grant_type=client_credential", "", 41002},
		{"no secret", "GET", "/cgi-bin/token?grant_type=client_credential&appid=" + w.app.AppID, "", 41004},
		{"unknown appid", "GET", "/cgi-bin/token?grant_type=client_credential&appid=wx1&secret=x", "", 40013},
		{"wrong secret", "GET", "/cgi-bin/token?grant_type=client_credential&secret=x&appid=" + w.app.AppID, "", 40125},
		{"stable by GET", "GET", "/cgi-bin/stable_token", "", 43002},
		{"stable without body", "POST", "/cgi-bin/stable_token", "", 44002},
		{"stable with a form", "POST", "/cgi-bin/stable_token", "appid=" + w.app.AppID, 47001},
		{"stable with trailing text", "POST", "/cgi-bin/stable_token", `{} x`, 47001},
		{"stable with force as text", "POST", "/cgi-bin/stable_token", `{` + good + `,"secret":"x","force_refresh":"true"}`, 47001},
		{"stable grant type", "POST", "/cgi-bin/stable_token", `{}`, 40002},
		{"stable without appid", "POST", "/cgi-bin/stable_token", `{"grant_type":"client_credential"}`, 41002},
		{"stable without secret", "POST", "/cgi-bin/stable_token", `{` + good + `}`, 41004},
		{"stable with wrong secret", "POST", "/cgi-bin/stable_token", `{` + good + `,"secret":"x"}`, 40125},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			wantErrcode(t, w.call(s.method, s.path, s.body), s.want)
		})
	}
}

func TestAccessTokenChecks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wantProbe("no token", "", 41001)
	w.wantProbe("malformed token", "hello", 40014)
	w.wantProbe("unknown token", "92_"+strings.Repeat("x", 149), 40001)
	token := w.token()
	if len(token) > 512 || len(token) < 100 {
		t.Errorf("got a token of %d characters, want 100 to 512", len(token))
	}
	w.wantProbe("fresh token", token, goodToken)
	w.clock.Add(7199 * time.Second)
	w.wantProbe("token of its last second", token, goodToken)
	w.clock.Add(time.Second)
	w.wantProbe("token past its life", token, 42001)
}

func TestPlainTokenHasTwoGenerations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stable := w.token()
	first := w.plainToken()
	second := w.plainToken()
	w.wantProbe("the one before, at once", first, goodToken)
	w.wantProbe("the latest", second, goodToken)
	third := w.plainToken()
	w.wantProbe("the third last", first, 40001)
	w.clock.Add(5*time.Minute - time.Second)
	w.wantProbe("the one before, within five minutes", second, goodToken)
	w.clock.Add(time.Second)
	w.wantProbe("the one before, after five minutes", second, 40001)
	w.wantProbe("the latest, after five minutes", third, goodToken)
	w.wantProbe("the other namespace", stable, goodToken)
}

func TestStableToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.stable(false)
	w.clock.Add(100 * time.Second)
	again := w.stable(false)
	if again.text("access_token") != first.text("access_token") || again.number("expires_in") != 7100 || first.number("expires_in") != 7200 {
		t.Fatalf("got %s then %s, want the same token with what is left", first.body, again.body)
	}
	w.clock.Add(6800 * time.Second)
	renewed := w.stable(false)
	if renewed.text("access_token") == first.text("access_token") || renewed.number("expires_in") != 7200 {
		t.Fatalf("got %s in the last five minutes, want a new token", renewed.body)
	}
	w.wantProbe("renewed early, the old one", first.text("access_token"), goodToken)
	w.clock.Add(300 * time.Second)
	w.wantProbe("the old one at its end", first.text("access_token"), 42001)
	w.wantProbe("the renewed one", renewed.text("access_token"), goodToken)
}

func TestStableTokenForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain, old := w.plainToken(), w.token()
	forced := w.stable(true).text("access_token")
	w.wantProbe("forced away", old, 40001)
	w.wantProbe("forced", forced, goodToken)
	w.wantProbe("the other namespace", plain, goodToken)
	if again := w.stable(true).text("access_token"); again != forced {
		t.Error("got a new token within 30 s of a forced one, want the same")
	}
	for range 19 {
		w.clock.Add(30 * time.Second)
		w.stable(true)
	}
	w.clock.Add(30 * time.Second)
	wantErrcode(t, w.stable(true), 45009)
	w.clock.Add(24 * time.Hour)
	if a := w.stable(true); a.text("access_token") == "" {
		t.Errorf("got %s a day later, want a token", a.body)
	}
}

func TestUnknownPathIs404(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/cgi-bin/nothing", "/pay/nothing", "/"} {
		if a := w.call(http.MethodGet, path, ""); a.status != http.StatusNotFound || len(a.body) != 0 {
			t.Errorf("%s: got %d %q, want 404 and nothing", path, a.status, a.body)
		}
	}
	if a := w.call(http.MethodGet, "/v3/pay/transactions/jsapi", ""); a.status != http.StatusMethodNotAllowed || len(a.body) != 0 {
		t.Errorf("got %d %q, want 405 and nothing", a.status, a.body)
	}
}

func TestHugeBodyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/cgi-bin/stable_token", "/_sim/people"} {
		if a := w.call(http.MethodPost, path, strings.Repeat("x", 1<<20+1)); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: got %d, want 413", path, a.status)
		}
	}
}

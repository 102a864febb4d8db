package sim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

func memorySim(t *testing.T, opts ...sim.Option) *sim.Sim {
	t.Helper()
	s, err := sim.New(append(opts, sim.WithKeyBits(keyBits))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// The config route returns private keys: pages of other sites and rebound names must not read it.
func TestControlGuard(t *testing.T) {
	t.Parallel()
	s := memorySim(t, sim.WithAllowedHosts("wechat.test"))
	scenarios := []struct {
		name, host, origin string
		want               int
	}{
		{"localhost", "localhost:8091", "", 200},
		{"loopback", "127.0.0.1:8091", "", 200},
		{"loopback v6", "[::1]:8091", "", 200},
		{"other loopback address", "127.8.8.8", "", 200},
		{"allowed host", "wechat.test:8091", "", 200},
		{"rebound name", "evil.example.com", "", 403},
		{"loopback in disguise", "127.0.0.1.evil.example.com", "", 403},
		{"address of the network", "192.168.1.5:8091", "", 403},
		{"no host", "", "", 403},
		{"own page", "127.0.0.1:8091", "http://127.0.0.1:8091", 200},
		{"page on another port", "127.0.0.1:8091", "http://localhost:8090", 200},
		{"page on the allowed host", "wechat.test", "http://wechat.test", 200},
		{"page of another site", "127.0.0.1:8091", "https://evil.example.com", 403},
		{"page without an origin", "127.0.0.1:8091", "null", 403},
		{"garbage origin", "127.0.0.1:8091", "::", 403},
	}
	for _, sc := range scenarios {
		for about, handler := range map[string]http.Handler{"whole": s.Handler(), "control": s.ControlHandler()} {
			t.Run(sc.name+"/"+about, func(t *testing.T) {
				t.Parallel()
				req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_sim/config", nil)
				req.Host, req.RemoteAddr = sc.host, "127.0.0.1:50000"
				if sc.origin != "" {
					req.Header.Set("Origin", sc.origin)
				}
				rec := httptest.NewRecorder()
				handler.ServeHTTP(rec, req)
				if rec.Code != sc.want || rec.Header().Get("Cache-Control") != "no-store" {
					t.Fatalf("got %d, %q, want %d and no-store", rec.Code, rec.Header().Get("Cache-Control"), sc.want)
				}
				if leaks := strings.Contains(rec.Body.String(), "PRIVATE KEY"); leaks != (sc.want == 200) {
					t.Errorf("got keys %v, want %v", leaks, sc.want == 200)
				}
			})
		}
	}
}

// TestControlPeer: the connection decides who asks, not the headers.
func TestControlPeer(t *testing.T) {
	t.Parallel()
	closed, open := memorySim(t), memorySim(t, sim.WithOpen(true))
	scenarios := []struct {
		name, peer, host, header string
		closed, open             int
	}{
		{"this machine", "127.0.0.1:50000", "localhost:8091", "", 200, 200},
		{"this machine, IPv6", "[::1]:50000", "localhost:8091", "", 200, 200},
		{"another machine that writes localhost", "192.168.1.9:50000", "localhost:8091", "", 403, 200},
		{"another machine by address", "192.168.1.9:50000", "192.168.1.5:8091", "", 403, 200},
		{"another machine by IPv6", "[fe80::1%eth0]:50000", "[::1]:8091", "", 403, 200},
		{"another machine by a rebound name", "192.168.1.9:50000", "evil.example.com", "", 403, 403},
		{"through a proxy on this machine", "127.0.0.1:50000", "127.0.0.1:8090", "X-Forwarded-For", 403, 200},
		{"through nginx", "127.0.0.1:50000", "127.0.0.1:8090", "X-Real-IP", 403, 200},
		{"through a proxy that follows the standard", "[::1]:50000", "localhost", "Forwarded", 403, 200},
		{"no peer", "", "localhost:8091", "", 403, 200},
	}
	for _, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			for _, side := range []struct {
				s    *sim.Sim
				want int
			}{{closed, sc.closed}, {open, sc.open}} {
				req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_sim/config", nil)
				req.Host, req.RemoteAddr = sc.host, sc.peer
				if sc.header != "" {
					req.Header.Set(sc.header, "127.0.0.1")
				}
				rec := httptest.NewRecorder()
				side.s.Handler().ServeHTTP(rec, req)
				if rec.Code != side.want || strings.Contains(rec.Body.String(), "PRIVATE KEY") != (side.want == 200) {
					t.Errorf("got %d, want %d", rec.Code, side.want)
				}
			}
		})
	}
}

func TestControlHandlerHasNoOtherPath(t *testing.T) {
	t.Parallel()
	s := memorySim(t)
	for _, path := range []string{"/", "/sns/jscode2session", "/v3/certificates", "/_simulated"} {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		req.Host = "localhost"
		rec := httptest.NewRecorder()
		s.ControlHandler().ServeHTTP(rec, req)
		if rec.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, rec.Code)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var got sim.Config
	if err := json.Unmarshal(w.call(http.MethodGet, "/_sim/config", "").body, &got); err != nil {
		t.Fatal(err)
	}
	if got.APIBase != w.srv.URL || got.PayBase != w.srv.URL || got.Apps[0] != w.app || !reflect.DeepEqual(got.Merchants[0], w.mch) {
		t.Errorf("got another config by HTTP than by Go")
	}
	lengths := map[string][2]int{
		"appid": {len(w.app.AppID), 18}, "secret": {len(w.app.Secret), 32}, "pushAesKey": {len(w.app.PushAESKey), 43},
		"mchid": {len(w.mch.MchID), 10}, "certSerial": {len(w.mch.CertSerial), 40}, "apiV3Key": {len(w.mch.APIV3Key), 32}, "apiV2Key": {len(w.mch.APIV2Key), 32},
	}
	for name, l := range lengths {
		if l[0] != l[1] {
			t.Errorf("%s: got %d characters, want %d", name, l[0], l[1])
		}
	}
	shown := fmt.Sprintf("%v %+v %s", got, got, got.Merchants)
	if strings.Contains(shown, "PRIVATE") || strings.Contains(shown, w.app.Secret) || strings.Contains(shown, w.mch.APIV3Key) {
		t.Errorf("got secrets in %s, want none when printed", shown)
	}
}

func TestControlErrors(t *testing.T) {
	w := newWorld(t)
	scenarios := []struct {
		name, method, path, body string
		want                     int
	}{
		{"unknown route", "GET", "/nothing", "", 404},
		{"wrong method", "DELETE", "/people", "", 404},
		{"unknown person", "POST", "/people/p9/login", "", 404},
		{"unknown person pays", "POST", "/people/p9/pay", "", 404},
		{"unknown person scans", "POST", "/people/p9/scan", `{"scene":"a"}`, 404},
		{"unknown appid", "POST", "/people/p1/login", `{"appid":"wx1"}`, 404},
		{"unknown action", "POST", "/people/p1/pay", `{"action":"steal"}`, 400},
		{"garbage", "POST", "/people", `{"nickname"`, 400},
		{"wrong type", "POST", "/people", `{"nickname":1}`, 400},
		{"bad phone", "POST", "/people", `{"phone":"12345"}`, 400},
		{"long nickname", "POST", "/people", `{"nickname":"` + strings.Repeat("长", 33) + `"}`, 400},
		{"script as avatar", "POST", "/people", `{"avatar":"javascript:alert(1)"}`, 400},
		{"limit of nothing", "GET", "/calls?limit=0", "", 400},
		{"no picture", "GET", "/avatars/p9.svg", "", 404},
		{"clock without a word", "POST", "/clock", `{}`, 400},
		{"clock backwards", "POST", "/clock", `{"advance":"-1s"}`, 400},
		{"clock to the past", "POST", "/clock", `{"now":"2020-01-01T00:00:00Z"}`, 400},
		{"clock of nonsense", "POST", "/clock", `{"advance":"soon"}`, 400},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			a := w.call(s.method, "/_sim"+s.path, s.body)
			if a.status != s.want || a.text("error") == "" {
				t.Fatalf("got %d %s, want %d and an error", a.status, a.body, s.want)
			}
		})
	}
	if n := len(w.list("/people")); n != 3 {
		t.Errorf("got %d people, want the 3 of the start", n)
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	people := w.list("/people")
	names := fmt.Sprint(people[0]["nickname"], people[1]["nickname"], people[2]["nickname"])
	if names != "小明小红老王" {
		t.Errorf("got %s, want the three of the start", names)
	}
	added := w.device(http.MethodPost, "/people", map[string]any{"nickname": "<b>&"})
	a := w.call(http.MethodGet, added.text("avatar"), "")
	if a.header.Get("Content-Type") != "image/svg+xml" || strings.Contains(string(a.body), "<b>") {
		t.Errorf("got %s %s, want a picture without markup of the name", a.header.Get("Content-Type"), a.body)
	}
	w.device(http.MethodPost, "/people/"+added.text("id"), map[string]any{"nickname": "阿强", "phone": "13900139000"})
	last := w.list("/people")[3]
	if last["nickname"] != "阿强" || last["phone"] != "13900139000" || last["risky"] != false {
		t.Errorf("got %v, want the change kept", last)
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.device(http.MethodPost, "/clock", map[string]any{"advance": "2h30m"})
	if got := w.sim.Now().Sub(w.clock.Now()); got != 150*time.Minute {
		t.Errorf("got moved by %v, want 2h30m", got)
	}
	want := w.clock.Now().Add(24 * time.Hour)
	w.device(http.MethodPost, "/clock", map[string]any{"now": want.Format(time.RFC3339)})
	if got := w.sim.Now(); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := w.sim.Advance(-time.Hour); !got.Equal(want) {
		t.Errorf("got %v after a step back, want no step", got)
	}
}

func TestCallsTellReasonsAndNoSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code := w.code("p1")
	a := w.exchange(code)
	token := w.token()
	plain := w.plainToken()
	w.redeemPhone(`{"code":"` + strings.Repeat("ab", 32) + `"}`)
	w.sessionCall("/wxa/resetusersessionkey", a.text("openid"), sessionHMAC(a.text("session_key")), "hmac_sha256")
	w.call(http.MethodPost, "/cgi-bin/stable_token", "secret="+w.app.Secret)
	req := w.signed(http.MethodGet, "/v3/certificates", "", w.clock.Now())
	w.do(req)
	tampered := w.signed(http.MethodGet, "/v3/certificates", "", w.clock.Now())
	tampered.URL.RawQuery = "a=1"
	w.do(tampered)
	raw := string(w.call(http.MethodGet, "/_sim/calls", "").body)
	_, signature, _ := strings.Cut(req.Header.Get("Authorization"), `signature="`)
	for about, secret := range map[string]string{
		"secret": w.app.Secret, "stable token": token, "token": plain, "session_key": a.text("session_key"), "login code": code,
		"phone code": strings.Repeat("ab", 32), "session signature": sessionHMAC(a.text("session_key")), "Authorization": signature[:40],
	} {
		if strings.Contains(raw, secret) {
			t.Errorf("got the %s in the list of calls, want it masked", about)
		}
	}
	calls := w.list("/calls")
	if calls[0]["verdict"] != "refused" || calls[0]["code"] != "SIGN_ERROR" || !strings.Contains(fmt.Sprint(calls[0]["reason"]), `"GET\n/v3/certificates?a=1\n`) {
		t.Errorf("got %v, want the reason with what had to be signed", calls[0])
	}
	if calls[1]["verdict"] != "ok" || calls[1]["endpoint"] != "certificates" {
		t.Errorf("got %v, want the good call before it", calls[1])
	}
}

func TestCallsKeepTheLastThousand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 1010 {
		w.call(http.MethodGet, "/nothing", "")
	}
	calls := w.list("/calls")
	if few := w.list("/calls?limit=3"); len(few) != 3 || few[2]["id"] != 1008.0 {
		t.Errorf("got %v, want the latest 3", few)
	}
	if len(calls) != 1000 || calls[0]["id"] != 1010.0 || calls[999]["id"] != 11.0 {
		t.Fatalf("got %d calls from %v to %v, want the last 1000", len(calls), calls[0]["id"], calls[len(calls)-1]["id"])
	}
}

func TestPanel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"/_sim": "text/html; charset=utf-8", "/_sim/": "text/html; charset=utf-8",
		"/_sim/panel.js": "text/javascript; charset=utf-8", "/_sim/panel.css": "text/css; charset=utf-8",
	} {
		a := w.call(http.MethodGet, path, "")
		if a.status != 200 || a.header.Get("Content-Type") != want || !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: got %d %s, want 200 %s under a policy", path, a.status, a.header.Get("Content-Type"), want)
		}
	}
}

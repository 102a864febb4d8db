// Package peers runs other people's SDKs, unmodified, against the simulated WeChat: `wxbase sim exec -- go test ./...` sets what it needs in
// the environment. All hosts of WeChat's lead to the simulator, as a hosts file would make them.
package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// toSim sends what is meant for WeChat to the simulator, with WeChat's name in the header Host.
type toSim struct{ next http.RoundTripper }

func (rt toSim) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Host, "weixin.qq.com") {
		base, err := url.Parse(env("WX_API_BASE"))
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.Host = r.URL.Host
		r.URL.Scheme, r.URL.Host = base.Scheme, base.Host
	}
	return rt.next.RoundTrip(r)
}

func TestMain(m *testing.M) {
	if env("WX_API_BASE") == "" {
		fmt.Fprintln(os.Stderr, "peers: run it by `wxbase sim exec -- go test ./...` (or `make peers`)")
		os.Exit(1)
	}
	http.DefaultTransport = toSim{http.DefaultTransport}
	os.Exit(m.Run())
}

func env(name string) string { return os.Getenv(name) }

// control calls the simulator's control API.
func control(t *testing.T, path string, in any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(env("WXBASE_SIM_URL")+"/_sim"+path, "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var out map[string]any
	if err := json.Unmarshal(body, &out); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d %s", path, resp.StatusCode, body)
	}
	return out
}

// login gives a code of wx.login of p1.
func login(t *testing.T) string {
	t.Helper()
	return control(t, "/people/p1/login", map[string]any{})["code"].(string)
}

// openID is p1's at the mini program.
func openID(t *testing.T) string {
	t.Helper()
	query := url.Values{"appid": {env("WX_APPID")}, "secret": {env("WX_SECRET")}, "js_code": {login(t)}, "grant_type": {"authorization_code"}}
	resp, err := http.Get(env("WX_API_BASE") + "/sns/jscode2session?" + query.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out struct{ OpenID string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.OpenID == "" {
		t.Fatalf("login: got %+v, %v", out, err)
	}
	return out.OpenID
}

// payWith is wx.requestPayment with what an SDK signed.
func payWith(t *testing.T, params map[string]any) {
	t.Helper()
	if got := control(t, "/people/p1/pay", params)["errMsg"]; got != "requestPayment:ok" {
		t.Fatalf("pay: got %v", got)
	}
}

var counter atomic.Int64

// number is one that no test used before.
func number(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, os.Getpid(), counter.Add(1))
}

// inbox listens for notifications; each is answered by what handle says.
func inbox(t *testing.T, handle func(*http.Request) (answer string, err error)) (address string, wait func()) {
	t.Helper()
	got := make(chan error, 16)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := handle(r)
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, answer)
		got <- err
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/notify", func() {
		t.Helper()
		select {
		case err := <-got:
			if err != nil {
				t.Fatalf("notification: %v", err)
			}
		case <-time.After(15 * time.Second):
			t.Fatal("no notification came")
		}
	}
}

// now is in Unix seconds.
func now() int64 { return time.Now().Unix() }

// day is today in Beijing, for bills.
func day(form string) string { return time.Now().In(time.FixedZone("CST", 8*3600)).Format(form) }

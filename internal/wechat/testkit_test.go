package wechat_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

const (
	appID  = "wx4f4bc4dec97d474b"
	secret = "5ecre7-0f-7he-app"
)

// vectors are the official samples of testdata/vectors.json.
type vectors struct {
	Signature struct{ RawData, SessionKey, Signature string }
	OpenData  sealed
	Phone     sealed
	Hmac      map[wechat.SessionKey]string
}

type sealed struct {
	AppID, IV, EncryptedData, Plain string
	SessionKey                      wechat.SessionKey
}

var loadVectors = sync.OnceValues(func() (v vectors, err error) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	return v, err
})

func golden(tb testing.TB) vectors {
	tb.Helper()
	v, err := loadVectors()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// api is a WeChat for one test: it counts, issues tokens, and answers the rest by handler.
type api struct {
	calls   atomic.Int64
	fetches atomic.Int64
	handler http.HandlerFunc
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/cgi-bin/stable_token" {
		a.fetches.Add(1)
		_, _ = io.WriteString(w, `{"access_token":"70_token","expires_in":7200}`)
		return
	}
	a.calls.Add(1)
	a.handler(w, r)
}

// serve starts an api and returns it with a client whose pauses take no time.
func serve(t *testing.T, h http.HandlerFunc, opts ...wechat.Option) (*api, *wechat.Client) {
	t.Helper()
	a := &api{handler: h}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	opts = append([]wechat.Option{wechat.WithSleep(noSleep), wechat.WithHTTPClient(srv.Client())}, opts...)
	return a, wechat.New(wechat.App{AppID: appID, Secret: secret, APIBase: srv.URL}, opts...)
}

// answer always writes the same body.
func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// tripper is a function as transport; it replaces WeChat where hosts, time or scheduling matter.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func clientOf(f tripper, opts ...wechat.Option) *wechat.Client {
	opts = append([]wechat.Option{wechat.WithSleep(noSleep), wechat.WithHTTPClient(&http.Client{Transport: f})}, opts...)
	return wechat.New(wechat.App{AppID: appID, Secret: secret}, opts...)
}

func wantKind(tb testing.TB, err error, want wechat.Kind) {
	tb.Helper()
	if got := wechat.KindOf(err); got != want {
		tb.Errorf("got kind %q (%v), want %q", got, err, want)
	}
}

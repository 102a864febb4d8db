package wxpay_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"wxbase/internal/wxpay"
)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestRewrite(t *testing.T) {
	t.Parallel()
	const uri = "/v3/pay/transactions/out-trade-no/A%7CB%2AC_1-2?mchid=1900000109"
	scenarios := []struct {
		name, base, url   string
		wantURL, wantHost string // empty: refused
	}{
		{"a local simulator over plain http", "http://127.0.0.1:8091", "https://api.mch.weixin.qq.com" + uri, "http://127.0.0.1:8091" + uri, "api.mch.weixin.qq.com"},
		{"a slash at the end", "http://127.0.0.1:8091/", "https://api.mch.weixin.qq.com" + uri, "http://127.0.0.1:8091" + uri, "api.mch.weixin.qq.com"},
		{"nothing is the official host", "", "https://api.mch.weixin.qq.com" + uri, "https://api.mch.weixin.qq.com" + uri, "api.mch.weixin.qq.com"},
		{"the backup host goes by its own name", "https://api2.mch.weixin.qq.com", "https://api.mch.weixin.qq.com" + uri, "https://api2.mch.weixin.qq.com" + uri, "api2.mch.weixin.qq.com"},
		{"another host is refused", "http://127.0.0.1:8091", "https://api.weixin.qq.com" + uri, "", ""},
		{"a host that only begins alike is refused", "http://127.0.0.1:8091", "https://api.mch.weixin.qq.com.example.com" + uri, "", ""},
		{"another port is refused", "http://127.0.0.1:8091", "https://api.mch.weixin.qq.com:8443" + uri, "", ""},
		{"plain http is refused", "http://127.0.0.1:8091", "http://api.mch.weixin.qq.com" + uri, "", ""},
		{"a base with a path is refused", "http://127.0.0.1:8091/pay", "https://api.mch.weixin.qq.com" + uri, "", ""},
		{"a base that is no address is refused", "127.0.0.1:8091", "https://api.mch.weixin.qq.com" + uri, "", ""},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var sent *http.Request
			rt := wxpay.Rewrite(s.base, roundTripper(func(req *http.Request) (*http.Response, error) {
				sent = req
				return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
			}))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, http.NoBody)
			must(err)
			before := req.URL.String()
			res, err := rt.RoundTrip(req)
			if err == nil {
				_ = res.Body.Close()
			}
			if s.wantURL == "" {
				if err == nil || sent != nil {
					t.Errorf("got %v sent, want it refused", sent)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if sent.URL.String() != s.wantURL || sent.Host != s.wantHost || req.URL.String() != before {
				t.Errorf("got %s for host %s, want %s for %s", sent.URL, sent.Host, s.wantURL, s.wantHost)
			}
		})
	}
}

// down is a network on which some hosts cannot be reached.
type down struct {
	mu    sync.Mutex
	err   map[string]error // by host; a host without an error is busy
	hosts []string
	auths []string
}

func (d *down) RoundTrip(req *http.Request) (*http.Response, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil || !strings.Contains(string(body), testMchID) {
		return nil, errors.New("body is gone")
	}
	d.hosts, d.auths = append(d.hosts, req.Host), append(d.auths, req.Header.Get("Authorization"))
	if err := d.err[req.URL.Host]; err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: http.StatusInternalServerError, Header: http.Header{},
		Body: io.NopCloser(strings.NewReader(`{"code":"SYSTEM_ERROR"}`)),
	}, nil
}

func TestBackupHost(t *testing.T) {
	t.Parallel()
	const main, backup = "api.mch.weixin.qq.com", "api2.mch.weixin.qq.com"
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	read := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	scenarios := []struct {
		name, base string
		err        map[string]error
		want       string // the hosts that were called
		kind       wxpay.Kind
	}{
		{"not asked while the first one answers", "", nil, main, wxpay.KindBusy},
		{"asked when nobody picks up", "", map[string]error{main: dial}, main + " " + backup, wxpay.KindBusy},
		{"not asked when the call may have arrived", "", map[string]error{main: read}, main, wxpay.KindNetwork},
		{"asked once only", "", map[string]error{main: dial, backup: dial}, main + " " + backup, wxpay.KindNetwork},
		{"not asked for another base", "https://pay.example.com", map[string]error{"pay.example.com": dial}, main, wxpay.KindNetwork},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			network := &down{err: s.err}
			m := testMerchant()
			m.PayBase = s.base
			v := newGateway(t, m, wxpay.WithTransport(network))
			wantKind(t, v.Close(t.Context(), testNumber), s.kind)
			if got := strings.Join(network.hosts, " "); got != s.want {
				t.Errorf("got %s asked, want %s", got, s.want)
			}
			if len(network.auths) == 2 && network.auths[0] == network.auths[1] {
				t.Error("got the same signature twice, want a fresh one for each attempt")
			}
		})
	}
	t.Run("not asked once the caller is gone", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		asked := 0
		v := newGateway(t, testMerchant(), wxpay.WithTransport(roundTripper(func(*http.Request) (*http.Response, error) {
			asked++
			cancel()
			return nil, dial
		})))
		wantKind(t, v.Close(ctx, testNumber), wxpay.KindNetwork)
		if asked != 1 {
			t.Errorf("got %d hosts asked, want 1", asked)
		}
	})
}

func TestDefaultTransportReachesPayBase(t *testing.T) {
	t.Parallel()
	f, v := newTestV3(t)
	request := testRequest()
	if _, err := v.Prepay(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	header, body := f.last()
	if got := header.Get("Wechatpay-Serial"); got != testKeyID {
		t.Errorf("got Wechatpay-Serial %q, want %s", got, testKeyID)
	}
	for _, want := range []string{`"time_expire":"2026-01-01T10:30:00+08:00"`, `"scene_info":{"payer_client_ip":"203.0.113.7"}`, `"attach":"o=17"`} {
		if !strings.Contains(body, want) {
			t.Errorf("got %s, want %s in it", body, want)
		}
	}
	f, v = newTestV3(t)
	request = testRequest()
	request.Attach, request.PayerIP = "", ""
	request.ExpiresAt = request.ExpiresAt.AddDate(-3000, 0, 0)
	if _, err := v.Prepay(t.Context(), request); err == nil {
		t.Error("got a prepay_id for an order of another age, want it refused")
	}
	request.ExpiresAt = testStart.Truncate(0).AddDate(0, 0, 1)
	if _, err := v.Prepay(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if _, body := f.last(); strings.Contains(body, "attach") || strings.Contains(body, "scene_info") || strings.Contains(body, "null") {
		t.Errorf("got %s, want only what was set", body)
	}
}

package v2_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
)

// recorder answers by a script and records the hosts that were called.
type recorder struct {
	mu     sync.Mutex
	asked  []string
	script func(req *http.Request) (*http.Response, error)
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	_ = req.Body.Close()
	r.mu.Lock()
	r.asked = append(r.asked, req.URL.Scheme+"://"+req.URL.Host+req.URL.Path+" for "+req.Host)
	r.mu.Unlock()
	return r.script(req)
}

func failing(err error) *recorder {
	return &recorder{script: func(*http.Request) (*http.Response, error) { return nil, err }}
}

func TestBackupHost(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	const main = "https://api.mch.weixin.qq.com/pay/orderquery for api.mch.weixin.qq.com"
	scenarios := []struct {
		name, base string
		err        error
		want       []string
	}{
		{"a connection that never was goes to the backup", "", dial, []string{main, "https://api2.mch.weixin.qq.com/pay/orderquery for api2.mch.weixin.qq.com"}},
		{"a call that may have left does not", "", &net.OpError{Op: "read", Err: io.ErrUnexpectedEOF}, []string{main}},
		{"a base that was set has no backup", "https://pay.example.com", dial, []string{"https://pay.example.com/pay/orderquery for api.mch.weixin.qq.com"}},
		{"the backup has no backup", "https://api2.mch.weixin.qq.com", dial, []string{"https://api2.mch.weixin.qq.com/pay/orderquery for api2.mch.weixin.qq.com"}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m := testMerchant()
			m.PayBase = s.base
			wire := failing(&url.Error{Op: "Post", URL: "https://a:password@proxy", Err: s.err})
			_, err := newGateway(t, m, v2.WithTransport(wire)).Query(t.Context(), testNumber)
			e := asKind(t, err, wxpay.KindNetwork)
			if !slices.Equal(wire.asked, s.want) || !e.OutcomeUnknown() || !errors.Is(err, s.err) || e.Status != 0 {
				t.Errorf("got %v and %+v, want %v", wire.asked, e, s.want)
			}
			if wantNoSecret(t, err); strings.Contains(err.Error(), "password") {
				t.Errorf("got %v, want no address in it", err)
			}
		})
	}
}

// newTLSWeChat asks for a certificate, accepts any, and reports which paths received one.
func newTLSWeChat(t *testing.T) (server *httptest.Server, saw func() map[string]bool) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string]bool{}
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen[r.URL.Path] = len(r.TLS.PeerCertificates) > 0 && r.TLS.PeerCertificates[0].Subject.CommonName == testMchID
		refuse(w, "系统繁忙")
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server, func() map[string]bool {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func TestOnlyRefundsPresentTheCertificate(t *testing.T) {
	t.Parallel()
	server, saw := newTLSWeChat(t)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	own := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(own.CloseIdleConnections)
	m := testMerchant()
	m.PayBase = server.URL
	m.Certificate, m.PrivateKey = apiclient()
	g := newGateway(t, m, v2.WithTransport(own))
	for range 2 {
		for op, err := range everyCall(t.Context(), g) {
			if asKind(t, err, wxpay.KindBusy).Op != op {
				t.Errorf("got %v of %s", err, op)
			}
		}
	}
	want := map[string]bool{
		"/pay/unifiedorder": false, "/pay/orderquery": false, "/pay/closeorder": false, "/secapi/pay/refund": true, "/pay/refundquery": false,
		"/pay/downloadbill": false,
	}
	for path, seen := range saw() {
		if seen != want[path] {
			t.Errorf("got a certificate at %s: %t, want %t", path, seen, want[path])
		}
	}
	if got := len(saw()); got != len(want) {
		t.Errorf("got calls to %d paths, want %d", got, len(want))
	}
	if len(own.TLSClientConfig.Certificates) != 0 {
		t.Error("got the certificate in the transport of everybody")
	}
}

func TestRefundsWithoutACertificate(t *testing.T) {
	t.Parallel()
	certPEM, keyPEM := apiclient()
	busy := func() *recorder { return failing(io.ErrUnexpectedEOF) }
	open, secure := busy(), busy()
	scenarios := []struct {
		name, base, cert string
		opts             []v2.Option
		want             wxpay.Kind
	}{
		{"is not sent without one", "", "", []v2.Option{v2.WithTransport(open)}, wxpay.KindConfig},
		{"is not sent by a transport that cannot present it", "", certPEM, []v2.Option{v2.WithTransport(open)}, wxpay.KindConfig},
		{"is not sent by the default transport either", "https://127.0.0.1:1", "", nil, wxpay.KindConfig},
		{"goes to a simulator over plain http", "http://127.0.0.1:1", "", []v2.Option{v2.WithTransport(busy())}, wxpay.KindNetwork},
		{"goes by a transport that presents one by itself", "", "", []v2.Option{v2.WithTransport(open), v2.WithSecureTransport(secure)}, wxpay.KindNetwork},
	}
	for _, s := range scenarios {
		m := testMerchant()
		m.PayBase, m.Certificate, m.PrivateKey = s.base, s.cert, keyPEM
		_, err := newGateway(t, m, s.opts...).Refund(t.Context(), testRefund(testRefundNo, 1))
		if e := asKind(t, err, s.want); e.OutcomeUnknown() != (s.want == wxpay.KindNetwork) {
			t.Errorf("got %+v for a refund that %s", e, s.name)
		}
	}
	if len(open.asked) != 0 || len(secure.asked) != 1 {
		t.Errorf("got %v in the open and %v in secret, want one call in secret", open.asked, secure.asked)
	}
}

// stuck never answers.
type stuck struct{}

func (stuck) RoundTrip(req *http.Request) (*http.Response, error) {
	_ = req.Body.Close()
	<-req.Context().Done()
	return nil, req.Context().Err()
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	for limit, opts := range map[time.Duration][]v2.Option{
		8 * time.Second: {v2.WithTimeout(0)},
		3 * time.Second: {v2.WithTimeout(3 * time.Second)},
	} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, testMerchant(), append(opts, v2.WithTransport(stuck{}), v2.WithSecureTransport(stuck{}))...)
				calls := map[string]func() error{
					"query":  func() error { _, err := g.Query(t.Context(), testNumber); return err },
					"refund": func() error { _, err := g.Refund(t.Context(), testRefund(testRefundNo, 1)); return err },
					"bill":   func() error { _, err := g.TradeBill(t.Context(), time.Now().AddDate(0, 0, -1)); return err },
				}
				for name, call := range calls {
					began, want := time.Now(), limit
					if name == "bill" {
						want *= 15
					}
					err := call()
					if wantKind(t, err, wxpay.KindNetwork); !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("got %v, want it to wrap %v", err, context.DeadlineExceeded)
					}
					if took := time.Since(began); took != want {
						t.Errorf("got an answer to %s after %s, want %s", name, took, want)
					}
				}
			})
		})
	}
}

func TestCallerGoesAway(t *testing.T) {
	t.Parallel()
	f, g := newTestGateway(t)
	ctx, cancel := context.WithCancel(t.Context())
	f.setFault(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := g.Prepay(ctx, testRequest())
	if e := asKind(t, err, wxpay.KindNetwork); !e.OutcomeUnknown() || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want an unknown outcome", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	f, g := newTestGateway(t)
	mustPrepay(t, g)
	f.pay()
	body := writeDoc("xml", signed(f.notification(testNumber), v2.SignHMACSHA256, testAPIKey))
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := g.Query(t.Context(), testNumber); err != nil {
				t.Errorf("got %v", err)
			}
			if _, err := g.ParsePayNotification(nil, body); err != nil {
				t.Errorf("got %v", err)
			}
			if _, err := g.Refund(t.Context(), testRefund(testRefundNo, 40)); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if got := len(f.refunds); got != 1 {
		t.Errorf("got %d refunds, want 1", got)
	}
}

package simproxy

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// echo tells what arrives at the simulator.
func echo(w http.ResponseWriter, r *http.Request) {
	certificates := 0
	if r.TLS != nil {
		certificates = len(r.TLS.PeerCertificates)
	}
	_, _ = fmt.Fprintf(w, "%s %s %s %d", r.Method, r.Host, r.RequestURI, certificates)
}

// startProxy gives its address and an authority's pool.
func startProxy(t *testing.T, handler http.Handler, only bool) (addr string, trusted *x509.CertPool) {
	t.Helper()
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- New(a, handler, only).Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	raw, err := os.ReadFile(a.CertificateFile())
	trusted = x509.NewCertPool()
	if err != nil || !trusted.AppendCertsFromPEM(raw) {
		t.Fatalf("got %v, want the authority's certificate", err)
	}
	return listener.Addr().String(), trusted
}

func get(t *testing.T, transport *http.Transport, address string) (int, string, error) {
	t.Helper()
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

func byProxy(addr string, trusted *x509.CertPool) *http.Transport {
	return &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: addr}), TLSClientConfig: &tls.Config{RootCAs: trusted}}
}

// byHosts connects every name to the proxy's address, as a hosts file does.
func byHosts(addr string, trusted *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		},
		TLSClientConfig: &tls.Config{RootCAs: trusted},
	}
}

// TestBothWays: every host of WeChat's leads to the simulator, by HTTPS_PROXY and by a hosts file, with its name and its address as sent.
func TestBothWays(t *testing.T) {
	t.Parallel()
	addr, trusted := startProxy(t, http.HandlerFunc(echo), false)
	for _, host := range Hosts() {
		for way, transport := range map[string]*http.Transport{"proxy": byProxy(addr, trusted), "hosts": byHosts(addr, trusted)} {
			status, body, err := get(t, transport, "https://"+host+"/v3/pay%7Cx?a=%2F")
			if want := "GET " + host + " /v3/pay%7Cx?a=%2F 0"; err != nil || status != 200 || body != want {
				t.Errorf("%s by %s: got %d %q, %v, want %q", host, way, status, body, err, want)
			}
		}
	}
	if _, _, err := get(t, byHosts(addr, trusted), "https://example.com/"); err == nil {
		t.Error("got an answer for a name that is not WeChat's")
	}
	if status, _, err := get(t, byProxy(addr, trusted), "https://api.weixin.qq.com/_sim/config"); err != nil || status != http.StatusNotFound {
		t.Errorf("got %d, %v, want no control API under WeChat's name", status, err)
	}
	if _, _, err := get(t, byProxy(addr, x509.NewCertPool()), "https://api.weixin.qq.com/"); err == nil {
		t.Error("got an answer without trust in the authority")
	}
}

// TestAddressInFull: clients that ask a proxy for https://... in plain text, as axios does.
func TestAddressInFull(t *testing.T) {
	t.Parallel()
	addr, _ := startProxy(t, http.HandlerFunc(echo), false)
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "POST https://api.mch.weixin.qq.com/v3/x?y=1 HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	got, err := io.ReadAll(conn)
	if err != nil || !strings.Contains(string(got), "POST api.mch.weixin.qq.com /v3/x?y=1 0") {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestOthersPass: other hosts are reached as if there were no proxy, and their certificates are their own; with only they are refused.
func TestOthersPass(t *testing.T) {
	t.Parallel()
	other := httptest.NewTLSServer(http.HandlerFunc(echo))
	t.Cleanup(other.Close)
	plain := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(plain.Close)
	own := x509.NewCertPool()
	own.AddCert(other.Certificate())
	addr, _ := startProxy(t, http.HandlerFunc(echo), false)
	for _, address := range []string{other.URL, plain.URL} {
		if status, body, err := get(t, byProxy(addr, own), address+"/x"); err != nil || status != 200 || !strings.Contains(body, " /x ") {
			t.Errorf("%s: got %d %q, %v, want it passed through", address, status, body, err)
		}
	}
	strict, _ := startProxy(t, http.HandlerFunc(echo), true)
	if _, _, err := get(t, byProxy(strict, own), other.URL+"/x"); err == nil {
		t.Error("got an answer, want another host refused")
	}
	if status, _, err := get(t, byProxy(strict, own), plain.URL+"/x"); err != nil || status != http.StatusForbidden {
		t.Errorf("got %d, %v, want 403", status, err)
	}
}

// TestForward: the way to a simulator in another process.
func TestForward(t *testing.T) {
	t.Parallel()
	simulator := httptest.NewServer(http.HandlerFunc(echo))
	base, err := url.Parse(simulator.URL)
	if err != nil {
		t.Fatal(err)
	}
	addr, trusted := startProxy(t, Forward(base), false)
	if _, body, err := get(t, byProxy(addr, trusted), "https://api.weixin.qq.com/sns/x?b=%20"); err != nil || body != "GET api.weixin.qq.com /sns/x?b=%20 0" {
		t.Errorf("got %q, %v", body, err)
	}
	simulator.Close()
	if status, body, err := get(t, byProxy(addr, trusted), "https://api.weixin.qq.com/sns/x"); err != nil || status != http.StatusBadGateway || !strings.Contains(body, simulator.URL) {
		t.Errorf("got %d %q, %v, want it said that no simulator answers", status, body, err)
	}
}

// TestAuthority: it stays the same, its key is for its owner only, and it can vouch for nobody but WeChat.
func TestAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "deep")
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(dir)
	if err != nil || !again.cert.Equal(first.cert) {
		t.Fatalf("got %v, want the same authority after a restart", err)
	}
	if info, err := os.Stat(filepath.Join(dir, caKeyName)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a key of 0600", info, err)
	}
	for name, good := range map[string]bool{"api.weixin.qq.com": true, "example.com": false, "weixin.qq.com": false} {
		leaf, err := first.certificate(name)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AddCert(first.cert)
		if _, err := leaf.Leaf.Verify(x509.VerifyOptions{Roots: pool, DNSName: name}); (err == nil) != good {
			t.Errorf("%s: got %v, want it trusted %v", name, err, good)
		}
		if _, ok := leaf.PrivateKey.(*ecdsa.PrivateKey); !ok {
			t.Errorf("%s: got %T", name, leaf.PrivateKey)
		}
	}
	bundle, err := os.ReadFile(first.BundleFile())
	own, _ := os.ReadFile(first.CertificateFile())
	if err != nil || !strings.HasPrefix(string(bundle), string(own)) {
		t.Errorf("got %v, want the authority first in the bundle", err)
	}
}

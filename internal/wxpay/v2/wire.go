package v2

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"wxbase/internal/wxpay"
)

const (
	maxAnswerBytes = 1 << 20
	dialTimeout    = 3 * time.Second // leaves time to try the backup host
)

var (
	errAnswerTooLong = fmt.Errorf("answer is longer than %d bytes", maxAnswerBytes)
	errNoCertificate = errors.New("calls to /secapi need the merchant's certificate, apiclient_cert.pem and its key")
)

// wire is the way to WeChat: the host that was set, then, for the official one, its backup.
type wire struct {
	open   []http.RoundTripper
	secure []http.RoundTripper // presents the merchant's certificate; empty when there is none
}

func newWire(a account, s settings) *wire {
	if s.transport == nil {
		s.transport = newTransport()
	}
	// a simulator over plain http can see no certificate, and asks for none.
	if s.secure == nil && a.base.Scheme == "http" {
		s.secure = s.transport
	}
	if s.secure == nil {
		s.secure = withCertificate(s.transport, a.cert)
	}
	return &wire{open: hostsOf(a.base, s.transport), secure: hostsOf(a.base, s.secure)}
}

// hostsOf knows a backup only for the official host: who set another base wants that one and no other.
func hostsOf(base *url.URL, next http.RoundTripper) []http.RoundTripper {
	if next == nil {
		return nil
	}
	hosts := []http.RoundTripper{wxpay.Rewrite(base.String(), next)}
	if base.Scheme == "https" && base.Host == officialHost {
		hosts = append(hosts, wxpay.Rewrite("https://"+backupHost, next))
	}
	return hosts
}

// newTransport is the default way out: connections are given up on soon, TLS is checked as usual.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     90 * time.Second,
	}
}

// withCertificate copies a transport so that no other call presents the certificate. It returns nil when
// there is no certificate, or no way to give it to the round tripper.
func withCertificate(rt http.RoundTripper, cert *tls.Certificate) http.RoundTripper {
	plain, ok := rt.(*http.Transport)
	if !ok || cert == nil {
		return nil
	}
	secure := plain.Clone()
	if secure.TLSClientConfig == nil {
		secure.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	secure.TLSClientConfig.Certificates = []tls.Certificate{*cert}
	return secure
}

// post sends one document. The answer's body is the caller's to close.
func post(ctx context.Context, hosts []http.RoundTripper, path string, doc []byte) (*http.Response, error) {
	var last error
	for _, host := range hosts {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+officialHost+path, bytes.NewReader(doc))
		if err != nil {
			return nil, fmt.Errorf("build request: %w", err)
		}
		req.Header.Set("Content-Type", ContentType)
		req.Header.Set("User-Agent", "wxbase")
		// a bill is a gzip file, and must not be unpacked on the way.
		req.Header.Set("Accept-Encoding", "identity")
		res, err := host.RoundTrip(req)
		// NB! only a call that never left may go to another host unasked: nothing can have happened yet.
		if err == nil || !isDialError(err) || ctx.Err() != nil {
			return res, err
		}
		last = err
	}
	return nil, last
}

// isDialError tells that no connection came about; looking up the host's name counts as dialing.
func isDialError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// readAnswer reads all of it, so that a connection cut half-way is a network error and not a signature that
// does not verify.
func readAnswer(body io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswerBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if len(raw) > maxAnswerBytes {
		return nil, errAnswerTooLong
	}
	return raw, nil
}

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

// wire holds the transports to WeChat: the configured host, and for the official one its backup.
type wire struct {
	open   []http.RoundTripper
	secure []http.RoundTripper // presents the merchant's certificate; empty without one
}

func newWire(a account, s settings) *wire {
	if s.transport == nil {
		s.transport = newTransport()
	}
	// a simulator over plain http does not ask for a certificate.
	if s.secure == nil && a.base.Scheme == "http" {
		s.secure = s.transport
	}
	if s.secure == nil {
		s.secure = withCertificate(s.transport, a.cert)
	}
	return &wire{open: hostsOf(a.base, s.transport), secure: hostsOf(a.base, s.secure)}
}

// hostsOf adds a backup only to the official host: another base is used alone.
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

// newTransport is the default transport: short connection timeouts, normal TLS checks.
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

// withCertificate copies a transport, so that only this copy presents the certificate. It returns nil without a
// certificate, and for a round tripper that cannot present one.
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

// post sends one document. The caller closes the answer's body.
func post(ctx context.Context, hosts []http.RoundTripper, path string, doc []byte) (*http.Response, error) {
	var last error
	for _, host := range hosts {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+officialHost+path, bytes.NewReader(doc))
		if err != nil {
			return nil, fmt.Errorf("build request: %w", err)
		}
		req.Header.Set("Content-Type", ContentType)
		req.Header.Set("User-Agent", "wxbase")
		// a bill is a gzip file, which the transport must not unpack.
		req.Header.Set("Accept-Encoding", "identity")
		res, err := host.RoundTrip(req)
		// NB! only a call that never left may go to another host by itself: WeChat cannot have acted on it.
		if err == nil || !isDialError(err) || ctx.Err() != nil {
			return res, err
		}
		last = err
	}
	return nil, last
}

// isDialError tells that the connection was not made; a failed host name lookup counts.
func isDialError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// readAnswer reads the whole answer, so that a cut connection is a network error and not a failed signature.
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

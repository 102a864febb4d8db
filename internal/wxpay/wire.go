package wxpay

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/consts"
)

const (
	maxAnswerBytes = 1 << 20
	dialTimeout    = 3 * time.Second // leaves time to try the backup host
)

var errAnswerTooLong = fmt.Errorf("answer is longer than %d bytes", maxAnswerBytes)

// wire is the last step before the network: it stamps and signs, picks the host, limits the answer and measures the
// clock. The SDK would stamp with the machine's clock, once for all retries.
type wire struct {
	signer auth.Signer
	now    func() time.Time
	main   http.RoundTripper
	backup http.RoundTripper // nil unless the merchant talks to the official host
	skew   atomic.Int64      // nanoseconds that WeChat's clock is ahead
}

// newWire adds a backup only to the official host: another base is used alone.
func newWire(base *url.URL, next http.RoundTripper, signer auth.Signer, now func() time.Time) *wire {
	w := &wire{signer: signer, now: now, main: Rewrite(base.String(), next)}
	if base.Scheme == "https" && base.Host == officialHost {
		w.backup = Rewrite("https://"+backupHost, next)
	}
	return w
}

// newTransport is the default transport: short connection timeouts, normal TLS checks.
func newTransport() http.RoundTripper {
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

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := w.open(req)
	if err != nil {
		return nil, err
	}
	return receive(res)
}

// open leaves the answer's body to the caller, who limits it.
func (w *wire) open(req *http.Request) (*http.Response, error) {
	body, err := takeBody(req)
	if err != nil {
		return nil, err
	}
	res, err := w.send(w.main, req, body)
	// NB! only a call that never left may go to another host by itself: WeChat cannot have acted on it.
	if err != nil && w.backup != nil && isDialError(err) && req.Context().Err() == nil {
		res, err = w.send(w.backup, req, body)
	}
	if err != nil {
		return nil, err
	}
	w.learnSkew(res.Header.Get("Date"))
	return res, nil
}

// send signs one attempt with a fresh time, nonce and signature.
func (w *wire) send(host http.RoundTripper, req *http.Request, body []byte) (*http.Response, error) {
	authorization, err := w.authorize(req.Context(), req.Method, req.URL.RequestURI(), body)
	if err != nil {
		return nil, err
	}
	out := req.Clone(req.Context())
	out.Header.Set(consts.Authorization, authorization)
	if body != nil {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return host.RoundTrip(out)
}

// authorize builds the Authorization header.
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012365334 (如何构造请求签名).
func (w *wire) authorize(ctx context.Context, method, uri string, body []byte) (string, error) {
	at, nonce := w.now().Unix(), rand.Text()
	signed, err := w.signer.Sign(ctx, requestMessage(method, uri, at, nonce, body))
	if err != nil {
		return "", fmt.Errorf("sign request: %w", err)
	}
	return fmt.Sprintf(consts.HeaderAuthorizationFormat, "WECHATPAY2-"+w.signer.Algorithm(),
		signed.MchID, nonce, at, signed.CertificateSerialNo, signed.Signature), nil
}

// requestMessage is what a request signs: uri with its query, exactly as sent, and the bytes of the body.
func requestMessage(method, uri string, at int64, nonce string, body []byte) string {
	return fmt.Sprintf(consts.SignatureMessageFormat, method, uri, at, nonce, body)
}

// receive reads the whole answer, so that a cut connection is a network error and not a failed signature.
func receive(res *http.Response) (*http.Response, error) {
	body, err := readAnswer(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// readAnswer reads and closes the body of an answer.
func readAnswer(from io.ReadCloser) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(from, maxAnswerBytes+1))
	_ = from.Close()
	if err != nil {
		return nil, fmt.Errorf("read answer: %w", err)
	}
	if len(body) > maxAnswerBytes {
		return nil, errAnswerTooLong
	}
	return body, nil
}

// learnSkew ignores a header that is missing or not a date.
func (w *wire) learnSkew(date string) {
	if at, err := http.ParseTime(date); err == nil {
		w.skew.Store(int64(at.Sub(w.now().Truncate(time.Second))))
	}
}

// takeBody returns nil for a request without a body; a round tripper must close it in either case.
func takeBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer closeBody(req)
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	return body, nil
}

// isDialError tells that the connection was not made; a failed host name lookup counts.
func isDialError(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// unsigned is the signer that the SDK sees. Its signature is not sent: wire signs as late as possible with its own
// clock, so a signature here would only cost a millisecond.
type unsigned struct{ auth.Signer }

// Sign implements auth.Signer.
func (unsigned) Sign(context.Context, string) (*auth.SignatureResult, error) {
	return &auth.SignatureResult{}, nil
}

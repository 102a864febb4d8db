package v2

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"wxbase/internal/wxpay"
)

// defaultTimeout bounds one call from the first byte to the last, the backup host included.
const defaultTimeout = 8 * time.Second

// billTimeouts is a bill's timeout as a multiple of a call's.
const billTimeouts = 15

var (
	_ wxpay.Gateway      = (*Gateway)(nil)
	_ wxpay.RefundLister = (*Gateway)(nil)
)

// Gateway is one merchant over API v2, for one of its mini programs. It is safe for concurrent use, and nothing runs in
// the background.
type Gateway struct {
	mchID, appID string
	apiKey       string
	signer       signer
	wire         *wire
	now          func() time.Time
	timeout      time.Duration
}

// Option changes how [New] builds a Gateway.
type Option func(*settings)

type settings struct {
	transport, secure http.RoundTripper
	now               func() time.Time
	timeout           time.Duration
}

// WithTransport sends the calls through rt, after signing them and pointing them at PayBase. When rt is an
// *http.Transport, refunds use a copy of it that presents the merchant's certificate. For any other round tripper,
// refunds also need [WithSecureTransport].
func WithTransport(rt http.RoundTripper) Option { return func(s *settings) { s.transport = rt } }

// WithSecureTransport sends the calls to /secapi through rt, which must present the merchant's certificate itself.
func WithSecureTransport(rt http.RoundTripper) Option { return func(s *settings) { s.secure = rt } }

// WithNow sets the clock that stamps the phone's argument and decides which day is over.
func WithNow(now func() time.Time) Option { return func(s *settings) { s.now = now } }

// WithTimeout bounds one call; the default is eight seconds, and zero keeps the default. A bill's file may take fifteen
// times as long.
func WithTimeout(d time.Duration) Option {
	return func(s *settings) {
		if d > 0 {
			s.timeout = d
		}
	}
}

// New checks the merchant. It reads MchID, APIv2Key, SignType and PayBase, and for refunds Certificate and PrivateKey,
// which may both be empty when PayBase is plain http or nothing is refunded. Calls that do not name a mini program use
// appID, which must be bound to the merchant. It does not use the network.
func New(m wxpay.Merchant, appID string, opts ...Option) (*Gateway, error) {
	s := settings{now: time.Now, timeout: defaultTimeout}
	for _, opt := range opts {
		opt(&s)
	}
	account, err := readAccount(m)
	if err != nil {
		return nil, fmt.Errorf("check merchant: %w", err)
	}
	g := &Gateway{
		mchID: m.MchID, apiKey: m.APIv2Key, signer: account.signer, wire: newWire(account, s), now: s.now, timeout: s.timeout,
	}
	return g.ForApp(appID)
}

// ForApp returns a gateway of the same merchant for another of its mini programs, over the same connections. It accepts
// only answers about that mini program.
func (g *Gateway) ForApp(appID string) (*Gateway, error) {
	if !isToken(appID, 32) {
		return nil, errors.New("appid must have 1 to 32 characters of 0-9 A-Z a-z _ -")
	}
	other := *g
	other.appID = appID
	return &other, nil
}

// String names the merchant and the mini program only.
func (g *Gateway) String() string {
	return "wechat pay v2 of merchant " + g.mchID + " for " + g.appID
}

// GoString equals String: %#v shows no key either.
func (g *Gateway) GoString() string { return g.String() }

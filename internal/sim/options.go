package sim

import (
	"net/http"
	"time"
)

// Option changes how New builds a simulator.
type Option func(*options)

// options is what New was told.
type options struct {
	stateDir     string
	transport    http.RoundTripper
	now          func() time.Time
	publicBase   string
	keyBits      int
	allowedHosts []string
	open         bool
	pushes       []appPush

	mediaDelay time.Duration
	sendTime   time.Duration

	rules rules
	given Config // credentials, see WithCredentials
	keep  int    // orders, see WithKeep
}

// WithStateDir keeps keys and state in dir (made with mode 0700), so that a restart goes on where the last run stopped.
// Without it everything lives in memory only.
func WithStateDir(dir string) Option { return func(o *options) { o.stateDir = dir } }

// WithTransport sends the outgoing notifications through rt instead of the network.
func WithTransport(rt http.RoundTripper) Option { return func(o *options) { o.transport = rt } }

// WithNow replaces the base clock. Advance adds its offset on top.
func WithNow(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithPublicBase is the address that Config reports as apiBase and payBase, without a trailing slash.
func WithPublicBase(url string) Option { return func(o *options) { o.publicBase = url } }

// WithKeyBits sets the size of the RSA keys made at first start; 2048 by default. Smaller ones are for tests.
func WithKeyBits(bits int) Option { return func(o *options) { o.keyBits = bits } }

// WithAllowedHosts lets the control API answer to further host names (no port) besides localhost and loopback addresses.
func WithAllowedHosts(hosts ...string) Option {
	return func(o *options) { o.allowedHosts = append(o.allowedHosts, hosts...) }
}

// WithOpen lets the control API answer other machines too, by an address instead of a name. Whoever reaches it can then read the keys and
// pay without money.
func WithOpen(open bool) Option { return func(o *options) { o.open = open } }

// WithCredentials gives the simulator the credentials that a backend has already: of each mini program and merchant what is told, in
// this order; the rest is made up. WeChat Pay's own keys are always made up, since nobody but WeChat has them.
func WithCredentials(given Config) Option { return func(o *options) { o.given = given } }

// WithPages names the pages of the published version; a code for any other page is refused with 41030 unless check_path
// is false. Without it every well-formed page counts as published.
func WithPages(pages ...string) Option {
	return func(o *options) { o.rules.pages = append(o.rules.pages, pages...) }
}

// WithRefundSpacing sets the least time between two refunds of one order, one minute of WeChat's time by default.
// Zero lifts the rule.
func WithRefundSpacing(d time.Duration) Option { return func(o *options) { o.rules.refundSpacing = d } }

// WithRefundDelay sets how long a refund stays PROCESSING, three seconds of WeChat's time by default. A negative delay
// leaves every refund to POST /_sim/refunds/{refund_id}.
func WithRefundDelay(d time.Duration) Option { return func(o *options) { o.rules.refundDelay = d } }

// WithMediaDelay sets how long media_check_async takes until its result is pushed, two seconds of WeChat's time by default.
func WithMediaDelay(d time.Duration) Option { return func(o *options) { o.mediaDelay = d } }

// WithSendTime sets how long a subscribe message is under way, 20 milliseconds by default: meanwhile a second one to the same
// person is refused with 43108.
func WithSendTime(d time.Duration) Option { return func(o *options) { o.sendTime = d } }

// WithBillsAnyTime lets bills be fetched for today and before ten o'clock, which WeChat Pay does not.
func WithBillsAnyTime() Option { return func(o *options) { o.rules.billsAnyTime = true } }

// WithCloseMinAge refuses to close an order younger than d of WeChat's time, in v2 and v3. WeChat Pay's older pages say five
// minutes, its newer ones nothing; zero, which is the rule by default, lets every order be closed.
func WithCloseMinAge(d time.Duration) Option { return func(o *options) { o.rules.closeMinAge = d } }

// WithClientCertificates makes /secapi/ want the merchant's certificate as TLS client certificate, as WeChat Pay does. It
// then works over TLS only: see Sim.TLSConfig.
func WithClientCertificates(required bool) Option {
	return func(o *options) { o.rules.clientCerts = required }
}

// WithPublicKeyOnly answers GET /v3/certificates with 404, as WeChat Pay does for merchants of after October 2024.
func WithPublicKeyOnly(only bool) Option { return func(o *options) { o.rules.publicKeyOnly = only } }

// WithMixedSerials signs every notification at random with the platform certificate or the public key, as WeChat Pay does
// while a merchant goes over from the one to the other.
func WithMixedSerials() Option { return func(o *options) { o.rules.mixedSerials = true } }

// newOptions starts from the real clock, real keys and the real network.
func newOptions(opts []Option) options {
	o := options{
		now: time.Now, keyBits: 2048, rules: defaultRules(), keep: keepOrders,
		mediaDelay: 2 * time.Second, sendTime: 20 * time.Millisecond,
		transport: &http.Transport{
			// note: no proxy from the environment; a notification goes straight to the laptop's own port
			Proxy:                 nil,
			DisableKeepAlives:     true,
			ResponseHeaderTimeout: notifyTimeout,
		},
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

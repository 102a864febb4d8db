package sim

import (
	"net/http"
	"time"
)

// Option changes how New builds a simulator.
type Option func(*options)

// options are the arguments of New.
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

// WithStateDir keeps keys and state in dir (made with mode 0700), so that they survive a restart. Without it everything
// is in memory only.
func WithStateDir(dir string) Option { return func(o *options) { o.stateDir = dir } }

// WithTransport sends the outgoing notifications through rt instead of the network.
func WithTransport(rt http.RoundTripper) Option { return func(o *options) { o.transport = rt } }

// WithNow replaces the base clock. Advance adds its offset on top.
func WithNow(now func() time.Time) Option { return func(o *options) { o.now = now } }

// WithPublicBase is the address that Config reports as apiBase and payBase, without a trailing slash.
func WithPublicBase(url string) Option { return func(o *options) { o.publicBase = url } }

// WithKeyBits sets the size of the RSA keys made at first start; 2048 by default. Smaller ones are for tests.
func WithKeyBits(bits int) Option { return func(o *options) { o.keyBits = bits } }

// WithAllowedHosts lets the control API accept more host names (without port) than localhost and loopback addresses.
func WithAllowedHosts(hosts ...string) Option {
	return func(o *options) { o.allowedHosts = append(o.allowedHosts, hosts...) }
}

// WithOpen lets the control API answer other machines too, by an address instead of a name. They can then read the keys
// and pay without money.
func WithOpen(open bool) Option { return func(o *options) { o.open = open } }

// WithCredentials gives the simulator a backend's existing credentials: those of each mini program and merchant, in
// this order; it invents the rest. It always invents WeChat Pay's own keys, because only WeChat has them.
func WithCredentials(given Config) Option { return func(o *options) { o.given = given } }

// WithPages sets the pages of the published version; a code for any other page is refused with 41030 unless check_path
// is false. Without it every well-formed page counts as published.
func WithPages(pages ...string) Option {
	return func(o *options) { o.rules.pages = append(o.rules.pages, pages...) }
}

// WithRefundSpacing sets the minimum time between two refunds of one order, one minute of WeChat's time by default.
// Zero removes the rule.
func WithRefundSpacing(d time.Duration) Option { return func(o *options) { o.rules.refundSpacing = d } }

// WithRefundDelay sets how long a refund stays PROCESSING, three seconds of WeChat's time by default. A negative delay
// leaves every refund to POST /_sim/refunds/{refund_id}.
func WithRefundDelay(d time.Duration) Option { return func(o *options) { o.rules.refundDelay = d } }

// WithMediaDelay sets how long media_check_async takes until its result is pushed, two seconds of WeChat's time by default.
func WithMediaDelay(d time.Duration) Option { return func(o *options) { o.mediaDelay = d } }

// WithSendTime sets how long sending a subscribe message takes, 20 milliseconds by default: a second one to the same
// person is meanwhile refused with 43108.
func WithSendTime(d time.Duration) Option { return func(o *options) { o.sendTime = d } }

// WithBillsAnyTime allows bills of today and before ten o'clock, which WeChat Pay refuses.
func WithBillsAnyTime() Option { return func(o *options) { o.rules.billsAnyTime = true } }

// WithCloseMinAge refuses to close an order younger than d of WeChat's time, in v2 and v3. WeChat Pay's older pages
// demand five minutes, its newer ones are silent; the default, zero, allows every close.
func WithCloseMinAge(d time.Duration) Option { return func(o *options) { o.rules.closeMinAge = d } }

// WithClientCertificates makes /secapi/ demand the merchant's certificate as TLS client certificate, as WeChat Pay
// does. It then works over TLS only: see Sim.TLSConfig.
func WithClientCertificates(required bool) Option {
	return func(o *options) { o.rules.clientCerts = required }
}

// WithPublicKeyOnly answers GET /v3/certificates with 404, as WeChat Pay does for merchants since October 2024.
func WithPublicKeyOnly(only bool) Option { return func(o *options) { o.rules.publicKeyOnly = only } }

// WithMixedSerials signs every notification at random with the platform certificate or the public key, as WeChat Pay
// does while a merchant changes from one to the other.
func WithMixedSerials() Option { return func(o *options) { o.rules.mixedSerials = true } }

// newOptions starts from the real clock, real keys and the real network.
func newOptions(opts []Option) options {
	o := options{
		now: time.Now, keyBits: 2048, rules: defaultRules(), keep: keepOrders,
		mediaDelay: 2 * time.Second, sendTime: 20 * time.Millisecond,
		transport: &http.Transport{
			// note: ignores the environment's proxy; a notification goes straight to the machine's own port
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

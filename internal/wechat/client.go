package wechat

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// App is the credentials of one mini program.
type App struct {
	// AppID is "wx" and 16 hex digits.
	AppID string
	// Secret is the AppSecret. NB! It prints as a mask.
	Secret string
	// APIBase is the origin of the server API; empty means https://api.weixin.qq.com. Only that host has failover
	// hosts.
	APIBase string
}

// Client calls the server API for one mini program. It is safe for concurrent use and holds the access token, so make
// one for each app and keep it.
type Client struct{ *caller }

// caller makes the calls, layer by layer.
type caller struct {
	app    App
	http   *http.Client
	hosts  *hosts
	tokens *tokens
	store  TokenStore
	log    *slog.Logger
	now    func() time.Time
	sleep  func(context.Context, time.Duration) error
	jitter func() float64
	try    time.Duration
	total  time.Duration

	observer func(CallInfo)
	limits   Breaker
	breaker  *breaker
	line     *line

	do, doToken sender
}

// sender makes a call and returns the body of a good answer.
type sender func(ctx context.Context, q call) ([]byte, error)

// connect assembles the layers of a call, the outermost first. A layer sees the call before the layers inside it, and
// their answer after them.
func (c *caller) connect() {
	request := c.repeat( // up to three times with a pause, if that is harmless
		c.hold( // unless the breaker is open or the line is full
			c.failover( // at the next host when one does not answer
				c.send))) // one request, one answer
	c.do = c.observe( // reports the outcome
		c.check( // refuses impossible calls
			c.limit( // ends after the total deadline
				c.withToken( // adds the access token, and replaces it when it is refused
					request))))
	c.doToken = c.observe(ofTokenCall(request))
}

// Option changes how a [Client] works.
type Option func(*Client)

// New returns a client. It makes no call: wrong credentials show at the first one, as [KindConfig].
func New(app App, opts ...Option) *Client {
	c := &Client{&caller{
		app:    app,
		http:   &http.Client{},
		store:  NewMemoryTokenStore(),
		log:    slog.New(slog.DiscardHandler),
		now:    time.Now,
		sleep:  sleep,
		jitter: rand.Float64,
		try:    5 * time.Second,
		total:  12 * time.Second,
		line:   newLine(defaultInFlight, defaultWaiting),
	}}
	for _, opt := range opts {
		opt(c)
	}
	// NB! following a redirect would send the query's access_token or secret to its target.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.hosts = newHosts(app.APIBase, c.now)
	c.tokens = &tokens{c: c.caller, renewing: make(chan struct{}, 1)}
	c.breaker = newBreaker(c.limits, c.log, app.AppID)
	c.connect()
	return c
}

// WithHTTPClient sets the HTTP client whose transport is used; its redirect rule and cookies are not.
func WithHTTPClient(h *http.Client) Option {
	return func(c *Client) { c.http = &http.Client{Transport: h.Transport, Timeout: h.Timeout} }
}

// WithTokenStore sets where the access token is kept across processes. The default is memory.
func WithTokenStore(s TokenStore) Option { return func(c *Client) { c.store = s } }

// WithLogger sets the log for failed calls, with WeChat's request id, and for changes of the access token. Users'
// mistakes are logged at Info, repeats and held-back calls at Debug. By default nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(c *Client) { c.log = l } }

// WithNow sets the clock for token lifetimes.
func WithNow(now func() time.Time) Option { return func(c *Client) { c.now = now } }

// WithSleep replaces the pause before a repeat; f returns early with an error when ctx ends.
func WithSleep(f func(context.Context, time.Duration) error) Option {
	return func(c *Client) { c.sleep = f }
}

// WithJitter sets the source of randomness in pauses and renewal times: a function that returns
// 0 <= x < 1 and is safe for concurrent use.
func WithJitter(f func() float64) Option { return func(c *Client) { c.jitter = f } }

// WithTimeouts sets the deadlines of one try and of a whole call with its repeats. The defaults are 5 s and 12 s.
func WithTimeouts(try, total time.Duration) Option {
	return func(c *Client) { c.try, c.total = try, total }
}

// AppID returns the client's mini program.
func (c *Client) AppID() string { return c.app.AppID }

// check refuses impossible calls before anything is sent.
func (c *caller) check(next sender) sender {
	return func(ctx context.Context, q call) ([]byte, error) {
		if err := c.ready(q.op); err != nil {
			return nil, err
		}
		return next(ctx, q)
	}
}

// ready returns an error if the client lacks what every call needs.
func (c *caller) ready(op string) error {
	switch {
	case c.app.AppID == "":
		return configError(op, errNoAppID)
	case c.app.Secret == "":
		return configError(op, errNoSecret)
	case c.hosts == nil:
		return configError(op, errBadBase)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

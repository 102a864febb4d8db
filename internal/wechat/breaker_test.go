package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/wechat"
)

// outage is a WeChat on one host that fails as told; it counts the requests.
type outage struct {
	mu    sync.Mutex
	fail  func(*http.Request) (*http.Response, error) // nil means it works
	calls int
	hosts []string
	codes []string
}

func (o *outage) RoundTrip(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	o.calls++
	o.hosts = append(o.hosts, r.URL.Host)
	o.codes = append(o.codes, r.URL.Query().Get("js_code"))
	fail := o.fail
	o.mu.Unlock()
	if fail != nil {
		return fail(r)
	}
	return say(`{"openid":"o","session_key":"k"}`), nil
}

func (o *outage) set(fail func(*http.Request) (*http.Response, error)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fail = fail
}

func (o *outage) seen() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls
}

// client has one host, so that there is no failover.
func (o *outage) client(opts ...wechat.Option) *wechat.Client {
	opts = append([]wechat.Option{
		wechat.WithHTTPClient(&http.Client{Transport: o}), wechat.WithSleep(noSleep),
	}, opts...)
	return wechat.New(wechat.App{AppID: appID, Secret: secret, APIBase: "https://wechat.example"}, opts...)
}

func refused(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection reset by peer")
}

func undialled(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Err: errors.New("connection refused")}
}

func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// sayWith answers with a status.
func sayWith(status int, body string) *http.Response {
	res := say(body)
	res.StatusCode = status
	return res
}

func login(ctx context.Context, c *wechat.Client) error {
	_, err := c.Code2Session(ctx, "c0de")
	return err
}

// isOpen makes a call and tells whether it was held back; then nothing may have been sent.
func isOpen(t *testing.T, o *outage, c *wechat.Client) bool {
	t.Helper()
	before := o.seen()
	err := login(t.Context(), c)
	if !errors.Is(err, wechat.ErrOpen) {
		return false
	}
	e, ok := errors.AsType[*wechat.Error](err)
	if !ok || e.Kind != wechat.KindBusy || e.MaybeDone || !e.Retryable() || o.seen() != before {
		t.Errorf("got %#v and %d requests, want busy, not done, to be repeated, and none", err, o.seen()-before)
	}
	return true
}

func TestBreakerOpensAfterFailuresInARow(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(*http.Request) (*http.Response, error){
		"connection breaks":      refused,
		"no connection":          undialled,
		"no answer in time":      hang,
		"HTTP 502 of an edge":    func(*http.Request) (*http.Response, error) { return sayWith(502, "<html>"), nil },
		"answer that is cut off": func(*http.Request) (*http.Response, error) { return cutOff(), nil },
	}
	for name, fail := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &outage{fail: fail}
				c := o.client()
				for o.seen() < 10 { // unsent calls are repeated, so count requests
					wantKind(t, login(t.Context(), c), wechat.KindNetwork)
					if o.seen() < 10 {
						time.Sleep(time.Minute) // far apart: failures in a row have no window
					}
				}
				if got := o.seen(); got != 10 || !isOpen(t, o, c) {
					t.Errorf("got %d requests, want the tenth to open it", got)
				}
			})
		})
	}
}

func cutOff() *http.Response {
	res := say("")
	res.Body = io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{}))
	return res
}

func TestBreakerHoldsBackAndRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := &outage{fail: refused}
		c := o.client(wechat.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		for range 9 {
			wantKind(t, login(t.Context(), c), wechat.KindNetwork)
		}
		o.set(nil)
		wantKind(t, login(t.Context(), c), "") // one good answer ends the row
		o.set(refused)
		for range 10 {
			wantKind(t, login(t.Context(), c), wechat.KindNetwork)
		}
		start := time.Now()
		for range 1000 {
			if !isOpen(t, o, c) {
				t.Fatal("got a call let out, want it held back")
			}
		}
		if time.Since(start) != 0 {
			t.Errorf("got refusals after %v, want them at once", time.Since(start))
		}
		time.Sleep(10*time.Second + 1)
		wantKind(t, login(t.Context(), c), wechat.KindNetwork) // a probe fails
		if !isOpen(t, o, c) {
			t.Error("got it closed after a failed probe, want open again")
		}
		time.Sleep(10*time.Second + 1)
		o.set(nil)
		for range 100 {
			wantKind(t, login(t.Context(), c), "")
		}
		if got := strings.Count(log.String(), "to=open"); got != 2 {
			t.Errorf("got %d lines about opening, want 2:\n%s", got, log.String())
		}
		if got := strings.Count(log.String(), "to=closed"); got != 1 {
			t.Errorf("got %d lines about closing, want 1:\n%s", got, log.String())
		}
	})
}

func TestBreakerNeverSpendsACode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{fail: refused}
		c := o.client()
		for range 10 {
			wantKind(t, login(t.Context(), c), wechat.KindNetwork)
		}
		_, err := c.Code2Session(t.Context(), "precious")
		if !errors.Is(err, wechat.ErrOpen) {
			t.Fatalf("got %v, want ErrOpen", err)
		}
		o.set(nil)
		time.Sleep(10*time.Second + 1)
		if _, err := c.Code2Session(t.Context(), "precious"); err != nil {
			t.Errorf("got %v, want the same code to work", err)
		}
		sent := strings.Count(strings.Join(o.codes, " "), "precious")
		if sent != 1 {
			t.Errorf("got the code sent %d times, want once", sent)
		}
	})
}

func TestBreakerLetsFewThroughWhenHalfOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{fail: refused}
		c := o.client()
		for range 10 {
			wantKind(t, login(t.Context(), c), wechat.KindNetwork)
		}
		time.Sleep(10*time.Second + 1)
		o.set(hang)
		before := o.seen()
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		errs := make(chan error, 100)
		for range 100 {
			wg.Go(func() { errs <- login(ctx, c) })
		}
		synctest.Wait()
		if got := o.seen() - before; got != 3 || len(errs) != 97 {
			t.Errorf("got %d probes and %d refusals, want 3 and 97", got, len(errs))
		}
		cancel() // a caller who leaves releases the probe and proves nothing
		wg.Wait()
		o.set(nil)
		for range 100 {
			wantKind(t, login(t.Context(), c), "")
		}
	})
}

func TestBreakerOpensByShare(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		pattern string // f fails, s succeeds; repeated
		calls   int
		apart   time.Duration
		open    bool
	}{
		{"two of three fail", "sff", 21, 0, true},
		{"two of three, and too few to tell", "sff", 19, 0, false},
		{"just 60 %", "sfsff", 100, 0, false},
		{"half", "sf", 100, 0, false},
		{"two of three, and too slow to fill the window", "sff", 100, 2 * time.Second, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &outage{}
				c := o.client()
				for n := range s.calls {
					o.set(nil)
					if s.pattern[n%len(s.pattern)] == 'f' {
						o.set(refused)
					}
					_ = login(t.Context(), c)
					time.Sleep(s.apart)
				}
				o.set(nil)
				if got := isOpen(t, o, c); got != s.open {
					t.Errorf("got open %v, want %v", got, s.open)
				}
			})
		})
	}
}

// every errcode is an answer, and a caller who leaves proves nothing.
func TestBreakerCountsNoAnswers(t *testing.T) {
	t.Parallel()
	scenarios := map[string]struct {
		status int
		body   string
	}{
		"busy":             {200, `{"errcode":-1}`},
		"wrong code":       {200, `{"errcode":40029}`},
		"wrong secret":     {200, `{"errcode":40125}`},
		"web page":         {200, `<html>`},
		"nothing":          {200, ``},
		"HTTP 404":         {404, `<html>`},
		"redirect":         {302, ``},
		"errcode with 500": {500, `{"errcode":45009}`},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &outage{fail: func(*http.Request) (*http.Response, error) { return sayWith(s.status, s.body), nil }}
			c := o.client()
			for range 100 {
				if err := login(t.Context(), c); err == nil || errors.Is(err, wechat.ErrOpen) {
					t.Fatalf("got %v, want WeChat's own refusal", err)
				}
			}
		})
	}
	t.Run("callers who leave", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			o := &outage{fail: hang}
			c := o.client()
			for range 50 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				wantKind(t, login(ctx, c), wechat.KindNetwork)
				cancel()
			}
			o.set(nil)
			wantKind(t, login(t.Context(), c), "")
		})
	})
}

// a broken host is not an outage while another answers: neither in sequence, nor for many concurrent calls.
func TestBreakerGoesByAllHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{}
		o.set(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "api.weixin.qq.com" {
				return hang(r)
			}
			return say(`{"openid":"o","session_key":"k"}`), nil
		})
		c := clientOf(o.RoundTrip)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { wantKind(t, login(t.Context(), c), wechat.KindNetwork) })
		}
		wg.Wait()
		for range 100 {
			wantKind(t, login(t.Context(), c), "")
			time.Sleep(time.Second / 2)
		}
		o.set(refused) // now all fail
		for range 4 + 10 {
			_ = login(t.Context(), c)
		}
		if !isOpen(t, o, c) {
			t.Error("got it closed with every host down, want open")
		}
	})
}

// requests that hang at one host count for nothing once another has answered.
func TestBreakerForgivesAHostThatAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{fail: hang}
		c := clientOf(o.RoundTrip, wechat.WithBreaker(wechat.Breaker{Failures: 3}))
		var late sync.WaitGroup
		for range 3 {
			late.Go(func() { wantKind(t, login(t.Context(), c), wechat.KindNetwork) })
		}
		synctest.Wait()
		o.set(refused)
		for range 5 { // all four hosts fail, the first one twice: two failures in a row
			wantKind(t, login(t.Context(), c), wechat.KindNetwork)
		}
		o.set(nil)
		wantKind(t, login(t.Context(), c), "") // the second host answers again
		late.Wait()
		wantKind(t, login(t.Context(), c), "")
	})
}

func TestBreakerEndsARepeat(t *testing.T) {
	t.Parallel()
	o := &outage{fail: undialled}
	c := o.client(wechat.WithBreaker(wechat.Breaker{Failures: 2}))
	err := login(t.Context(), c)
	wantKind(t, err, wechat.KindNetwork)
	if o.seen() != 2 || errors.Is(err, wechat.ErrOpen) {
		t.Errorf("got %v after %d requests, want the cause after 2", err, o.seen())
	}
	if !isOpen(t, o, c) {
		t.Error("got it closed, want open")
	}
}

func TestBreakerIsTuned(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{fail: refused}
		c := o.client(wechat.WithBreaker(wechat.Breaker{Failures: 1, OpenFor: time.Minute, Probes: 1}))
		wantKind(t, login(t.Context(), c), wechat.KindNetwork)
		time.Sleep(59 * time.Second)
		if !isOpen(t, o, c) {
			t.Error("got it closed after 59 s, want open for a minute")
		}
		time.Sleep(2 * time.Second)
		o.set(nil)
		wantKind(t, login(t.Context(), c), "")
	})
}

// a panicking transport must release its probe; otherwise every later call would be held back.
func TestBreakerSurvivesAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{fail: func(*http.Request) (*http.Response, error) { panic("transport") }}
		c := o.client(wechat.WithBreaker(wechat.Breaker{Failures: 1, Probes: 1}), wechat.WithBound(1, 0))
		for range 3 {
			func() {
				defer func() {
					if recover() == nil {
						t.Error("got no panic, want the transport's own")
					}
				}()
				_ = login(t.Context(), c)
			}()
			if !isOpen(t, o, c) {
				t.Error("got it closed after a panic, want open")
			}
			time.Sleep(10*time.Second + 1)
		}
		o.set(nil)
		wantKind(t, login(t.Context(), c), "")
	})
}

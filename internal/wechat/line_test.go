package wechat_test

import (
	"bytes"
	"context"
	"errors"
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

// an outage holds a limited number of requests and callers; all others fail at once.
func TestOutageDoesNotPileUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := &outage{fail: hang}
		c := o.client(wechat.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		start := time.Now()
		errs := make(chan error, 5000)
		for range cap(errs) {
			go func() { errs <- login(t.Context(), c) }()
		}
		synctest.Wait()
		if got := o.seen(); got != 256 {
			t.Errorf("got %d requests under way, want 256", got)
		}
		if got := len(errs); got != cap(errs)-256-1024 || time.Since(start) != 0 {
			t.Errorf("got %d callers sent away after %v, want all but 256 and 1024 at once", got, time.Since(start))
		}
		for range len(errs) {
			err := <-errs
			e, ok := errors.AsType[*wechat.Error](err)
			if !ok || !errors.Is(err, wechat.ErrCrowded) || e.Kind != wechat.KindBusy || e.MaybeDone {
				t.Fatalf("got %#v, want busy and not done", err)
			}
		}
		// the deadline of a try ends the first ones, the tenth opens the breaker, and the waiting callers fail. The few
		// that started after the first nine wait for their own deadlines.
		time.Sleep(5*time.Second + 1)
		synctest.Wait()
		if got := len(errs); got < 256+1024-9 {
			t.Errorf("got %d callers back after the first deadline, want all but nine of 1280", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := len(errs); got != 256+1024 {
			t.Errorf("got %d callers back after the second deadline, want all 1280", got)
		}
		if got := o.seen(); got > 256+9 {
			t.Errorf("got %d requests in all, want the breaker to stop the line", got)
		}
		if got := strings.Count(log.String(), "\n"); got > 256+9+1 {
			t.Errorf("got %d lines in the log, want one for each request and one of the breaker", got)
		}
	})
}

func TestWaitingInLineHonoursTheCaller(t *testing.T) {
	t.Parallel()
	scenarios := map[string]struct {
		own  time.Duration // the caller's own deadline
		want time.Duration
	}{
		"caller's deadline":  {time.Second, time.Second},
		"deadline of a call": {time.Hour, 3 * time.Second},
		"caller who is gone": {0, 0},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &outage{fail: func(*http.Request) (*http.Response, error) { // ignores deadlines
					time.Sleep(time.Hour)
					return nil, net.ErrClosed
				}}
				c := o.client(wechat.WithBound(1, 1), wechat.WithTimeouts(3*time.Second, 3*time.Second))
				var first sync.WaitGroup
				defer first.Wait()
				first.Go(func() { _ = login(context.WithoutCancel(t.Context()), c) })
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), s.own)
				defer cancel()
				start := time.Now()
				err := login(ctx, c)
				wantKind(t, err, wechat.KindBusy)
				if !errors.Is(err, wechat.ErrCrowded) || !errors.Is(err, context.DeadlineExceeded) || o.seen() != 1 {
					t.Errorf("got %v after %d requests, want the end of waiting", err, o.seen())
				}
				if got := time.Since(start); got != s.want {
					t.Errorf("got back after %v, want %v", got, s.want)
				}
			})
		})
	}
}

func TestLineIsServedInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		let := make(chan struct{})
		o := &outage{fail: func(*http.Request) (*http.Response, error) {
			<-let
			return say(`{"openid":"o","session_key":"k"}`), nil
		}}
		c := o.client(wechat.WithBound(1, 10))
		var wg sync.WaitGroup
		for _, code := range []string{"a", "b", "c", "d"} {
			wg.Go(func() {
				if _, err := c.Code2Session(t.Context(), code); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		close(let)
		wg.Wait()
		for n, want := range []string{"a", "b", "c", "d"} {
			if o.codes[n] != want {
				t.Fatalf("got order %v, want who came first served first", o.codes)
			}
		}
	})
}

// a caller that waits for the token holds no place, and the token's call needs none: a full line does not deadlock.
func TestTokenCallPassesTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{}
		c := o.client(wechat.WithBound(1, 0))
		o.set(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/cgi-bin/stable_token" {
				return say(`{"access_token":"70_token","expires_in":7200}`), nil
			}
			return hang(r)
		})
		go func() { _ = login(context.WithoutCancel(t.Context()), c) }()
		synctest.Wait()
		if _, err := c.AccessToken(t.Context()); err != nil {
			t.Errorf("got %v, want the token", err)
		}
		time.Sleep(time.Minute)
	})
}

// a full line fails at once when the breaker is open.
func TestOpenBreakerIsToldBeforeTheLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &outage{fail: func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/cgi-bin/stable_token" {
				return refused(r)
			}
			time.Sleep(time.Hour) // ignores deadlines
			return nil, net.ErrClosed
		}}
		c := o.client(wechat.WithBound(1, 1), wechat.WithBreaker(wechat.Breaker{Failures: 1}))
		var first sync.WaitGroup
		defer first.Wait()
		first.Go(func() { _ = login(context.WithoutCancel(t.Context()), c) })
		synctest.Wait()
		_, err := c.AccessToken(t.Context())
		wantKind(t, err, wechat.KindNetwork)
		start := time.Now()
		if !isOpen(t, o, c) || time.Since(start) != 0 {
			t.Errorf("got an answer after %v, want to be held back at once", time.Since(start))
		}
	})
}

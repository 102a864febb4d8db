package wechat

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	maxTries   = 3
	firstPause = 200 * time.Millisecond
)

// errTotal is why a call's context ended when the end was ours and not the caller's.
var errTotal = fmt.Errorf("call took too long: %w", context.DeadlineExceeded)

// limited gives a call its total deadline.
func (c *Client) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.total, errTotal)
}

// left reports that the caller cancelled, or that the caller's own deadline ended.
func left(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTotal)
}

// persist makes the call with up to three requests, as far as repeating is harmless.
func (c *Client) persist(ctx context.Context, q call, token string) ([]byte, error) {
	var before error
	for n, spent := 0, q.trail.tries; ; n++ {
		body, err := c.guarded(ctx, q, token, spent+maxTries)
		if before != nil && (errors.Is(err, ErrOpen) || errors.Is(err, ErrCrowded)) {
			return nil, before // the repeat was not let out: what the first one met says more
		}
		if err == nil || ctx.Err() != nil || q.trail.tries-spent >= maxTries || !mayRepeat(err) {
			return body, err
		}
		c.log.Debug("repeating a call to WeChat", "op", q.op, "tries", q.trail.tries-spent, "cause", err)
		if c.sleep(ctx, c.pause(n)) != nil {
			return nil, err
		}
		before = err
	}
}

// guarded makes one round over the hosts, if the breaker and the line let it out.
func (c *Client) guarded(ctx context.Context, q call, token string, most int) (body []byte, err error) {
	if c.breaker.open() { // before the line, which is long in an outage
		return nil, &Error{Op: q.op, Kind: KindBusy, Err: ErrOpen}
	}
	if !q.urgent {
		if err := c.line.enter(ctx); err != nil {
			return nil, &Error{Op: q.op, Kind: KindBusy, Err: err}
		}
		defer c.line.leave()
	}
	ran := c.breaker.run(func() (v verdict) {
		body, v, err = c.round(ctx, q, token, most)
		return v
	})
	if !ran {
		return nil, &Error{Op: q.op, Kind: KindBusy, Err: ErrOpen}
	}
	return body, err
}

// round makes the call at one host, and at once at the next one when the first gave no answer and asking twice is
// harmless. It stops at most requests in the call's trail.
func (c *Client) round(ctx context.Context, q call, token string, most int) ([]byte, verdict, error) {
	host := c.hosts.start()
	for n := 1; ; n++ {
		body, err := c.once(ctx, q, token, host)
		if KindOf(err) != KindNetwork {
			return body, c.heard(host, err), err
		}
		if left(ctx) {
			return nil, untold, err
		}
		next, allDown := c.hosts.failed(host)
		if n == len(c.hosts.bases) || q.trail.tries >= most || ctx.Err() != nil || !mayRepeat(err) {
			if allDown {
				return nil, unanswered, err
			}
			return nil, untold, err // the next call goes to another host
		}
		c.log.Debug("WeChat's next host is asked", "op", q.op, "cause", err)
		host = next
	}
}

// heard notes an answer, unless the request did not even come to be.
func (c *Client) heard(host int, err error) verdict {
	if e, ok := errors.AsType[*Error](err); ok && e.Status == 0 {
		return untold
	}
	c.hosts.worked(host)
	return answered
}

// mayRepeat goes by what is known: busy means not done, a lost answer means perhaps done.
func mayRepeat(err error) bool {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return false
	case e.Errcode != 0:
		return LookupErrcode(e.Errcode).Retry == RetryBackoff
	default:
		return e.Kind == KindNetwork && !e.MaybeDone
	}
}

// pause doubles with each try and is half random, so that callers who failed together do not return together.
func (c *Client) pause(n int) time.Duration {
	d := firstPause << n
	return d/2 + time.Duration(c.jitter()*float64(d/2))
}

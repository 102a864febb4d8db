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

// errTotal is the cause of a context that ended by our deadline, not by the caller's.
var errTotal = fmt.Errorf("call took too long: %w", context.DeadlineExceeded)

// limit gives a call its total deadline.
func (c *caller) limit(next sender) sender {
	return func(ctx context.Context, q call) ([]byte, error) {
		ctx, cancel := c.limited(ctx)
		defer cancel()
		return next(ctx, q)
	}
}

func (c *caller) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, c.total, errTotal)
}

// left reports that the caller cancelled, or that the caller's own deadline ended.
func left(ctx context.Context) bool {
	return ctx.Err() != nil && !errors.Is(context.Cause(ctx), errTotal)
}

// repeat makes the call with up to three requests, if repeating is harmless.
func (c *caller) repeat(next sender) sender {
	return func(ctx context.Context, q call) ([]byte, error) {
		var before error
		for n, spent := 0, q.trail.tries; ; n++ {
			q.most = spent + maxTries
			body, err := next(ctx, q)
			if before != nil && (errors.Is(err, ErrOpen) || errors.Is(err, ErrCrowded)) {
				return nil, before // the repeat was held back: the first error says more
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
}

// hold makes the call if the breaker and the line allow it.
func (c *caller) hold(next sender) sender {
	return func(ctx context.Context, q call) (body []byte, err error) {
		if c.breaker.open() { // before the line, which is long in an outage
			return nil, &Error{Op: q.op, Kind: KindBusy, Err: ErrOpen}
		}
		if !q.urgent {
			if err := c.line.enter(ctx); err != nil {
				return nil, &Error{Op: q.op, Kind: KindBusy, Err: err}
			}
			defer c.line.leave()
		}
		ran := c.breaker.run(func() verdict {
			body, err = next(ctx, q)
			return q.trail.verdict
		})
		if !ran {
			return nil, &Error{Op: q.op, Kind: KindBusy, Err: ErrOpen}
		}
		return body, err
	}
}

// failover makes the call at one host, and at once at the next one when the first did not answer and a repeat is
// harmless. It stops at most requests in the call's trail, and sets the trail's verdict.
func (c *caller) failover(next sender) sender {
	return func(ctx context.Context, q call) ([]byte, error) {
		q.host = c.hosts.start()
		for n := 1; ; n++ {
			body, err := next(ctx, q)
			if KindOf(err) != KindNetwork {
				q.trail.verdict = c.heard(q.host, err)
				return body, err
			}
			q.trail.verdict = untold // the caller left, or another call tries the next host
			if left(ctx) {
				return nil, err
			}
			other, allDown := c.hosts.failed(q.host)
			if n == len(c.hosts.bases) || q.trail.tries >= q.most || ctx.Err() != nil || !mayRepeat(err) {
				if allDown {
					q.trail.verdict = unanswered
				}
				return nil, err
			}
			c.log.Debug("WeChat's next host is asked", "op", q.op, "cause", err)
			q.host = other
		}
	}
}

// heard notes whether a host answered, unless the request could not be made.
func (c *caller) heard(host int, err error) verdict {
	if e, ok := errors.AsType[*Error](err); ok && e.Status == 0 {
		return untold
	}
	c.hosts.worked(host)
	return answered
}

// mayRepeat knows: busy means not done, a lost answer means perhaps done.
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

// pause doubles with each try and is half random, so that concurrent callers do not repeat together.
func (c *caller) pause(n int) time.Duration {
	d := firstPause << n
	return d/2 + time.Duration(c.jitter()*float64(d/2))
}

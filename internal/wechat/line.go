package wechat

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrCrowded means: too many calls of this client are running and waiting, or the caller's time ended while waiting.
// Nothing was sent and a one-time code stays unused. The error's kind is KindBusy.
var ErrCrowded = errors.New("too many calls are under way")

const (
	defaultInFlight = 256
	defaultWaiting  = 1024
)

// WithBound sets how many requests of this client may run at a time, and how many callers may wait; further callers get
// ErrCrowded at once. The defaults are 256 and 1024. Values below 1 (for waiting: below 0) mean the default.
func WithBound(inFlight, waiting int) Option {
	return func(c *Client) { c.line = newLine(inFlight, waiting) }
}

// line limits what an outage can pile up: hanging requests, and goroutines that wait.
type line struct {
	places  chan struct{}
	waiting atomic.Int64
	most    int64
}

func newLine(inFlight, waiting int) *line {
	if inFlight < 1 {
		inFlight = defaultInFlight
	}
	if waiting < 0 {
		waiting = defaultWaiting
	}
	return &line{places: make(chan struct{}, inFlight), most: int64(waiting)}
}

// enter waits for a place in order of arrival, at most as long as ctx.
func (l *line) enter(ctx context.Context) error {
	select {
	case l.places <- struct{}{}:
		return nil
	default:
	}
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > l.most {
		return ErrCrowded
	}
	select {
	case l.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrCrowded, ctx.Err())
	}
}

func (l *line) leave() { <-l.places }

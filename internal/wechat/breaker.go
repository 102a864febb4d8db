package wechat

import (
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// ErrOpen means: the call was held back, because earlier ones got no answer. Nothing was sent and a one-time code stays
// unused; the same request may be repeated some seconds later. The error's kind is KindBusy.
var ErrOpen = errors.New("calls are held back, since WeChat gives no answer")

// breakerBuckets is the number of steps in which Breaker.Window moves.
const breakerBuckets = 10

// Breaker says when calls are held back because WeChat does not answer (docs/adr/0007). Zero values mean the defaults.
//
// A failure is a request without an answer from any host: no connection, a deadline of ours, a broken connection, or
// HTTP 5xx without an errcode. Every answer with an errcode, including -1, is an answer. A caller who leaves early, and
// a host when another one remains to be tried, do not count.
// and a host with another one left to try, do not count.
type Breaker struct {
	// Failures in a row, over any time, open the breaker; default 10.
	Failures int
	// Ratio is the share of failures above which the breaker opens, once Least requests were counted within Window;
	// defaults 0.6, 20 and 30 s. A Ratio of 1 or more switches this rule off.
	Ratio  float64
	Least  int
	Window time.Duration
	// OpenFor is how long it then refuses every call; default 10 s.
	OpenFor time.Duration
	// Probes is how many requests may run after that; as many good answers in a row close the breaker, and one failure
	// opens it again. Default 3, at most 1000.
	Probes int
}

// WithBreaker tunes the breaker. note: it uses the machine's clock, not [WithNow].
func WithBreaker(b Breaker) Option { return func(c *Client) { c.limits = b } }

func (b Breaker) withDefaults() Breaker {
	if b.Failures <= 0 {
		b.Failures = 10
	}
	if b.Ratio <= 0 {
		b.Ratio = 0.6
	}
	if b.Least <= 0 {
		b.Least = 20
	}
	if b.Window <= 0 {
		b.Window = 30 * time.Second
	}
	if b.OpenFor <= 0 {
		b.OpenFor = 10 * time.Second
	}
	if b.Probes <= 0 {
		b.Probes = 3
	}
	b.Probes = min(b.Probes, 1000)
	return b
}

// verdict is what one request proves about WeChat's availability.
type verdict int

const (
	answered   verdict = iota // a host answered, possibly with a refusal
	unanswered                // all hosts failed to answer
	untold                    // unknown: the caller left, nothing was sent, or another host remains
)

var (
	errUnanswered = errors.New("no answer")
	errUntold     = errors.New("says nothing about WeChat")
)

// err returns the verdict as gobreaker expects it.
func (v verdict) err() error {
	switch v {
	case unanswered:
		return errUnanswered
	case untold:
		return errUntold
	case answered:
	}
	return nil
}

// breaker holds calls back while WeChat does not answer.
type breaker struct {
	cb *gobreaker.CircuitBreaker[struct{}]
	// row counts failures in a row. gobreaker's own count restarts with the window, so ten calls in ten minutes, each
	// waiting for its deadline, would never open it.
	row atomic.Int64
}

func newBreaker(limits Breaker, log *slog.Logger, appID string) *breaker {
	limits = limits.withDefaults()
	b := &breaker{}
	b.cb = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:  uint32(limits.Probes), //nolint:gosec // withDefaults keeps it within 1 to 1000
		Interval:     limits.Window,
		BucketPeriod: max(limits.Window/breakerBuckets, 1),
		Timeout:      limits.OpenFor,
		IsExcluded:   func(err error) bool { return errors.Is(err, errUntold) },
		IsSuccessful: b.counts,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			total := n.TotalSuccesses + n.TotalFailures
			return b.row.Load() >= int64(limits.Failures) ||
				int64(total) >= int64(limits.Least) && float64(n.TotalFailures) > limits.Ratio*float64(total)
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			tell := log.Info
			if to == gobreaker.StateOpen {
				tell = log.Warn
			}
			tell("breaker of calls to WeChat changed", "appid", appID, "from", from.String(), "to", to.String())
		},
	})
	return b
}

// counts sees every request that counts, once, in order and one at a time.
func (b *breaker) counts(err error) (good bool) {
	if err == nil {
		b.row.Store(0)
		return true
	}
	b.row.Add(1)
	return false
}

// open tells whether a call would be refused, without using a probe.
func (b *breaker) open() bool { return b.cb.State() == gobreaker.StateOpen }

// run runs f and returns true, or returns false when calls are held back.
func (b *breaker) run(f func() verdict) bool {
	ran := false
	// note: Execute, not the two-step breaker, so that a transport's panic releases its probe.
	_, _ = b.cb.Execute(func() (struct{}, error) {
		ran = true
		return struct{}{}, f().err()
	})
	return ran
}

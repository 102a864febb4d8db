package wechat

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// CallInfo is what became of one call, for metrics. It holds nothing secret.
type CallInfo struct {
	// Op is the call's name in WeChat's documents, such as code2Session; one of a dozen.
	Op string
	// AppID is the mini program the call was for.
	AppID string
	// Tries is how many requests were sent for it, 0 when it did not come to that: held back, or no token to be had.
	// Requests for a token are a call of their own; if that one failed, Kind to RID are the same here.
	Tries int
	// Duration is from the caller's first line to the outcome, waits and pauses included.
	Duration time.Duration
	// Kind is empty for success.
	Kind Kind
	// Errcode is WeChat's, or 0.
	Errcode int
	// Status is the HTTP status of the last answer, or 0 when there was none.
	Status int
	// RID is WeChat's request id of a refusal, or empty.
	RID string
	// Host is where the last request went, with a port if it had one; empty when there was none.
	Host string
}

// WithObserver sets who is told of every finished call, good or bad, once each; the call that gets the access token
// is one of its own. Requests that this package refuses for their arguments are no calls.
//
// NB! f runs on the call's own way back, for the token even with renewals locked: it must be safe for concurrent use,
// must not block and must not call the client. Counters and histograms are what it is for.
func WithObserver(f func(CallInfo)) Option { return func(c *Client) { c.observer = f } }

// trail is what a call leaves behind; only the call's own goroutine writes it.
type trail struct {
	tries  int
	status int
	host   string
	// verdict is what the last round over the hosts says about whether WeChat is there.
	verdict verdict
}

// observe tells of the outcome of a call: the one place that does.
func (c *caller) observe(next sender) sender {
	return func(ctx context.Context, q call) ([]byte, error) {
		q.trail = &trail{}
		start := time.Now() // note: not c.now, which a simulation may move
		body, err := next(ctx, q)
		c.tell(ctx, q, time.Since(start), err)
		return body, err
	}
}

func (c *caller) tell(ctx context.Context, q call, took time.Duration, err error) {
	info := CallInfo{
		Op: q.op, AppID: c.app.AppID, Tries: q.trail.tries, Duration: took, Kind: KindOf(err),
		Status: q.trail.status, Host: q.trail.host,
	}
	if e, ok := errors.AsType[*Error](err); ok {
		info.Errcode, info.Status, info.RID = e.Errcode, e.Status, e.RID
	}
	if err != nil {
		c.log.LogAttrs(ctx, levelOf(q.op, err), "call to WeChat failed",
			slog.String("op", info.Op), slog.String("appid", info.AppID), slog.String("kind", string(info.Kind)),
			slog.Int("errcode", info.Errcode), slog.String("rid", info.RID), slog.Int("tries", info.Tries),
			slog.Int("status", info.Status), slog.String("host", info.Host), slog.Duration("took", info.Duration),
			slog.String("cause", err.Error()))
	}
	if c.observer != nil {
		c.observer(info)
	}
}

// levelOf tells alarms from everyday life.
func levelOf(op string, err error) slog.Level {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return slog.LevelWarn
	case errors.Is(err, ErrOpen), errors.Is(err, ErrCrowded), e.Op != op:
		// told already, by the breaker or by the token's call; an outage must not flood the log, too.
		return slog.LevelDebug
	case errors.Is(err, context.Canceled):
		return slog.LevelInfo
	}
	switch e.Kind {
	case KindCodeInvalid, KindCodeUsed, KindSession, KindRisk, KindState:
		return slog.LevelInfo // a user's mistake or bad luck, not ours
	default:
		return slog.LevelWarn
	}
}

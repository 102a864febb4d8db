package wechat

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// CallInfo describes one finished call, for metrics. It is free of secrets.
type CallInfo struct {
	// Op is the call's name in WeChat's documents, such as code2Session; one of a dozen.
	Op string
	// AppID is the call's mini program.
	AppID string
	// Tries is how many requests were sent, 0 when the call was held back or had no token. Requests for a token are a
	// separate call; if that one failed, the fields from Kind to RID are the same here.
	Tries int
	// Duration is the time of the whole call, with waits and pauses.
	Duration time.Duration
	// Kind is empty on success.
	Kind Kind
	// Errcode is WeChat's, or 0.
	Errcode int
	// Status is the HTTP status of the last answer, or 0 without one.
	Status int
	// RID is WeChat's request id of a refusal, or empty.
	RID string
	// Host is the target of the last request, with a port if it had one; empty without a request.
	Host string
}

// WithObserver sets a function that receives every finished call, good or bad, once; fetching the access token is a
// separate call. A request that this package refuses for its arguments is not a call.
//
// NB! f runs inside the call, for the token even while renewals are locked: it must be safe for concurrent use, must
// not block and must not call the client. It is meant for counters and histograms.
func WithObserver(f func(CallInfo)) Option { return func(c *Client) { c.observer = f } }

// trail records a call's progress; only the call's own goroutine writes it.
type trail struct {
	tries  int
	status int
	host   string
	// verdict is the result of the last round over the hosts.
	verdict verdict
}

// observe reports the outcome of every call, to the observer and the log.
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

// levelOf tells alarms from routine failures.
func levelOf(op string, err error) slog.Level {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return slog.LevelWarn
	case errors.Is(err, ErrOpen), errors.Is(err, ErrCrowded), e.Op != op:
		// the breaker or the token's call has logged it already; an outage must not flood the log
		return slog.LevelDebug
	case errors.Is(err, context.Canceled):
		return slog.LevelInfo
	}
	switch e.Kind {
	case KindCodeInvalid, KindCodeUsed, KindSession, KindRisk, KindState:
		return slog.LevelInfo // a user's mistake or bad luck
	default:
		return slog.LevelWarn
	}
}

package logs

import (
	"context"
	"crypto/rand"
	"log/slog"
	"regexp"
)

// RequestHeader carries the id of a request, in both directions.
const RequestHeader = "X-Request-Id"

// goodID is what a proxy may call a request: it comes into lines, rows and headers.
var goodID = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{8,64}$`)

// traceparent is how the trace of a request is named (W3C Trace Context).
var traceparent = regexp.MustCompile(`^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}`)

// Request is what the lines of one request have in common.
type Request struct {
	ID    string
	Trace string // of a proxy that traces; empty without
}

// NewRequest takes the id and the trace that a trusted proxy has sent, as far as they are well formed, and makes an id where there is none.
func NewRequest(id, parent string) Request {
	r := Request{ID: id}
	if !goodID.MatchString(id) {
		r.ID = rand.Text()
	}
	if found := traceparent.FindStringSubmatch(parent); found != nil {
		r.Trace = found[1]
	}
	return r
}

type requestKey struct{}

// With gives the context a request.
func With(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// Of is the request of a context; the zero value without one.
func Of(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}

// Put notes the request in the data of a line.
func (r Request) Put(data map[string]any) {
	if r.ID != "" {
		data["request"] = r.ID
	}
	if r.Trace != "" {
		data["trace"] = r.Trace
	}
}

// Named is a logger whose lines name the request of the context they are given.
func Named(log *slog.Logger) *slog.Logger { return slog.New(named{log.Handler()}) }

type named struct{ slog.Handler }

// Handle adds the request.
func (n named) Handle(ctx context.Context, record slog.Record) error {
	if r := Of(ctx); r.ID != "" {
		record = record.Clone()
		record.AddAttrs(slog.String("request", r.ID))
		if r.Trace != "" {
			record.AddAttrs(slog.String("trace", r.Trace))
		}
	}
	return n.Handler.Handle(ctx, record)
}

// WithAttrs and WithGroup keep the naming.
func (n named) WithAttrs(attrs []slog.Attr) slog.Handler { return named{n.Handler.WithAttrs(attrs)} }

// WithGroup keeps the naming.
func (n named) WithGroup(name string) slog.Handler { return named{n.Handler.WithGroup(name)} }

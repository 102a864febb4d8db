package wechat

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
)

const (
	maxRenewals = 32 // far above real use; it only ends an impossible loop
	answerLimit = 1 << 20
)

// call is one request to the API, before token and host are chosen.
type call struct {
	op     string
	method string
	path   string
	query  url.Values
	// body is sent as JSON when it is not nil.
	body any
	// needsToken adds access_token to the query.
	needsToken bool
	// repeatable says that doing it twice is harmless, so that the call is repeated after a lost answer.
	repeatable bool
	// urgent skips the line: for the token call, of which there is one at a time and which the others wait for.
	urgent bool
	// limit is the largest answer in bytes, unpacked; 0 means answerLimit.
	limit int64
	// accept checks a 2xx answer that may be other than JSON; nil demands a JSON object with errcode absent or 0.
	accept func(body []byte) error
	// read takes its fields out of a good JSON answer, and fails when they are missing.
	read func(body []byte) error
	// trail is where the call records its progress; observe sets it.
	trail *trail

	// token, most and host are set by the layers: the access token, the number of requests in the trail at which to
	// stop, and the host of this request.
	token string
	most  int
	host  int
}

// withToken adds the access token to a call that needs one, and repeats the call with another when the token is
// refused.
func (c *caller) withToken(next sender) sender {
	return func(ctx context.Context, q call) ([]byte, error) {
		if !q.needsToken {
			return next(ctx, q)
		}
		l, err := c.tokens.get(ctx)
		if err != nil {
			return nil, err
		}
		for n := 0; ; n++ {
			q.token = l.token.Value
			body, err := next(ctx, q)
			if !refusesToken(err) {
				l.used(err)
				return body, err
			}
			// renewing does not help if the new token is refused without ever having worked. If it worked for others
			// and died before our turn, we may renew again.
			if n == maxRenewals || n > 0 && !l.worked.Load() {
				return nil, err
			}
			if l, err = c.tokens.renew(ctx, l.token.Value); err != nil {
				return nil, err
			}
		}
	}
}

// refusesToken reports the three errcodes that a new token cures.
func refusesToken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && LookupErrcode(e.Errcode).Retry == RetryRefresh
}

// send makes one request to one host.
func (c *caller) send(ctx context.Context, q call) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.try)
	defer cancel()
	ctx, sent := c.watch(ctx)
	req, err := c.request(ctx, q)
	if err != nil {
		return nil, err
	}
	q.trail.tries++
	q.trail.host = req.URL.Host
	status, body, err := c.exchange(req, q)
	q.trail.status = status
	switch {
	case err == nil:
		return body, judge(q, status, body)
	case errors.Is(err, ErrTooLarge):
		return nil, &Error{Op: q.op, Kind: KindBadAnswer, Status: status, MaybeDone: !q.repeatable, Err: ErrTooLarge}
	}
	e := networkError(q.op, err, c.app.Secret, q.token, q.query.Get("js_code"))
	e.Status, e.MaybeDone = status, e.MaybeDone && sent() && !q.repeatable
	return nil, e
}

// watch tells whether there was a connection. Without one the request was certainly not seen: a host that does not
// answer at all ends in our deadline and otherwise looks like a slow one.
func (c *caller) watch(ctx context.Context) (context.Context, func() bool) {
	switch c.http.Transport.(type) {
	case nil, *http.Transport:
	default: // note: other transports may not report it; then it counts as sent
		return ctx, func() bool { return true }
	}
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }}
	return httptrace.WithClientTrace(ctx, trace), sent.Load
}

func (c *caller) request(ctx context.Context, q call) (*http.Request, error) {
	query := url.Values{}
	maps.Copy(query, q.query)
	if q.token != "" {
		query.Set("access_token", q.token)
	}
	var body []byte
	if q.body != nil {
		var err error
		if body, err = encode(q.body); err != nil {
			return nil, &Error{Op: q.op, Kind: KindArgs, Err: err}
		}
	}
	address := c.hosts.url(q.host, q.path, query).String()
	req, err := http.NewRequestWithContext(ctx, q.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, configError(q.op, errBadBase) // the cause quotes the address, which contains the secret
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if !q.repeatable && body == nil {
		// note: Go's transport repeats a GET by itself when a kept connection closes without an answer. A body that
		// cannot be rewound prevents that; an empty one sends nothing.
		req.Body, req.GetBody = io.NopCloser(bytes.NewReader(nil)), nil
	}
	return req, nil
}

// exchange sends the request and reads the answer up to its limit.
func (c *caller) exchange(req *http.Request, q call) (status int, body []byte, err error) {
	res, err := c.http.Do(req) //nolint:gosec // the host is the owner's setting, and redirects are refused
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	limit := q.limit
	if limit == 0 {
		limit = answerLimit
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = ErrTooLarge
	}
	return res.StatusCode, body, err
}

// judge reads the body first: WeChat's errcode comes with any status, and only a 2xx may lack one.
func judge(q call, status int, body []byte) error {
	env, err := parseEnvelope(body)
	e := &Error{Op: q.op, Kind: KindBadAnswer, Status: status}
	switch {
	case err == nil && env.errcode != 0:
		return errcodeError(q.op, env, status)
	case status >= 500:
		e.Kind, e.MaybeDone = KindNetwork, !q.repeatable
		return e
	case status >= 300 && status < 400:
		e.Err = ErrRedirect
		return e
	case status < 200 || status >= 300:
		return e
	case q.accept != nil:
		err = q.accept(body)
	case err == nil && q.read != nil:
		err = q.read(body)
	}
	if err == nil {
		return nil
	}
	e.Err, e.MaybeDone = err, !q.repeatable
	return e
}

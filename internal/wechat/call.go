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
	maxRenewals = 32 // far above what a crowd of callers meets; it only ends what should not happen
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
	// form is sent as it is, in the place of body, with formType as its Content-Type.
	form     []byte
	formType string
	// needsToken adds access_token to the query.
	needsToken bool
	// repeatable says that doing it twice is harmless, so that a lost answer may be asked for again.
	repeatable bool
	// urgent passes the line by: the token call, which the others wait for and of which there is one at a time.
	urgent bool
	// limit is the size of the largest answer in bytes, unpacked if it came packed; 0 means answerLimit.
	limit int64
	// accept judges a 2xx answer that need not be JSON; nil means a JSON object with errcode absent or 0.
	accept func(body []byte) error
	// read takes the fields it wants out of a good JSON answer, and fails when they are not there.
	read func(body []byte) error
	// trail is where the call notes what it does; observe sets it.
	trail *trail

	// token, most and host are what the layers choose: the access token, the number of requests in the trail at which to stop, and
	// the host of this one.
	token string
	most  int
	host  int
}

// withToken makes a call that needs it with the access token, and once more with another when the token is refused.
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
			// a token that never worked and is refused is a fault that renewing does not mend. One that worked for
			// others and died before our turn came is not ours to pay for.
			if n == maxRenewals || n > 0 && !l.worked.Load() {
				return nil, err
			}
			if l, err = c.tokens.renew(ctx, l.token.Value); err != nil {
				return nil, err
			}
		}
	}
}

// refusesToken tells the three errcodes that a new token mends.
func refusesToken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && LookupErrcode(e.Errcode).Retry == RetryRefresh
}

// send makes the call one time at one host.
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

// watch tells whether a connection was had, without which nobody can have seen the request: a host that does not
// answer at all runs into our deadline and looks like a slow one otherwise.
func (c *caller) watch(ctx context.Context) (context.Context, func() bool) {
	switch c.http.Transport.(type) {
	case nil, *http.Transport:
	default: // note: transports of others need not tell; then it counts as sent
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
	body, contentType := q.form, q.formType
	if q.body != nil {
		contentType = "application/json; charset=utf-8"
		var err error
		if body, err = encode(q.body); err != nil {
			return nil, &Error{Op: q.op, Kind: KindArgs, Err: err}
		}
	}
	address := c.hosts.url(q.host, q.path, query).String()
	req, err := http.NewRequestWithContext(ctx, q.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, configError(q.op, errBadBase) // the cause quotes the address, and with it the secret
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	if !q.repeatable && body == nil {
		// note: Go's transport sends a GET again by itself when a kept connection closes without an answer.
		// A body that cannot be rewound stops it; an empty one puts nothing on the wire.
		req.Body, req.GetBody = io.NopCloser(bytes.NewReader(nil)), nil
	}
	return req, nil
}

// exchange sends the request and reads the answer up to its limit.
func (c *caller) exchange(req *http.Request, q call) (status int, body []byte, err error) {
	res, err := c.http.Do(req) //nolint:gosec // the host is the owner's setting, and no redirect is followed
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

// judge decides by body first: WeChat's errcode comes with any status, and only a 2xx may do without one.
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

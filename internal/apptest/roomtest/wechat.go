package roomtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"sync"
	"testing"
)

// WeChat answers the calls of a test. A path that the test said nothing about fails it.
type WeChat struct {
	tb testing.TB

	mu      sync.Mutex
	answers map[string]func(Call) any
	calls   []Call
}

// Call is one request that WeChat got.
type Call struct {
	Path  string
	Query url.Values
	Body  []byte
}

// Field is a field of the call's JSON body, nil where there is none.
func (c Call) Field(name string) any {
	var body map[string]any
	_ = json.Unmarshal(c.Body, &body)
	return body[name]
}

func newWeChat(tb testing.TB) *WeChat {
	tb.Helper()
	return &WeChat{tb: tb, answers: map[string]func(Call) any{
		"/cgi-bin/stable_token": func(Call) any { return map[string]any{"access_token": "70_token", "expires_in": 7200} },
	}}
}

// On says what a path answers from now on: []byte is sent as it is, an error tears the connection, anything else becomes JSON.
func (w *WeChat) On(path string, reply func(Call) any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[path] = reply
}

// Always is On with one answer.
func (w *WeChat) Always(path string, reply any) { w.On(path, func(Call) any { return reply }) }

// Errcode is an answer that is a refusal.
func Errcode(code int) map[string]any { return map[string]any{"errcode": code, "errmsg": "refused"} }

// Calls are the calls of a path, the oldest first.
func (w *WeChat) Calls(path string) (list []Call) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c.Path == path {
			list = append(list, c)
		}
	}
	return list
}

// RoundTrip is http.RoundTripper.
func (w *WeChat) RoundTrip(r *http.Request) (*http.Response, error) {
	call := Call{Path: r.URL.Path, Query: r.URL.Query()}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		call.Body = body
	}
	w.mu.Lock()
	w.calls = append(w.calls, call)
	reply := w.answers[call.Path]
	w.mu.Unlock()
	if reply == nil {
		w.tb.Errorf("got a call of %s, about which the test said nothing", call.Path)
		return nil, http.ErrServerClosed
	}
	answer := reply(call)
	Linger()
	return respond(r, answer)
}

// Linger lets everybody who is ready to run go on for a while, so that calls that are not kept apart are under way together.
func Linger() {
	for range 1_000 {
		runtime.Gosched()
	}
}

func respond(r *http.Request, reply any) (*http.Response, error) {
	body, kind := []byte(nil), "application/json; encoding=utf-8"
	switch v := reply.(type) {
	case error:
		return nil, v
	case []byte:
		body, kind = v, http.DetectContentType(v)
	default:
		var err error
		if body, err = json.Marshal(v); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

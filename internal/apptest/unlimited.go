package apptest

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"
)

// Unlimited are the settings that take the limits per person away. A test's people do in a second what others do in a day; a test of a limit
// names it.
func Unlimited() map[string]string {
	return map[string]string{
		"WXBASE_OPEN_ORDERS": "-1", "WXBASE_ORDERS_PER_DAY": "-1", "WXBASE_CALLS_PER_MINUTE": "-1", "WXBASE_PHONES_PER_DAY": "-1",
		"WXBASE_CHECKS_PER_DAY": "-1", "WXBASE_CHECK_MEGABYTES_PER_DAY": "-1", "WXBASE_TEMPLATES_PER_USER": "-1",
		"WXBASE_UPLOADS_PER_MINUTE": "-1", "WXBASE_SCANS_PER_MINUTE": "-1", "WXBASE_LOGINS_PER_MINUTE": "-1",
	}
}

// unlimited asks env first.
func unlimited(env func(string) string) func(string) string {
	most := Unlimited()
	return func(name string) string {
		if value := env(name); value != "" {
			return value
		}
		return most[name]
	}
}

// HoldUpload begins to send a form and returns when the server reads it; release ends it.
func (a *App) HoldUpload(tb testing.TB, path, token string) (release func()) {
	tb.Helper()
	body, pipe := io.Pipe()
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, a.URL+path, body)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "multipart/form-data; boundary=x")
	req.Header.Set("Authorization", token)
	req.Header.Set("Expect", "100-continue") // the server says it when a handler begins to read
	reading := make(chan struct{})
	trace := httptrace.ClientTrace{Got100Continue: func() { close(reading) }}
	done := make(chan struct{})
	go func() {
		defer close(done)
		res, err := (&http.Transport{ExpectContinueTimeout: time.Minute}).RoundTrip(req.WithContext(httptrace.WithClientTrace(req.Context(), &trace)))
		if err == nil {
			_ = res.Body.Close()
		}
	}()
	select {
	case <-reading:
	case <-time.After(time.Minute):
		tb.Fatal("the server does not read")
	}
	return func() {
		_ = pipe.Close()
		<-done
	}
}

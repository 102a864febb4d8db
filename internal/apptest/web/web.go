// Package web is how tests ask over HTTP.
package web

import "net/http"

// Client asks over connections of its own. The standard library's default client is not for tests that run side by side: every Close of an
// httptest.Server closes that client's idle connections too, at times in the middle of another test's request ("CloseIdleConnections called").
var Client = &http.Client{Transport: Transport}

// Transport is what Client asks through, for tests that step in between.
var Transport = http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // the standard library's

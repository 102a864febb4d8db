// Package serving is common to all HTTP servers of wxbase: timeouts, reading bodies to the end, and the addresses of
// this machine.
package serving

import (
	"io"
	"net"
	"net/http"
	"time"
)

// Harden sets the time-outs that PocketBase leaves wide, so that slow headers are not a cheap attack.
// note: reading and writing keep PocketBase's five minutes, because uploads and downloads need them.
func Harden(s *http.Server) {
	if s == nil { // a test that builds the mux only
		return
	}
	s.ReadHeaderTimeout = 10 * time.Second
	s.IdleTimeout = 90 * time.Second
	s.MaxHeaderBytes = 64 << 10
}

// How much of an unwanted body is read before the answer is sent.
const (
	drainBytes = 32 << 20
	drainTime  = 10 * time.Second
)

// DrainBody reads what is left of a body before the answer is sent. A proxy that is still sending when the connection is closed on it does
// not look at the answer: nginx makes 502 of our 413 and 401.
//
// note: the answer to a refusal is small, so that it is still in the server's buffer here.
func DrainBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		if body != nil && body != http.NoBody {
			r.Body = io.NopCloser(body) // note: PocketBase closes it, and then nothing more can be read
		}
		next.ServeHTTP(w, r)
		// a client that waits for 100 Continue sends nothing before the answer
		if r.ContentLength == 0 || body == nil || r.Header.Get("Expect") != "" || r.Header.Get("Upgrade") != "" {
			return
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime))
		_, _ = io.CopyN(io.Discard, body, drainBytes)
	})
}

// Origin is how this machine reaches its own server.
func Origin(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "http://" + addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// IsLoopback tells whether only this machine can reach addr.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

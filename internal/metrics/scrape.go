package metrics

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// MayScrape tells whether a request may read the metrics: with the token "1" one of this machine, that no proxy has passed on, else one that
// brings the token.
func MayScrape(r *http.Request, remoteIP, token string) bool {
	if token == "1" {
		ip := net.ParseIP(remoteIP)
		return ip != nil && ip.IsLoopback() && r.Header.Get("X-Forwarded-For") == ""
	}
	given := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	return subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}

package gateway

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// origins are the pages that may connect, besides our own. note: this only protects browsers; the token is the access
// control, and cookies are not read.
type origins []string

// allow accepts Origin as mini programs really send it: absent, https://servicewechat.com, weapp://…, or several joined
// by commas with the word undefined among them. Every one of several must be allowed.
func (o origins) allow(r *http.Request) bool {
	if slices.Contains(o, "*") {
		return true
	}
	for _, line := range r.Header.Values("Origin") {
		for origin := range strings.SplitSeq(line, ",") {
			origin = strings.TrimSpace(origin)
			if origin != "" && origin != "undefined" && !o.allowOne(origin, r.Host) {
				return false
			}
		}
	}
	return true
}

func (o origins) allowOne(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	switch {
	case u.Scheme == "weapp":
		return true
	case u.Scheme == "https" && strings.EqualFold(u.Host, "servicewechat.com"):
		return true
	case u.Host != "" && strings.EqualFold(u.Host, host):
		return true
	}
	return slices.ContainsFunc(o, func(own string) bool { return strings.EqualFold(strings.TrimSuffix(own, "/"), origin) })
}

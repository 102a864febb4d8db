package wechat

import (
	"net/url"
	"slices"
	"sync"
	"time"
)

const officialBase = "https://api.weixin.qq.com"

// hostPenalty is how long a failed host is skipped.
const hostPenalty = time.Minute

// hosts is the ordered list of origins for calls; the first good one is remembered for a while.
type hosts struct {
	bases []*url.URL
	now   func() time.Time

	mu    sync.Mutex
	first int
	until time.Time
	down  []time.Time // until when each host is skipped
}

// newHosts returns nil for a base that is not an http(s) origin.
func newHosts(base string, now func() time.Time) *hosts {
	if base == "" {
		base = officialBase
	}
	u, err := url.Parse(base)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil
	}
	h := &hosts{bases: []*url.URL{u}, now: now}
	if u.Scheme == "https" && u.Hostname() == "api.weixin.qq.com" {
		// the official list (接口域名) also has hk, which is far from our servers.
		for _, name := range []string{"api2.weixin.qq.com", "sh.api.weixin.qq.com", "sz.api.weixin.qq.com"} {
			next := *u
			next.Host = name
			h.bases = append(h.bases, &next)
		}
	}
	h.down = make([]time.Time, len(h.bases))
	return h
}

// start returns the host with which a call begins.
func (h *hosts) start() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now().After(h.until) {
		h.first = 0
	}
	return h.first
}

// failed marks host i as failed and returns the next one, and whether all hosts have failed lately.
func (h *hosts) failed(i int) (next int, allDown bool) {
	next = (i + 1) % len(h.bases)
	now := h.now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down[i] = now.Add(hostPenalty)
	if h.first == i {
		h.first, h.until = next, h.down[i]
	}
	return next, !slices.ContainsFunc(h.down, func(until time.Time) bool { return now.After(until) })
}

// worked notes that host i answered.
func (h *hosts) worked(i int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.down[i] = time.Time{}
}

// url builds the address of a path on host i.
func (h *hosts) url(i int, path string, query url.Values) *url.URL {
	u := h.bases[i].JoinPath(path)
	u.RawQuery = query.Encode()
	return u
}

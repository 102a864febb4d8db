package wxpay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// The hosts of WeChat Pay. The backup accepts the same requests: the signature does not cover the host.
const (
	officialHost = "api.mch.weixin.qq.com"
	backupHost   = "api2.mch.weixin.qq.com"
)

// errRefusedHost stops a request that is not for WeChat Pay.
var errRefusedHost = errors.New("request is not for " + officialHost)

// Rewrite returns a round tripper that sends every request for https://api.mch.weixin.qq.com to the origin base
// instead. Path and query stay as signed, and so does the Host header unless base is an official host. It refuses any
// other request, and every request when base is not an origin.
func Rewrite(base string, next http.RoundTripper) http.RoundTripper {
	origin, err := parseBase(base)
	return &rewrite{origin: origin, err: err, next: next}
}

type rewrite struct {
	origin *url.URL
	err    error
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (r *rewrite) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := r.check(req); err != nil {
		closeBody(req)
		return nil, err
	}
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host = r.origin.Scheme, r.origin.Host
	out.Host = officialHost
	if isOfficial(r.origin) {
		out.Host = r.origin.Host
	}
	return r.next.RoundTrip(out)
}

// check keeps our signature and merchant number from other hosts.
func (r *rewrite) check(req *http.Request) error {
	if r.err != nil {
		return r.err
	}
	// note: the SDK writes the official host as a constant; a request for another host is not ours.
	if req.URL.Scheme != "https" || req.URL.Host != officialHost || req.Host != "" && req.Host != officialHost {
		return errRefusedHost
	}
	return nil
}

func isOfficial(origin *url.URL) bool {
	return origin.Scheme == "https" && (origin.Host == officialHost || origin.Host == backupHost)
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// parseBase reads an origin. It refuses a path, because our signature would lack it.
func parseBase(base string) (*url.URL, error) {
	if base == "" {
		return &url.URL{Scheme: "https", Host: officialHost}, nil
	}
	parsed, err := url.Parse(base)
	if err != nil {
		return nil, errors.New("pay base must be a URL")
	}
	if parsed.Scheme != "https" && parsed.Scheme != "http" || parsed.Host == "" || parsed.User != nil ||
		parsed.RawQuery != "" || parsed.Fragment != "" || parsed.Path != "" && parsed.Path != "/" {
		return nil, fmt.Errorf("pay base must be an origin like https://%s, without a path", officialHost)
	}
	return &url.URL{Scheme: parsed.Scheme, Host: parsed.Host}, nil
}

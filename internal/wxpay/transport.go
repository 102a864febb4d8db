package wxpay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// The hosts of WeChat Pay. The backup takes the same requests; the host is not signed.
const (
	officialHost = "api.mch.weixin.qq.com"
	backupHost   = "api2.mch.weixin.qq.com"
)

// errRefusedHost stops a request that is not for WeChat Pay before it leaves.
var errRefusedHost = errors.New("request is not for " + officialHost)

// Rewrite returns a round tripper that sends every request for https://api.mch.weixin.qq.com to the
// origin base instead, as signed: path, query and, unless base is an official host itself, the Host
// header stay. Any other request is refused, and all of them when base is not an origin.
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

// check keeps our signature and our merchant number away from everybody else.
func (r *rewrite) check(req *http.Request) error {
	if r.err != nil {
		return r.err
	}
	// note: the SDK writes the official host as a constant; whatever else comes by was not meant for us.
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

// parseBase reads an origin. A path is refused: it would be missing from what we sign.
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

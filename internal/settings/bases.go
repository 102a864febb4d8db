package settings

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// The official origins.
const (
	OfficialAPIBase = "https://api.weixin.qq.com"
	OfficialPayBase = "https://api.mch.weixin.qq.com"
)

// officialHosts are the main and the failover hosts of both services.
var officialHosts = []string{ //nolint:gochecknoglobals // a constant in all but name
	"api.weixin.qq.com", "api2.weixin.qq.com", "sh.api.weixin.qq.com", "sz.api.weixin.qq.com", "hk.api.weixin.qq.com",
	"api.mch.weixin.qq.com", "api2.mch.weixin.qq.com",
}

// IsOfficial tells whether base is https on one of WeChat's own hosts. The empty base is: it stands for the default.
func IsOfficial(base string) bool {
	if base == "" {
		return true
	}
	u, err := url.Parse(base)
	return err == nil && u.Scheme == "https" && (u.Port() == "" || u.Port() == "443") && reachesWechat(base)
}

// reachesWechat tells whether a request to base would arrive at WeChat, however it is written.
func reachesWechat(base string) bool {
	u, err := url.Parse(base)
	return err == nil && slices.Contains(officialHosts, strings.TrimSuffix(strings.ToLower(u.Hostname()), "."))
}

// checkBase says what is wrong with an origin to call. A host that is not WeChat's needs custom: secrets would be sent to it.
func checkBase(base string, custom bool) string {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "is not an http(s) origin"
	}
	if !IsOfficial(base) && !custom {
		return "is not an official WeChat host; set WXBASE_ALLOW_CUSTOM_BASE=1 if that is what you want"
	}
	return ""
}

// originOf is the origin to call: the official one where none is set.
func originOf(base, official string) string {
	return strings.TrimRight(cmp.Or(base, official), "/")
}

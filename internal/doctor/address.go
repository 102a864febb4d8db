package doctor

import (
	"context"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // WeChat signs pushes with it
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// checkAddress: can the public address be one that WeChat notifies.
func checkAddress(ctx context.Context, v *visit, _ subject) outcome {
	if v.PublicURL == "" {
		return result("address_missing")
	}
	u, err := url.Parse(v.PublicURL)
	if err != nil || u.Hostname() == "" {
		return result("address_missing")
	}
	if v.Simulated {
		return result("address_simulated", "address", v.PublicURL)
	}
	if u.Scheme != "https" {
		return result("address_plain", "address", v.PublicURL)
	}
	if isPrivate(u.Hostname()) {
		return result("address_private", "address", v.PublicURL, "ip", u.Hostname())
	}
	found, err := v.Resolve(ctx, u.Hostname())
	if err != nil || len(found) == 0 {
		return result("address_unknown", "host", u.Hostname())
	}
	if i := slices.IndexFunc(found, isPrivate); i >= 0 {
		return result("address_private", "address", v.PublicURL, "ip", found[i])
	}
	if port := u.Port(); port != "" && port != "443" {
		return result("address_port", "address", v.PublicURL, "port", port)
	}
	return result("address_ok", "address", v.PublicURL)
}

// isPrivate tells whether a host is one that only its own network reaches.
func isPrivate(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		ip = ip.Unmap()
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal")
}

// checkOutside: does the public address lead here, with nothing in front that answers in our place.
func checkOutside(ctx context.Context, v *visit, _ subject) outcome {
	res, err := v.visitHost(ctx, v.PublicURL+"/api/wx/health")
	if isTimeout(err) {
		return result("outside_silent", "address", v.PublicURL)
	}
	if err != nil {
		return result(whyNot("outside", err), "address", v.PublicURL)
	}
	if res.status/100 == 3 {
		return result("outside_redirect", "status", strconv.Itoa(res.status), "host", hostOf(res.header.Get("Location")))
	}
	var health struct {
		Status     string `json:"status"`
		Configured *bool  `json:"configured"`
	}
	if json.Unmarshal(res.body, &health) != nil || health.Status == "" || health.Configured == nil {
		return result("outside_other", "status", strconv.Itoa(res.status), "address", v.PublicURL)
	}
	return v.tryNotify(ctx)
}

// tryNotify posts what WeChat Pay would, to a merchant that does not exist: our own refusal has to come back, not that of a login page or
// of a firewall.
func (v *visit) tryNotify(ctx context.Context) outcome {
	res, err := v.ask(ctx, "POST", v.PublicURL+"/api/wx/notify/pay/0", "{}")
	if err != nil {
		return result("outside_silent", "address", v.PublicURL)
	}
	if !strings.Contains(string(res.body), "pay_notify_merchant") && !strings.Contains(string(res.body), `"FAIL"`) {
		return result("outside_blocked", "status", strconv.Itoa(res.status), "address", v.PublicURL)
	}
	return result("outside_ok", "address", v.PublicURL)
}

// checkPush: would WeChat's handshake work, with which it tries the push address when it is saved.
func checkPush(ctx context.Context, v *visit, s subject) outcome {
	if s.app.PushToken == "" {
		return result("push_missing")
	}
	if s.app.PushMode == "safe" && s.app.PushAESKey == "" {
		return result("push_key_missing")
	}
	echo := rand.Text()
	address := v.PublicURL + "/api/wx/push/" + s.app.AppID + "?" + v.handshake(s.app.PushToken, echo).Encode()
	res, err := v.visitHost(ctx, address)
	if err != nil {
		return result("push_silent")
	}
	if res.status != 200 || string(res.body) != echo {
		return result("push_refused", "status", strconv.Itoa(res.status))
	}
	return result("push_ok", "address", v.PublicURL+"/api/wx/push/"+s.app.AppID)
}

// handshake is the query of WeChat's GET.
func (v *visit) handshake(token, echo string) url.Values {
	timestamp, nonce := strconv.FormatInt(v.Now().Unix(), 10), rand.Text()[:10]
	parts := []string{token, timestamp, nonce}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // likewise
	return url.Values{"signature": {hex.EncodeToString(sum[:])}, "timestamp": {timestamp}, "nonce": {nonce}, "echostr": {echo}}
}

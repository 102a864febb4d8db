package wxpay_test

import (
	"strings"
	"testing"
	"time"

	"wxbase/internal/wxpay"
)

func TestPrepayRequestValidate(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		modify func(*wxpay.PrepayRequest)
		want   string // in the error; empty: the request is valid
	}{
		{"a good one", func(*wxpay.PrepayRequest) {}, ""},
		{"the least", func(r *wxpay.PrepayRequest) { r.Attach, r.PayerIP, r.ExpiresAt = "", "", time.Time{} }, ""},
		{"42 Chinese characters and a letter", func(r *wxpay.PrepayRequest) { r.Description = strings.Repeat("面", 42) + "d" }, ""},
		{"every character a number may have", func(r *wxpay.PrepayRequest) { r.OutTradeNo = "aZ09_-|*" }, ""},
		{"an IPv6 address", func(r *wxpay.PrepayRequest) { r.PayerIP = "2001:db8::1" }, ""},
		{"a WeChat on this machine", func(r *wxpay.PrepayRequest) { r.NotifyURL = "http://127.0.0.1:8090/api/wx/notify/pay/1" }, ""},
		{"a code", func(r *wxpay.PrepayRequest) { r.TradeType, r.OpenID, r.PayerIP = wxpay.Native, "", "" }, ""},
		{"a code for a known person", func(r *wxpay.PrepayRequest) { r.TradeType = wxpay.Native }, "openid"},
		{"a page", func(r *wxpay.PrepayRequest) { r.TradeType, r.OpenID = wxpay.H5, "" }, ""},
		{"a page for a known person", func(r *wxpay.PrepayRequest) { r.TradeType = wxpay.H5 }, "openid"},
		{"a page for nobody's address", func(r *wxpay.PrepayRequest) { r.TradeType, r.OpenID, r.PayerIP = wxpay.H5, "", "" }, "payer_client_ip"},
		{"a page for this machine", func(r *wxpay.PrepayRequest) { r.TradeType, r.OpenID, r.PayerIP = wxpay.H5, "", "127.0.0.1" }, "payer_client_ip"},
		{"a page for a local network", func(r *wxpay.PrepayRequest) { r.TradeType, r.OpenID, r.PayerIP = wxpay.H5, "", "::ffff:192.168.1.7" }, "payer_client_ip"},
		{"a way of another kind", func(r *wxpay.PrepayRequest) { r.TradeType = "APP" }, "trade_type"},
		{"no appid", func(r *wxpay.PrepayRequest) { r.AppID = "" }, "appid"},
		{"no openid", func(r *wxpay.PrepayRequest) { r.OpenID = "" }, "openid"},
		{"an openid with a line break", func(r *wxpay.PrepayRequest) { r.OpenID = "o\nx" }, "openid"},
		{"a number of five", func(r *wxpay.PrepayRequest) { r.OutTradeNo = "12345" }, "out_trade_no"},
		{"a number of 33", func(r *wxpay.PrepayRequest) { r.OutTradeNo = strings.Repeat("1", 33) }, "out_trade_no"},
		{"a number with an @", func(r *wxpay.PrepayRequest) { r.OutTradeNo = "ORD@2026" }, "out_trade_no"},
		{"no description", func(r *wxpay.PrepayRequest) { r.Description = "" }, "description"},
		{"128 bytes", func(r *wxpay.PrepayRequest) { r.Description = strings.Repeat("d", 128) }, "description"},
		{"69 characters, 135 bytes", func(r *wxpay.PrepayRequest) { r.Description = strings.Repeat("面", 33) + strings.Repeat("d", 36) }, "description"},
		{"43 Chinese characters", func(r *wxpay.PrepayRequest) { r.Description = strings.Repeat("面", 43) }, "description"},
		{"129 bytes to come back", func(r *wxpay.PrepayRequest) { r.Attach = strings.Repeat("面", 43) }, "attach"},
		{"text that is not UTF-8", func(r *wxpay.PrepayRequest) { r.Description = "\xff" }, "description"},
		{"a long attach", func(r *wxpay.PrepayRequest) { r.Attach = strings.Repeat("a", 129) }, "attach"},
		{"a notify_url with a query", func(r *wxpay.PrepayRequest) { r.NotifyURL += "?a=1" }, "query"},
		{"a notify_url with an empty query", func(r *wxpay.PrepayRequest) { r.NotifyURL += "?" }, "query"},
		{"a notify_url without a host", func(r *wxpay.PrepayRequest) { r.NotifyURL = "/notify" }, "notify_url"},
		{"a notify_url with a password", func(r *wxpay.PrepayRequest) { r.NotifyURL = "https://a:b@example.com/" }, "notify_url"},
		{"a long notify_url", func(r *wxpay.PrepayRequest) { r.NotifyURL += strings.Repeat("a", 255) }, "notify_url"},
		{"an address that is none", func(r *wxpay.PrepayRequest) { r.PayerIP = "203.0.113.7:443" }, "payer_client_ip"},
		{"nothing to pay", func(r *wxpay.PrepayRequest) { r.Total = 0 }, "total"},
		{"less than nothing", func(r *wxpay.PrepayRequest) { r.Total = -1 }, "total"},
		{"a year of five digits", func(r *wxpay.PrepayRequest) { r.ExpiresAt = r.ExpiresAt.AddDate(9000, 0, 0) }, "time_expire"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			request := testRequest()
			s.modify(&request)
			err := request.Validate()
			if s.want == "" && err != nil || s.want != "" && (err == nil || !strings.Contains(err.Error(), s.want)) {
				t.Errorf("got %v, want %q", err, s.want)
			}
		})
	}
}

func TestPrepayRequestHash(t *testing.T) {
	t.Parallel()
	base := testRequest()
	// pinned: the hash is stored, so it must stay the same from build to build
	const want = "cc276b0edc15dcd798fe0775b54708cd4f6f160bc11ed664980834e1fe95227e"
	if got := base.Hash(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	same := base
	same.ExpiresAt = same.ExpiresAt.Truncate(time.Second).In(time.FixedZone("", -5*60*60))
	if same.Hash() != base.Hash() {
		t.Error("got another hash for the same second in another zone, want the same")
	}
	same.TradeType = wxpay.JSAPI
	if same.Hash() != base.Hash() {
		t.Error("got another hash for the usual way named, want the same")
	}
	seen := map[string]string{base.Hash(): "base"}
	for name, modify := range map[string]func(*wxpay.PrepayRequest){
		"appid":        func(r *wxpay.PrepayRequest) { r.AppID += "0" },
		"openid":       func(r *wxpay.PrepayRequest) { r.OpenID += "0" },
		"out_trade_no": func(r *wxpay.PrepayRequest) { r.OutTradeNo += "0" },
		"description":  func(r *wxpay.PrepayRequest) { r.Description += "0" },
		"attach":       func(r *wxpay.PrepayRequest) { r.Attach += "0" },
		"notify_url":   func(r *wxpay.PrepayRequest) { r.NotifyURL += "0" },
		"ip":           func(r *wxpay.PrepayRequest) { r.PayerIP += "0" },
		"total":        func(r *wxpay.PrepayRequest) { r.Total *= 10 },
		"time_expire":  func(r *wxpay.PrepayRequest) { r.ExpiresAt = r.ExpiresAt.Add(time.Second) },
		"no expiry":    func(r *wxpay.PrepayRequest) { r.ExpiresAt = time.Time{} },
		"native":       func(r *wxpay.PrepayRequest) { r.TradeType = wxpay.Native },
		"h5":           func(r *wxpay.PrepayRequest) { r.TradeType = wxpay.H5 },
		"moved text":   func(r *wxpay.PrepayRequest) { r.Description, r.Attach = r.Description+r.Attach, "" },
	} {
		request := base
		modify(&request)
		if other, ok := seen[request.Hash()]; ok {
			t.Errorf("got one hash for %s and %s, want two", name, other)
		}
		seen[request.Hash()] = name
	}
}

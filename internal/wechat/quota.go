package wechat

import (
	"context"
	"net/http"
	"strings"
	"time"
)

const opQuota = "getApiQuota"

// Quota is how often a call may be made. WeChat counts per app.
type Quota struct {
	// DailyLimit, Used and Remain are today's.
	DailyLimit, Used, Remain int64
	// RateCount calls may be made within RateWindow; both are 0 when WeChat gives no rate.
	RateCount  int64
	RateWindow time.Duration
}

type quotaWire struct {
	Quota *struct {
		DailyLimit number `json:"daily_limit"`
		Used       number `json:"used"`
		Remain     number `json:"remain"`
	} `json:"quota"`
	Rate struct {
		Count  number `json:"call_count"`
		Second number `json:"refresh_second"`
	} `json:"rate_limit"`
}

// Quota asks how often a call may still be made today: POST /cgi-bin/openapi/quota/get
// (server/API/openApi-mgnt/api_getapiquota.html, 查询API调用额度). path is the call's, such as /wxa/generatescheme; those
// under /sns/ have no quota. Errors: KindArgs for an invalid path, before any call, or for one unknown to WeChat
// (76021); KindUnsupported for 76022, a path without a quota.
func (c *Client) Quota(ctx context.Context, path string) (Quota, error) {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?#") {
		return Quota{}, fieldError(opQuota, "cgi_path", "must be a path that begins with a slash, without a query")
	}
	if err := checkText(opQuota, "cgi_path", path, linkPathLimit); err != nil {
		return Quota{}, err
	}
	var wire quotaWire
	_, err := c.do(ctx, call{
		op: opQuota, method: http.MethodPost, path: "/cgi-bin/openapi/quota/get", body: map[string]string{"cgi_path": path},
		needsToken: true, repeatable: true,
		read: func(body []byte) error {
			if err := decode(body, &wire); err != nil {
				return err
			}
			if wire.Quota == nil {
				return ErrMissingField
			}
			return nil
		},
	})
	if err != nil {
		return Quota{}, err
	}
	return Quota{
		DailyLimit: int64(wire.Quota.DailyLimit), Used: int64(wire.Quota.Used), Remain: int64(wire.Quota.Remain),
		RateCount: int64(wire.Rate.Count), RateWindow: time.Duration(wire.Rate.Second) * time.Second,
	}, nil
}

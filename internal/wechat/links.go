package wechat

import (
	"context"
	"net/http"
	"time"
)

const (
	opScheme      = "generateScheme"
	opURLLink     = "generateUrlLink"
	opShortLink   = "generateShortLink"
	opSchemeInfo  = "queryScheme"
	opURLLinkInfo = "queryUrlLink"
)

const day = 24 * time.Hour

// LinkLife is the longest life of a URL scheme, a URL link and a short link that is not permanent.
const LinkLife = 30 * day

// LinkExpiry is when a link ends. The zero value is WeChat's longest, [LinkLife] from now.
type LinkExpiry struct {
	// At is a time from 1 minute to 30 days from now, truncated to seconds.
	At time.Time
	// Days is 1 to 30, counted from now. It excludes At.
	Days int
}

// EndsAt is the end of a link made at now.
func (e LinkExpiry) EndsAt(now time.Time) time.Time {
	switch {
	case !e.At.IsZero():
		return e.At.Truncate(time.Second)
	case e.Days > 0:
		return now.Add(time.Duration(e.Days) * day)
	}
	return now.Add(LinkLife)
}

// expiryWire is the expiry in both calls; is_expire is only in the scheme's.
type expiryWire struct {
	Type     int   `json:"expire_type"` // 0 a moment, 1 days
	Time     int64 `json:"expire_time,omitempty"`
	Interval int   `json:"expire_interval,omitempty"`
}

func (e LinkExpiry) wire() expiryWire {
	if !e.At.IsZero() {
		return expiryWire{Type: 0, Time: e.At.Unix()}
	}
	days := e.Days
	if days == 0 {
		days = int(LinkLife / day)
	}
	return expiryWire{Type: 1, Interval: days}
}

// SchemeRequest asks for a URL scheme, weixin://dl/business/?t=..., that opens the app from text messages and browsers.
type SchemeRequest struct {
	// Path is a page of the published version, without a query; empty is the home page.
	Path string
	// Query is at most 1024 of digits, letters and !#$&'()*+,/:;=?@-._~%.
	Query string
	// EnvVersion is release, trial or develop; empty is release. The others only work outside WeChat.
	EnvVersion string
	// Expiry is at most 30 days away.
	Expiry LinkExpiry
}

// URLLinkRequest asks for a URL link, https://wxaurl.cn/..., that opens the app through a web page of WeChat.
type URLLinkRequest struct {
	// Path, Query, EnvVersion and Expiry are as in [SchemeRequest].
	Path       string
	Query      string
	EnvVersion string
	Expiry     LinkExpiry
	// CloudBase replaces WeChat's web page by one of ours in WeChat's cloud; usually nil.
	CloudBase *CloudBase
}

// CloudBase is a static web page in WeChat's cloud (云开发静态网站).
type CloudBase struct {
	// Env is the cloud environment; required.
	Env string `json:"env"`
	// Domain is the page's own domain, Path its path and Query its query, of at most 1024 characters.
	Domain string `json:"domain,omitempty"`
	Path   string `json:"path,omitempty"`
	Query  string `json:"query,omitempty"`
	// ResourceAppID is the app that shares the environment, if it is another app's.
	ResourceAppID string `json:"resource_appid,omitempty"`
}

// ShortLinkRequest asks for a short link, #小程序://..., that opens the app from a chat in WeChat.
type ShortLinkRequest struct {
	// PageURL is a page with its query, 1 to 1024 characters.
	PageURL string
	// PageTitle is shown in the link; WeChat cuts it after 20 characters.
	PageTitle string
	// IsPermanent makes a link without an end. NB! An app can make 100 000 in its life.
	IsPermanent bool
}

type schemeWire struct {
	JumpWxa  jumpWire `json:"jump_wxa"`
	IsExpire bool     `json:"is_expire"`
	expiryWire
}

type jumpWire struct {
	Path       string `json:"path"`
	Query      string `json:"query"`
	EnvVersion string `json:"env_version,omitempty"`
}

type urlLinkWire struct {
	Path  string `json:"path"`
	Query string `json:"query"`
	expiryWire
	EnvVersion string     `json:"env_version,omitempty"`
	CloudBase  *CloudBase `json:"cloud_base,omitempty"`
}

type shortLinkWire struct {
	PageURL     string `json:"page_url"`
	PageTitle   string `json:"page_title,omitempty"`
	IsPermanent bool   `json:"is_permanent"`
}

// Scheme makes a URL scheme: POST /wxa/generatescheme
// (server/API/qrcode-link/url-scheme/api_generatescheme.html, 获取加密scheme码), 100 a second, and 500 000 a day together
// with URL links. Not for apps of individuals.
//
// Errors: KindArgs before any call (see [ValidateScheme]) or by WeChat (40165 path, 40212 query, 85401 expiry);
// KindState for 85079, an app that is not published; KindRate for 44990, KindQuota for 44993, KindUnsupported for
// 40002, 85407 and 85408.
func (c *Client) Scheme(ctx context.Context, r SchemeRequest) (string, error) {
	if err := ValidateScheme(r, c.now()); err != nil {
		return "", err
	}
	body := schemeWire{
		JumpWxa: jumpWire{Path: r.Path, Query: r.Query, EnvVersion: r.EnvVersion}, IsExpire: true, expiryWire: r.Expiry.wire(),
	}
	return c.link(ctx, call{op: opScheme, path: "/wxa/generatescheme", body: body, repeatable: true}, "openlink")
}

// URLLink makes a URL link: POST /wxa/generate_urllink (server/API/qrcode-link/url-link/api_generateurllink.html,
// 获取加密URLLink). Quotas and errors are those of [Client.Scheme].
func (c *Client) URLLink(ctx context.Context, r URLLinkRequest) (string, error) {
	if err := ValidateURLLink(r, c.now()); err != nil {
		return "", err
	}
	body := urlLinkWire{
		Path: r.Path, Query: r.Query, expiryWire: r.Expiry.wire(), EnvVersion: r.EnvVersion, CloudBase: r.CloudBase,
	}
	return c.link(ctx, call{op: opURLLink, path: "/wxa/generate_urllink", body: body, repeatable: true}, "url_link")
}

// ShortLink makes a short link: POST /wxa/genwxashortlink
// (server/API/qrcode-link/short-link/api_generateshortlink.html, 获取ShortLink), for shops only. After a lost answer a
// permanent one is not repeated, because it may have been counted.
//
// Errors: KindArgs before any call (see [ValidateShortLink]) or by WeChat (40066 page, 40225 title); KindUnsupported for
// 43104, an app that is not of a category that may; KindQuota for 45009, the day's 10 million, and 85400, the permanent ones.
func (c *Client) ShortLink(ctx context.Context, r ShortLinkRequest) (string, error) {
	if err := ValidateShortLink(r); err != nil {
		return "", err
	}
	body := shortLinkWire(r)
	return c.link(ctx, call{op: opShortLink, path: "/wxa/genwxashortlink", body: body, repeatable: !r.IsPermanent}, "link")
}

// link makes a call whose answer is one string.
func (c *Client) link(ctx context.Context, q call, field string) (string, error) {
	var link string
	q.method, q.needsToken = http.MethodPost, true
	q.read = func(body []byte) error {
		var wire map[string]any
		if err := decode(body, &wire); err != nil {
			return err
		}
		if link, _ = wire[field].(string); link == "" {
			return ErrMissingField
		}
		return nil
	}
	if _, err := c.do(ctx, q); err != nil {
		return "", err
	}
	return link, nil
}

// LinkInfo is a link as WeChat stores it.
type LinkInfo struct {
	AppID      string
	Path       string
	Query      string
	EnvVersion string
	CreatedAt  time.Time
	// ExpiresAt is zero for a link older than the limit of 30 days, which does not end.
	ExpiresAt time.Time
}

// linkInfoWire is the answer of both queries, which name the first object differently.
type linkInfoWire struct {
	Scheme  *linkWire `json:"scheme_info"`
	URLLink *linkWire `json:"url_link_info"`
	Quota   *struct {
		Remain *number `json:"remain_visit_quota"`
	} `json:"quota_info"`
}

type linkWire struct {
	AppID      string `json:"appid"`
	Path       string `json:"path"`
	Query      string `json:"query"`
	CreateTime number `json:"create_time"`
	ExpireTime number `json:"expire_time"`
	EnvVersion string `json:"env_version"`
}

// SchemeInfo asks for the target and end of a URL scheme: POST /wxa/queryscheme
// (server/API/qrcode-link/url-scheme/api_queryscheme.html, 查询scheme码). Errors: KindState for 85403, an unknown link.
func (c *Client) SchemeInfo(ctx context.Context, scheme string) (LinkInfo, error) {
	if err := checkLink(opSchemeInfo, "scheme", scheme); err != nil {
		return LinkInfo{}, err
	}
	wire, err := c.queryLink(ctx, opSchemeInfo, map[string]any{"scheme": scheme, "query_type": 0})
	return wire.Scheme.info(), err
}

// URLLinkInfo asks for the target and end of a URL link: POST /wxa/query_urllink
// (server/API/qrcode-link/url-link/api_queryurllink.html, 查询加密URLLink). Errors as in [Client.SchemeInfo].
func (c *Client) URLLinkInfo(ctx context.Context, link string) (LinkInfo, error) {
	if err := checkLink(opURLLinkInfo, "url_link", link); err != nil {
		return LinkInfo{}, err
	}
	wire, err := c.queryLink(ctx, opURLLinkInfo, map[string]any{"url_link": link, "query_type": 0})
	return wire.URLLink.info(), err
}

// VisitsLeft asks how often the app can still be opened today by schemes and URL links, of 3 000 000:
// POST /wxa/queryscheme with query_type 1.
func (c *Client) VisitsLeft(ctx context.Context) (int64, error) {
	wire, err := c.queryLink(ctx, opSchemeInfo, map[string]any{"query_type": 1})
	if err != nil {
		return 0, err
	}
	return int64(*wire.Quota.Remain), nil
}

func (c *Client) queryLink(ctx context.Context, op string, body map[string]any) (linkInfoWire, error) {
	path := "/wxa/queryscheme"
	if op == opURLLinkInfo {
		path = "/wxa/query_urllink"
	}
	var wire linkInfoWire
	_, err := c.do(ctx, call{
		op: op, method: http.MethodPost, path: path, body: body, needsToken: true, repeatable: true,
		read: func(answer []byte) error {
			if err := decode(answer, &wire); err != nil {
				return err
			}
			has := op == opSchemeInfo && wire.Scheme != nil || op == opURLLinkInfo && wire.URLLink != nil
			if body["query_type"] == 1 {
				has = wire.Quota != nil && wire.Quota.Remain != nil
			}
			if !has {
				return ErrMissingField
			}
			return nil
		},
	})
	return wire, err
}

func (w *linkWire) info() LinkInfo {
	if w == nil {
		return LinkInfo{}
	}
	info := LinkInfo{AppID: w.AppID, Path: w.Path, Query: w.Query, EnvVersion: w.EnvVersion, CreatedAt: unix(w.CreateTime)}
	if w.ExpireTime != 0 {
		info.ExpiresAt = unix(w.ExpireTime)
	}
	return info
}

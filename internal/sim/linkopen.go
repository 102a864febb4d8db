package sim

import (
	"net/url"
	"strings"
	"time"

	"wxbase/internal/sim/wire"
)

// linkInfo is a link as the query calls return it.
type linkInfo struct {
	AppID      string `json:"appid"`
	Path       string `json:"path"`
	Query      string `json:"query"`
	CreateTime int64  `json:"create_time"` // Unix seconds
	ExpireTime int64  `json:"expire_time"`
	Env        string `json:"env_version"`
}

// linkQuota is how often links of the mini program can still be opened today.
type linkQuota struct {
	Remain int `json:"remain_visit_quota"`
}

// queryScheme is POST /wxa/queryscheme.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/url-scheme/api_queryscheme.html (查询scheme码)
func (s *Sim) queryScheme(c *call) reply {
	var in struct {
		Scheme string `json:"scheme"`
		Type   int    `json:"query_type"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	info, quota, refusal := s.queryLink(c, linkScheme, in.Scheme, in.Type)
	if info == nil {
		return refusal
	}
	return c.ok(struct {
		plainOK
		Info  linkInfo  `json:"scheme_info"`
		Quota linkQuota `json:"quota_info"`
	}{plainOK{ErrMsg: "ok"}, *info, quota})
}

// queryURLLink is POST /wxa/query_urllink.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/url-link/api_queryurllink.html (查询加密URLLink)
func (s *Sim) queryURLLink(c *call) reply {
	var in struct {
		URLLink string `json:"url_link"`
		Type    int    `json:"query_type"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	info, quota, refusal := s.queryLink(c, linkURL, in.URLLink, in.Type)
	if info == nil {
		return refusal
	}
	return c.ok(struct {
		plainOK
		Info  linkInfo  `json:"url_link_info"`
		Quota linkQuota `json:"quota_info"`
	}{plainOK{ErrMsg: "ok"}, *info, quota})
}

// queryLink finds a link of the calling mini program. It returns both parts for every query_type.
func (s *Sim) queryLink(c *call, kind, text string, queryType int) (*linkInfo, linkQuota, reply) {
	if queryType != 0 && queryType != 1 {
		return nil, linkQuota{}, c.refuse(40097, "query_type must be 0 or 1")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.state.links[text]
	if l == nil || l.Kind != kind || l.AppID != c.appid {
		return nil, linkQuota{}, c.refuse(85403, "no such "+kind+" of this mini program")
	}
	left := max(s.quota(quotaOpens)-s.limits.Used("link/open/"+l.AppID, 24*time.Hour, c.now), 0)
	return &linkInfo{l.AppID, l.Path, l.Query, l.MadeAt.Unix(), l.ExpiresAt.Unix(), l.Env}, linkQuota{left}, reply{}
}

// isLink tells the text of a link from that of a code.
func isLink(text string) bool {
	return strings.HasPrefix(text, schemePrefix) || strings.HasPrefix(text, urlPrefix) || strings.HasPrefix(text, shortPrefix)
}

// openLink is a tap on a link: in a message or web page, or inside WeChat. The caller holds s.mu.
func (s *Sim) openLink(text string, inside bool, now time.Time) (scanAnswer, error) {
	l := s.state.links[text]
	switch {
	case l == nil:
		return scanAnswer{}, notThere("nobody made this link")
	case l.expired(now):
		return scanAnswer{}, conflict("the link expired at " + wire.Stamp(l.ExpiresAt))
	case inside && l.Env != "release":
		return scanAnswer{}, conflict("a link to the " + l.Env + " version opens from outside WeChat only")
	case l.Kind != linkShort && !s.limits.Allow("link/open/"+l.AppID, s.quota(quotaOpens), 24*time.Hour, now):
		return scanAnswer{}, conflict("links of this mini program were opened too often today (85406)")
	}
	query, err := url.ParseQuery(l.Query)
	if err != nil {
		query = nil // note: the call accepts a stray percent sign; the page gets the text unchanged
	}
	return scanAnswer{
		AppID: l.AppID, Path: or(strings.TrimPrefix(l.Path, "/"), homePage), Query: l.Query, Scene: query.Get("scene"), Env: l.Env,
	}, nil
}

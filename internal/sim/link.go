package sim

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// The three kinds of links, and how each begins.
const (
	linkScheme = "scheme"
	linkURL    = "link"
	linkShort  = "short"

	schemePrefix = "weixin://dl/business/?t="
	urlPrefix    = "https://wxaurl.cn/"
	shortPrefix  = "#小程序://"
)

// The limits of links; the counts are in quota.go.
const (
	shortestLink = time.Minute
	longestLink  = 30 * 24 * time.Hour
	longestQuery = 1024 // characters, also of page_url
	longestTitle = 20   // characters; the rest is cut off
)

// link is one scheme, URL link or short link. Its id is the issued text.
type link struct {
	URL       string    `json:"url"`
	Kind      string    `json:"kind"` // scheme, link or short
	AppID     string    `json:"appid"`
	Path      string    `json:"path"`
	Query     string    `json:"query"`
	Env       string    `json:"env"`
	MadeAt    time.Time `json:"madeAt"`
	ExpiresAt time.Time `json:"expiresAt"` // zero for a permanent short link
}

func (l link) Entity() (kind, id string) { return "link", l.URL }

// linkTable holds the schemes, URL links and short links.
type linkTable struct{ links map[string]*link }

func (t *linkTable) register(r *registry) { remember(r, "link", &t.links, (*link).worthKeeping) }

// expired is true from the second of its end.
func (l *link) expired(now time.Time) bool { return !l.ExpiresAt.IsZero() && !now.Before(l.ExpiresAt) }

// linkQuery is what a link's query may contain: the characters of a scene, and percent signs.
var linkQuery = regexp.MustCompile(`^[0-9A-Za-z!#$&'()*+,/:;=?@\-._~%]*$`)

// linkTarget is where a scheme or a URL link leads.
type linkTarget struct {
	Path  string `json:"path"`
	Query string `json:"query"`
	Env   string `json:"env_version"` // release by default; SDKs send an empty text for unset fields
}

// check returns the errcode for a bad target, 0 for a good one.
func (t linkTarget) check(s *Sim) (errcode int, reason string) {
	if !slices.Contains([]string{"release", "trial", "develop"}, or(t.Env, "release")) {
		return 85402, "env_version must be release, trial or develop"
	}
	path := strings.TrimPrefix(t.Path, "/") // note: unlike the page of a code, this path may begin with a slash
	published := or(t.Env, "release") == "release"
	switch {
	case path == "":
	case !pageShape.MatchString(path):
		return 40165, "path must be a path without a query"
	case published && !s.published(path):
		return 40165, "path is not in the published version"
	}
	if utf8.RuneCountInString(t.Query) > longestQuery || !linkQuery.MatchString(t.Query) {
		return 40212, "query is longer than 1024 characters, or holds others than digits, letters and !#$&'()*+,/:;=?@-._~%"
	}
	return 0, ""
}

// published tells whether a page is in the published version.
func (s *Sim) published(page string) bool {
	return len(s.rule().pages) == 0 || slices.Contains(s.rule().pages, page)
}

// linkLife is when a link ends: at a time, or after a number of days.
type linkLife struct {
	IsExpire *bool  `json:"is_expire"`       // of the samples; false means the longest possible life
	Type     int    `json:"expire_type"`     // 0 expire_time, 1 expire_interval
	Time     *int64 `json:"expire_time"`     // Unix seconds
	Interval *int   `json:"expire_interval"` // days
}

// end returns the time of the end, or the errcode for a bad one. The limit is 30 days.
func (x linkLife) end(now time.Time) (end time.Time, errcode int, reason string) {
	untold := x.IsExpire == nil && x.Type == 0 && x.Time == nil && x.Interval == nil
	switch {
	case x.Type != 0 && x.Type != 1:
		return end, 40097, "expire_type must be 0 or 1"
	case untold || x.IsExpire != nil && !*x.IsExpire:
		return now.Add(longestLink), 0, ""
	case x.Type == 1 && (x.Interval == nil || *x.Interval < 1 || *x.Interval > 30):
		return end, 85401, "expire_interval must be 1 to 30 days"
	case x.Type == 1:
		return now.Add(time.Duration(*x.Interval) * 24 * time.Hour), 0, ""
	case x.Time == nil:
		return end, 85401, "expire_time is missing"
	}
	end = time.Unix(*x.Time, 0) // note: a whole second, so that "in a minute" may be a little less
	if life := end.Sub(now); life < shortestLink-time.Second || life > longestLink {
		return end, 85401, "expire_time must be one minute to 30 days from now"
	}
	return end, 0, ""
}

// generateScheme is POST /wxa/generatescheme.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/url-scheme/api_generatescheme.html (获取加密scheme码)
func (s *Sim) generateScheme(c *call) reply {
	var in struct {
		linkLife
		Target linkTarget `json:"jump_wxa"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	made, refusal := s.makeLink(c, linkScheme, in.Target, in.linkLife)
	if made == nil {
		return refusal
	}
	return c.ok(struct {
		plainOK
		OpenLink string `json:"openlink"`
	}{plainOK{ErrMsg: "ok"}, made.URL})
}

// generateURLLink is POST /wxa/generate_urllink. note: it refuses a link through a web page of the cloud (cloud_base),
// which is not simulated.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/url-link/api_generateurllink.html (获取加密URLLink)
func (s *Sim) generateURLLink(c *call) reply {
	var in struct {
		linkLife
		linkTarget
		CloudBase *struct{} `json:"cloud_base"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	if in.CloudBase != nil {
		return c.refuse(40097, "the simulator has no cloud for cloud_base")
	}
	made, refusal := s.makeLink(c, linkURL, in.linkTarget, in.linkLife)
	if made == nil {
		return refusal
	}
	return c.ok(struct {
		plainOK
		URLLink string `json:"url_link"`
	}{plainOK{ErrMsg: "ok"}, made.URL})
}

// makeLink is the common part of schemes and URL links: two quotas, the checks, and an entry in the books.
func (s *Sim) makeLink(c *call, kind string, target linkTarget, life linkLife) (made *link, refusal reply) {
	if errcode, reason := target.check(s); errcode != 0 {
		return nil, c.refuse(errcode, reason)
	}
	end, errcode, reason := life.end(c.now)
	if errcode != 0 {
		return nil, c.refuse(errcode, reason)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.limits.Allow("link/second/"+c.appid, s.quota(quotaLinkRate), time.Second, c.now):
		return nil, c.refuse(44990, "more schemes and URL links in a second than "+quotaLinkRate)
	case !s.limits.Allow("link/day/"+c.appid, s.quota(quotaLinks), 24*time.Hour, c.now):
		return nil, c.refuse(44993, "more schemes and URL links in a day than "+quotaLinks)
	}
	made = &link{
		Kind: kind, AppID: c.appid, Path: target.Path, Query: target.Query, Env: or(target.Env, "release"), MadeAt: c.now, ExpiresAt: end,
		URL: schemePrefix + wire.Pick(wire.Alnum, 11),
	}
	if kind == linkURL {
		made.URL = urlPrefix + wire.Pick(wire.Alnum, 11)
	}
	if err := s.save(made); err != nil {
		return nil, c.refuse(-1, err.Error())
	}
	s.state.links[made.URL] = made
	return made, reply{}
}

// generateShortLink is POST /wxa/genwxashortlink.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/short-link/api_generateshortlink.html (获取ShortLink)
func (s *Sim) generateShortLink(c *call) reply {
	var in struct {
		PageURL   string `json:"page_url"`
		Title     string `json:"page_title"`
		Permanent bool   `json:"is_permanent"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	path, query, _ := strings.Cut(strings.TrimPrefix(in.PageURL, "/"), "?")
	switch {
	case path == "" || utf8.RuneCountInString(in.PageURL) > longestQuery:
		return c.refuse(40066, "page_url is missing or longer than 1024 characters")
	case !pageShape.MatchString(path) || !linkQuery.MatchString(query) || !s.published(path):
		return c.refuse(40066, "page_url is no page of the published version, or its query holds what a link cannot")
	case badText(in.Title) || judgeText(in.Title).Suggest == suggestRisky:
		return c.refuse(40225, "page_title holds a control character or a risky word")
	}
	title := []rune(in.Title)
	short := &link{
		Kind: linkShort, AppID: c.appid, Path: path, Query: query, Env: "release", MadeAt: c.now, ExpiresAt: c.now.Add(longestLink),
		URL: shortPrefix + "模拟小程序/" + strings.TrimPrefix(string(title[:min(len(title), longestTitle)])+"/", "/") + wire.Pick(wire.Alnum, 15),
	}
	if in.Permanent {
		short.ExpiresAt = time.Time{}
	}
	if errcode, reason := s.keepShort(short); errcode != 0 {
		return c.refuse(errcode, reason)
	}
	return c.ok(struct {
		plainOK
		Link string `json:"link"`
	}{plainOK{ErrMsg: "ok"}, short.URL})
}

// keepShort counts and stores a short link, or returns the errcode of the exhausted quota.
func (s *Sim) keepShort(short *link) (errcode int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows, count := []book.Row{short}, (*codeCount)(nil)
	if short.ExpiresAt.IsZero() {
		count = s.countOf(permanentOf(short.AppID))
		rows = append(rows, count)
	}
	switch {
	case count != nil && count.Count > s.quota(quotaPermanent):
		return 85400, "more permanent short links than " + quotaPermanent
	case !s.limits.Allow("short/day/"+short.AppID, s.quota(quotaShorts), 24*time.Hour, short.MadeAt):
		return 45009, "more short links in a day than " + quotaShorts
	}
	if err := s.save(rows...); err != nil {
		return -1, err.Error()
	}
	if count != nil {
		s.state.counts[count.AppID] = count
	}
	s.state.links[short.URL] = short
	return 0, ""
}

// permanentOf is the name under which an app's permanent short links are counted.
func permanentOf(appid string) string { return appid + "/short" }

package sim

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// wxaCode is the target of a mini program code. Its id is derived from the rest, so a repeat finds the same entry.
type wxaCode struct {
	ID    string `json:"id"`
	AppID string `json:"appid"`
	Path  string `json:"path"` // page; for the two counted kinds with its query
	Scene string `json:"scene"`
	Env   string `json:"env"`
}

func (w wxaCode) Entity() (kind, id string) { return "code", w.ID }

// codeCount is how many codes of the two counted kinds an app ever made; permanent short links have a separate count.
type codeCount struct {
	AppID string `json:"appid"` // see permanentOf
	Count int    `json:"count"`
}

func (n codeCount) Entity() (kind, id string) { return "count", n.AppID }

// codeTable holds the mini program codes, and the numbers of the counted kinds.
type codeTable struct {
	codes     map[string]*wxaCode
	counts    map[string]*codeCount
	unchecked map[string]map[string]bool // pages outside the published version that have a code, by appid; see uncheckedPages
}

func (t *codeTable) register(r *registry) {
	t.unchecked = map[string]map[string]bool{}
	remember(r, "code", &t.codes, nil)
	remember(r, "count", &t.counts, nil)
}

// The page of an empty path, and a query field that WeChat adds itself.
const (
	homePage      = "pages/index/index"
	reservedParam = "scancode_time"
)

var (
	sceneShape = regexp.MustCompile(`^[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+$`)
	pageShape  = regexp.MustCompile(`^[0-9A-Za-z_\-][0-9A-Za-z_\-./]*$`)
)

// codeStyle is the look of a code; the calls share these fields.
type codeStyle struct {
	Width      *int            `json:"width"` // 280 to 1280 pixels, 430 by default
	AutoColor  bool            `json:"auto_color"`
	LineColor  json.RawMessage `json:"line_color"`
	IsHyaline  bool            `json:"is_hyaline"`  // transparent, and then a PNG
	EnvVersion string          `json:"env_version"` // release by default; SDKs send an empty text for unset fields
}

// unlimitedRequest is the body of getwxacodeunlimit.
type unlimitedRequest struct {
	codeStyle
	Scene     string `json:"scene"`
	Page      string `json:"page"`
	CheckPath *bool  `json:"check_path"`
}

// unlimitedCode is POST /wxa/getwxacodeunlimit (kind B): a page and a scene of at most 32 characters, not counted.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/qr-code/api_getunlimitedqrcode.html (获取不限制的小程序码)
func (s *Sim) unlimitedCode(c *call) reply {
	var in unlimitedRequest
	if refusal, ok := c.decodeOr(40169, &in); !ok {
		return refusal
	}
	s.mu.Lock()
	within := s.limits.Allow("code/unlimited/"+c.appid, s.quota(quotaCodes), time.Minute, c.now)
	s.mu.Unlock()
	if !within {
		return c.refuse(45009, "more codes in a minute than "+quotaCodes)
	}
	if code, reason := checkScene(in.Scene); code != 0 {
		return c.refuse(code, reason)
	}
	if code, reason := s.checkPage(in.Page, in.CheckPath == nil || *in.CheckPath); code != 0 {
		return c.refuse(code, reason)
	}
	if reason := in.check(); reason != "" {
		return c.refuse(40097, reason)
	}
	return s.sendCode(c, in.codeStyle, wxaCode{Path: or(in.Page, homePage), Scene: in.Scene}, false)
}

// checkScene returns the errcode for a bad scene, 0 for a good one.
func checkScene(scene string) (errcode int, reason string) {
	switch {
	case scene == "":
		return 40129, "scene is missing"
	case utf8.RuneCountInString(scene) > 32:
		return 40169, "scene is longer than 32 characters"
	case !sceneShape.MatchString(scene):
		return 40129, "scene may only hold digits, letters and !#$&'()*+,/:;=?@-._~"
	}
	return 0, ""
}

// checkPage returns the errcode for a bad page, 0 for a good one. An empty page is the home page.
func (s *Sim) checkPage(page string, published bool) (errcode int, reason string) {
	switch {
	case strings.Contains(page, reservedParam):
		return 85096, "scancode_time is WeChat's own word"
	case page == "":
		return 0, ""
	case strings.HasPrefix(page, "/"):
		return 41030, "page must not begin with a slash"
	case !pageShape.MatchString(page):
		return 41030, "page must be a path without a query"
	case published && !s.published(page):
		return 41030, "page is not in the published version; check_path false allows it"
	}
	return 0, ""
}

// check returns the reason to refuse a style with 40097, empty for a good one.
func (c codeStyle) check() string {
	if c.Width != nil && (*c.Width < 280 || *c.Width > 1280) {
		return "width must be 280 to 1280"
	}
	if !slices.Contains([]string{"release", "trial", "develop"}, or(c.EnvVersion, "release")) {
		return "env_version must be release, trial or develop"
	}
	if _, err := c.ink(); err != nil {
		return err.Error()
	}
	return ""
}

// pathRequest is the body of the two counted kinds.
type pathRequest struct {
	codeStyle
	Path string `json:"path"`
}

// limitedCode is POST /wxa/getwxacode (kind A): a path with its query, counted.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/qr-code/api_getqrcode.html (获取小程序码)
func (s *Sim) limitedCode(c *call) reply { return s.countedCode(c, 1024) }

// plainQRCode is POST /cgi-bin/wxaapp/createwxaqrcode (kind C): a square code, counted with A.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/qrcode-link/qr-code/api_createqrcode.html (获取小程序二维码)
func (s *Sim) plainQRCode(c *call) reply { return s.countedCode(c, 128) }

// countedCode is the common part of the two counted kinds; longest is in characters.
func (s *Sim) countedCode(c *call, longest int) reply {
	var in pathRequest
	if refusal, ok := c.decodeOr(40159, &in); !ok {
		return refusal
	}
	if c.endpoint.name == "createwxaqrcode" {
		in.codeStyle = codeStyle{Width: in.Width} // note: this call has no other field
	}
	switch n := utf8.RuneCountInString(in.Path); {
	case n == 0 || n > longest:
		return c.refuse(40159, "path is empty or too long")
	case strings.Contains(in.Path, reservedParam):
		return c.refuse(85096, "scancode_time is WeChat's own word")
	}
	if reason := in.check(); reason != "" {
		return c.refuse(40097, reason)
	}
	return s.sendCode(c, in.codeStyle, wxaCode{Path: in.Path}, true)
}

// countOf returns the next count under this name. The caller holds s.mu.
func (s *Sim) countOf(name string) *codeCount {
	count := &codeCount{AppID: name, Count: 1}
	if known := s.state.counts[name]; known != nil {
		count.Count += known.Count
	}
	return count
}

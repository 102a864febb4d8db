package wechat_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

// noon is the time in the tests of links.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 500_000_000, time.UTC)

func atNoon() wechat.Option { return wechat.WithNow(func() time.Time { return noon }) }

// sent checks the request and answers.
func sent(t *testing.T, path, body, answered string) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		got, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != path || string(got) != body || r.URL.RawQuery != "access_token=70_token" {
			t.Errorf("got %s %s %s, want %s %s", r.Method, r.URL, got, path, body)
		}
		answer(answered)(w, r)
	}
}

func TestLinksSendTheirBody(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name       string
		call       func(*wechat.Client, context.Context) (string, error)
		path, body string
		answer     string
	}{
		{
			"a scheme with everything",
			func(c *wechat.Client, ctx context.Context) (string, error) {
				return c.Scheme(ctx, wechat.SchemeRequest{
					Path: "pages/index/index", Query: "a=1&b=%E4%B8%AD", EnvVersion: "trial",
					Expiry: wechat.LinkExpiry{At: time.Unix(1772366460, 0)},
				})
			},
			"/wxa/generatescheme",
			`{"jump_wxa":{"path":"pages/index/index","query":"a=1&b=%E4%B8%AD","env_version":"trial"},"is_expire":true,` +
				`"expire_type":0,"expire_time":1772366460}`,
			`{"errcode":0,"errmsg":"ok","openlink":"the link"}`,
		},
		{
			"a scheme of the home page for 30 days",
			func(c *wechat.Client, ctx context.Context) (string, error) {
				return c.Scheme(ctx, wechat.SchemeRequest{})
			},
			"/wxa/generatescheme",
			`{"jump_wxa":{"path":"","query":""},"is_expire":true,"expire_type":1,"expire_interval":30}`,
			`{"openlink":"the link"}`,
		},
		{
			"a URL link with a page in the cloud",
			func(c *wechat.Client, ctx context.Context) (string, error) {
				return c.URLLink(ctx, wechat.URLLinkRequest{
					Path: "pages/a", Query: "x=1", Expiry: wechat.LinkExpiry{Days: 7},
					CloudBase: &wechat.CloudBase{Env: "env", Domain: "example.com", Path: "/p", Query: "q=1", ResourceAppID: "wx1"},
				})
			},
			"/wxa/generate_urllink",
			`{"path":"pages/a","query":"x=1","expire_type":1,"expire_interval":7,` +
				`"cloud_base":{"env":"env","domain":"example.com","path":"/p","query":"q=1","resource_appid":"wx1"}}`,
			`{"errcode":0,"url_link":"the link"}`,
		},
		{
			"a short link",
			func(c *wechat.Client, ctx context.Context) (string, error) {
				return c.ShortLink(ctx, wechat.ShortLinkRequest{PageURL: "pages/a?b=<c>", PageTitle: "标题 一", IsPermanent: true})
			},
			"/wxa/genwxashortlink",
			`{"page_url":"pages/a?b=<c>","page_title":"标题 一","is_permanent":true}`,
			`{"errcode":"0","link":"the link"}`,
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, sent(t, s.path, s.body, s.answer), atNoon())
			if got, err := s.call(c, t.Context()); err != nil || got != "the link" {
				t.Errorf("got %q, %v, want the link", got, err)
			}
		})
	}
}

func TestLinkAnswers(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, answer string
		kind         wechat.Kind
		calls        int64
	}{
		{"no link", `{"errcode":0,"errmsg":"ok"}`, wechat.KindBadAnswer, 1},
		{"a link that is none", `{"openlink":1}`, wechat.KindBadAnswer, 1},
		{"not JSON", `<html>`, wechat.KindBadAnswer, 1},
		{"no permission yet", `{"errcode":40002,"errmsg":"invalid grant_type"}`, wechat.KindUnsupported, 1},
		{"no permission by category", `{"errcode":43104}`, wechat.KindUnsupported, 1},
		{"no permission", `{"errcode":85407,"errmsg":"no scheme permission rid: 69d667b0-065c819c-3e3aa67b"}`, wechat.KindUnsupported, 1},
		{"wrong path", `{"errcode":40165}`, wechat.KindArgs, 1},
		{"wrong query", `{"errcode":40212}`, wechat.KindArgs, 1},
		{"wrong expiry", `{"errcode":85401}`, wechat.KindArgs, 1},
		{"not published", `{"errcode":85079}`, wechat.KindState, 1},
		{"too fast", `{"errcode":44990}`, wechat.KindRate, 1},
		{"too many today", `{"errcode":44993}`, wechat.KindQuota, 1},
		{"no cloud", `{"errcode":85088}`, wechat.KindUnsupported, 1},
		{"banned", `{"errcode":85408}`, wechat.KindUnsupported, 1},
		{"busy", `{"errcode":-1}`, wechat.KindBusy, 3},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			a, c := serve(t, answer(s.answer))
			got, err := c.Scheme(t.Context(), wechat.SchemeRequest{})
			wantKind(t, err, s.kind)
			if got != "" || a.calls.Load() != s.calls {
				t.Errorf("got %q after %d calls, want nothing after %d", got, a.calls.Load(), s.calls)
			}
		})
	}
}

func TestPermanentShortLinkIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	for permanent, want := range map[bool]int64{true: 1, false: 3} {
		a, c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		_, err := c.ShortLink(t.Context(), wechat.ShortLinkRequest{PageURL: "p", IsPermanent: permanent})
		e, ok := errors.AsType[*wechat.Error](err)
		if !ok || e.MaybeDone != permanent || a.calls.Load() != want {
			t.Errorf("permanent %v: got %d calls and %v, want %d", permanent, a.calls.Load(), err, want)
		}
	}
}

func TestValidateLinks(t *testing.T) {
	t.Parallel()
	scheme := func(r wechat.SchemeRequest) error { return wechat.ValidateScheme(r, noon) }
	link := func(r wechat.URLLinkRequest) error { return wechat.ValidateURLLink(r, noon) }
	short := wechat.ValidateShortLink
	in := func(d time.Duration) wechat.LinkExpiry {
		return wechat.LinkExpiry{At: noon.Truncate(time.Second).Add(d)}
	}
	const month = 30 * 24 * time.Hour
	scenarios := []struct {
		name  string
		err   error
		field string
	}{
		{"the least there is", scheme(wechat.SchemeRequest{}), ""},
		{"the longest query", scheme(wechat.SchemeRequest{Query: strings.Repeat("a", 1024)}), ""},
		{"a query too long", scheme(wechat.SchemeRequest{Query: strings.Repeat("a", 1025)}), "query"},
		{"every sign of a query", scheme(wechat.SchemeRequest{Query: "!#$&'()*+,/:;=?@-._~%20"}), ""},
		{"Chinese in a query", scheme(wechat.SchemeRequest{Query: "a=中"}), "query"},
		{"a space in a query", scheme(wechat.SchemeRequest{Query: "a b"}), "query"},
		{"a query in the path", scheme(wechat.SchemeRequest{Path: "p?a=1"}), "path"},
		{"a path too long", scheme(wechat.SchemeRequest{Path: strings.Repeat("a", 1025)}), "path"},
		{"a version that is none", scheme(wechat.SchemeRequest{EnvVersion: "beta"}), "env_version"},
		{"a minute", scheme(wechat.SchemeRequest{Expiry: in(time.Minute)}), ""},
		{"less than a minute", scheme(wechat.SchemeRequest{Expiry: in(time.Minute - time.Second)}), "expire_time"},
		{"30 days", scheme(wechat.SchemeRequest{Expiry: in(month)}), ""},
		{"a second over 30 days", scheme(wechat.SchemeRequest{Expiry: in(month + time.Second)}), "expire_time"},
		{"the past", scheme(wechat.SchemeRequest{Expiry: in(-time.Hour)}), "expire_time"},
		{"a year that a duration cannot hold", scheme(wechat.SchemeRequest{Expiry: wechat.LinkExpiry{At: noon.AddDate(9000, 0, 0)}}), "expire_time"},
		{"one day", scheme(wechat.SchemeRequest{Expiry: wechat.LinkExpiry{Days: 1}}), ""},
		{"30 whole days", scheme(wechat.SchemeRequest{Expiry: wechat.LinkExpiry{Days: 30}}), ""},
		{"31 days", scheme(wechat.SchemeRequest{Expiry: wechat.LinkExpiry{Days: 31}}), "expire_interval"},
		{"days before now", scheme(wechat.SchemeRequest{Expiry: wechat.LinkExpiry{Days: -1}}), "expire_interval"},
		{"two expiries", scheme(wechat.SchemeRequest{Expiry: wechat.LinkExpiry{At: noon.Add(time.Hour), Days: 1}}), "expire_interval"},
		{"a URL link like a scheme", link(wechat.URLLinkRequest{Path: "p", Query: "q", EnvVersion: "develop", Expiry: in(month)}), ""},
		{"a URL link with a query too long", link(wechat.URLLinkRequest{Query: strings.Repeat("a", 1025)}), "query"},
		{"a URL link with a path that has a query", link(wechat.URLLinkRequest{Path: "p#q"}), "path"},
		{"a URL link with another version", link(wechat.URLLinkRequest{EnvVersion: "x"}), "env_version"},
		{"a URL link for too long", link(wechat.URLLinkRequest{Expiry: in(month + time.Second)}), "expire_time"},
		{"a cloud without an environment", link(wechat.URLLinkRequest{CloudBase: &wechat.CloudBase{}}), "cloud_base.env"},
		{"a cloud with a query too long", link(wechat.URLLinkRequest{CloudBase: &wechat.CloudBase{Env: "e", Query: strings.Repeat("a", 1025)}}), "cloud_base.query"},
		{"the longest page of a short link", short(wechat.ShortLinkRequest{PageURL: strings.Repeat("页", 1024)}), ""},
		{"a page of a short link too long", short(wechat.ShortLinkRequest{PageURL: strings.Repeat("页", 1025)}), "page_url"},
		{"a short link to nowhere", short(wechat.ShortLinkRequest{}), "page_url"},
		{"a title that WeChat cuts", short(wechat.ShortLinkRequest{PageURL: "p", PageTitle: strings.Repeat("题", 21)}), ""},
		{"a title of two lines", short(wechat.ShortLinkRequest{PageURL: "p", PageTitle: "a\nb"}), "page_title"},
		{"a title that is not UTF-8", short(wechat.ShortLinkRequest{PageURL: "p", PageTitle: "\xff"}), "page_title"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			wantField(t, s.err, s.field)
		})
	}
}

// wantField checks which field an error names; "" expects success.
func wantField(tb testing.TB, err error, field string) {
	tb.Helper()
	got := ""
	if e, ok := errors.AsType[*wechat.FieldError](err); ok {
		got = e.Field
	}
	if got != field || err != nil && wechat.KindOf(err) != wechat.KindArgs {
		tb.Errorf("got %v, want an error about %q", err, field)
	}
}

func TestWrongLinksAreNotSent(t *testing.T) {
	t.Parallel()
	a, c := serve(t, answer(`{}`), atNoon())
	_, scheme := c.Scheme(t.Context(), wechat.SchemeRequest{Query: "中"})
	_, link := c.URLLink(t.Context(), wechat.URLLinkRequest{Query: "中"})
	_, short := c.ShortLink(t.Context(), wechat.ShortLinkRequest{})
	_, schemeInfo := c.SchemeInfo(t.Context(), "")
	_, linkInfo := c.URLLinkInfo(t.Context(), "a b")
	for _, err := range []error{scheme, link, short, schemeInfo, linkInfo} {
		wantKind(t, err, wechat.KindArgs)
	}
	if n := a.calls.Load() + a.fetches.Load(); n != 0 {
		t.Errorf("got %d calls, want none", n)
	}
}

func TestLinkExpiryEndsAt(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name   string
		expiry wechat.LinkExpiry
		want   time.Time
	}{
		{"a moment, cut to the second", wechat.LinkExpiry{At: noon.Add(time.Hour)}, noon.Add(time.Hour).Truncate(time.Second)},
		{"days", wechat.LinkExpiry{Days: 2}, noon.Add(48 * time.Hour)},
		{"nothing said", wechat.LinkExpiry{}, noon.Add(30 * 24 * time.Hour)},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if got := s.expiry.EndsAt(noon); !got.Equal(s.want) {
				t.Errorf("got %v, want %v", got, s.want)
			}
		})
	}
}

func TestLinkInfo(t *testing.T) {
	t.Parallel()
	type method func(*wechat.Client, context.Context, string) (wechat.LinkInfo, error)
	scenarios := []struct {
		name       string
		call       method
		path, body string
		answer     string
		want       wechat.LinkInfo
		kind       wechat.Kind
	}{
		{
			"a scheme", (*wechat.Client).SchemeInfo, "/wxa/queryscheme", `{"query_type":0,"scheme":"the-link"}`,
			`{"errcode":0,"scheme_info":{"appid":"wx1","path":"p","query":"q","create_time":"611928113","expire_time":611928200,"env_version":"trial"}}`,
			wechat.LinkInfo{AppID: "wx1", Path: "p", Query: "q", EnvVersion: "trial", CreatedAt: time.Unix(611928113, 0).UTC(), ExpiresAt: time.Unix(611928200, 0).UTC()},
			"",
		},
		{
			"a URL link without an end", (*wechat.Client).URLLinkInfo, "/wxa/query_urllink", `{"query_type":0,"url_link":"the-link"}`,
			`{"errcode":0,"errmsg":"ok","url_link_info":{"appid":"wx1","path":"","query":"","create_time":611928113,"expire_time":0,"env_version":"release"},"quota_info":{"remain_visit_quota":1000000}}`,
			wechat.LinkInfo{AppID: "wx1", EnvVersion: "release", CreatedAt: time.Unix(611928113, 0).UTC()},
			"",
		},
		{
			"a link nobody knows", (*wechat.Client).SchemeInfo, "/wxa/queryscheme", `{"query_type":0,"scheme":"the-link"}`,
			`{"errcode":85403}`,
			wechat.LinkInfo{},
			wechat.KindState,
		},
		{
			"the other's answer", (*wechat.Client).SchemeInfo, "/wxa/queryscheme", `{"query_type":0,"scheme":"the-link"}`,
			`{"url_link_info":{"appid":"wx1"}}`,
			wechat.LinkInfo{},
			wechat.KindBadAnswer,
		},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, c := serve(t, sent(t, s.path, s.body, s.answer))
			got, err := s.call(c, t.Context(), "the-link")
			wantKind(t, err, s.kind)
			if got != s.want {
				t.Errorf("got %+v, want %+v", got, s.want)
			}
		})
	}
}

func TestVisitsLeft(t *testing.T) {
	t.Parallel()
	_, c := serve(t, sent(t, "/wxa/queryscheme", `{"query_type":1}`, `{"errcode":0,"quota_info":{"remain_visit_quota":"2999999"}}`))
	if got, err := c.VisitsLeft(t.Context()); err != nil || got != 2_999_999 {
		t.Errorf("got %d, %v, want 2999999", got, err)
	}
	_, c = serve(t, answer(`{"errcode":0,"quota_info":{}}`))
	_, err := c.VisitsLeft(t.Context())
	wantKind(t, err, wechat.KindBadAnswer)
}

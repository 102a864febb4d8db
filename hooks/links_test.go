package hooks_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/roomtest"
)

const schemePath = "/wxa/generatescheme"

// TestLinks: each kind opens the page on a phone, until it ends.
func TestLinks(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	person, super := app.Login("小明"), app.Superuser()
	scenarios := []struct {
		name   string
		body   map[string]any
		prefix string
		ends   time.Duration // 0: never
	}{
		{"scheme", map[string]any{"kind": "scheme", "path": "pages/a/a", "query": "id=7"}, "weixin://dl/business/", 30 * 24 * time.Hour},
		{"scheme for an hour", map[string]any{"kind": "scheme", "path": "pages/a/a", "query": "id=7", "expire": 3600}, "weixin://dl/business/", time.Hour},
		{"link for a minute", map[string]any{"kind": "link", "path": "pages/a/a", "query": "id=7", "expire": 60}, "https://wxaurl.cn/", time.Minute},
		{"link for 30 days", map[string]any{"kind": "link", "path": "pages/b/b", "expire": 30 * 24 * 3600}, "https://wxaurl.cn/", 30 * 24 * time.Hour},
		{"short", map[string]any{"kind": "short", "path": "pages/a/a", "query": "id=7", "title": "三鲜面"}, "#小程序://", 30 * 24 * time.Hour},
		{"short for ever", map[string]any{"kind": "short", "path": "pages/a/a", "query": "id=7", "permanent": true}, "#小程序://", 0},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			made := app.Must(http.MethodPost, "/api/wx/links", super, s.body)
			if !strings.HasPrefix(made.Text("url"), s.prefix) || made.JSON["reused"] != false {
				t.Errorf("got %s, want a new %s", made.Body, s.prefix)
			}
			ends, err := time.Parse("2006-01-02 15:04:05.000Z", made.Text("expiresAt"))
			if life := ends.Sub(app.Clock.Now()); s.ends == 0 && made.JSON["expiresAt"] != nil || s.ends != 0 && (err != nil || (life-s.ends).Abs() > 5*time.Second) {
				t.Errorf("got end %v, want in %s", made.JSON["expiresAt"], s.ends)
			}
			again := app.Must(http.MethodPost, "/api/wx/links", super, s.body)
			if again.Text("url") != made.Text("url") || again.JSON["reused"] != true {
				t.Errorf("again: got %s, want the same", again.Body)
			}
			opened := person.Phone("scan", map[string]any{"url": made.Text("url")})
			if query := opened.JSON["query"]; opened.Text("path") != s.body["path"] || s.body["query"] != nil && fmt.Sprint(query) != "map[id:7]" && fmt.Sprint(query) != "id=7" {
				t.Errorf("opened: got %s", opened.Body)
			}
		})
	}
}

// TestLinkIsMadeAnewAtItsEnd: the same link while it is worth giving, another one afterwards; and many at once get one.
func TestLinkIsMadeAnewAtItsEnd(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	super := app.Superuser()
	ask := func() apptest.Answer {
		return app.Must(http.MethodPost, "/api/wx/links", super, map[string]any{"kind": "scheme", "path": "pages/a/a", "expire": 3600})
	}
	var answers [20]apptest.Answer
	roomtest.AtOnce(len(answers), func(i int) { answers[i] = ask() })
	for _, a := range answers {
		if a.Text("url") != answers[0].Text("url") {
			t.Errorf("got %s and %s", a.Text("url"), answers[0].Text("url"))
		}
	}
	if n := app.Calls(schemePath); n != 1 {
		t.Errorf("got %d calls, want 1", n)
	}
	app.Clock.Advance(50 * time.Minute)
	if got := ask(); got.Text("url") != answers[0].Text("url") {
		t.Error("ten minutes before the end: got another link")
	}
	app.Clock.Advance(6 * time.Minute)
	if got := ask(); got.Text("url") == answers[0].Text("url") {
		t.Error("in the last tenth: got the same link, want a new one")
	}
	if n := rows(t, app, "wx_links"); n != 2 {
		t.Errorf("got %d rows, want 2", n)
	}
}

func TestLinkArguments(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	super := app.Superuser()
	with := func(more map[string]any) map[string]any {
		return merged(map[string]any{"kind": "scheme", "path": "pages/a/a"}, more)
	}
	scenarios := []struct {
		name   string
		body   any
		status int
		code   string
	}{
		{"the home page", map[string]any{"kind": "scheme"}, 200, ""},
		{"a moment", with(map[string]any{"expire": app.Clock.Now().Add(time.Hour).UTC().Format(time.RFC3339)}), 200, ""},
		{"for trial", with(map[string]any{"envVersion": "trial"}), 200, ""},
		{"an unknown kind", with(map[string]any{"kind": "qr"}), 400, "link_arguments_invalid"},
		{"a path with a query", with(map[string]any{"path": "pages/a/a?x=1"}), 400, "link_arguments_invalid"},
		{"a query of 1024", with(map[string]any{"query": strings.Repeat("a", 1024)}), 200, ""},
		{"a query of 1025", with(map[string]any{"query": strings.Repeat("a", 1025)}), 400, "link_arguments_invalid"},
		{"a query in Chinese", with(map[string]any{"query": "name=面"}), 400, "link_arguments_invalid"},
		{"59 seconds", with(map[string]any{"expire": 59}), 400, "link_arguments_invalid"},
		{"31 days", with(map[string]any{"expire": 31 * 24 * 3600}), 400, "link_arguments_invalid"},
		{"a moment in the past", with(map[string]any{"expire": "2020-01-01T00:00:00Z"}), 400, "link_arguments_invalid"},
		{"an end that is none", with(map[string]any{"expire": "tomorrow"}), 400, "link_arguments_invalid"},
		{"an end of a short link", with(map[string]any{"kind": "short", "expire": 3600}), 400, "link_arguments_invalid"},
		{"a short link to nowhere", map[string]any{"kind": "short"}, 400, "link_arguments_invalid"},
		{"an unknown version", with(map[string]any{"envVersion": "beta"}), 400, "link_arguments_invalid"},
		{"an unknown mini program", with(map[string]any{"appid": nextAppID}), 503, "wx_not_configured"},
		{"no JSON", "kind=scheme", 400, "body_not_json"},
	}
	for _, s := range scenarios {
		step(t, s.name, func(t *testing.T) {
			got := app.Call(http.MethodPost, "/api/wx/links", super, s.body)
			wantAnswer(t, got, s.status, s.code)
			if s.code == "link_arguments_invalid" {
				wantReason(t, got)
			}
		})
	}
}

// TestLinksOfUsers: only whom the rule lets, and not without end.
func TestLinksOfUsers(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.CodesPerDay = 2
		c.Env = func(name string) string { return map[string]string{"WXBASE_LINK_RULE": `name = "店长"`}[name] }
	})
	boss, other := app.Login("甲"), app.Login("乙")
	boss.Must(http.MethodPost, "/api/wx/profile", map[string]string{"name": "店长"})
	ask := func(p apptest.Person, path string) apptest.Answer {
		return p.Call(http.MethodPost, "/api/wx/links", map[string]any{"kind": "scheme", "path": path})
	}
	wantAnswer(t, ask(boss, "pages/a"), 200, "")
	wantAnswer(t, ask(boss, "pages/a"), 200, "")
	wantAnswer(t, ask(boss, "pages/b"), 200, "")
	wantAnswer(t, ask(boss, "pages/c"), 429, "link_limit_reached")
	wantAnswer(t, ask(other, "pages/a"), 403, "link_not_allowed")
	if got := app.Call(http.MethodPost, "/api/wx/links", "", map[string]any{"kind": "scheme"}); got.Status != 401 {
		t.Errorf("guest: got %d, want 401", got.Status)
	}
	if mine := boss.Must(http.MethodGet, "/api/collections/wx_links/records", nil); mine.JSON["totalItems"] != 2.0 {
		t.Errorf("mine: got %s, want two", mine.Body)
	}
	if theirs := other.Must(http.MethodGet, "/api/collections/wx_links/records", nil); theirs.JSON["totalItems"] != 0.0 {
		t.Errorf("theirs: got %s, want none", theirs.Body)
	}
}

// TestLinkErrors: each quota of WeChat's by its own name, and nothing kept.
func TestLinkErrors(t *testing.T) {
	t.Parallel()
	app, wx := scripted(t)
	super := newRecord(t, app, "_superusers", map[string]any{"email": "owner@example.com", "password": "a-long-password"})
	token, err := super.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	scenarios := []struct {
		errcode int
		status  int
		code    string
	}{
		{44993, 429, "wx_quota_exhausted"},
		{44990, 429, "wx_rate_limited"},
		{45009, 429, "wx_quota_exhausted"},
		{85400, 429, "link_quota_exhausted"},
		{40165, 400, "wx_arguments_invalid"},
		{85079, 409, "wx_state_refused"},
		{85407, 502, "wx_config_invalid"},
	}
	for _, s := range scenarios {
		step(t, fmt.Sprint(s.errcode), func(t *testing.T) {
			wx.answerAt(schemePath, fmt.Sprintf(`{"errcode":%d,"errmsg":"no"}`, s.errcode))
			got := app.Call(http.MethodPost, "/api/wx/links", token, map[string]any{"kind": "scheme", "path": "pages/a"})
			wantAnswer(t, got, s.status, s.code)
		})
	}
	if n := count(t, app, "wx_links", dbx.NewExp("TRUE")); n != 0 {
		t.Errorf("got %d rows, want none", n)
	}
}

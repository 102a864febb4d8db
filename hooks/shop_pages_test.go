package hooks_test

import (
	"io/fs"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/ui"
)

// TestShopPages: the pages come with their policy at /shop/, and their entry stands in PocketBase's dashboard.
func TestShopPages(t *testing.T) { //nolint:tparallel // they share one server
	t.Parallel()
	assets, err := fs.Glob(ui.Pages(), "assets/index-*.js")
	if err != nil || len(assets) == 0 {
		t.Fatalf("assets: got %v, %v, want the entry of the pages", assets, err)
	}
	scenarios := []struct {
		name   string
		path   string
		status int
		want   string
		cache  string
	}{
		{"the page", "/shop/", 200, `<div id="app">`, "no-cache"},
		{"its code", "/shop/" + assets[0], 200, "import", "public, max-age=31536000, immutable"},
		{"a missing file", "/shop/assets/other.js", 404, `"status":404`, ""},
		{"outside of it", "/shop/%2e%2e/ui.go", 404, `"status":404`, ""},
		{"its entry in the dashboard", "/_/extensions.js", 200, "#/wechat", "no-cache"},
	}
	server := mustStart(t, "127.0.0.1:8090", hooks.Config{})
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			rec := server.get(t, s.path)
			if rec.Code != s.status || !strings.Contains(rec.Body.String(), s.want) {
				t.Errorf("got %d %.200s, want %d with %q", rec.Code, rec.Body, s.status, s.want)
			}
			if got := rec.Header().Get("Cache-Control"); s.cache != "" && got != s.cache {
				t.Errorf("Cache-Control: got %q, want %q", got, s.cache)
			}
		})
	}
	policy := server.get(t, "/shop/").Header().Get("Content-Security-Policy")
	for _, want := range []string{"script-src 'self';", "frame-ancestors 'self'", "default-src 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy: got %q, want %q in it", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe-eval") || strings.Contains(policy, "script-src 'self' 'unsafe") {
		t.Errorf("policy: got %q, want no unsafe scripts", policy)
	}
}

// TestShopPagesHaveNothingInline: an inline script or a foreign address would not work under the policy.
func TestShopPagesHaveNothingInline(t *testing.T) {
	t.Parallel()
	page, err := fs.ReadFile(ui.Pages(), "index.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{`<script[^>]*>[^<]`, `<style`, `\son\w+=`, `(?:src|href)="(?:https?:)?//`} {
		if found := regexp.MustCompile(bad).Find(page); found != nil {
			t.Errorf("index.html: got %q, want nothing like %s", found, bad)
		}
	}
}

// TestShopPagesOfEmbedder: a program that serves its own /shop/ keeps it.
func TestShopPagesOfEmbedder(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestApp(apptest.Seed(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Priority: -1, Func: func(e *core.ServeEvent) error {
		e.Router.GET("/shop/{path...}", func(e *core.RequestEvent) error { return e.String(http.StatusOK, "embedder") })
		return e.Next()
	}})
	s, err := startApp(t, app, "127.0.0.1:8090", hooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if rec := s.get(t, "/shop/"); rec.Body.String() != "embedder" {
		t.Errorf("got %d %s, want the embedder's page", rec.Code, rec.Body)
	}
}

package hooks_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "pb_public")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{filepath.Join(dir, "index.html"): "own page", filepath.Join(dir, "../secret.txt"): "secret"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	demo := fstest.MapFS{"index.html": {Data: []byte("demo page")}, "js/app.js": {Data: []byte("demo code")}}
	sdk := fstest.MapFS{"index.js": {Data: []byte("client code")}}
	scenarios := []struct {
		name   string
		config hooks.Config
		path   string
		status int
		want   string
		cache  string
	}{
		{"nothing to serve", hooks.Config{Demo: demo}, "/", 200, "serve --sim", ""},
		{"a folder that is not there", hooks.Config{PublicDir: dir + "x"}, "/", 200, "serve --sim", ""},
		{"nothing to serve, elsewhere", hooks.Config{}, "/js/app.js", 404, `"status":404`, ""},
		{"own folder", hooks.Config{Demo: demo, PublicDir: dir}, "/", 200, "own page", ""},
		{"own folder, a page of the app inside", hooks.Config{PublicDir: dir}, "/orders/1", 200, "own page", ""},
		{"beside the folder", hooks.Config{PublicDir: dir}, "/%2e%2e/secret.txt", 200, "own page", ""},
		{"demo", hooks.Config{Sim: true, Demo: demo, PublicDir: dir}, "/", 200, "demo page", "no-cache"},
		{"demo's code", hooks.Config{Sim: true, Demo: demo}, "/js/app.js", 200, "demo code", "no-cache"},
		{"demo's missing file", hooks.Config{Sim: true, Demo: demo}, "/js/other.js", 404, `"status":404`, "no-cache"},
		{"the SDK that the demo loads", hooks.Config{Sim: true, Demo: demo, SDK: sdk}, "/sdk/index.js", 200, "client code", "no-cache"},
		{"no SDK without the demo", hooks.Config{SDK: sdk}, "/sdk/index.js", 404, `"status":404`, ""},
		{"the API beside it", hooks.Config{Sim: true, Demo: demo}, "/api/wx/health", 200, `"status":"ok"`, ""},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			rec := mustStart(t, "127.0.0.1:8090", s.config).get(t, s.path)
			if rec.Code != s.status || !strings.Contains(rec.Body.String(), s.want) || strings.Contains(rec.Body.String(), "secret") {
				t.Errorf("got %d %.200s, want %d with %q", rec.Code, rec.Body, s.status, s.want)
			}
			if got := rec.Header().Get("Cache-Control"); s.cache != "" && got != s.cache {
				t.Errorf("Cache-Control: got %q, want %q", got, s.cache)
			}
		})
	}
}

// TestPublicOfEmbedder: a program that serves its own root keeps it.
func TestPublicOfEmbedder(t *testing.T) {
	t.Parallel()
	app, err := tests.NewTestApp(apptest.Seed(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(app.Cleanup)
	app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Priority: -1, Func: func(e *core.ServeEvent) error {
		e.Router.GET("/{path...}", apis.Static(fstest.MapFS{"index.html": {Data: []byte("embedder")}}, true))
		return e.Next()
	}})
	s, err := startApp(t, app, "127.0.0.1:8090", hooks.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if rec := s.get(t, "/"); rec.Code != http.StatusOK || rec.Body.String() != "embedder" {
		t.Errorf("got %d %s, want the embedder's page", rec.Code, rec.Body)
	}
}

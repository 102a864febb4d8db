package hooks

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"
)

// TestStrictOrigin: a star in an allowed origin stands for the parts of a host, and for nothing else.
func TestStrictOrigin(t *testing.T) {
	t.Parallel()
	r := router.NewRouter(func(w http.ResponseWriter, r *http.Request) (*core.RequestEvent, router.EventCleanupFunc) {
		return &core.RequestEvent{Event: router.Event{Response: w, Request: r}}, nil
	})
	r.Bind(apis.CORS(apis.CORSConfig{AllowOrigins: []string{"https://*.example.com"}}))
	r.Bind(&hook.Handler[*core.RequestEvent]{Priority: apis.DefaultCorsMiddlewarePriority - 10, Func: strictOrigin})
	r.GET("/api/health", func(e *core.RequestEvent) error { return e.NoContent(http.StatusNoContent) })
	mux, err := r.BuildMux()
	if err != nil {
		t.Fatal(err)
	}
	scenarios := map[string]string{
		"https://shop.example.com":                "https://shop.example.com",
		"https://a.b.example.com":                 "https://a.b.example.com",
		"https://evil.test/.example.com":          "",
		"https://evil.test#.example.com":          "",
		"https://evil.test?x=.example.com":        "",
		"https://user@evil.test:80\\.example.com": "",
		"https://evil.test":                       "",
	}
	for origin, want := range scenarios {
		req := httptest.NewRequest(http.MethodGet, "/api/health", nil)
		req.Header.Set("Origin", origin)
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, req)
		if got := rec.Header().Get("Access-Control-Allow-Origin"); got != want || rec.Code != http.StatusNoContent {
			t.Errorf("%s: got %d %q, want %q", origin, rec.Code, got, want)
		}
	}
}

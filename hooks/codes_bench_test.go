package hooks_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// BenchmarkCode measures a code that is there already, beside PocketBase's own view of the record it is kept in: goal 1.5x.
func BenchmarkCode(b *testing.B) {
	app := apptest.New(b, func(c *hooks.Config) { c.Out = io.Discard })
	quiet(b, app)
	person := app.Login("小明")
	const body = `{"page":"pages/product/product","payload":{"id":7,"from":"poster"}}`
	code := person.Must(http.MethodPost, "/api/wx/codes", body)
	view := "/api/collections/wx_codes/records/" + code.Text("id")
	b.Run("cached", func(b *testing.B) {
		for b.Loop() {
			post(b, app, "/api/wx/codes", person.Token, body)
		}
	})
	b.Run("view", func(b *testing.B) {
		for b.Loop() {
			req := httptest.NewRequest(http.MethodGet, view, nil)
			req.Header.Set("Authorization", person.Token)
			w := httptest.NewRecorder()
			if app.Handler.ServeHTTP(w, req); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "image") {
				b.Fatalf("got %d %s", w.Code, w.Body)
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			req := httptest.NewRequest(http.MethodGet, "/api/wx/scenes/"+code.Text("scene"), nil)
			req.Header.Set("Authorization", person.Token)
			w := httptest.NewRecorder()
			if app.Handler.ServeHTTP(w, req); w.Code != http.StatusOK {
				b.Fatalf("got %d %s", w.Code, w.Body)
			}
		}
	})
}

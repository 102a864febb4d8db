package hooks_test

import (
	"net/http"
	"strings"
	"testing"

	"wxbase/internal/apptest"
)

func TestProblemsSpeakTheCallersLanguage(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	scenarios := []struct{ name, accept, want string }{
		{"nothing asked", "", "There is no such scene."},
		{"English", "en-GB,en;q=0.9", "There is no such scene."},
		{"Chinese", "zh-CN", "没有"},
		{"a Chinese browser", "zh-CN,zh;q=0.9,en;q=0.8", "没有"},
		{"English before Chinese", "en,zh;q=0.5", "There is no such scene."},
		{"another language", "fr", "There is no such scene."},
		{"nonsense", ";;;,q=x", "There is no such scene."},
	}
	for _, sc := range scenarios {
		step(t, sc.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, app.URL+"/api/wx/scenes/unknown", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Language", sc.accept)
			got := app.Do(req)
			if wantAnswer(t, got, http.StatusNotFound, "scene_not_found"); !strings.Contains(got.Text("message"), sc.want) {
				t.Errorf("got %s, want %q", got.Body, sc.want)
			}
		})
	}
}

package migrations_test

import (
	"net/http"
	"testing"

	"github.com/pocketbase/pocketbase/core"
)

// TestRateLimits: WeChat's servers come from few addresses and must never be turned away; who guesses the superusers' password must.
func TestRateLimits(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(e *core.ServeEvent) {
		took := func(e *core.RequestEvent) error { return e.NoContent(http.StatusNoContent) }
		e.Router.POST("/api/wx/notify/pay/{merchant}", took)
		e.Router.POST("/api/wx/push/{appid}", took)
	})
	for _, path := range []string{"/api/wx/notify/pay/1900000001", "/api/wx/push/wx0123456789abcdef"} {
		for n := range 400 {
			if a := k.call(t, http.MethodPost, path, "", nil); a.status != http.StatusNoContent {
				t.Fatalf("%s, call %d: got %d %s, want 204", path, n, a.status, a.body)
			}
		}
	}
	guess := map[string]any{"identity": "owner@example.com", "password": "guess"}
	for n := range 11 {
		want := http.StatusBadRequest
		if n >= 10 {
			want = http.StatusTooManyRequests
		}
		a := k.call(t, http.MethodPost, "/api/collections/_superusers/auth-with-password", "", guess)
		if a.status != want {
			t.Fatalf("guess %d: got %d %s, want %d", n, a.status, a.body, want)
		}
	}
	if a := k.call(t, http.MethodPost, "/api/wx/notify/pay/1900000001", "", nil); a.status != http.StatusNoContent {
		t.Errorf("a notification after that: got %d, want 204", a.status)
	}
}

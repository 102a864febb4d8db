package hooks_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// upstream answers code2Session at once: the openid is what stands before the dot of the code.
type upstream struct{}

func (upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	openID, _, _ := strings.Cut(r.URL.Query().Get("js_code"), ".")
	body := fmt.Sprintf(`{"openid":%q,"session_key":"HyVFkGl5F5OQWJZZaNzBBg=="}`, openID)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func benchApp(b *testing.B) *apptest.App {
	b.Helper()
	env := map[string]string{"WXBASE_APPID": "wx0123456789abcdef", "WXBASE_APP_SECRET": strings.Repeat("s", 32)}
	app := apptest.New(b, func(c *hooks.Config) {
		c.Sim, c.Transport = false, upstream{}
		c.Env = func(name string) string { return env[name] }
	})
	quiet(b, app)
	return app
}

// quiet switches off what would be measured besides: rate limits and the log of requests.
func quiet(b *testing.B, app *apptest.App) {
	b.Helper()
	settings := app.Settings()
	settings.RateLimits.Enabled = false
	settings.Logs.MaxDays = 0
	if err := app.Save(settings); err != nil {
		b.Fatal(err)
	}
}

func object(b *testing.B, w *httptest.ResponseRecorder) (answer map[string]any) {
	b.Helper()
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		b.Fatal(err)
	}
	return answer
}

func field(b *testing.B, w *httptest.ResponseRecorder, name string) any {
	b.Helper()
	return object(b, w)[name]
}

func post(b *testing.B, app *apptest.App, path, token, body string) *httptest.ResponseRecorder {
	b.Helper()
	req := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	app.Handler.ServeHTTP(w, req)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: got %d %s", path, w.Code, w.Body)
	}
	return w
}

// BenchmarkLogin measures a login on a prebuilt mux with an upstream that takes no time, beside what PocketBase itself needs for the
// nearest thing: goal for a returning user 2x auth-refresh, for a new one 2x a plain record create.
func BenchmarkLogin(b *testing.B) {
	app := benchApp(b)
	var n atomic.Int64
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			post(b, app, "/api/wx/login", "", fmt.Sprintf(`{"code":"new-%d"}`, n.Add(1)))
		}
	})
	b.Run("create", func(b *testing.B) {
		super, err := app.FindAuthRecordByEmail(core.CollectionNameSuperusers, "bench@example.com")
		if err != nil {
			c, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
			if err != nil {
				b.Fatal(err)
			}
			super = core.NewRecord(c)
			super.SetEmail("bench@example.com")
			super.SetPassword("bench-password")
			if err := app.Save(super); err != nil {
				b.Fatal(err)
			}
		}
		token, err := super.NewAuthToken()
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			post(b, app, "/api/collections/products/records", token, `{"name":"三鲜面","price":1800,"active":true}`)
		}
	})
	b.Run("returning", func(b *testing.B) {
		post(b, app, "/api/wx/login", "", `{"code":"returning"}`)
		for b.Loop() { // each with a code of its own: the same one would not even reach WeChat
			post(b, app, "/api/wx/login", "", fmt.Sprintf(`{"code":"returning.%d"}`, n.Add(1)))
		}
	})
	b.Run("refresh", func(b *testing.B) {
		w := post(b, app, "/api/wx/login", "", `{"code":"returning"}`)
		token, _, _ := strings.Cut(strings.SplitN(w.Body.String(), `"token":"`, 2)[1], `"`)
		for b.Loop() {
			post(b, app, "/api/collections/users/auth-refresh", token, "")
		}
	})
}

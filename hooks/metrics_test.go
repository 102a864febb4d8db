package hooks_test

import (
	"net/http"
	"strings"
	"testing"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	with := func(value string) func(*hooks.Config) {
		return func(c *hooks.Config) {
			c.Env = func(name string) string { return map[string]string{"WXBASE_METRICS": value}[name] }
		}
	}
	app := apptest.New(t, with("a-token-of-the-scraper"))
	person := app.Login("小明")
	app.Call(http.MethodPost, "/api/wx/login", "", map[string]string{"code": "nobody-has-this-code"})
	person.Must(http.MethodGet, "/api/wx/session", nil)
	if got := app.Call(http.MethodGet, "/metrics", "", nil); got.Status != http.StatusNotFound {
		t.Errorf("without the token: got %d, want 404", got.Status)
	}
	got := app.Must(http.MethodGet, "/metrics", "Bearer a-token-of-the-scraper", nil)
	for _, want := range []string{
		`wxbase_wechat_calls_total{kind="ok",op="code2Session"} 1`,
		`wxbase_wechat_calls_total{kind="code_invalid",op="code2Session"} 1`,
		`wxbase_wechat_calls_total{kind="ok",op="checkSessionKey"} 1`,
		`wxbase_wechat_call_seconds_count{op="code2Session"} 2`,
	} {
		if !strings.Contains(string(got.Body), want) {
			t.Errorf("metrics: want %s", want)
		}
	}
	if got := apptest.New(t, with("1")).Call(http.MethodGet, "/metrics", "", nil); got.Status != http.StatusOK {
		t.Errorf("from this machine: got %d, want 200", got.Status)
	}
	if got := apptest.New(t).Call(http.MethodGet, "/metrics", "", nil); got.Status == http.StatusOK && strings.Contains(string(got.Body), "wxbase_") {
		t.Errorf("not asked for: got %d with metrics, want none", got.Status)
	}
}

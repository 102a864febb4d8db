package hooks_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/logs"
)

// output is a standard output that can be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

// lines waits for a line that has all these parts, and gives all lines until then.
func (o *output) lines(t *testing.T, parts ...string) (all []string, found string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); runtime.Gosched() {
		o.mu.Lock()
		all = strings.Split(o.text.String(), "\n")
		o.mu.Unlock()
		for _, line := range all {
			if !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(line, part) }) {
				return all, line
			}
		}
	}
	t.Fatalf("no line with %q in:\n%s", parts, strings.Join(all, "\n"))
	return nil, ""
}

func logging(t *testing.T, values map[string]string) (*apptest.App, *output) {
	t.Helper()
	out := &output{}
	app := apptest.New(t, func(c *hooks.Config) {
		env := c.Env
		c.Out = out
		c.Env = func(name string) string {
			if value, ok := values[name]; ok {
				return value
			}
			return env(name)
		}
	})
	return app, out
}

// TestLogLines: every line is JSON, has no secret, and those of one request have its id: the request itself, and the call to WeChat that it caused.
func TestLogLines(t *testing.T) {
	t.Parallel()
	app, out := logging(t, map[string]string{logs.EnvFormat: "json"})
	app.Settings().Logs.MaxDays = 5
	app.Fault("code2session", "rate_limit", 5)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, app.URL+"/api/wx/login?token=very-secret", strings.NewReader(`{"code":"a-code-of-a-phone"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Request-Id", "of-a-stranger")
	got := app.Do(req)
	id := got.Header.Get("X-Request-Id")
	if got.Status < 400 || len(id) < 20 {
		t.Fatalf("got %d, request %q, want a refusal and an id of ours", got.Status, id)
	}
	_, line := out.lines(t, `"msg":"POST /api/wx/login`, id)
	var row struct {
		Time                     time.Time
		Level, Msg, Request, URL string
		Status                   int
	}
	if err := json.Unmarshal([]byte(line), &row); err != nil {
		t.Fatal(err)
	}
	if row.Request != id || row.Status != got.Status || row.Time.IsZero() || row.Level == "INFO" {
		t.Errorf("got %+v", row)
	}
	_ = app.OnTerminate().Trigger(&core.TerminateEvent{App: app}) // PocketBase's logger writes every three seconds, and now
	all, line := out.lines(t, `"msg":"call to WeChat failed"`, id)
	if !strings.Contains(line, `"op":"code2Session"`) || !strings.Contains(line, `"rid":`) {
		t.Errorf("got %s, want the call and WeChat's id", line)
	}
	for _, line := range all {
		if line != "" && !json.Valid([]byte(line)) && !strings.HasPrefix(line, " ") {
			t.Errorf("%q is not JSON", line)
		}
		if strings.Contains(line, "very-secret") || strings.Contains(line, "a-code-of-a-phone") {
			t.Errorf("a secret: %s", line)
		}
	}
}

// TestLogLevels: the table and standard output each have their own.
func TestLogLevels(t *testing.T) {
	t.Parallel()
	app, out := logging(t, map[string]string{logs.EnvFormat: "text", logs.EnvLevel: "debug"})
	app.Settings().Logs.MaxDays, app.Settings().Logs.MinLevel = 5, 4
	if err := app.Save(app.Settings()); err != nil {
		t.Fatal(err)
	}
	app.Logger().Debug("a small thing")
	app.Logger().Warn("a larger thing", "apiV3Key", "secret-of-32")
	app.Call(http.MethodGet, "/api/health", "", nil)
	out.lines(t, `msg="GET /api/health"`, "level=INFO")
	_ = app.OnTerminate().Trigger(&core.TerminateEvent{App: app})
	out.lines(t, "level=DEBUG", `msg="a small thing"`)
	out.lines(t, "level=WARN", `msg="a larger thing"`, "apiV3Key=***")
	var kept []string
	if err := app.AuxDB().NewQuery("SELECT message FROM _logs WHERE message LIKE 'a %' OR message LIKE 'GET /api/health%'").Column(&kept); err != nil {
		t.Fatal(err)
	}
	if len(kept) != 1 || kept[0] != "a larger thing" {
		t.Errorf("the table has %q, want the warning only", kept)
	}
}

// TestRequestIDs: a proxy's is kept where proxies are trusted, and nothing is named where nothing is written.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	on, _ := logging(t, map[string]string{logs.EnvFormat: "json"})
	trusting, out := logging(t, map[string]string{logs.EnvFormat: "json"})
	trusting.Settings().TrustedProxy.Headers = []string{"X-Real-IP"}
	off := apptest.New(t)
	trace := strings.Repeat("5e", 16)
	for name, s := range map[string]struct {
		app        *apptest.App
		kept, none bool
	}{
		"off":               {app: off, none: true},
		"nobody is trusted": {app: on},
		"a trusted proxy":   {app: trusting, kept: true},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.app.URL+"/api/nothing-here", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Request-Id", "from-the-proxy")
		req.Header.Set("Traceparent", "00-"+trace+"-0123456789abcdef-01")
		id := s.app.Do(req).Header.Get("X-Request-Id")
		if (id == "from-the-proxy") != s.kept || (id == "") != s.none {
			t.Errorf("%s: got %q", name, id)
		}
	}
	out.lines(t, `"request":"from-the-proxy"`, `"trace":"`+trace+`"`)
}

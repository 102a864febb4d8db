package hooks_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
	"wxbase/internal/sim"
)

// configOf reads /_sim/config.
func configOf(t *testing.T, app *apptest.App, base string) sim.Config {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/_sim/config", nil)
	if err != nil {
		t.Fatal(err)
	}
	a := app.Do(req)
	var c sim.Config
	if err := json.Unmarshal(a.Body, &c); err != nil || a.Status != http.StatusOK {
		t.Fatalf("%s: got %d %s", base, a.Status, a.Body)
	}
	return c
}

// TestSimOnBothPorts: the demo page speaks to its own origin, other programs to the simulator's port; both meet the same WeChat.
func TestSimOnBothPorts(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	here := configOf(t, app, app.URL)
	if here.APIBase == app.URL || here.APIBase != here.PayBase {
		t.Fatalf("got apiBase %q, want a port of its own", here.APIBase)
	}
	there := configOf(t, app, here.APIBase)
	if there.Apps[0] != here.Apps[0] || !reflect.DeepEqual(there.Merchants[0], here.Merchants[0]) {
		t.Error("the two ports have different keys")
	}
	if again := configOf(t, apptest.New(t), app.URL); again.Apps[0] != here.Apps[0] {
		t.Error("another start on the same keys gives other ones")
	}
}

func TestNoSimWithoutFlag(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "127.0.0.1:8090", hooks.Config{})
	for _, path := range []string{"/_sim/config", "/_sim/", "/_sim/people"} {
		if rec := s.get(t, path); rec.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, rec.Code)
		}
	}
	if rec := s.get(t, "/api/wx/health"); !strings.Contains(rec.Body.String(), `"simulated":false`) {
		t.Errorf("health: got %s", rec.Body)
	}
}

// TestSimRefusesBesideReal: real users must never meet a WeChat that lets anybody pay.
func TestSimRefusesBesideReal(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("5e", 16)
	scenarios := map[string]struct {
		env    map[string]string
		stored map[string]any
		names  string
	}{
		"environment": {map[string]string{"WXBASE_APPID": "wx0123456789abcdef", "WXBASE_APP_SECRET": secret}, nil, "wx0123456789abcdef (environment)"},
		"stored":      {nil, map[string]any{"appid": "wx0123456789abcdef", "secret": secret, "enabled": true}, "wx0123456789abcdef (stored)"},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := mustStart(t, "127.0.0.1:8090", hooks.Config{})
			if s.stored != nil {
				c, err := first.FindCollectionByNameOrId("wx_apps")
				if err != nil {
					t.Fatal(err)
				}
				r := core.NewRecord(c)
				r.Load(s.stored)
				if err := first.Save(r); err != nil {
					t.Fatal(err)
				}
			}
			second, err := tryAgain(t, first, hooks.Config{Sim: true, Env: func(name string) string { return s.env[name] }})
			if err == nil || !strings.Contains(err.Error(), "--sim refuses") || !strings.Contains(err.Error(), s.names) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want a refusal that names %s and no secret", err, s.names)
			}
			if n, err := second.CountRecords("products"); err != nil || n != 0 {
				t.Errorf("refused, but made %d products, %v", n, err)
			}
		})
	}
}

// TestSimStops: the simulator's port is free when the app has ended.
func TestSimStops(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	base := configOf(t, app, app.URL).APIBase
	if err := app.OnTerminate().Trigger(&core.TerminateEvent{App: app}, func(*core.TerminateEvent) error { return nil }); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/_sim/config", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := web.Client.Do(req); err == nil {
		_ = res.Body.Close()
		t.Errorf("the simulator still answers: %d", res.StatusCode)
	}
}

// TestSimNeedsAWeChat: a program that does not link the simulator is told how, instead of selling without a WeChat.
func TestSimNeedsAWeChat(t *testing.T) {
	t.Parallel()
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: t.TempDir()})
	_, err := hooks.Register(app, hooks.Config{Sim: true, Env: func(string) string { return "" }})
	if err == nil || !strings.Contains(err.Error(), "wxbase/simulated") {
		t.Errorf("got %v, want it to name wxbase/simulated", err)
	}
}

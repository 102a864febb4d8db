package settings_test

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"wxbase/internal/settings"
)

func TestChangesNeedNoRestart(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	if _, err := k.store.App(""); !errors.Is(err, settings.ErrNotConfigured) {
		t.Fatalf("no app: got %v, want ErrNotConfigured", err)
	}
	made := k.must(t, "POST", apps, appRow(nil))
	if app, err := k.store.App(""); err != nil || app.EnvVersion != "release" || app.APIBase != settings.OfficialAPIBase {
		t.Errorf("created: got %+v, %v", app, err)
	}
	k.must(t, "PATCH", apps+"/"+made.text("id"), map[string]any{"envVersion": "trial"})
	if app, err := k.store.App(""); err != nil || app.EnvVersion != "trial" {
		t.Errorf("updated: got %s, %v, want trial", app.EnvVersion, err)
	}
	k.must(t, "PATCH", apps+"/"+made.text("id"), map[string]any{"enabled": false})
	if app, err := k.store.App(appID); err == nil {
		t.Errorf("disabled: got %v", app)
	}
	k.must(t, "PATCH", apps+"/"+made.text("id"), map[string]any{"enabled": true})
	if app, err := k.store.App(appID); err != nil {
		t.Errorf("enabled again: got %v, %v", app, err)
	}
	k.must(t, "DELETE", apps+"/"+made.text("id"), nil)
	if app, err := k.store.App(appID); err == nil {
		t.Errorf("deleted: got %v", app)
	}
}

// TestReadersMeetWriters is for the race detector, and shows that the last write is what stays in force.
func TestReadersMeetWriters(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	made := k.must(t, "POST", apps, appRow(nil))
	stop, wg := make(chan struct{}), sync.WaitGroup{}
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if app, err := k.store.App(appID); err != nil || app.Secret != appSecret {
					t.Errorf("got %v, %v", app, err)
					return
				}
			}
		})
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		k.must(t, "PATCH", apps+"/"+made.text("id"), map[string]any{"name": name})
	}
	close(stop)
	wg.Wait()
	if app, _ := k.store.App(appID); app.Name != "e" {
		t.Errorf("got name %q, want the last one written", app.Name)
	}
}

func TestSeveralAppsAndMerchants(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	k.must(t, "POST", merchants, merchantRow(t, nil))
	second := k.must(t, "POST", merchants, merchantRow(t, map[string]any{"mchid": "1900000002"}))
	k.must(t, "POST", apps, appRow(map[string]any{"merchant": second.text("id")}))
	k.must(t, "POST", apps, appRow(map[string]any{"appid": "wxffffffffffffffff"}))
	if app, err := k.store.App(""); !errors.Is(err, settings.ErrNotConfigured) {
		t.Errorf("none named of two: got %v, %v, want ErrNotConfigured", app, err)
	}
	if m, err := k.store.Merchant(""); !errors.Is(err, settings.ErrNotConfigured) {
		t.Errorf("none named of two: got %v, %v, want ErrNotConfigured", m, err)
	}
	if app, err := k.store.App(appID); err != nil || app.MchID != "1900000002" {
		t.Errorf("got merchant %q, %v, want the linked one", app.MchID, err)
	}
	if app, err := k.store.App("wx0000000000000000"); !errors.Is(err, settings.ErrNotConfigured) {
		t.Errorf("unknown: got %v, %v", app, err)
	}
	k.must(t, "PATCH", merchants+"/"+second.text("id"), map[string]any{"enabled": false})
	app, err := k.store.App(appID)
	if err != nil || app.MchID != "1900000002" {
		t.Errorf("got merchant %q, %v: an app whose merchant is disabled must not be paid into another account", app.MchID, err)
	}
	if m, err := k.store.Merchant(app.MchID); !errors.Is(err, settings.ErrNotConfigured) {
		t.Errorf("disabled: got %v, %v", m, err)
	}
}

// TestAppWithoutName: the strongest source answers for an empty appid.
func TestAppWithoutName(t *testing.T) {
	t.Parallel()
	k := newKit(t, map[string]string{"WXBASE_APPID": "wxeeeeeeeeeeeeeeee", "WXBASE_APP_SECRET": appSecret})
	k.must(t, "POST", apps, appRow(nil))
	if app, err := k.store.App(""); err != nil || app.AppID != "wxeeeeeeeeeeeeeeee" {
		t.Errorf("got %v, %v, want the environment's", app, err)
	}
	k.store.UseSimulator([]settings.App{{AppID: "wx5555555555555555", Source: settings.SourceSim}}, nil)
	if app, err := k.store.App(""); err != nil || app.AppID != "wx5555555555555555" {
		t.Errorf("got %v, %v, want the simulator's", app, err)
	}
	for _, name := range []string{appID, "wxeeeeeeeeeeeeeeee"} {
		if app, err := k.store.App(name); !errors.Is(err, settings.ErrNotConfigured) {
			t.Errorf("got %v, %v, want nothing real beside the simulator", app, err)
		}
	}
}

func TestBrokenRowStopsNoOther(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	bad := k.must(t, "POST", apps, appRow(map[string]any{"appid": "wxbbbbbbbbbbbbbbbb"}))
	k.must(t, "POST", apps, appRow(map[string]any{"appid": "wxcccccccccccccccc"}))
	k.must(t, "POST", merchants, merchantRow(t, nil))
	k.must(t, "POST", merchants, merchantRow(t, map[string]any{"mchid": "1900000002"}))
	k.must(t, "POST", apps, appRow(nil))
	for _, sql := range []string{ // as an import, an older version, or a setting that is gone leaves it
		"UPDATE wx_apps SET secret = 'enc:v1:AAAA' WHERE appid = 'wxbbbbbbbbbbbbbbbb'",
		"UPDATE wx_apps SET apiBase = 'https://evil.example' WHERE appid = 'wxcccccccccccccccc'",
		"UPDATE wx_merchants SET payBase = 'https://evil.example' WHERE mchid = '1900000001'",
	} {
		if _, err := k.DB().NewQuery(sql).Execute(); err != nil {
			t.Fatal(err)
		}
	}
	if app, err := k.store.App(""); err != nil || app.AppID != appID {
		t.Errorf("got %v, %v, want the one good app", app, err)
	}
	if m, err := k.store.Merchant(""); err != nil || m.MchID != "1900000002" {
		t.Errorf("got %v, %v, want the one good merchant", m, err)
	}
	advice := strings.Join(k.store.Advice(), "\n")
	for _, want := range []string{bad.text("id"), "apiBase of wxcccccccccccccccc", "payBase of 1900000001"} {
		if !strings.Contains(advice, want) {
			t.Errorf("advice %q does not name %q", advice, want)
		}
	}
}

func TestHasReal(t *testing.T) {
	t.Parallel()
	custom := map[string]string{"WXBASE_ALLOW_CUSTOM_BASE": "1"}
	scenarios := []struct {
		name string
		env  map[string]string
		app  map[string]any // nil: no row
		want bool
	}{
		{"nothing", nil, nil, false},
		{"environment", map[string]string{"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret}, nil, true},
		{"merchant in the environment", map[string]string{"WXBASE_MCH_ID": "1900000001"}, nil, true},
		{"stored", nil, map[string]any{}, true},
		{"stored, another simulator", custom, map[string]any{"apiBase": "http://127.0.0.1:9"}, false},
		{"stored, official with a port", custom, map[string]any{"apiBase": "https://api.weixin.qq.com:443"}, true},
		{"stored, official without TLS", custom, map[string]any{"apiBase": "http://API.weixin.qq.com"}, true},
		{"stored but disabled", nil, map[string]any{"enabled": false}, false},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, s.env)
			if s.app != nil {
				k.must(t, "POST", apps, appRow(s.app))
			}
			k.store.UseSimulator([]settings.App{{AppID: "wx5555555555555555", APIBase: "http://127.0.0.1:1", Source: settings.SourceSim}}, nil)
			got, err := k.store.HasReal()
			if err != nil || got != s.want {
				t.Errorf("got %v, %v, want %v", got, err, s.want)
			}
		})
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	app := map[string]string{"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret}
	merchant := map[string]string{
		"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret, "WXBASE_MCH_ID": "1900000001", "WXBASE_MCH_SERIAL": "0A1B", "WXBASE_APIV3_KEY": v3Key,
		"WXBASE_MCH_PRIVATE_KEY": privatePEM(t), "WXBASE_PAY_PUBLIC_KEY_ID": "PUB_KEY_ID_01", "WXBASE_PAY_PUBLIC_KEY": publicPEM(t),
	}
	with := func(base map[string]string, url string, more ...map[string]string) map[string]string {
		out := map[string]string{"WXBASE_PUBLIC_URL": url}
		for _, m := range append(more, base) {
			maps.Copy(out, m)
		}
		return out
	}
	scenarios := []struct {
		name string
		env  map[string]string
		want []string // how the lines begin
	}{
		{"nothing configured", nil, []string{"no mini program", "no merchant"}},
		{"no AppSecret", map[string]string{"WXBASE_APPID": appID}, []string{"mini program " + appID + " has no AppSecret", "no merchant"}},
		{"login only", app, []string{"no merchant"}},
		{"no public address", merchant, []string{"no public address"}},
		{
			"a merchant without keys",
			map[string]string{"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret, "WXBASE_MCH_ID": "1900000001"},
			[]string{"merchant 1900000001 takes no payment yet, it lacks the serial", "no public address"},
		},
		{
			"a public address that WeChat does not call",
			with(map[string]string{"WXBASE_ALLOW_CUSTOM_BASE": "1"}, "http://shop.example.com", merchant),
			[]string{"no public address"},
		},
		{"all there", with(merchant, "https://shop.example.com"), nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			got := newKit(t, s.env).store.Advice()
			if len(got) != len(s.want) {
				t.Fatalf("got %q, want %q", got, s.want)
			}
			for i, want := range s.want {
				if !strings.HasPrefix(got[i], want) {
					t.Errorf("line %d: got %q, want it to begin with %q", i, got[i], want)
				}
			}
		})
	}
}

func TestSources(t *testing.T) {
	t.Parallel()
	k := newKit(t, map[string]string{"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret})
	k.must(t, "POST", merchants, merchantRow(t, nil))
	want := "mini program " + appID + " (environment), merchant 1900000001 (stored)"
	if got := k.store.Sources(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := newKit(t, nil).store.Sources(); got != "none" {
		t.Errorf("got %q, want none", got)
	}
}

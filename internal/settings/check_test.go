package settings_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"wxbase/internal/settings"
)

// TestOneValidation: what the dashboard refuses is refused at the start, and the reverse, setting by setting.
func TestOneValidation(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		variable, path, field string
		bad                   []string
		good                  string
	}{
		{"WXBASE_APPID", apps, "appid", []string{"wx0123", "WX0123456789abcdef", "wx0123456789abcdef0", "1900000001"}, "wx0123456789abcdee"},
		{"WXBASE_APP_SECRET", apps, "secret", []string{"short"}, strings.Repeat("5e", 16)},
		{"WXBASE_API_BASE", apps, "apiBase", []string{"https://evil.example", "http://api.weixin.qq.com"}, "https://api2.weixin.qq.com"},
		{"WXBASE_PUSH_TOKEN", apps, "pushToken", []string{"ab", "with-dashes", strings.Repeat("a", 33)}, "pushToken1"},
		{"WXBASE_PUSH_AES_KEY", apps, "pushAesKey", []string{strings.Repeat("a", 42), strings.Repeat("-", 43)}, pushAES},
		{"WXBASE_PUSH_MODE", apps, "pushMode", []string{"secure"}, "safe"},
		{"WXBASE_LINK_RULE", apps, "linkRule", []string{"phone = ", "nosuchfield = 1", "(((", "phone != \"\" &&"}, `phone != ""`},
		{"WXBASE_XPAY_OFFER_ID", apps, "xpayOfferId", []string{"123", "with space", strings.Repeat("1", 33)}, "1450000001"},
		{"WXBASE_XPAY_KEY", apps, "xpayKey", []string{"short", "with-dashes-0123456789"}, strings.Repeat("a", 32)},
		{"WXBASE_XPAY_SANDBOX_KEY", apps, "xpaySandboxKey", []string{"short", strings.Repeat("a", 129)}, strings.Repeat("b", 32)},
		{"WXBASE_XPAY_APPLE_REFUNDS", apps, "xpayAppleRefunds", []string{"no"}, "refuse"},
		{"WXBASE_XPAY_ENV", apps, "xpayEnv", []string{"test", "Live"}, "sandbox"},
		{"WXBASE_MCH_ID", merchants, "mchid", []string{"1234567", "1234567890123", "wx0123456789abcdef"}, "1900000002"},
		{"WXBASE_PAY_API", merchants, "api", []string{"v4", "V3"}, "v2"},
		{"WXBASE_MCH_SERIAL", merchants, "certSerial", []string{"37:75", "XYZ", strings.Repeat("A", 65)}, "3775B6A45ACD588826D15E583A95F5DD"},
		{"WXBASE_APIV3_KEY", merchants, "apiV3Key", []string{"short", strings.Repeat("a", 33)}, v3Key},
		{"WXBASE_APIV2_KEY", merchants, "apiV2Key", []string{"short"}, v2Key},
		{"WXBASE_PAY_PUBLIC_KEY_ID", merchants, "publicKeyId", []string{"0117", "PUB_KEY_ID_"}, "PUB_KEY_ID_0117"},
		{"WXBASE_PAY_VERIFY", merchants, "verifyMode", []string{"none", "publickey"}, "both"},
		{"WXBASE_PAY_SIGN_TYPE", merchants, "signType", []string{"SHA256", "md5"}, "MD5"},
		{"WXBASE_PAY_BASE", merchants, "payBase", []string{"https://evil.example", "https://api.mch.weixin.qq.com:8443"}, "https://api2.mch.weixin.qq.com"},
	}
	var covered []string
	for _, s := range scenarios {
		covered = append(covered, s.variable)
		t.Run(s.variable, func(t *testing.T) {
			t.Parallel()
			for _, value := range append(slices.Clone(s.bad), s.good) {
				atStart, inDashboard := startsWith(t, s.variable, value), savesWith(t, s.path, s.field, value)
				if want := value == s.good; atStart != want || inDashboard != want {
					t.Errorf("%q: got taken at the start %v, in the dashboard %v, want %v", value, atStart, inDashboard, want)
				}
			}
		})
	}
	for _, name := range settings.Variables() {
		if !slices.Contains(covered, name) {
			t.Errorf("%s has no scenario", name)
		}
	}
}

// startsWith tells whether a start takes a variable. The refusal must name it and must not repeat the value.
func startsWith(t *testing.T, variable, value string) bool {
	t.Helper()
	env := map[string]string{"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret, "WXBASE_MCH_ID": "1900000001"}
	env[variable] = value
	app := newApp(t)
	store, err := settings.New(app, settings.Options{DataDir: app.DataDir(), Env: environ(env)})
	if err == nil {
		err = store.CheckRules()
	}
	if err != nil && !strings.Contains(err.Error(), variable) {
		t.Errorf("got %v, want an error that names %s", err, variable)
	}
	return err == nil
}

func savesWith(t *testing.T, path, field, value string) bool {
	t.Helper()
	body := appRow(map[string]any{field: value})
	if path == merchants {
		body = merchantRow(t, map[string]any{field: value})
	}
	a := newKit(t, nil).call(t, http.MethodPost, path, body)
	data, _ := a.json["data"].(map[string]any)
	if a.status != http.StatusOK && data[field] == nil {
		t.Errorf("got %d %s, want an answer that names %s", a.status, a.body, field)
	}
	return a.status == http.StatusOK
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		url       string
		simulated bool
		want      string // empty: refused
	}{
		{"https://shop.example.com", false, "https://shop.example.com"},
		{"https://shop.example.com/", false, "https://shop.example.com"},
		{"https://shop.example.com:8443", false, "https://shop.example.com:8443"},
		{"http://shop.example.com", false, ""},
		{"http://127.0.0.1:8090", true, "http://127.0.0.1:8090"},
		{"https://shop.example.com/wx", false, ""},
		{"https://shop.example.com/wx", true, ""},
		{"https://shop.example.com?x=1", false, ""},
		{"https://shop.example.com#top", false, ""},
		{"https://me:secret@shop.example.com", false, ""},
		{"shop.example.com", false, ""},
		{"//shop.example.com", false, ""},
		{"ftp://shop.example.com", false, ""},
	}
	for _, s := range scenarios {
		t.Run(s.url, func(t *testing.T) {
			t.Parallel()
			app := newApp(t)
			for name, o := range map[string]settings.Options{
				"environment": {Env: environ(map[string]string{"WXBASE_PUBLIC_URL": s.url})}, "embedder": {Env: environ(nil), PublicURL: s.url},
			} {
				o.DataDir, o.Simulated = app.DataDir(), s.simulated
				store, err := settings.New(app, o)
				if s.want == "" {
					if err == nil || strings.Contains(err.Error(), "secret") {
						t.Errorf("%s: got %v, want it refused", name, err)
					}
				} else if err != nil || store.PublicURL() != s.want {
					t.Errorf("%s: got %v, want %s", name, err, s.want)
				}
			}
		})
	}
}

// TestRealBesideSimulator: what would stop the next start with --sim is refused when it is saved, with the way out.
func TestRealBesideSimulator(t *testing.T) {
	t.Parallel()
	k := newKit(t, map[string]string{"WXBASE_ALLOW_CUSTOM_BASE": "1"})
	k.store.UseSimulator([]settings.App{{AppID: "wx5555555555555555", Source: settings.SourceSim}}, nil)
	for path, body := range map[string]map[string]any{apps: appRow(nil), merchants: merchantRow(t, nil)} {
		if a := k.call(t, http.MethodPost, path, body); a.status != http.StatusBadRequest || !strings.Contains(a.body, "without --sim") {
			t.Errorf("%s: got %d %s, want 400 and the way out", path, a.status, a.body)
		}
		body["enabled"] = false
		row := k.must(t, http.MethodPost, path, body)
		one := path + "/" + row.text("id")
		if a := k.call(t, http.MethodPatch, one, map[string]any{"enabled": true}); a.status != http.StatusBadRequest {
			t.Errorf("%s enabled later: got %d %s, want 400", path, a.status, a.body)
		}
		k.must(t, http.MethodPatch, one, map[string]any{"enabled": true, "apiBase": "http://127.0.0.1:9", "payBase": "http://127.0.0.1:9"})
	}
	if real, err := k.store.HasReal(); err != nil || real {
		t.Errorf("got real credentials %v, %v, want none", real, err)
	}
}

package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxbase/internal/settings"
)

func TestEnvironmentWinsOverStored(t *testing.T) {
	t.Parallel()
	k := newKit(t, map[string]string{
		"WXBASE_APPID": appID, "WXBASE_APP_SECRET": strings.Repeat("e", 32), "WXBASE_MCH_ID": "1900000001", "WXBASE_APIV3_KEY": v3Key,
		"WXBASE_PUBLIC_URL": "https://shop.example.com/",
	})
	k.must(t, "POST", "/api/collections/wx_merchants/records", merchantRow(t, map[string]any{"apiV3Key": strings.Repeat("s", 32)}))
	k.must(t, "POST", "/api/collections/wx_apps/records", appRow(nil))
	app, err := k.store.App(appID)
	if err != nil || app.Secret != strings.Repeat("e", 32) || app.Source != settings.SourceEnvironment {
		t.Errorf("app: got %v secret %q, %v, want the environment's", app, app.Secret, err)
	}
	m, err := k.store.Merchant("1900000001")
	if err != nil || m.APIv3Key != v3Key || m.Source != settings.SourceEnvironment || m.API != "v3" {
		t.Errorf("merchant: got %v, %v, want the environment's, v3", m, err)
	}
	k.store.SetPublicURL("http://127.0.0.1:1")
	if got := k.store.PublicURL(); got != "https://shop.example.com" {
		t.Errorf("public URL: got %q, want the environment's without the slash", got)
	}
}

func TestEnvironmentPEM(t *testing.T) {
	t.Parallel()
	private, public := privatePEM(t), publicPEM(t)
	path := filepath.Join(t.TempDir(), "apiclient_key.pem")
	if err := os.WriteFile(path, []byte(private), 0o600); err != nil {
		t.Fatal(err)
	}
	scenarios := map[string]string{
		"text": private, "text on one line": strings.ReplaceAll(private, "\n", `\n`), "path": path,
	}
	for name, value := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, map[string]string{
				"WXBASE_MCH_ID": "1900000001", "WXBASE_MCH_PRIVATE_KEY": value, "WXBASE_PAY_PUBLIC_KEY": strings.ReplaceAll(public, "\n", `\n`),
			})
			m, err := k.store.Merchant("")
			if err != nil || m.PrivateKey != private || m.PublicKey != public {
				t.Errorf("got %v: private key right: %v, public key right: %v", err, m.PrivateKey == private, m.PublicKey == public)
			}
		})
	}
}

func TestEnvironmentRefused(t *testing.T) {
	t.Parallel()
	secret := "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
	file := filepath.Join(t.TempDir(), "note.txt")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	scenarios := []struct{ name, variable, value, owner string }{
		{"a key without its PEM armour", "WXBASE_MCH_PRIVATE_KEY", secret, "WXBASE_MCH_ID"},
		{"armour around garbage", "WXBASE_MCH_PRIVATE_KEY", "-----BEGIN " + "PRIVATE KEY-----\n" + secret + "\n-----END " + "PRIVATE KEY-----\n", "WXBASE_MCH_ID"},
		{"a file that is no key", "WXBASE_MCH_PRIVATE_KEY", file, "WXBASE_MCH_ID"},
		{"a public key in place of the private one", "WXBASE_MCH_PRIVATE_KEY", publicPEM(t), "WXBASE_MCH_ID"},
		{"a private key in place of the public one", "WXBASE_PAY_PUBLIC_KEY", privatePEM(t), "WXBASE_MCH_ID"},
		{"an AppSecret that was cut off", "WXBASE_APP_SECRET", secret[:31], "WXBASE_APPID"},
		{"an APIv3 key that was cut off", "WXBASE_APIV3_KEY", secret[:31], "WXBASE_MCH_ID"},
		{"an AppSecret without its appid", "WXBASE_APP_SECRET", secret, ""},
		{"a merchant key without its merchant", "WXBASE_APIV3_KEY", secret, ""},
		{"an unknown API version", "WXBASE_PAY_API", "v4" + secret, "WXBASE_MCH_ID"},
	}
	app := newApp(t)
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			owner := map[string]string{"WXBASE_APPID": appID, "WXBASE_MCH_ID": "1900000001"}[s.owner]
			_, err := settings.New(app, settings.Options{DataDir: app.DataDir(), Env: environ(map[string]string{s.owner: owner, s.variable: s.value})})
			if err == nil || !strings.Contains(err.Error(), s.variable) {
				t.Fatalf("got %v, want an error that names %s", err, s.variable)
			}
			if strings.Contains(err.Error(), secret[:16]) || strings.Contains(err.Error(), s.value) {
				t.Errorf("error %q shows the value", err)
			}
		})
	}
}

func TestBases(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, base string
		allowed    bool // WXBASE_ALLOW_CUSTOM_BASE=1
		want       string
	}{
		{"none stands for the official one", "", false, settings.OfficialAPIBase},
		{"official", "https://api.weixin.qq.com", false, "https://api.weixin.qq.com"},
		{"failover", "https://api2.weixin.qq.com/", false, "https://api2.weixin.qq.com"},
		{"official with the port", "https://api.weixin.qq.com:443", false, "https://api.weixin.qq.com:443"},
		{"official without TLS", "http://api.weixin.qq.com", false, ""},
		{"another port", "https://api.weixin.qq.com:8443", false, ""},
		{"a host that begins like it", "https://api.weixin.qq.com.evil.example", false, ""},
		{"a host that ends like it", "https://evilapi.weixin.qq.com", false, ""},
		{"the official host as user name", "https://api.weixin.qq.com@evil.example", false, ""},
		{"the same, allowed", "https://api.weixin.qq.com@evil.example", true, ""},
		{"a simulator", "http://127.0.0.1:8091", false, ""},
		{"a simulator, allowed", "http://127.0.0.1:8091/", true, "http://127.0.0.1:8091"},
		{"no origin, allowed", "api.weixin.qq.com", true, ""},
		{"a query, allowed", "http://127.0.0.1:8091?x=1", true, ""},
		{"another scheme, allowed", "ftp://127.0.0.1", true, ""},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret, "WXBASE_API_BASE": s.base}
			if s.allowed {
				env["WXBASE_ALLOW_CUSTOM_BASE"] = "1"
			}
			if s.want == "" {
				app := newApp(t)
				_, err := settings.New(app, settings.Options{DataDir: app.DataDir(), Env: environ(env)})
				if err == nil || !strings.Contains(err.Error(), "WXBASE_API_BASE") {
					t.Errorf("got %v, want it refused by its name", err)
				}
				return
			}
			app, err := newKit(t, env).store.App("")
			if err != nil || app.APIBase != s.want {
				t.Errorf("got %q, %v, want %q", app.APIBase, err, s.want)
			}
		})
	}
}

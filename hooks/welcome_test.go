package hooks_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxbase/hooks"
)

func TestWelcomeWithSim(t *testing.T) {
	t.Parallel()
	s := mustStart(t, "127.0.0.1:8090", hooks.Config{Sim: true, DemoEmail: "me@example.com"})
	kept, err := os.ReadFile(filepath.Join(s.DataDir(), "sim/demo-password"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"http://127.0.0.1:8090/\n", "http://127.0.0.1:8090/_/ ", "http://127.0.0.1:8090/_sim/\n", "me@example.com  " + strings.TrimSpace(string(kept)),
	} {
		if !strings.Contains(s.out, want) {
			t.Errorf("got %q, want it to say %q", s.out, want)
		}
	}
	keys, err := os.ReadFile(filepath.Join(s.DataDir(), "sim/keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	for word := range strings.FieldsSeq(s.out) {
		if len(word) >= 10 && strings.Contains(string(keys), word) {
			t.Errorf("the start lines say %q, which is in the simulator's keys", word)
		}
	}
}

func TestWelcomeWithoutSim(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{
		"WXBASE_APPID": "wx0123456789abcdef", "WXBASE_APP_SECRET": strings.Repeat("s3", 16), "WXBASE_APIV3_KEY": strings.Repeat("k3", 16),
		"WXBASE_MCH_ID": "1900000001", "WXBASE_SECRET_KEY": strings.Repeat("m3", 20),
	}
	scenarios := []struct {
		name, addr string
		env        map[string]string
		want       []string
		not        string
	}{
		{
			"nothing configured", "127.0.0.1:8090", nil,
			[]string{"dashboard http://127.0.0.1:8090/_/", "settings: none", "no mini program: set WXBASE_APPID", "no merchant", "warning: secrets are protected by a key file"},
			"_sim",
		},
		{
			"configured by the environment", "0.0.0.0:80", secrets,
			[]string{"http://127.0.0.1:80/_/", "mini program wx0123456789abcdef (environment), merchant 1900000001 (environment)", "no public address"},
			"warning",
		},
		{"every address", ":8090", nil, []string{"http://127.0.0.1:8090/_/"}, ":8090:"},
		{"every address, IPv6", "[::]:8090", nil, []string{"http://127.0.0.1:8090/_/"}, "[::]"},
		{"IPv6", "[::1]:8090", nil, []string{"http://[::1]:8090/_/"}, "127.0.0.1"},
		{"a name", "shop.example.com:8090", nil, []string{"http://shop.example.com:8090/_/"}, "127.0.0.1"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			out := mustStart(t, s.addr, hooks.Config{Env: func(name string) string { return s.env[name] }}).out
			for _, want := range s.want {
				if !strings.Contains(out, want) {
					t.Errorf("got %q, want it to say %q", out, want)
				}
			}
			for _, bad := range []string{s.not, "s3s3", "k3k3", "m3m3"} {
				if strings.Contains(out, bad) {
					t.Errorf("got %q, want no %q in it", out, bad)
				}
			}
		})
	}
}

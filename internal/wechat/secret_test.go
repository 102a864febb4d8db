package wechat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

const value = "tiihtNczf5v6AKRyjwEUhQ=="

func TestSecretsRedactThemselves(t *testing.T) {
	t.Parallel()
	app := wechat.App{AppID: appID, Secret: value}
	scenarios := map[string]any{
		"session key":        wechat.SessionKey(value),
		"session":            wechat.Session{OpenID: "o1", SessionKey: value},
		"pointer to session": &wechat.Session{OpenID: "o1", SessionKey: value},
		"app":                app,
		"token":              wechat.Token{Value: value, ExpiresAt: time.Unix(1, 0)},
		"client":             wechat.New(app),
	}
	for name, v := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t"} {
				hides(t, verb, fmt.Sprintf(verb, v))
			}
			var text, js bytes.Buffer
			slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v)
			slog.New(slog.NewJSONHandler(&js, nil)).Info("m", "v", v)
			hides(t, "slog text", text.String())
			hides(t, "slog json", js.String())
			if b, err := json.Marshal(v); err == nil {
				hides(t, "json", string(b))
			}
		})
	}
}

func hides(t *testing.T, how, out string) {
	t.Helper()
	if strings.Contains(out, value) || strings.Contains(strings.ToLower(out), fmt.Sprintf("%x", value)) {
		t.Errorf("%s: got %q, want it without the secret", how, out)
	}
}

func TestSessionKeyReveals(t *testing.T) {
	t.Parallel()
	if got := wechat.SessionKey("abc").Reveal(); got != "abc" {
		t.Errorf("got %q, want the key itself", got)
	}
}

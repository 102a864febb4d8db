package settings_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"wxbase/internal/settings"
)

// asLogged is value as a handler writes it that encodes attributes as JSON, which is what PocketBase's log does.
func asLogged(tb testing.TB, value any) string {
	tb.Helper()
	var out strings.Builder
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
	return out.String()
}

// TestNothingPrintsSecrets puts everything that holds a secret through the verbs a log line would use.
func TestNothingPrintsSecrets(t *testing.T) {
	t.Parallel()
	k := newKit(t, map[string]string{
		"WXBASE_APPID": appID, "WXBASE_APP_SECRET": appSecret, "WXBASE_MCH_ID": "1900000001", "WXBASE_APIV3_KEY": v3Key,
		"WXBASE_SECRET_KEY": strings.Repeat("master-", 8),
	})
	app, err := k.store.App("")
	if err != nil || app.Secret != appSecret {
		t.Fatalf("got %v, %v", app, err)
	}
	merchant, err := k.store.Merchant("")
	if err != nil || merchant.APIv3Key != v3Key {
		t.Fatalf("got %v, %v", merchant, err)
	}
	apps, _ := k.store.Apps()
	for _, value := range []any{
		app, &app, merchant, &merchant, apps, map[string]any{"of": merchant}, struct{ App settings.App }{app}, k.store, k.store.Vault(),
	} {
		for _, text := range []string{fmt.Sprintf("%v", value), fmt.Sprintf("%+v", value), fmt.Sprintf("%#v", value), asLogged(t, value)} {
			for _, secret := range []string{appSecret, v3Key, "master-", "fingerprint"} {
				if strings.Contains(text, secret) {
					t.Errorf("%T prints %q in %s", value, secret, text)
				}
			}
		}
	}
	if got := app.String(); !strings.Contains(got, appID) || !strings.Contains(got, "environment") {
		t.Errorf("got %q, want the appid and the source", got)
	}
}

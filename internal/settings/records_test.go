package settings_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"
)

const (
	apps      = "/api/collections/wx_apps/records"
	merchants = "/api/collections/wx_merchants/records"
)

// TestSecretsAtRest looks for the plaintext in every file of the data folder.
func TestSecretsAtRest(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	k.must(t, "POST", apps, appRow(map[string]any{"name": "needle-in-the-clear"}))
	k.must(t, "POST", merchants, merchantRow(t, nil))
	middle := strings.Split(privatePEM(t), "\n")[10]
	found := map[string]bool{}
	for _, name := range []string{"data.db", "data.db-wal", "auxiliary.db", "auxiliary.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(k.DataDir(), name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, needle := range []string{"needle-in-the-clear", appSecret, pushToken, pushAES, v3Key, v2Key, middle} {
			found[needle] = found[needle] || bytes.Contains(raw, []byte(needle))
		}
	}
	if !found["needle-in-the-clear"] {
		t.Fatal("the name of the app is in no file: this test looks in the wrong place")
	}
	delete(found, "needle-in-the-clear")
	for needle, is := range found {
		if is {
			t.Errorf("%q is in the database in the clear", needle)
		}
	}
	if app, err := k.store.App(appID); err != nil || app.Secret != appSecret || app.PushToken != pushToken || app.PushAESKey != pushAES {
		t.Errorf("the store does not read back what was saved: %v, %v", app, err)
	}
	if m, err := k.store.Merchant(""); err != nil || m.APIv3Key != v3Key || m.APIv2Key != v2Key || m.PrivateKey != privatePEM(t) {
		t.Errorf("the store does not read back what was saved: %v, %v", m, err)
	}
}

// wantMasked fails unless raw shows masks and neither plaintext nor ciphertext.
func wantMasked(t *testing.T, what, raw string) {
	t.Helper()
	if !strings.Contains(raw, "••••••••#") {
		t.Errorf("%s: got no mask in %s", what, raw)
	}
	for _, bad := range []string{appSecret, pushToken, pushAES, v3Key, v2Key, "BEGIN PRIVATE", "enc:v1:"} {
		if strings.Contains(raw, bad) {
			t.Errorf("%s: shows %q", what, bad)
		}
	}
}

func TestAnswersAreMasked(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	listener := k.listen(t, "wx_apps/*", `wx_apps/*?options={"query":{"fields":"*","expand":"merchant"}}`)
	m := k.must(t, "POST", merchants, merchantRow(t, nil))
	made := k.must(t, "POST", apps, appRow(map[string]any{"merchant": m.text("id")}))
	one := apps + "/" + made.text("id")
	wantMasked(t, "create merchant", m.body)
	wantMasked(t, "create", made.body)
	wantMasked(t, "list", k.must(t, "GET", apps, nil).body)
	wantMasked(t, "view", k.must(t, "GET", one, nil).body)
	wantMasked(t, "view with the merchant", k.must(t, "GET", one+"?expand=merchant&fields=*,expand.*", nil).body)
	wantMasked(t, "update", k.must(t, "PATCH", one, map[string]any{"name": "other"}).body)
	for range 4 { // two topics, a create and an update
		wantMasked(t, "realtime", string((<-listener.Channel()).Data))
	}
}

// listen is a realtime client of the superuser inside the process.
func (k *kit) listen(t *testing.T, topics ...string) subscriptions.Client {
	t.Helper()
	owner, err := k.FindAuthRecordByEmail(core.CollectionNameSuperusers, "owner@example.com")
	if err != nil {
		t.Fatal(err)
	}
	c := subscriptions.NewDefaultClient()
	c.Set(apis.RealtimeClientAuthKey, owner)
	c.Subscribe(topics...)
	k.SubscriptionsBroker().Register(c)
	return c
}

func TestMaskSentBackKeepsSecret(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	made := k.must(t, "POST", apps, appRow(nil))
	one := apps + "/" + made.text("id")
	made.json["name"] = "renamed"
	after := k.must(t, "PATCH", one, made.json) // the whole row, as a form sends it
	if app, err := k.store.App(appID); err != nil || app.Secret != appSecret || app.PushToken != pushToken || app.Name != "renamed" {
		t.Errorf("got %v, %v, want the secrets of before and the new name", app, err)
	}
	if after.text("secret") != made.text("secret") {
		t.Errorf("mask: got %q, want %q as before", after.text("secret"), made.text("secret"))
	}
	changed := k.must(t, "PATCH", one, map[string]any{"secret": strings.Repeat("n", 32)})
	if app, _ := k.store.App(appID); app.Secret != strings.Repeat("n", 32) || changed.text("secret") == made.text("secret") {
		t.Error("a new secret: want it in force and another mask")
	}
	k.must(t, "PATCH", one, map[string]any{"pushToken": ""})
	if app, _ := k.store.App(appID); app.PushToken != "" || app.PushAESKey != pushAES {
		t.Error("an empty secret: want it cleared and the others kept")
	}
}

// TestSaveAgainAfterFailure: a failed save leaves the record sealed; the next save must not seal the ciphertext again.
func TestSaveAgainAfterFailure(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	c, err := k.FindCollectionByNameOrId("wx_apps")
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.Load(appRow(map[string]any{"envVersion": "nonsense"}))
	if err := k.Save(r); err == nil {
		t.Fatal("the first save: got no error")
	}
	r.Set("envVersion", "trial")
	if err := k.Save(r); err != nil {
		t.Fatalf("the second save: %v", err)
	}
	if app, err := k.store.App(appID); err != nil || app.Secret != appSecret || app.PushToken != pushToken {
		t.Errorf("got %v push token %q, %v, want what was set first", app, app.PushToken, err)
	}
}

func TestBadSecretsAreRefused(t *testing.T) {
	k := newKit(t, nil)
	stale := k.must(t, "POST", apps, appRow(nil))
	k.must(t, "PATCH", apps+"/"+stale.text("id"), map[string]any{"pushToken": "another"})
	scenarios := []struct{ name, path, method, field, value string }{
		{"AppSecret too short", apps, "POST", "secret", "0123"},
		{"push key of 42", apps, "POST", "pushAesKey", strings.Repeat("a", 42)},
		{"APIv3 key of 33", merchants, "POST", "apiV3Key", strings.Repeat("a", 33)},
		{"APIv2 key of 31", merchants, "POST", "apiV2Key", strings.Repeat("a", 31)},
		{"a public key for a private one", merchants, "POST", "privateKey", publicPEM(t)},
		{"no PEM at all", merchants, "POST", "privateKey", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"},
		{"a private key for a public one", merchants, "POST", "publicKey", privatePEM(t)},
		{"a private key after a public one", merchants, "POST", "publicKey", publicPEM(t) + privatePEM(t)},
		{"a private key for the certificate", merchants, "POST", "certificate", privatePEM(t)},
		{"a row that was copied with its masks", apps, "POST", "pushToken", stale.text("pushToken")},
		{"the mask of an earlier value", apps + "/" + stale.text("id"), "PATCH", "pushToken", stale.text("pushToken")},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := map[string]any{s.field: s.value}
			if s.method == "POST" && strings.HasSuffix(s.path, "wx_apps/records") {
				body = appRow(map[string]any{"appid": "wxffffffffffffffff", s.field: s.value})
			} else if s.method == "POST" {
				body = merchantRow(t, body)
			}
			a := k.call(t, s.method, s.path, body)
			data, _ := a.json["data"].(map[string]any)
			problem, _ := data[s.field].(map[string]any)
			if a.status != http.StatusBadRequest || len(data) != 1 || problem["message"] == nil {
				t.Errorf("got %d %s, want 400 with %s alone named", a.status, a.body, s.field)
			}
			if strings.Contains(a.body, s.value) || strings.Contains(a.body, "BEGIN") {
				t.Errorf("the answer repeats the secret: %s", a.body)
			}
		})
	}
	if list := k.must(t, "GET", apps, nil); list.json["totalItems"] != 1.0 {
		t.Errorf("got %v apps, want the one that was good", list.json["totalItems"])
	}
}

// TestMovedCiphertext: who can write to the database, but has no key, cannot give one row the secret of another.
func TestMovedCiphertext(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	k.must(t, "POST", apps, appRow(nil))
	k.must(t, "POST", apps, appRow(map[string]any{"appid": "wxffffffffffffffff", "secret": strings.Repeat("f", 32)}))
	_, err := k.DB().NewQuery("UPDATE wx_apps SET secret = (SELECT secret FROM wx_apps WHERE appid = 'wx0123456789abcdef') WHERE appid = 'wxffffffffffffffff'").Execute()
	if err != nil {
		t.Fatal(err)
	}
	if app, err := k.store.App("wxffffffffffffffff"); err == nil {
		t.Errorf("got %v with secret %q, want it refused", app, app.Secret)
	}
	list := k.must(t, "GET", apps+"?filter=(appid='wxffffffffffffffff')", nil)
	if !strings.Contains(list.body, "#unreadable") || strings.Contains(list.body, "enc:v1:") {
		t.Errorf("got %s, want the secret shown as unreadable", list.body)
	}
	advice, _ := json.Marshal(k.store.Advice())
	if !bytes.Contains(advice, []byte("open secret of wx_apps")) {
		t.Errorf("advice: got %s, want it to name the secret", advice)
	}
}

package settings_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tests"

	"wxbase/internal/apptest/scratch"
	"wxbase/internal/settings"
	_ "wxbase/migrations" // the collections
)

// Made-up secrets of the right shape, each easy to find in a file or an answer.
const (
	appID     = "wx0123456789abcdef"
	appSecret = "5ec2e75ec2e75ec2e75ec2e75ec2e700"
	v3Key     = "v3v3v3v3v3v3v3v3v3v3v3v3v3v3v3v3"
	v2Key     = "v2v2v2v2v2v2v2v2v2v2v2v2v2v2v2v2"
	pushToken = "pushTokenOfTheTest"
	pushAES   = "aesaesaesaesaesaesaesaesaesaesaesaesaesaesA"
)

// rsaKey is one key per process, because making one is slow.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func privatePEM(tb testing.TB) string {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(rsaKey())
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func publicPEM(tb testing.TB) string {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	if err != nil {
		tb.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// environ is an environment of its own.
func environ(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

// kit is a migrated app with a store and the routes of PocketBase.
type kit struct {
	*tests.TestApp

	store *settings.Store
	mux   http.Handler
	token string // of a superuser
}

func newKit(tb testing.TB, env map[string]string) *kit {
	tb.Helper()
	app := newApp(tb)
	k := &kit{TestApp: app}
	var err error
	k.store, err = settings.New(app, settings.Options{Env: environ(env), DataDir: app.DataDir()})
	if err != nil {
		tb.Fatalf("open settings: %v", err)
	}
	k.buildMux(tb)
	k.token = superuserToken(tb, app)
	return k
}

// seed is one migrated folder per process, left to the system's temporary folder; tests clone it.
var seed = sync.OnceValues(func() (string, error) {
	dir, err := scratch.Dir("settings")
	if err != nil {
		return "", err
	}
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	return dir, errors.Join(app.Bootstrap(), app.RunAllMigrations(), app.ResetBootstrapState())
})

// newApp is a PocketBase with our collections.
func newApp(tb testing.TB) *tests.TestApp {
	tb.Helper()
	dir, err := seed()
	if err != nil {
		tb.Fatalf("make seed: %v", err)
	}
	app, err := tests.NewTestApp(dir)
	if err != nil {
		tb.Fatalf("start app: %v", err)
	}
	tb.Cleanup(app.Cleanup)
	return app
}

func (k *kit) buildMux(tb testing.TB) {
	tb.Helper()
	router, err := apis.NewRouter(k.TestApp)
	if err != nil {
		tb.Fatal(err)
	}
	k.OnServe().Unbind("__pbCronStart__") // as in apptest
	err = k.OnServe().Trigger(&core.ServeEvent{App: k.TestApp, Router: router}, func(e *core.ServeEvent) (err error) {
		k.mux, err = e.Router.BuildMux()
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func superuserToken(tb testing.TB, app core.App) string {
	tb.Helper()
	c, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		tb.Fatal(err)
	}
	r := core.NewRecord(c)
	r.SetEmail("owner@example.com")
	r.RefreshTokenKey()
	r.SetRaw("password", &core.PasswordFieldValue{Hash: "$none"}) // nobody logs in; saves a bcrypt per test
	if err := app.Save(r); err != nil {
		tb.Fatal(err)
	}
	token, err := r.NewAuthToken()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

// answer is what the HTTP API said.
type answer struct {
	status int
	body   string
	json   map[string]any
}

func (k *kit) call(tb testing.TB, method, path string, body any) answer {
	tb.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		tb.Fatal(err)
	}
	req := httptest.NewRequestWithContext(tb.Context(), method, path, bytes.NewReader(raw))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", k.token)
	rec := httptest.NewRecorder()
	k.mux.ServeHTTP(rec, req)
	a := answer{status: rec.Code, body: rec.Body.String()}
	_ = json.Unmarshal(rec.Body.Bytes(), &a.json)
	return a
}

// must is call for steps that have to work.
func (k *kit) must(tb testing.TB, method, path string, body any) answer {
	tb.Helper()
	a := k.call(tb, method, path, body)
	if a.status >= http.StatusBadRequest {
		tb.Fatalf("%s %s: got %d %s", method, path, a.status, a.body)
	}
	return a
}

func (a answer) text(field string) string {
	s, _ := a.json[field].(string)
	return s
}

// appRow and merchantRow are rows as a dashboard sends them; change wins over the defaults.
func appRow(change map[string]any) map[string]any {
	return row(map[string]any{
		"appid": appID, "secret": appSecret, "pushToken": pushToken, "pushAesKey": pushAES, "enabled": true,
	}, change)
}

func merchantRow(tb testing.TB, change map[string]any) map[string]any {
	tb.Helper()
	return row(map[string]any{
		"mchid": "1900000001", "api": "v3", "certSerial": "0A1B", "privateKey": privatePEM(tb), "apiV3Key": v3Key, "apiV2Key": v2Key,
		"publicKeyId": "PUB_KEY_ID_01", "publicKey": publicPEM(tb), "enabled": true,
	}, change)
}

func row(base, change map[string]any) map[string]any {
	maps.Copy(base, change)
	return base
}

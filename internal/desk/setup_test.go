package desk_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/sim"
)

const setupPath = "/api/wx/admin/setup"

// realShop is a server without a simulator of its own; that of another one plays WeChat.
func realShop(t *testing.T, env map[string]string) (*apptest.App, sim.Config) {
	t.Helper()
	other := apptest.New(t)
	var config sim.Config
	if err := json.Unmarshal(other.Must(http.MethodGet, "/_sim/config", "", nil).Body, &config); err != nil {
		t.Fatal(err)
	}
	a := apptest.New(t, func(c *hooks.Config) {
		c.Sim, c.PublicURL = false, ""
		c.Env = func(name string) string { return env[name] }
	})
	return a, config
}

// owner makes a superuser where there is no demo, and signs in.
func owner(t *testing.T, a *apptest.App) string {
	t.Helper()
	c, err := a.FindCollectionByNameOrId("_superusers")
	if err != nil {
		t.Fatal(err)
	}
	r := core.NewRecord(c)
	r.SetEmail("owner@example.com")
	r.SetPassword("a-long-password-1")
	if err := a.Save(r); err != nil {
		t.Fatal(err)
	}
	token, err := r.NewAuthToken()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestSetup(t *testing.T) {
	t.Parallel()
	a, config := realShop(t, map[string]string{"WXBASE_ALLOW_CUSTOM_BASE": "1"})
	super := owner(t, a)
	app, m := config.Apps[0], config.Merchants[0]
	steps := func(answer apptest.Answer) string {
		var v struct {
			Steps []struct{ ID, State, Reason string } `json:"steps"`
		}
		if err := json.Unmarshal(answer.Body, &v); err != nil {
			t.Fatalf("got %s: %v", answer.Body, err)
		}
		var words []string
		for _, s := range v.Steps {
			words = append(words, s.ID+"="+s.State)
		}
		return strings.Join(words, " ")
	}
	if got, want := steps(a.Must(http.MethodGet, setupPath, super, nil)), "app=missing merchant=missing address=missing push=missing domain=missing payment=missing"; got != want {
		t.Errorf("at first: got %s, want %s", got, want)
	}
	a.Must(http.MethodPatch, setupPath+"/app", super, map[string]any{"appid": app.AppID, "secret": app.Secret, "pushToken": app.PushToken, "pushAesKey": app.PushAESKey})
	got := a.Must(http.MethodPatch, setupPath+"/merchant", super, map[string]any{"mchid": m.MchID, "certificate": "  " + m.Certificate + "\r\n"})
	if want := "app=done merchant=wrong address=missing push=done domain=missing payment=missing"; steps(got) != want {
		t.Errorf("half: got %s, want %s", steps(got), want)
	}
	merchant, _ := got.JSON["merchant"].(map[string]any)
	if merchant["certSerial"] != strings.ToUpper(m.CertSerial) {
		t.Errorf("serial: got %v, want that of the certificate", merchant["certSerial"])
	}
	got = a.Must(http.MethodPatch, setupPath+"/merchant", super, map[string]any{
		"privateKey": indented(m.PrivateKey), "apiV3Key": m.APIV3Key, "publicKeyId": m.PublicKeyID, "publicKey": m.PublicKey,
	})
	a.Must(http.MethodPatch, setupPath+"/preferences", super, map[string]any{"shop": "茶馆", "twoPersonsAbove": 10000})
	got = a.Must(http.MethodPatch, setupPath+"/preferences", super, map[string]any{"publicUrl": "https://shop.example.com/"})
	if want := "app=done merchant=done address=done push=done domain=done payment=missing"; steps(got) != want {
		t.Errorf("all: got %s, want %s", steps(got), want)
	}
	chosen, _ := got.JSON["preferences"].(map[string]any)
	if got.Text("publicUrl") != "https://shop.example.com" || got.Text("publicUrlFrom") != "stored" || chosen["shop"] != "茶馆" || chosen["twoPersonsAbove"] != 10000.0 {
		t.Errorf("preferences: got %s", got.Body)
	}
	secrets := []string{app.Secret, app.PushToken, app.PushAESKey, m.APIV3Key, "PRIVATE KEY", "enc:v1"}
	rows, err := a.FindAllRecords("wx_audit")
	if err != nil || len(rows) < 4 {
		t.Fatalf("audit: got %d rows, %v", len(rows), err)
	}
	audit, _ := json.Marshal(rows)
	for _, secret := range secrets {
		if strings.Contains(string(got.Body), secret) || strings.Contains(string(audit), secret) {
			t.Errorf("got a secret (%.6s…) in an answer or in the audit", secret)
		}
	}
	if !strings.Contains(string(got.Body), `"fingerprint":"sha256:`) {
		t.Errorf("got %s, want fingerprints", got.Body)
	}
	checkRefusals(t, a, super)
}

func checkRefusals(t *testing.T, a *apptest.App, super string) {
	t.Helper()
	for _, s := range []struct {
		path, field string
		body        map[string]any
	}{
		{"/app", "secret", map[string]any{"secret": "short"}},
		{"/app", "appid", map[string]any{"appid": "wx1"}},
		{"/merchant", "apiV3Key", map[string]any{"apiV3Key": "short"}},
		{"/merchant", "privateKey", map[string]any{"privateKey": "-----BEGIN X-----"}},
		{"/preferences", "publicUrl", map[string]any{"publicUrl": "shop.example.com"}},
		{"/preferences", "twoPersonsAbove", map[string]any{"twoPersonsAbove": -1}},
	} {
		if got := a.Call(http.MethodPatch, setupPath+s.path, super, s.body); got.Status != http.StatusBadRequest || got.Data("field") != s.field {
			t.Errorf("%v: got %d %s, want 400 and the field", s.body, got.Status, got.Body)
		}
	}
}

// indented is a key as somebody pastes it out of a chat.
func indented(text string) string {
	return "\n  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "  \r\n   ") + "  \n\n"
}

// TestSetupOfEnvironment: what the environment sets is shown as that and cannot be changed.
func TestSetupOfEnvironment(t *testing.T) {
	t.Parallel()
	a, config := realShop(t, map[string]string{
		"WXBASE_APPID": "wx0123456789abcdef", "WXBASE_APP_SECRET": strings.Repeat("5e", 16), "WXBASE_MCH_ID": "1900000001", "WXBASE_PUBLIC_URL": "https://env.example.com",
	})
	super := owner(t, a)
	got := a.Must(http.MethodGet, setupPath, super, nil)
	if got.Text("publicUrlFrom") != "env" || !strings.Contains(string(got.Body), `"fromEnv":true`) {
		t.Errorf("got %s, want the environment named", got.Body)
	}
	for path, body := range map[string]map[string]any{
		"/app": {"secret": config.Apps[0].Secret}, "/merchant": {"mchid": "1900000002"}, "/preferences": {"publicUrl": "https://x.example.com"},
	} {
		if got := a.Call(http.MethodPatch, setupPath+path, super, body); got.Status != http.StatusConflict || got.Code() != "setup_from_environment" {
			t.Errorf("%s: got %d %s, want 409", path, got.Status, got.Body)
		}
	}
	got = a.Must(http.MethodPatch, setupPath+"/merchant", super, map[string]any{"foreign": "number:ERP-*"})
	if merchant, _ := got.JSON["merchant"].(map[string]any); merchant["foreign"] != "number:ERP-*" || merchant["mchid"] != "1900000001" {
		t.Errorf("foreign: got %s", got.Body)
	}
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	super := a.Superuser()
	var config sim.Config
	if err := json.Unmarshal(a.Must(http.MethodGet, "/_sim/config", "", nil).Body, &config); err != nil {
		t.Fatal(err)
	}
	m := config.Merchants[0]
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	for _, s := range []struct {
		name, text, kind string
		matches          any
	}{
		{"the merchant's key", indented(m.PrivateKey), "private_key", true},
		{"another key, PKCS#8", text("PRIVATE KEY", pkcs8), "private_key", false},
		{"another key, PKCS#1", text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), "private_key", false},
		{"the certificate", m.Certificate, "certificate", true},
		{"the platform's certificate", m.PlatformCertificate, "certificate", false},
		{"the public key", m.PublicKey, "public_key", true},
		{"a word", "apiclient_key.pem", "unknown", nil},
		{"half a file", m.PrivateKey[:200], "unknown", nil},
		{"a broken block", text("PRIVATE KEY", []byte("x")), "unknown", nil},
	} {
		got := a.Must(http.MethodPost, setupPath+"/recognise", super, map[string]any{"text": s.text})
		if got.Text("kind") != s.kind || got.JSON["matches"] != s.matches {
			t.Errorf("%s: got %s, want %s %v", s.name, got.Body, s.kind, s.matches)
		}
		if s.kind == "certificate" && (got.Text("serial") == "" || got.Text("until") == "") {
			t.Errorf("%s: got %s, want serial and end", s.name, got.Body)
		}
	}
}

// TestDoctorRoute: the same checks as on the command line, in the language of the request, for who may set up.
func TestDoctorRoute(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	if got := a.Call(http.MethodPost, "/api/wx/admin/doctor", memberToken(t, a, "manager"), nil); got.Status != http.StatusForbidden {
		t.Errorf("a manager: got %d, want 403", got.Status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL+"/api/wx/admin/doctor", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", a.Superuser())
	req.Header.Set("Accept-Language", "zh-CN")
	got := a.Do(req)
	var found struct {
		Findings []struct{ Check, State, Title string } `json:"findings"`
	}
	if err := json.Unmarshal(got.Body, &found); err != nil || len(found.Findings) < 20 {
		t.Fatalf("got %s (%v), want findings", got.Body, err)
	}
	for _, f := range found.Findings {
		if f.State == "problem" || !strings.ContainsFunc(f.Title, func(r rune) bool { return r > 0x4e00 }) {
			t.Errorf("got %+v, want no problem, in Chinese", f)
		}
	}
}

// TestSetupBesideTheSimulator: the first payment is seen, and what is said about the simulated merchant is kept without keys of its own.
func TestSetupBesideTheSimulator(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	payment := func() any {
		steps, _ := k.Must(http.MethodGet, setupPath, k.Superuser(), nil).JSON["steps"].([]any)
		return steps[len(steps)-1].(map[string]any)["state"]
	}
	if got := payment(); got != "missing" {
		t.Errorf("before anybody paid: got %v", got)
	}
	k.paidOrder(k.Login("小明"), noodles, 1)
	if got := payment(); got != "done" {
		t.Errorf("after the first payment: got %v, want done", got)
	}
	for _, rule := range []string{"number:ERP-*", "number:ERP-*\nattach:mall*"} {
		got := k.Must(http.MethodPatch, setupPath+"/merchant", k.Superuser(), map[string]any{"foreign": rule})
		merchant, _ := got.JSON["merchant"].(map[string]any)
		if merchant["foreign"] != rule || field(merchant, "privateKey.set") != true {
			t.Errorf("foreign: got %v, want the rule, and the simulated merchant as it was", merchant)
		}
	}
	if n, err := k.CountRecords("wx_merchants"); err != nil || n != 1 {
		t.Errorf("got %d rows, %v, want one", n, err)
	}
}

package doctor_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
	"wxbase/internal/complaints"
	"wxbase/internal/doctor"
	"wxbase/internal/settings"
	"wxbase/internal/sim"
	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
	v2 "wxbase/internal/wxpay/v2"
)

const shopURL = "https://shop.example.com"

// road leads the shop's public name to a server of this machine, as DNS and a proxy with a certificate do.
type road struct{ to string }

func (r road) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host == "shop.example.com" {
		to, _ := url.Parse(r.to)
		req = req.Clone(req.Context())
		req.URL.Scheme, req.URL.Host = to.Scheme, to.Host
	}
	return web.Transport.RoundTrip(req)
}

// patient is a shop that is well: the simulator behind it, its own server before it.
func patient(t *testing.T, a *apptest.App) doctor.Shop {
	t.Helper()
	var c sim.Config
	if err := json.Unmarshal(a.Must(http.MethodGet, "/_sim/config", "", nil).Body, &c); err != nil {
		t.Fatal(err)
	}
	app, m := c.Apps[0], c.Merchants[0]
	client := wechat.New(wechat.App{AppID: app.AppID, Secret: app.Secret, APIBase: c.APIBase})
	if err := client.SetOrderPath(t.Context(), "pages/order/detail?id="+wechat.OrderPathMark); err != nil {
		t.Fatal(err)
	}
	s := doctor.Shop{
		Apps: []settings.App{{AppID: app.AppID, Secret: app.Secret, APIBase: c.APIBase, PushToken: app.PushToken, PushAESKey: app.PushAESKey, MchID: m.MchID, XpayOfferID: app.XpayOfferID, XpayKey: app.XpayKey, XpaySandboxKey: app.XpaySandboxKey}},
		Merchants: []settings.Merchant{{
			MchID: m.MchID, API: "v3", CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, Certificate: m.Certificate, APIv3Key: m.APIV3Key,
			APIv2Key: m.APIV2Key, PublicKeyID: m.PublicKeyID, PublicKey: m.PublicKey, VerifyMode: "publicKey", PayBase: c.PayBase,
		}},
		PublicURL: shopURL, Now: time.Now, Transport: road{a.URL},
		Resolve: func(_ context.Context, host string) ([]string, error) { return []string{"203.0.113.10"}, nil },
		Disk:    func() (uint64, uint64, error) { return 10 << 30, 256 << 20, nil },
		Backup:  func() (time.Time, time.Duration, error) { return time.Now().Add(-time.Hour), 48 * time.Hour, nil },
		Replica: func(context.Context) doctor.Copy { return doctor.Copy{Place: "/mnt/other"} },
		Proxy:   func() string { return "" },
		Built:   func() map[string]string { return map[string]string{"modernc.org/sqlite": "v1.55.0"} },

		MessagePath: func(string) (string, bool, error) { return "pages/order/order", true, nil },
	}
	s.Gateway = func(m settings.Merchant, appID string) (wxpay.Gateway, error) {
		merchant := wxpay.Merchant{
			MchID: m.MchID, CertSerial: m.CertSerial, PrivateKey: m.PrivateKey, APIv3Key: m.APIv3Key, APIv2Key: m.APIv2Key, PublicKeyID: m.PublicKeyID,
			PublicKey: m.PublicKey, PayBase: m.PayBase, VerifyMode: m.VerifyMode, SignType: m.SignType,
		}
		if m.API == "v2" {
			return v2.New(merchant, appID)
		}
		return wxpay.New(merchant, wxpay.WithNow(s.Now))
	}
	hearOfComplaints(t, s, shopURL)
	return s
}

func replicaIs(c doctor.Copy) func(*doctor.Shop) {
	return func(s *doctor.Shop) {
		c.Place = "/mnt/other"
		s.Replica = func(context.Context) doctor.Copy { return c }
	}
}

// hearOfComplaints has WeChat Pay send complaints to a server.
func hearOfComplaints(t *testing.T, s doctor.Shop, origin string) {
	t.Helper()
	gateway, err := s.Gateway(s.Merchants[0], "")
	if err != nil {
		t.Fatal(err)
	}
	if err := gateway.(wxpay.ComplaintDesk).SetComplaintAddress(t.Context(), origin+complaints.NotifyPath(s.Merchants[0].MchID)); err != nil {
		t.Fatal(err)
	}
}

// wall answers every request in the shop's place.
func wall(t *testing.T, answer http.HandlerFunc) http.RoundTripper {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return road{server.URL}
}

// privateKey makes another merchant's key.
func privateKey(t *testing.T) (private, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// TestMisconfigurations makes one mistake at a time: doctor names that one and no other, in both languages.
func TestMisconfigurations(t *testing.T) { //nolint:tparallel // they share one server
	t.Parallel()
	a := apptest.New(t)
	well := patient(t, a)
	otherKey, otherPublic := privateKey(t)
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	fault := func(on, kind string) func(*doctor.Shop) { return func(*doctor.Shop) { a.Fault(on, kind, 1) } }
	merchant := func(change func(m *settings.Merchant)) func(*doctor.Shop) {
		return func(s *doctor.Shop) { change(&s.Merchants[0]) }
	}
	app := func(change func(m *settings.App)) func(*doctor.Shop) {
		return func(s *doctor.Shop) { change(&s.Apps[0]) }
	}
	quota := func(left int) func(*doctor.Shop) { // one more is used first, as nothing bought is another finding
		return func(*doctor.Shop) {
			a.Must(http.MethodPost, "/_sim/quotas", "", map[string]int{"phoneNumbers": 1_000_000})
			a.Must(http.MethodPost, "/_sim/people/p1/phone", "", map[string]any{})
			a.Must(http.MethodPost, "/_sim/quotas", "", map[string]int{"phoneNumbers": phonesUsed(t, well) + left})
		}
	}
	noCertificate := func(m *settings.Merchant) { m.Certificate = "" }

	scenarios := []struct {
		check, code string
		say         string // has to be in the Chinese or English words
		state       doctor.State
		make        func(s *doctor.Shop)
	}{
		{"settings", "settings_unreadable", "apiV3Key of 1900", doctor.Problem, func(s *doctor.Shop) { s.Unreadable = []string{"apiV3Key of 1900"} }},
		{"app", "app_missing", "WXBASE_APPID", doctor.Problem, func(s *doctor.Shop) { s.Apps = nil }},
		{"dns", "dns_failed", "127.0.0.1", doctor.Problem, func(s *doctor.Shop) {
			s.Resolve = func(_ context.Context, host string) ([]string, error) {
				if host == "shop.example.com" {
					return []string{"203.0.113.10"}, nil
				}
				return nil, errors.New("no such host")
			}
		}},
		{"tls", "tls_unreachable", "127.0.0.1:1", doctor.Problem, app(func(a *settings.App) { a.APIBase = "http://127.0.0.1:1" })},
		{"tls", "tls_certificate", hostOf(tls.URL), doctor.Problem, app(func(a *settings.App) { a.APIBase = tls.URL })},
		{"clock", "clock_off", "10m", doctor.Problem, func(s *doctor.Shop) { s.Now = func() time.Time { return time.Now().Add(10 * time.Minute) } }},
		{"clock", "clock_drifts", "2m", doctor.Warning, func(s *doctor.Shop) { s.Now = func() time.Time { return time.Now().Add(2 * time.Minute) } }},
		{"credentials", "secret_missing", well.Apps[0].AppID, doctor.Problem, app(func(a *settings.App) { a.Secret = "" })},
		{"credentials", "secret_wrong", "AppSecret", doctor.Problem, app(func(a *settings.App) { a.Secret = strings.Repeat("0", 32) })},
		{"credentials", "appid_unknown", "wx00000000000000ff", doctor.Problem, app(func(a *settings.App) { a.AppID = "wx00000000000000ff" })},
		{"credentials", "secret_frozen", "AppSecret", doctor.Problem, fault("stable_token", "40243")},
		{"whitelist", "whitelist_missing", "203.0.113.7", doctor.Problem, fault("stable_token", "40164")},
		{"token", "token_quota", "45009", doctor.Problem, fault("stable_token", "45009")},
		{"orderPath", "order_path_missing", wechat.OrderPathMark, doctor.Warning, func(s *doctor.Shop) {
			made := a.Must(http.MethodPost, "/_sim/apps", "", map[string]any{})
			s.Apps[0].AppID, s.Apps[0].Secret, s.Apps[0].PushToken = made.Text("appid"), made.Text("secret"), ""
			s.Apps[0].XpayKey = made.Text("xpayKey")
		}},
		{"virtual", "virtual_half", "OfferID", doctor.Problem, app(func(a *settings.App) { a.XpayKey = "" })},
		{"virtual", "virtual_same", "AppKey", doctor.Problem, app(func(a *settings.App) { a.XpayKey = a.XpaySandboxKey })},
		{"virtual", "virtual_key_wrong", "-15006", doctor.Problem, app(func(a *settings.App) { a.XpayKey = strings.Repeat("k", 32) })},
		{"virtual", "virtual_unknown", "45009", doctor.Warning, fault("xpay_query_order", "45009")},
		{"phoneQuota", "phone_quota_low", "1", doctor.Warning, quota(1)},
		{"phoneQuota", "phone_quota_empty", "errno 1400001", doctor.Problem, quota(0)},
		{"merchant", "merchant_missing", "WXBASE_MCH_ID", doctor.Warning, func(s *doctor.Shop) { s.Merchants = nil }},
		{"keyPair", "key_invalid", "apiclient_key.pem", doctor.Problem, merchant(func(m *settings.Merchant) { m.PrivateKey = m.PublicKey })},
		{"keyPair", "key_pair_apart", well.Merchants[0].MchID, doctor.Problem, merchant(func(m *settings.Merchant) { m.PrivateKey = otherKey })},
		{"keyPair", "serial_other", strings.ToUpper(well.Merchants[0].CertSerial), doctor.Problem, merchant(func(m *settings.Merchant) { m.CertSerial = "1234AB" })},
		{"keyPair", "certificate_expired", "API", doctor.Problem, func(s *doctor.Shop) {
			s.Now = func() time.Time { return time.Now().AddDate(20, 0, 0) }
			s.Apps, s.PublicURL = nil, shopURL
		}},
		{"apiKey", "api_key_length", "31", doctor.Problem, merchant(func(m *settings.Merchant) { m.APIv3Key = m.APIv3Key[1:] })},
		{"apiKey", "api_key_twice", "APIv2", doctor.Problem, merchant(func(m *settings.Merchant) { m.APIv3Key = m.APIv2Key })},
		{"publicKey", "public_key_id_form", "PUB_KEY_ID_", doctor.Problem, merchant(func(m *settings.Merchant) { m.PublicKeyID = m.CertSerial })},
		{"publicKey", "public_key_invalid", "pub_key.pem", doctor.Problem, merchant(func(m *settings.Merchant) { m.PublicKey = m.Certificate })},
		{"query", "query_serial", "1234AB", doctor.Problem, merchant(func(m *settings.Merchant) { noCertificate(m); m.CertSerial = "1234AB" })},
		{"query", "query_signature", "apiclient_key.pem", doctor.Problem, merchant(func(m *settings.Merchant) { noCertificate(m); m.PrivateKey = otherKey })},
		{"query", "query_v2_key", "APIv2", doctor.Problem, merchant(func(m *settings.Merchant) { m.API, m.APIv2Key = "v2", strings.Repeat("k", 32) })},
		{"answers", "public_key_id_other", "PUB_KEY_ID_0000", doctor.Problem, merchant(func(m *settings.Merchant) { m.PublicKeyID = "PUB_KEY_ID_0000" })},
		{"answers", "public_key_other", "pub_key.pem", doctor.Problem, merchant(func(m *settings.Merchant) { m.PublicKey = otherPublic })},
		{"answers", "api_key_other", "APIv3", doctor.Problem, merchant(func(m *settings.Merchant) { m.APIv3Key = strings.Repeat("k", 32) })},
		{"answers", "certificates_none", "publicKey", doctor.Problem, func(s *doctor.Shop) {
			a.Must(http.MethodPost, "/_sim/rules", "", map[string]any{"publicKeyOnly": true})
			s.Merchants[0].VerifyMode = "certificate"
		}},
		{"complaints", "complaints_elsewhere", "old.example.com", doctor.Problem, func(s *doctor.Shop) { hearOfComplaints(t, *s, "https://old.example.com") }},
		{"complaints", "complaints_unknown", "FREQUENCY_LIMITED", doctor.Warning, fault("complaint_address", "rate_limit")},
		{"address", "address_missing", "WXBASE_PUBLIC_URL", doctor.Problem, func(s *doctor.Shop) { s.PublicURL = "" }},
		{"address", "address_plain", "http://shop.example.com", doctor.Problem, func(s *doctor.Shop) { s.PublicURL = "http://shop.example.com" }},
		{"address", "address_private", "192.168.1.7", doctor.Problem, func(s *doctor.Shop) { s.PublicURL = "https://192.168.1.7" }},
		{"outside", "outside_other", shopURL, doctor.Problem, func(s *doctor.Shop) {
			s.Transport = wall(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "<html>login</html>") })
		}},
		{"outside", "outside_redirect", "www.example.com", doctor.Problem, func(s *doctor.Shop) {
			s.Transport = wall(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://www.example.com/", http.StatusMovedPermanently)
			})
		}},
		{"outside", "outside_blocked", "403", doctor.Problem, func(s *doctor.Shop) {
			s.Transport = wall(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					http.Error(w, "blocked", http.StatusForbidden)
					return
				}
				_, _ = fmt.Fprint(w, `{"status":"ok","configured":true,"simulated":false}`)
			})
		}},
		{"outside", "outside_unreachable", shopURL, doctor.Problem, func(s *doctor.Shop) { s.Transport = road{"http://127.0.0.1:1"} }},
		{"push", "push_missing", "EncodingAESKey", doctor.Warning, app(func(a *settings.App) { a.PushToken = "" })},
		{"push", "push_refused", "401", doctor.Problem, app(func(a *settings.App) { a.PushToken = "another" })},
		{"disk", "disk_full", "10", doctor.Problem, func(s *doctor.Shop) { s.Disk = func() (uint64, uint64, error) { return 10 << 20, 256 << 20, nil } }},
		{"backups", "backup_missing", "Settings > Backups", doctor.Problem, func(s *doctor.Shop) {
			s.Backup = func() (time.Time, time.Duration, error) { return time.Time{}, 48 * time.Hour, nil }
		}},
		{"backups", "backup_old", "72", doctor.Problem, func(s *doctor.Shop) {
			s.Backup = func() (time.Time, time.Duration, error) { return time.Now().Add(-72 * time.Hour), 48 * time.Hour, nil }
		}},
		{"replica", "replica_unreachable", "no such bucket", doctor.Problem, replicaIs(doctor.Copy{Unreachable: errors.New("no such bucket"), Empty: true})},
		{"replica", "replica_taken", "other-host", doctor.Problem, replicaIs(doctor.Copy{Owner: "other-host"})},
		{"replica", "replica_readonly", "read-only", doctor.Problem, replicaIs(doctor.Copy{Unwritable: errors.New("read-only file system")})},
		{"replica", "replica_empty", "/mnt/other", doctor.Problem, replicaIs(doctor.Copy{Empty: true})},
		{"replica", "replica_late", "90", doctor.Problem, replicaIs(doctor.Copy{Behind: 90 * time.Second})},
		{"replica", "replica_files", "no room", doctor.Warning, replicaIs(doctor.Copy{Files: "no room"})},
		{"replica", "replica_key", "WXBASE_SECRET_KEY", doctor.Warning, replicaIs(doctor.Copy{KeyIsHere: true})},
		{"versions", "versions_other", "v1.54.0", doctor.Warning, func(s *doctor.Shop) {
			s.Built = func() map[string]string { return map[string]string{"modernc.org/sqlite": "v1.54.0"} }
		}},
		{"proxy", "proxy_untrusted", "X-Forwarded-For", doctor.Problem, func(s *doctor.Shop) { s.Proxy = func() string { return "X-Forwarded-For" } }},
	}
	if findings := doctor.Examine(t.Context(), well, doctor.English); notOK(findings) != "" {
		t.Fatalf("a healthy shop: got %s", notOK(findings))
	}
	for _, s := range scenarios { // note: one after the other, as they share the simulator and its faults
		t.Run(s.code, func(t *testing.T) {
			for _, language := range []doctor.Language{doctor.English, doctor.Chinese} {
				shop := well
				shop.Apps, shop.Merchants = append([]settings.App{}, well.Apps...), append([]settings.Merchant{}, well.Merchants...)
				a.Must(http.MethodDelete, "/_sim/rules", "", nil)
				a.Must(http.MethodDelete, "/_sim/faults", "", nil)
				hearOfComplaints(t, shop, shopURL)
				a.Must(http.MethodDelete, "/_sim/quotas", "", nil)
				s.make(&shop)
				checkDiagnosis(t, doctor.Examine(t.Context(), shop, language), language, s.check, s.code, s.say, s.state)
			}
		})
	}
}

// phonesUsed asks how many numbers are gone.
func phonesUsed(t *testing.T, s doctor.Shop) int {
	t.Helper()
	app := s.Apps[0]
	p, err := wechat.New(wechat.App{AppID: app.AppID, Secret: app.Secret, APIBase: app.APIBase}).PhonePackage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(p.Used)
}

// TestWhatCannotBeKnown: findings that are neither good nor bad say so, and the shop is well without them.
func TestWhatCannotBeKnown(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	shop := patient(t, a)
	a.Must(http.MethodPost, "/_sim/quotas", "", map[string]int{"phoneNumbers": 0})
	shop.MessagePath = func(string) (string, bool, error) { return "", false, nil }
	findings := doctor.Examine(t.Context(), shop, doctor.English)
	for check, code := range map[string]string{"phoneQuota": "phone_quota_none", "messagePath": "message_path_unknown"} {
		i := slices.IndexFunc(findings, func(f doctor.Finding) bool { return f.Check == check })
		if f := findings[i]; f.Code != code || f.State != doctor.Skipped {
			t.Errorf("got %s %s, want %s skipped", f.Code, f.State, code)
		}
	}
	if doctor.HasProblem(findings) {
		t.Errorf("got %s, want no problem", notOK(findings))
	}
}

// checkDiagnosis wants one finding that is worth a look, or that one before all others where one cannot be alone.
func checkDiagnosis(t *testing.T, findings []doctor.Finding, language doctor.Language, check, code, say string, state doctor.State) {
	t.Helper()
	var got []doctor.Finding
	for _, f := range findings {
		if (f.State == doctor.Problem || f.State == doctor.Warning) && (f.State == state || f.Code == code) {
			got = append(got, f)
		}
	}
	alone := code != "app_missing" && code != "certificate_expired" && code != "order_path_missing" // which cannot be
	var named *doctor.Finding
	for i := range got {
		if got[i].Code == code {
			named = &got[i]
		}
	}
	if named == nil || alone && len(got) != 1 {
		t.Fatalf("got %+v, want %s alone", got, code)
	}
	if named.Check != check || named.State != state {
		t.Errorf("got check %s state %s, want %s %s", named.Check, named.State, check, state)
	}
	text := named.Title + " " + named.Why + " " + named.Cure
	if !strings.Contains(text, say) {
		t.Errorf("got %q, want %q in it", text, say)
	}
	if strings.ContainsAny(text, "{}") && !strings.Contains(text, wechat.OrderPathMark) {
		t.Errorf("got a gap in %q", text)
	}
	if chinese := strings.ContainsFunc(named.Title, func(r rune) bool { return r >= 0x4e00 }); chinese != (language == doctor.Chinese) {
		t.Errorf("got %q, want the other language", named.Title)
	}
}

func notOK(findings []doctor.Finding) (text string) {
	for _, f := range findings {
		if f.State != doctor.OK {
			text += fmt.Sprintf("%s %s: %s; ", f.State, f.Check, f.Title)
		}
	}
	return text
}

func hostOf(address string) string {
	u, _ := url.Parse(address)
	return u.Host
}

// TestFindingsHoldNoSecret looks for every secret in everything that is said.
func TestFindingsHoldNoSecret(t *testing.T) {
	t.Parallel()
	a := apptest.New(t)
	shop := patient(t, a)
	m := &shop.Merchants[0]
	m.Certificate, m.CertSerial, shop.Apps[0].PushToken = "", "12", "anotherToken"
	raw, err := json.Marshal(doctor.Examine(t.Context(), shop, doctor.Chinese))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{shop.Apps[0].Secret, shop.Apps[0].PushToken, shop.Apps[0].PushAESKey, m.APIv3Key, m.APIv2Key, m.PrivateKey, "PRIVATE KEY"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("got a secret in %s", raw)
		}
	}
}

// TestDocuments: docs/doctor.md and its Chinese twin are what the catalogue says. DOCTOR_DOCS=write writes them.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for path, language := range map[string]doctor.Language{"../../docs/doctor.md": doctor.English, "../../docs/zh/doctor.md": doctor.Chinese} {
		want := doctor.Doc(language)
		if os.Getenv("DOCTOR_DOCS") == "write" {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s is not what the catalogue says (%v): run go generate ./internal/doctor", path, err)
		}
	}
}

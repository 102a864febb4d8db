package hooks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/settings"
)

// unheardIn is an order that is paid in one way of paying, with the notification in the test's hands.
func unheardIn(t *testing.T, mode string) (*apptest.App, apptest.Answer, captured) {
	t.Helper()
	notes := make(chan captured, 50)
	catcher := httptest.NewServer(catch(notes))
	t.Cleanup(catcher.Close)
	env := modes()[mode]
	app := apptest.New(t, func(c *hooks.Config) {
		c.PublicURL, c.Env = catcher.URL, func(name string) string { return env[name] }
	})
	buyer := app.Login("小明")
	order := buyer.Order("三鲜面", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil))
	return app, order, receive(t, notes)
}

// the body tells which API a notification is of: the merchant may have changed to the other one meanwhile
func TestNotifyAfterAChangeOfTheAPI(t *testing.T) {
	t.Parallel()
	const bom = "\xef\xbb\xbf"
	scenarios := []struct {
		name, mode, before string
		change             func(*settings.Merchant)
		status             int
		says, payment      string
	}{
		{"v2, and v3 now", "v2 HMAC-SHA256", "", func(m *settings.Merchant) { m.API = "v3" }, 200, "SUCCESS", "PAID"},
		{"v2 MD5, and v3 now", "v2 MD5", "", func(m *settings.Merchant) { m.API = "v3" }, 200, "SUCCESS", "PAID"},
		{"v3, and v2 now", "v3 both", "", func(m *settings.Merchant) { m.API = "v2" }, 204, "", "PAID"},
		{"v2 with a byte order mark", "v2 HMAC-SHA256", bom, nil, 200, "SUCCESS", "PAID"},
		{"v2 with a byte order mark, and v3 now", "v2 MD5", bom + "\n", func(m *settings.Merchant) { m.API = "v3" }, 200, "SUCCESS", "PAID"},
		{"v2, and its key is gone", "v2 HMAC-SHA256", "", func(m *settings.Merchant) { m.API, m.APIv2Key = "v3", "" }, 503, "pay_notify_keys_missing", "PREPAID"},
		{"v2, and its key is another", "v2 HMAC-SHA256", "", func(m *settings.Merchant) {
			m.API, m.APIv2Key = "v3", strings.Repeat("k", 32)
		}, 401, "pay_notify_signature", "PREPAID"},
		{"v3, and its key is gone", "v3 both", "", func(m *settings.Merchant) { m.API, m.APIv3Key = "v2", "" }, 503, "pay_notify_keys_missing", "PREPAID"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			app, order, note := unheardIn(t, s.mode)
			if s.change != nil {
				app.WX.ChangeMerchants(s.change)
			}
			note.body = append([]byte(s.before), note.body...)
			got := note.deliver(t, app)
			if got.Status != s.status || !strings.Contains(string(got.Body), s.says) {
				t.Errorf("answer: got %d %s, want %d with %q in it", got.Status, got.Body, s.status, s.says)
			}
			wantShape(t, note, got)
			wantAttempt(t, app, order, s.payment)
			sweepLater(t, app) // without a notification WeChat is asked, over the new API if need be
			wantAttempt(t, app, order, "PAID")
		})
	}
}

// wantShape checks that an answer speaks the language of the question.
func wantShape(t *testing.T, note captured, got apptest.Answer) {
	t.Helper()
	isXML := strings.Contains(string(note.body), "<xml>")
	if answered := strings.HasPrefix(string(got.Body), "<xml>"); answered != isXML {
		t.Errorf("answer to XML %t: got XML %t: %s", isXML, answered, got.Body)
	}
	if failed := strings.Contains(string(got.Body), "FAIL"); failed != (got.Status >= 300) {
		t.Errorf("answer: got %d %s, want FAIL with a refusal only", got.Status, got.Body)
	}
}

func wantAttempt(t *testing.T, app *apptest.App, order apptest.Answer, state string) {
	t.Helper()
	if got := onlyPayment(t, app, order).GetString("state"); got != state {
		t.Errorf("payment: got %s, want %s", got, state)
	}
}

// a genuine notification that tells of no payment is taken, and moves nothing; one that nobody signed is not taken
func TestNotifyOfAFailure(t *testing.T) {
	t.Parallel()
	app, order, note := unheardIn(t, "v2 HMAC-SHA256")
	key := ""
	app.WX.ChangeMerchants(func(m *settings.Merchant) { key = m.APIv2Key })
	scenarios := []struct {
		name, field string
		signed      bool
		status      int
	}{
		{"result_code, signed", "result_code", true, 200},
		{"return_code, signed", "return_code", true, 200},
		{"result_code, unsigned", "result_code", false, 401},
		{"return_code, unsigned", "return_code", false, 401},
	}
	for _, s := range scenarios {
		told := readXML(t, note.body)
		told[s.field] = "FAIL"
		if s.signed {
			told["sign"] = signHMAC(told, key)
		}
		bent := note
		bent.body = writeXML(told)
		got := bent.deliver(t, app)
		if got.Status != s.status {
			t.Errorf("%s: got %d %s, want %d", s.name, got.Status, got.Body, s.status)
		}
		wantShape(t, bent, got)
	}
	wantAttempt(t, app, order, "PREPAID")
	if n := count(t, app, "wx_inbox", dbx.HashExp{"verified": true, "state": "REFUSED"}); n != 2 {
		t.Errorf("genuine failures in the inbox: got %d, want 2", n)
	}
	note.deliver(t, app)
	wantAttempt(t, app, order, "PAID")
}

func readXML(t *testing.T, body []byte) map[string]string {
	t.Helper()
	var doc struct {
		Fields []struct {
			XMLName xml.Name
			Value   string `xml:",chardata"`
		} `xml:",any"`
	}
	if err := xml.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{}
	for _, f := range doc.Fields {
		fields[f.XMLName.Local] = f.Value
	}
	return fields
}

func writeXML(fields map[string]string) []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		b.WriteString("<" + name + "><![CDATA[" + fields[name] + "]]></" + name + ">")
	}
	return []byte("<xml>" + b.String() + "</xml>")
}

func signHMAC(fields map[string]string, key string) string {
	sum := hmac.New(sha256.New, []byte(key))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "sign" && fields[name] != "" {
			sum.Write([]byte(name + "=" + fields[name] + "&"))
		}
	}
	sum.Write([]byte("key=" + key))
	return strings.ToUpper(hex.EncodeToString(sum.Sum(nil)))
}

// sweepLater lets the sweep look at what is due.
func sweepLater(t *testing.T, app *apptest.App) {
	t.Helper()
	app.Clock.Advance(time.Minute)
	sweep(t, app)
}

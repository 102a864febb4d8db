package hooks_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

// modes are the ways a merchant can speak to WeChat Pay.
func modes() map[string]map[string]string {
	return map[string]map[string]string{
		"v3 public key":  {"WXBASE_PAY_VERIFY": "publicKey"},
		"v3 certificate": {"WXBASE_PAY_VERIFY": "certificate"},
		"v3 both":        {"WXBASE_PAY_VERIFY": "both"},
		"v2 MD5":         {"WXBASE_PAY_API": "v2", "WXBASE_PAY_SIGN_TYPE": "MD5"},
		"v2 HMAC-SHA256": {"WXBASE_PAY_API": "v2", "WXBASE_PAY_SIGN_TYPE": "HMAC-SHA256"},
	}
}

// the same story over every way: paid by the notification alone, refunded in part, closed, and the books agree the next day
func TestEveryWayOfPaying(t *testing.T) {
	t.Parallel()
	for name, env := range modes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t, func(c *hooks.Config) { c.Env = func(name string) string { return env[name] } })
			breakfast(app)
			buyer := app.Login("小明")
			order := buyer.Order("三鲜面", 2)
			if got := buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil)); got != "requestPayment:ok" {
				t.Fatalf("phone: got %q, want requestPayment:ok", got)
			}
			waitFor(t, app, "payments", dbx.HashExp{"order": order.Text("id")}, isState("PAID"))
			app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"amount": 1000})
			for range 3 {
				settle(t, app)
			}
			wantStates(t, app, order.Text("id"), "PART_REFUNDED", "PAID")
			for verb, field := range map[string]string{"native": "codeUrl", "h5": "h5Url"} {
				by := buyer.Order("酸梅汤", 1)
				handle := buyer.Must(http.MethodPost, "/api/wx/orders/"+by.Text("id")+"/"+verb, nil).Text(field)
				app.Must(http.MethodPost, "/_sim/people/"+buyer.ID+"/pay-url", "", map[string]any{"url": handle})
				waitFor(t, app, "payments", dbx.HashExp{"order": by.Text("id")}, isState("PAID"))
				app.Must(http.MethodPost, refundPath(by), app.Superuser(), map[string]any{"amount": 100})
				settle(t, app)
			}

			cancelled := buyer.Order("酸梅汤", 1)
			buyer.Must(http.MethodPost, payPath(cancelled), nil)
			buyer.Must(http.MethodPost, "/api/wx/orders/"+cancelled.Text("id")+"/cancel", nil)
			wantStates(t, app, cancelled.Text("id"), "CANCELLED", "CLOSED")

			if report := reconcile(t, app, noon(app)); report.State != "OK" || len(report.Diffs) != 0 || report.OurTotal != 4800 || report.OurRefund != 1200 {
				t.Errorf("books: got %+v, want them equal", report)
			}
			eventually(t, "every notification is delivered", func() bool {
				app.Clock.Advance(time.Minute) // a first try that met another writer is repeated by WeChat
				for _, n := range list(t, app, "/_sim/notifications") {
					if n["state"] != "DELIVERED" {
						return false
					}
				}
				return true
			})
		})
	}
}

package hooks_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/apptest/web"
)

// openAlerts lists the subjects of the open alerts of a kind.
func openAlerts(t *testing.T, app *apptest.App, kind string) (subjects []string) {
	t.Helper()
	rows, err := app.FindAllRecords("wx_alerts", dbx.HashExp{"kind": kind, "closedAt": ""})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		subjects = append(subjects, r.GetString("subject"))
	}
	return subjects
}

func wantAlert(t *testing.T, app *apptest.App, kind, subject string) {
	t.Helper()
	if got := openAlerts(t, app, kind); len(got) != 1 || got[0] != subject {
		t.Errorf("open alerts %s: got %q, want %q alone", kind, got, subject)
	}
}

func firstPayment(t *testing.T, app *apptest.App, order apptest.Answer) (id, number string) {
	t.Helper()
	payment, err := app.FindFirstRecordByData("payments", "order", order.Text("id"))
	if err != nil {
		t.Fatal(err)
	}
	return payment.Id, payment.GetString("merchant") + "/" + payment.GetString("outTradeNo")
}

// TestAlertOfMoney: what WeChat says and our books do not is in the list before WeChat is told that it need not say it again.
func TestAlertOfMoney(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"other_amount", "unknown_order"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			app, notes := captureNotify(t)
			app.Fault("notification", fault, 1)
			buyer := app.Login("小明")
			order := buyer.Order("三鲜面", 1)
			buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(order), nil))
			note := receive(t, notes)
			last := note.deliver(t, app)
			for range 6 {
				if last.Status == http.StatusNoContent {
					break
				}
				if got := openAlerts(t, app, "unmatched"); len(got) != 0 {
					t.Errorf("while WeChat is asked to send again: got alerts %q, want none yet", got)
				}
				last = note.deliver(t, app)
			}
			if fault == "other_amount" {
				id, _ := firstPayment(t, app, order)
				wantAlert(t, app, "disputed", id)
				return
			}
			if got := openAlerts(t, app, "unmatched"); last.Status != http.StatusNoContent || len(got) != 1 {
				t.Errorf("unmatched: got %d and alerts %q, want 204 and one", last.Status, got)
			}
		})
	}
}

// TestAlertOfRefund: a refund that does not reach the payer needs a person; one that does closes its alert.
func TestAlertOfRefund(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	app.Fault("refund", "not_enough", 1)
	refund := app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"all": true})
	wantAlert(t, app, "refund", refund.Text("id"))
	for range 20 {
		settle(t, app)
	}
	wantStates(t, app, order.Text("id"), "REFUNDED", "PAID")
	if got := openAlerts(t, app, "refund"); len(got) != 0 {
		t.Errorf("after it has reached the payer: got open alerts %q, want none", got)
	}
}

// noRight refuses every order as WeChat does when the merchant may not take payments in mini programs.
type noRight struct{}

func (noRight) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPost && r.URL.Path == "/v3/pay/transactions/jsapi" {
		return reply(http.StatusBadRequest, `{"code":"APPID_MCHID_NOT_MATCH","message":"AppID和MCHID不匹配"}`)
	}
	return web.Transport.RoundTrip(r)
}

// TestAlertOfRefusedPayments: however many buyers meet a refusal, it is one alert.
func TestAlertOfRefusedPayments(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) { c.Transport = noRight{} })
	buyer := app.Login("小明")
	for range 3 {
		order := buyer.Order("三鲜面", 1)
		if got := buyer.Call(http.MethodPost, payPath(order), nil); got.Status != http.StatusBadGateway {
			t.Fatalf("pay: got %d %s, want 502", got.Status, got.Body)
		}
		_, number := firstPayment(t, app, order)
		merchant, _, _ := strings.Cut(number, "/")
		wantAlert(t, app, "payment", "refused by "+merchant)
	}
}

// TestCloseAlert: superusers see the list and close; who did it first stays on the row.
func TestCloseAlert(t *testing.T) {
	t.Parallel()
	app, _, order := paidOrder(t)
	app.Fault("refund", "refund_abnormal", 1)
	refund := app.Must(http.MethodPost, refundPath(order), app.Superuser(), map[string]any{"all": true})
	settle(t, app)
	const path = "/api/wx/admin/alerts"
	for _, token := range []string{"", app.Login("小红").Token} {
		for _, request := range []string{"GET " + path, "POST " + path + "/x/close"} {
			method, url := request[:4], request[5:]
			if method == "GET " {
				method, url = http.MethodGet, request[4:]
			}
			if got := app.Call(method, url, token, nil); got.Status != http.StatusUnauthorized && got.Status != http.StatusForbidden {
				t.Errorf("%s without rights: got %d, want 401 or 403", request, got.Status)
			}
		}
	}
	list := app.Must(http.MethodGet, path, app.Superuser(), nil)
	items, _ := list.JSON["items"].([]any)
	if len(items) != 1 || list.JSON["open"] != 1.0 {
		t.Fatalf("list: got %s, want one open alert", list.Body)
	}
	alert, _ := items[0].(map[string]any)
	id, _ := alert["id"].(string)
	if alert["kind"] != "refund" || alert["subject"] != refund.Text("id") {
		t.Errorf("alert: got %v, want the refund", alert)
	}
	health := app.Must(http.MethodGet, "/api/wx/health", app.Superuser(), nil)
	if open, _ := health.JSON["alerts"].([]any); len(open) != 1 {
		t.Errorf("health: got %s, want the alert", health.Body)
	}
	for range 2 {
		closed := app.Must(http.MethodPost, path+"/"+id+"/close", app.Superuser(), nil)
		if closed.Text("closedBy") != "demo@example.com" || closed.Text("closedAt") == "" {
			t.Errorf("close: got %s, want it closed by demo@example.com", closed.Body)
		}
	}
	if got := app.Must(http.MethodGet, path, app.Superuser(), nil); got.JSON["open"] != 0.0 {
		t.Errorf("after: got %s, want none open", got.Body)
	}
	past, _ := app.Must(http.MethodGet, path+"?closed=1", app.Superuser(), nil).JSON["items"].([]any)
	if len(past) != 1 {
		t.Errorf("closed: got %d, want 1", len(past))
	}
	wantAnswer(t, app.Call(http.MethodPost, path+"/nothing00000000/close", app.Superuser(), nil), http.StatusNotFound, "alert_not_found")
}

package hooks_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/hooks"
	"wxbase/internal/apptest"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	with := func(value string) func(*hooks.Config) {
		return func(c *hooks.Config) {
			c.Env = func(name string) string { return map[string]string{"WXBASE_METRICS": value}[name] }
		}
	}
	app := apptest.New(t, with("a-token-of-the-scraper"))
	person := app.Login("小明")
	app.Call(http.MethodPost, "/api/wx/login", "", map[string]string{"code": "nobody-has-this-code"})
	person.Must(http.MethodGet, "/api/wx/session", nil)
	if got := app.Call(http.MethodGet, "/metrics", "", nil); got.Status != http.StatusNotFound {
		t.Errorf("without the token: got %d, want 404", got.Status)
	}
	got := app.Must(http.MethodGet, "/metrics", "Bearer a-token-of-the-scraper", nil)
	for _, want := range []string{
		`wxbase_wechat_calls_total{kind="ok",op="code2Session"} 1`,
		`wxbase_wechat_calls_total{kind="code_invalid",op="code2Session"} 1`,
		`wxbase_wechat_calls_total{kind="ok",op="checkSessionKey"} 1`,
		`wxbase_wechat_call_seconds_count{op="code2Session"} 2`,
	} {
		if !strings.Contains(string(got.Body), want) {
			t.Errorf("metrics: want %s", want)
		}
	}
	if got := apptest.New(t, with("1")).Call(http.MethodGet, "/metrics", "", nil); got.Status != http.StatusOK {
		t.Errorf("from this machine: got %d, want 200", got.Status)
	}
	if got := apptest.New(t).Call(http.MethodGet, "/metrics", "", nil); got.Status == http.StatusOK && strings.Contains(string(got.Body), "wxbase_") {
		t.Errorf("not asked for: got %d with metrics, want none", got.Status)
	}
}

// TestMetricsOfTheShop: what waits is there by state and age, and no label is of a visitor's choosing.
func TestMetricsOfTheShop(t *testing.T) {
	t.Parallel()
	app, notes := captureNotify(t, func(c *hooks.Config) {
		c.ProbeFresh = time.Nanosecond
		c.Env = func(name string) string { return map[string]string{"WXBASE_METRICS": "1"}[name] }
	})
	buyer := app.Login("小明")
	open := buyer.Order("三鲜面", 1)
	buyer.Must(http.MethodPost, payPath(open), nil)
	paid := buyer.Order("三鲜面", 1)
	buyer.PayAtCashier(buyer.Must(http.MethodPost, payPath(paid), nil))
	note := receive(t, notes)
	note.deliver(t, app)
	note.deliver(t, app)
	forged := note
	forged.body = append([]byte{}, note.body...)
	forged.body[10] ^= 1
	forged.deliver(t, app)
	app.Fault("refund", "refund_abnormal", 1)
	app.Must(http.MethodPost, refundPath(paid), app.Superuser(), map[string]any{"all": true})
	settle(t, app)
	app.Call(http.MethodGet, "/api/wx/orders/of-somebodys-choosing", "", nil)
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	text := string(app.Must(http.MethodGet, "/metrics", "", nil).Body)
	for _, want := range []string{
		`wxbase_ready 1`, `wxbase_disk_free_bytes `, `wxbase_database_bytes{file="data.db"} `, `wxbase_database_bytes{file="data.db-wal"} `,
		`wxbase_payments_open{state="PREPAID"} 1`, `wxbase_payments_open_oldest_seconds{state="PREPAID"} 12`,
		`wxbase_refunds_open{state="ABNORMAL"} 1`, `wxbase_alerts_open{kind="refund"} 1`, `wxbase_outbox_due 0`,
		`wxbase_notifications_total{kind="pay",verdict="APPLIED"} 1`, `wxbase_notifications_total{kind="pay",verdict="REPEATED"} 1`,
		`wxbase_notifications_total{kind="pay",verdict="pay_notify_signature"} 1`,
		`wxbase_http_requests_total{route="POST /api/wx/orders/{id}/pay",status="2xx"} 2`,
		`wxbase_http_requests_total{route="POST /api/wx/notify/pay/{merchant}",status="4xx"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics: want %s", want)
		}
	}
	if strings.Contains(text, "of-somebodys-choosing") || strings.Contains(text, open.Text("id")) {
		t.Error("metrics carry what a visitor has chosen")
	}
}

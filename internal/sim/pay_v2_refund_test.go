package sim_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"wxbase/internal/sim"
)

func refundV2(order, number string, amount int) map[string]string {
	return map[string]string{
		"out_trade_no": order, "out_refund_no": number, "total_fee": "100", "refund_fee": fmt.Sprint(amount), "refund_desc": "缺货",
		"notify_url": "https://shop.example.com/pay/v2/refund",
	}
}

func TestV2Refund(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	w.paidV2("ORD-V2-RF", "MD5")
	got := w.v2("/secapi/pay/refund", refundV2("ORD-V2-RF", "R-1", 40))
	if got["result_code"] != "SUCCESS" || got["refund_fee"] != "40" || got["total_fee"] != "100" || got["cash_refund_fee"] != "40" || len(got["refund_id"]) != 28 {
		t.Fatalf("got %v, want it accepted", got)
	}
	if again := w.v2("/secapi/pay/refund", refundV2("ORD-V2-RF", "R-1", 40)); again["refund_id"] != got["refund_id"] {
		t.Errorf("got %v, want the same refund for the same number", again)
	}
	for code, change := range map[string]map[string]string{
		"REFUND_FEE_MISMATCH":   {"refund_fee": "41"},
		"PARAM_ERROR":           {"out_refund_no": "R 2"},
		"ERROR":                 {"out_refund_no": "R-2", "refund_fee": "61"},
		"ORDERNOTEXIST":         {"out_refund_no": "R-2", "out_trade_no": "ORD-V2-NONE"},
		"INVALID_TRANSACTIONID": {"out_refund_no": "R-2", "transaction_id": "4200"},
	} {
		fields := refundV2("ORD-V2-RF", "R-1", 40)
		maps.Copy(fields, change)
		wantV2(t, w.v2("/secapi/pay/refund", fields), code)
	}
	w.fault(map[string]any{"on": "v2_refund", "kind": "not_enough"})
	wantV2(t, w.v2("/secapi/pay/refund", refundV2("ORD-V2-RF", "R-2", 1)), "NOTENOUGH")
	asked := w.v2("/pay/refundquery", map[string]string{"out_refund_no": "R-1"})
	if asked["refund_status_0"] != "PROCESSING" || asked["refund_count"] != "1" || asked["out_refund_no_0"] != "R-1" || asked["refund_fee_0"] != "40" {
		t.Errorf("got %v, want PROCESSING", asked)
	}
	w.clock.Add(3 * time.Second)
	asked = w.v2("/pay/refundquery", map[string]string{"refund_id": got["refund_id"], "out_refund_no": "R-NONE"})
	if asked["refund_status_0"] != "SUCCESS" || asked["refund_success_time_0"] != "2026-03-01 10:00:03" {
		t.Errorf("got %v, want SUCCESS, refund_id before out_refund_no", asked)
	}
	wantV2(t, w.v2("/pay/refundquery", map[string]string{"out_refund_no": "R-NONE"}), "REFUNDNOTEXIST")
	wantV2(t, w.v2("/pay/refundquery", map[string]string{"out_trade_no": "ORD-V2-NONE"}), "ORDERNOTEXIST")
	wantV2(t, w.v2("/pay/refundquery", nil), "PARAM_ERROR")
	if a := w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R-1", ""); a.text("refund_id") != got["refund_id"] {
		t.Errorf("got %s, want the same books for v3", a.body)
	}
	if state := w.v2("/pay/orderquery", map[string]string{"out_trade_no": "ORD-V2-RF"})["trade_state"]; state != "REFUND" {
		t.Errorf("got %s, want REFUND", state)
	}
}

func TestV2RefundQueryPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	w.paidV2("ORD-V2-PG", "MD5")
	for i := range 12 {
		w.v2("/secapi/pay/refund", refundV2("ORD-V2-PG", fmt.Sprintf("R-%d", i), 1))
	}
	for offset, want := range map[string][2]string{"0": {"10", "R-0"}, "10": {"2", "R-10"}} {
		got := w.v2("/pay/refundquery", map[string]string{"out_trade_no": "ORD-V2-PG", "offset": offset})
		if got["refund_count"] != want[0] || got["out_refund_no_0"] != want[1] || got["total_refund_count"] != "12" {
			t.Errorf("offset %s: got %v, want %v of 12", offset, got, want)
		}
	}
}

// A coupon paid a tenth: both calls return the payer's part and the coupon's.
func TestV2RefundWithCoupon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault(map[string]any{"on": "pay_device", "kind": "coupon"})
	w.paidV2("ORD-V2-CP", "MD5")
	paid := w.v2("/pay/orderquery", map[string]string{"out_trade_no": "ORD-V2-CP"})
	if paid["total_fee"] != "100" || paid["cash_fee"] != "90" || paid["coupon_fee"] != "10" || paid["coupon_count"] != "1" || paid["settlement_total_fee"] != "90" {
		t.Errorf("got %v, want 90 of 100 paid in cash", paid)
	}
	made := w.v2("/secapi/pay/refund", refundV2("ORD-V2-CP", "R-1", 50))
	if made["refund_fee"] != "50" || made["cash_refund_fee"] != "45" || made["coupon_refund_fee"] != "5" || made["coupon_refund_count"] != "1" {
		t.Errorf("got %v, want 45 and 5", made)
	}
	asked := w.v2("/pay/refundquery", map[string]string{"out_trade_no": "ORD-V2-CP"})
	if asked["refund_fee_0"] != "50" || asked["settlement_refund_fee_0"] != "45" || asked["cash_fee"] != "90" {
		t.Errorf("got %v, want the same", asked)
	}
}

func TestV2RefundSpacing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paidV2("ORD-V2-SP", "MD5")
	w.v2("/secapi/pay/refund", refundV2("ORD-V2-SP", "R-1", 1))
	wantV2(t, w.v2("/secapi/pay/refund", refundV2("ORD-V2-SP", "R-2", 1)), "FREQUENCY_LIMITED")
	openid, _ := w.login("p1")
	w.prepaidV2(orderV2("ORD-V2-UNPAID", openid))
	wantV2(t, w.v2("/secapi/pay/refund", refundV2("ORD-V2-UNPAID", "R-3", 1)), "TRADE_STATE_ERROR")
	w.sim.Advance(366 * 24 * time.Hour)
	wantV2(t, w.v2("/secapi/pay/refund", refundV2("ORD-V2-SP", "R-2", 1)), "TRADE_OVERDUE")
}

// /secapi/ demands the merchant's own certificate and refuses others, or none.
func TestV2ClientCertificate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithClientCertificates(true))
	w.paidV2("ORD-V2-TLS", "MD5")
	if got := w.v2("/secapi/pay/refund", refundV2("ORD-V2-TLS", "R-1", 1)); got["return_code"] != "FAIL" {
		t.Fatalf("got %v over plain http, want FAIL", got)
	}
	srv := httptest.NewUnstartedServer(w.sim.Handler())
	srv.TLS = w.sim.TLSConfig()
	srv.StartTLS()
	t.Cleanup(srv.Close)
	w.cfg.APIBase = srv.URL
	own, err := tls.X509KeyPair([]byte(w.mch.Certificate), []byte(w.mch.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	stranger := memorySim(t).Config().Merchants[0]
	other, err := tls.X509KeyPair([]byte(stranger.Certificate), []byte(stranger.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]struct {
		certs []tls.Certificate
		want  string
	}{"none": {nil, "FAIL"}, "another": {[]tls.Certificate{other}, "FAIL"}, "own": {[]tls.Certificate{own}, "SUCCESS"}} {
		client := srv.Client()
		transport := client.Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = s.certs
		client.Transport = transport
		resp, err := client.Do(w.requestV2("/secapi/pay/refund", refundV2("ORD-V2-TLS", "R-1", 1)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(resp.Body)
		if got := flatXML(t, body); err != nil || got["return_code"] != s.want {
			t.Errorf("%s: got %s, %v, want %s", name, body, err, s.want)
		}
		_ = resp.Body.Close()
	}
}

package sim_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// as is the same world with another merchant's keys.
func (w *world) as(m sim.MerchantConfig) *world {
	other := *w
	other.join()
	other.mch, other.key = m, parseKey(w.t, m.PrivateKey)
	return &other
}

// secondMerchant makes one by the control API.
func (w *merchantSide) secondMerchant(in map[string]any) sim.MerchantConfig {
	w.t.Helper()
	var m sim.MerchantConfig
	if err := json.Unmarshal(w.device(http.MethodPost, "/merchants", in).body, &m); err != nil {
		w.t.Fatal(err)
	}
	return m
}

// TestTwoMerchants: one number at two merchants is two orders; a merchant cannot see, close, refund or bill the
// other's.
func TestTwoMerchants(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithBillsAnyTime())
	second := w.as(w.secondMerchant(nil))
	openid, _ := w.login("p1")
	for _, one := range []*world{w, second} {
		if got := one.payAs("p1", one.payment(one.prepaid("ORD-TWO-1", openid))); got != "requestPayment:ok" {
			t.Fatalf("got %q, want it paid with the merchant's own key", got)
		}
	}
	first, other := w.query("ORD-TWO-1").text("transaction_id"), second.query("ORD-TWO-1").text("transaction_id")
	if first == "" || first == other {
		t.Fatalf("got %q and %q, want two transactions", first, other)
	}
	wantPayError(t, w.pay(http.MethodGet, "/v3/pay/transactions/id/"+other+"?mchid="+w.mch.MchID, ""), 404, "ORDER_NOT_EXIST")
	steal := refundBody("ORD-TWO-1", "R-TWO-1", 100)
	delete(steal, "out_trade_no")
	steal["transaction_id"] = other
	wantPayError(t, w.refund(steal), 404, "RESOURCE_NOT_EXISTS")
	if a := second.refund(refundBody("ORD-TWO-1", "R-TWO-1", 100)); a.status != 200 {
		t.Fatalf("got %d %s, want the own order refunded", a.status, a.body)
	}
	if w.query("ORD-TWO-1").text("trade_state") != "SUCCESS" || second.query("ORD-TWO-1").text("trade_state") != "REFUND" {
		t.Error("the refund of one merchant's order touched the other's")
	}
	wantPayError(t, w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R-TWO-1", ""), 404, "RESOURCE_NOT_EXISTS")
	day := w.clock.Now().Format(time.DateOnly)
	_, rows, _ := table(t, w.download(w.bill("bill_date="+day)))
	_, others, _ := table(t, w.download(second.bill("bill_date="+day)))
	if len(rows) != 1 || len(others) != 2 || rows[0]["商户号"] != w.mch.MchID || others[0]["商户号"] != second.mch.MchID {
		t.Errorf("got bills %v and %v, want each merchant's own", rows, others)
	}
}

// TestMerchantsDoNotMix: another merchant's key, serial, APIv2 key, public key or mini program is refused as at WeChat
// Pay.
func TestMerchantsDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	app := w.device(http.MethodPost, "/apps", nil).text("appid")
	second := w.as(w.secondMerchant(map[string]any{"apps": []string{app}}))
	openid, _ := w.login("p1")

	mixed := *w
	mixed.join()
	mixed.key = second.key
	wantPayError(t, mixed.prepay(w.orderBody("ORD-MIX-1", openid)), 401, "SIGN_ERROR")
	if got := w.found().Mistake; got != "wrong_key" {
		t.Errorf("got %q, want the key named", got)
	}
	mixed = *w
	mixed.join()
	mixed.mch.CertSerial = second.mch.CertSerial
	wantPayError(t, mixed.prepay(w.orderBody("ORD-MIX-2", openid)), 401, "SIGN_ERROR")
	wantPayError(t, second.prepay(second.orderBody("ORD-MIX-3", openid)), 400, "APPID_MCHID_NOT_MATCH")
	wrong := w.orderBody("ORD-MIX-4", openid)
	wrong["mchid"] = second.mch.MchID
	wantPayError(t, w.prepay(wrong), 400, "PARAM_ERROR")
	v2 := map[string]string{"mch_id": second.mch.MchID, "out_trade_no": "ORD-MIX-5"} // signed with the first one's key
	if got := flatXML(t, w.do(w.requestV2("/pay/orderquery", v2)).body); got["return_msg"] != "签名错误" {
		t.Errorf("got %v, want the other's APIv2 key refused", got)
	}
	pay := w.payment(w.prepaid("ORD-MIX-6", openid))
	foreign := maps.Clone(pay)
	foreign["paySign"] = sign(t, second.key, w.app.AppID, pay["timeStamp"].(string), pay["nonceStr"].(string), pay["package"].(string))
	if got := w.payAs("p1", foreign); !strings.HasPrefix(got, "requestPayment:fail") {
		t.Errorf("got %q, want a paySign of the other merchant refused", got)
	}
	if a := w.call(http.MethodPost, "/_sim/merchants", `{"mchid":"`+second.mch.MchID+`"}`); a.status != http.StatusConflict {
		t.Errorf("got %d, want a number taken once", a.status)
	}
}

// TestMerchantsStay: merchants, their orders and a rotated certificate survive a restart, and each message is sealed
// for its own merchant.
func TestMerchantsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.secondMerchant(map[string]any{"mchid": "1900000109", "apiV3Key": strings.Repeat("k", 32)})
	if m.MchID != "1900000109" || m.APIV3Key != strings.Repeat("k", 32) || len(m.CertSerial) != 40 || m.PublicKey == w.mch.PublicKey {
		t.Fatalf("got %s, want what was given and a pair of its own", m)
	}
	openid, _ := w.login("p1")
	w.as(m).prepaid("ORD-STAY-1", openid)
	w.device(http.MethodPost, "/platform/rotate?mchid="+m.MchID, nil)
	w.device(http.MethodPost, "/merchant?mchid="+m.MchID, map[string]any{"refundUrl": refundURL})
	before := w.cfg.Merchants[0].PlatformSerial
	w.close()

	w = openWorld(t, w.dir, w.clock)
	if len(w.cfg.Merchants) != 2 || w.cfg.Merchants[1].PlatformSerial == m.PlatformSerial || w.cfg.Merchants[0].PlatformSerial != before {
		t.Fatalf("got %d merchants, want the second's certificate rotated and no other", len(w.cfg.Merchants))
	}
	if got := w.as(w.cfg.Merchants[1]).query("ORD-STAY-1").text("trade_state"); got != "NOTPAY" || w.cfg.Merchants[1].RefundURL != refundURL {
		t.Errorf("got %q and %q, want its order and its address", got, w.cfg.Merchants[1].RefundURL)
	}
	if info, err := os.Stat(filepath.Join(w.dir, "merchants.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want a file of 0600", info, err)
	}
}

// TestGivenCredentials: a backend keeps its configuration; missing parts are invented once.
func TestGivenCredentials(t *testing.T) {
	t.Parallel()
	theirs := newWorld(t)
	given := sim.Config{
		Apps:      []sim.AppConfig{{AppID: "wx00000000000000aa", Secret: "s3cr3t"}, {AppID: "wx00000000000000bb"}},
		Merchants: []sim.MerchantConfig{{MchID: "1900000001", PrivateKey: theirs.mch.PrivateKey, CertSerial: "0A1B"}, {Certificate: theirs.mch.Certificate}},
	}
	dir, clock := t.TempDir(), newTestClock()
	w := openWorld(t, dir, clock, sim.WithCredentials(given), sim.WithKeyBits(keyBits))
	apps, merchants := w.cfg.Apps, w.cfg.Merchants
	if len(apps) != 2 || apps[0].AppID != "wx00000000000000aa" || apps[0].Secret != "s3cr3t" || apps[0].PushToken == "" || apps[1].AppID != "wx00000000000000bb" {
		t.Errorf("got %v, want what was given and the rest made up", apps)
	}
	if len(merchants) != 2 || merchants[0].CertSerial != "0A1B" || merchants[0].APIV3Key == "" || merchants[1].PrivateKey != "" || merchants[1].CertSerial != theirs.mch.CertSerial {
		t.Fatalf("got %v, want what was given and the rest made up", merchants)
	}
	openid, _ := w.login("p1")
	w.prepaid("ORD-GIVEN-1", openid)
	certificateOnly := merchants[1]
	certificateOnly.PrivateKey = theirs.mch.PrivateKey
	w.as(certificateOnly).prepaid("ORD-GIVEN-1", openid)
	w.close()
	w = openWorld(t, dir, clock, sim.WithCredentials(given), sim.WithKeyBits(keyBits))
	if w.cfg.Apps[0] != apps[0] || w.cfg.Apps[1] != apps[1] || w.cfg.Merchants[0].Certificate != merchants[0].Certificate ||
		w.cfg.Merchants[1].PublicKey != merchants[1].PublicKey {
		t.Error("got other credentials after a restart, want the same")
	}
	for name, bad := range map[string]sim.Config{
		"apiV3Key": {Merchants: []sim.MerchantConfig{{APIV3Key: "short"}}}, "mchid": {Merchants: []sim.MerchantConfig{{MchID: "x"}}},
		"privateKey": {Merchants: []sim.MerchantConfig{{PrivateKey: "x"}}}, "belong": {Merchants: []sim.MerchantConfig{{PrivateKey: w.strangerKey(), Certificate: theirs.mch.Certificate}}},
		"appid": {Apps: []sim.AppConfig{{AppID: "?"}}},
	} {
		if s, err := sim.New(sim.WithCredentials(bad), sim.WithKeyBits(keyBits)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, %v, want %s refused", s, err, name)
		}
	}
}

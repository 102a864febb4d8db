package sim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

// paidAWhileAgo pays orders and waits until the shipping side knows them; it returns their buyer.
func (w *world) paidAWhileAgo(numbers ...string) (openid string) {
	w.t.Helper()
	openid, _ = w.login("p1")
	for _, number := range numbers {
		w.paid(number)
	}
	w.clock.Add(2 * time.Second)
	return openid
}

// orderNow is the order as get_order tells it.
func (w *merchantSide) orderNow(number string) map[string]any {
	w.t.Helper()
	o, _ := w.ship("get_order", fmt.Sprintf(`{"merchant_id":%q,"merchant_trade_no":%q}`, w.mch.MchID, number)).json["order"].(map[string]any)
	return o
}

// TestSpecialOrder: goods of a pre-sale between 15 and 330 days after the payment, by either number, as long as nothing is shipped.
func TestSpecialOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid := w.paidAWhileAgo("ORD-PRE-1", "ORD-PRE-2")
	w.prepaid("ORD-PRE-3", openid)
	paid := w.clock.Now().Add(-2 * time.Second).Unix()
	after := func(days int, seconds int64) int64 { return paid + int64(days)*24*3600 + seconds }
	transaction, _ := w.orderNow("ORD-PRE-1")["transaction_id"].(string)
	scenarios := []struct {
		name    string
		body    string
		errcode int
	}{
		{"in 16 days", fmt.Sprintf(`{"order_id":"ORD-PRE-1","type":1,"delay_to":%d}`, after(16, 0)), 0},
		{"by the transaction, in 330 days", fmt.Sprintf(`{"order_id":%q,"type":1,"delay_to":%d}`, transaction, after(329, 0)), 0},
		{"a test", `{"order_id":"ORD-PRE-2","type":2}`, 0},
		{"in 15 days", fmt.Sprintf(`{"order_id":"ORD-PRE-1","type":1,"delay_to":%d}`, after(14, 0)), 268546001},
		{"in 331 days", fmt.Sprintf(`{"order_id":"ORD-PRE-1","type":1,"delay_to":%d}`, after(331, 0)), 268546001},
		{"without a time", `{"order_id":"ORD-PRE-1","type":1}`, 268546001},
		{"a third kind", fmt.Sprintf(`{"order_id":"ORD-PRE-1","type":3,"delay_to":%d}`, after(16, 0)), 268546000},
		{"an unknown order", fmt.Sprintf(`{"order_id":"ORD-NONE","type":1,"delay_to":%d}`, after(16, 0)), 268546002},
		{"an unpaid order", fmt.Sprintf(`{"order_id":"ORD-PRE-3","type":1,"delay_to":%d}`, after(16, 0)), 268546002},
		{"no order", `{"type":2}`, 268546002},
	}
	for _, s := range scenarios {
		if got := w.ship("opspecialorder", s.body); got.json["errcode"] != float64(s.errcode) {
			t.Errorf("%s: got %s, want %d", s.name, got.body, s.errcode)
		}
	}
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, w.report("ORD-PRE-1", openid))), 0)
	wantErrcode(t, w.ship("opspecialorder", scenarios[0].body), 268546002) // shipped
}

// TestReceipt: the buyer confirms, or ten days pass; the backend is told once, and get_order knows.
func TestReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid := w.paidAWhileAgo("ORD-REC-1", "ORD-REC-2", "ORD-REC-3")
	receive := func(number string) answer { return w.call(http.MethodPost, "/_sim/orders/"+number+"/receive", "") }
	if a := receive("ORD-REC-1"); a.status != http.StatusConflict {
		t.Errorf("not shipped: got %d %s, want 409", a.status, a.body)
	}
	if a := receive("ORD-NONE"); a.status != http.StatusNotFound {
		t.Errorf("unknown: got %d %s, want 404", a.status, a.body)
	}
	report := w.report("ORD-REC-1", openid)
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, report)), 0)
	report = w.report("ORD-REC-2", openid)
	report["logistics_type"], report["shipping_list"] = 4, []any{map[string]any{"item_desc": "三鲜面*1"}}
	wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, report)), 0)
	if a := receive("ORD-REC-1"); a.status != http.StatusOK {
		t.Fatalf("got %d %s, want it received", a.status, a.body)
	}
	if a := receive("ORD-REC-1"); a.status != http.StatusConflict {
		t.Errorf("twice: got %d %s, want 409", a.status, a.body)
	}
	state := func(number string) any { return w.orderNow(number)["order_state"] }
	if state("ORD-REC-1") != 3.0 || state("ORD-REC-2") != 2.0 || state("ORD-REC-3") != 1.0 {
		t.Errorf("got states %v %v %v, want 3 2 1", state("ORD-REC-1"), state("ORD-REC-2"), state("ORD-REC-3"))
	}
	w.call(http.MethodPost, "/_sim/clock", `{"advance":"49h"}`) // fetched by the buyer: two days
	if state("ORD-REC-2") != 3.0 || state("ORD-REC-3") != 1.0 {
		t.Errorf("two days later: got states %v %v, want 3 1", state("ORD-REC-2"), state("ORD-REC-3"))
	}
	if a := w.call(http.MethodPost, "/_sim/trigger", `{"event":"goods.received"}`); a.status != http.StatusConflict {
		t.Errorf("trigger: got %d %s, want 409: nothing is on its way", a.status, a.body)
	}
}

// TestPhonePackage: each number that a phone hands over is paid for; without a package the button fails with its errno, and the backend can ask
// what is left.
func TestPhonePackage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.login("p1")
	usage := func(query string) answer {
		return w.call(http.MethodGet, "/wxa/charge/usage/get?access_token="+w.token()+query, "")
	}
	const phones = "&spuId=10000077&offset=0&limit=20"
	press := func() answer { return w.call(http.MethodPost, "/_sim/people/p1/phone", "{}") }
	w.call(http.MethodPost, "/_sim/quotas", `{"phoneNumbers":2}`)
	for i := range 3 {
		a := press()
		code, _ := a.json["code"].(string)
		if i < 2 && (code == "" || a.json["errno"] != nil) || i == 2 && (code != "" || a.json["errno"] != 1400001.0 || !strings.Contains(string(a.body), "getPhoneNumber:fail")) {
			t.Errorf("number %d: got %s", i+1, a.body)
		}
	}
	if a := usage(phones); a.json["effectiveAll"] != 2.0 || a.json["effectiveUse"] != 2.0 {
		t.Errorf("got %s, want 2 of 2", a.body)
	}
	if a := usage("&spuId=10000058"); a.json["effectiveAll"] != 0.0 {
		t.Errorf("another product: got %s, want nothing", a.body)
	}
	for _, bad := range []string{"", "&spuId=10000077&limit=21", "&spuId=10000077&offset=-1", "&spuId=10000077&limit=x"} {
		if a := usage(bad); a.json["errcode"] != 40097.0 {
			t.Errorf("%q: got %s, want 40097", bad, a.body)
		}
	}
}

// TestMessagePath: any path is taken, and the page of the order centre stays.
func TestMessagePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantErrcode(t, w.ship("update_order_detail_path", `{"path":"pages/order/order?id=${商品订单号}"}`), 0)
	for _, path := range []string{"pages/order/order", "", "pages/order/receive?from=message"} {
		wantErrcode(t, w.ship("set_msg_jump_path", fmt.Sprintf(`{"path":%q}`, path)), 0)
		a := w.call(http.MethodGet, "/_sim/order-paths", "")
		if !strings.Contains(string(a.body), `"path":"pages/order/order?id=${商品订单号}"`) || path != "" && !strings.Contains(string(a.body), `"message":"`+path+`"`) {
			t.Errorf("%q: got %s, want both paths", path, a.body)
		}
	}
}

// TestReceiptSurvivesRestart: who ships and restarts is told of the receipt all the same, once.
func TestReceiptSurvivesRestart(t *testing.T) {
	t.Parallel()
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	s := &shop{answer: always(200), body: "success"}
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), s, sim.WithPush("", sim.Push{URL: pushURL}))
		w.buy("ORD-AGAIN-1")
		openid, _ := w.login("p1")
		time.Sleep(3 * time.Second)
		report := w.report("ORD-AGAIN-1", openid)
		report["upload_time"] = time.Now().Format(time.RFC3339)
		wantErrcode(t, w.ship("upload_shipping_info", jsonText(t, report)), 0)
		w.close()
		pushes := func() (n int) {
			for _, d := range s.deliveries() {
				if strings.HasPrefix(d.url, pushURL) {
					n++
				}
			}
			return n
		}
		for restart := range 2 { // of the shipping and of the receipt, the first time
			w = newBubble(t, w.dir, s)
			w.sim.Start(t.Context())
			time.Sleep(11 * 24 * time.Hour)
			synctest.Wait()
			if got := pushes(); got != 2 {
				t.Errorf("after restart %d: got %d pushes, want 2", restart+1, got)
			}
			if state := w.orderNow("ORD-AGAIN-1")["order_state"]; state != 3.0 {
				t.Errorf("after restart %d: got state %v, want 3", restart+1, state)
			}
			w.close()
		}
	})
}

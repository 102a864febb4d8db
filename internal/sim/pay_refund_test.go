package sim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"

	"wxbase/internal/sim"
)

const refundURL = "https://shop.example.com/pay/refund"

// paid makes an order of 100 fen, paid by p1.
func (w *merchantSide) paid(number string) {
	w.t.Helper()
	openid, _ := w.login("p1")
	if got := w.payAs("p1", w.payment(w.prepaid(number, openid))); got != "requestPayment:ok" {
		w.t.Fatalf("pay: got %q, want requestPayment:ok", got)
	}
}

func refundBody(order, number string, amount int) map[string]any {
	return map[string]any{
		"out_trade_no": order, "out_refund_no": number, "reason": "缺货", "notify_url": refundURL,
		"amount": map[string]any{"refund": amount, "total": 100, "currency": "CNY"},
	}
}

func (w *merchantSide) refund(body map[string]any) answer {
	w.t.Helper()
	return w.pay(http.MethodPost, "/v3/refund/domestic/refunds", jsonText(w.t, body))
}

// refunded expects a refund to be accepted and returns its refund_id.
func (w *merchantSide) refunded(order, number string, amount int) string {
	w.t.Helper()
	a := w.refund(refundBody(order, number, amount))
	if a.status != 200 || a.text("refund_id") == "" {
		w.t.Fatalf("refund: got %d %s, want it accepted", a.status, a.body)
	}
	return a.text("refund_id")
}

func (w *merchantSide) refundState(number string) string {
	w.t.Helper()
	return w.pay(http.MethodGet, "/v3/refund/domestic/refunds/"+number, "").text("status")
}

func TestRefundStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-REFUND-1")
	first := w.refund(refundBody("ORD-REFUND-1", "R-1@x", 40))
	if err := w.verify(first.header, first.body); err != nil || first.status != 200 || first.text("status") != "PROCESSING" {
		t.Fatalf("got %d %s, %v, want a signed PROCESSING", first.status, first.body, err)
	}
	want := map[string]any{
		"total": 100.0, "refund": 40.0, "payer_total": 100.0, "payer_refund": 40.0, "settlement_refund": 40.0, "settlement_total": 100.0,
		"discount_refund": 0.0, "currency": "CNY",
	}
	if got := jsonText(t, first.json["amount"]); got != jsonText(t, want) {
		t.Errorf("got amount %s, want %v", got, want)
	}
	if len(first.text("refund_id")) != 28 || first.text("channel") != "ORIGINAL" || first.text("user_received_account") != "支付用户零钱" ||
		first.text("create_time") != "2026-03-01T10:00:00+08:00" || first.json["success_time"] != nil {
		t.Errorf("got %s, want the documented shape", first.body)
	}
	if o := w.query("ORD-REFUND-1"); o.text("trade_state") != "REFUND" || o.text("trade_state_desc") != "转入退款" || o.text("transaction_id") != first.text("transaction_id") {
		t.Errorf("got %s, want REFUND from the first accepted refund, with its transaction", o.body)
	}
	w.clock.Add(2999 * time.Millisecond)
	if got := w.refundState("R-1@x"); got != "PROCESSING" {
		t.Errorf("got %s, want PROCESSING for three seconds", got)
	}
	w.clock.Add(time.Millisecond)
	done := w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R-1@x", "")
	if done.text("status") != "SUCCESS" || done.text("success_time") != "2026-03-01T10:00:03+08:00" || done.text("refund_id") != first.text("refund_id") {
		t.Errorf("got %s, want SUCCESS after three seconds", done.body)
	}
	w.clock.Add(time.Minute)
	w.refunded("ORD-REFUND-1", "R-2", 60)
	w.clock.Add(time.Minute)
	wantPayError(t, w.refund(refundBody("ORD-REFUND-1", "R-3", 1)), 400, "INVALID_REQUEST")
	wantPayError(t, w.closing("ORD-REFUND-1"), 400, "ORDER_PAID")
	openid, _ := w.login("p1")
	wantPayError(t, w.prepay(w.orderBody("ORD-REFUND-1", openid)), 400, "ORDER_PAID")
}

func TestRefundValidation(t *testing.T) {
	w := newWorld(t, sim.WithRefundSpacing(0))
	w.paid("ORD-REFUND-2")
	amount := func(refund, total any) map[string]any {
		return map[string]any{"refund": refund, "total": total, "currency": "CNY"}
	}
	scenarios := []struct {
		name, field string
		value       any // nil removes the field
		at          string
	}{
		{"no number of the order", "out_trade_no", nil, "/out_trade_no"},
		{"no number", "out_refund_no", nil, "/out_refund_no"},
		{"long number", "out_refund_no", strings.Repeat("a", 65), "/out_refund_no"},
		{"number with a space", "out_refund_no", "R 1", "/out_refund_no"},
		{"long reason", "reason", strings.Repeat("长", 81), "/reason"},
		{"plain http", "notify_url", "http://shop.example.com/x", "/notify_url"},
		{"query in the address", "notify_url", "https://shop.example.com/x?a=1", "/notify_url"},
		{"other source of money", "funds_account", "BASIC", "/funds_account"},
		{"no amount", "amount", nil, "/amount"},
		{"nothing to refund", "amount", amount(0, 100), "/amount/refund"},
		{"less than nothing", "amount", amount(-1, 100), "/amount/refund"},
		{"a fraction", "amount", amount(0.5, 100), "/amount/refund"},
		{"text as amount", "amount", amount("40", 100), "/amount/refund"},
		{"more than the order", "amount", amount(101, 100), "/amount/refund"},
		{"no total", "amount", map[string]any{"refund": 1, "currency": "CNY"}, "/amount/total"},
		{"no currency", "amount", map[string]any{"refund": 1, "total": 100}, "/amount/currency"},
		{"dollars", "amount", map[string]any{"refund": 1, "total": 100, "currency": "USD"}, "/amount/currency"},
		{"shares that do not sum up", "amount", map[string]any{
			"refund": 2, "total": 100, "currency": "CNY", "from": []any{map[string]any{"account": "AVAILABLE", "amount": 1}},
		}, "/amount/from"},
		{"goods without a price", "goods_detail", []any{map[string]any{"merchant_goods_id": "g"}}, "/goods_detail/0/unit_price"},
		{"a field of another call", "mchid", "1", "/mchid"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			body := refundBody("ORD-REFUND-2", "R-VALID-1", 40)
			body[s.field] = s.value
			if s.value == nil {
				delete(body, s.field)
			}
			a := w.refund(body)
			wantPayError(t, a, 400, "PARAM_ERROR")
			if detail, _ := a.json["detail"].(map[string]any); detail["field"] != s.at || detail["location"] != "body" {
				t.Errorf("got %s, want the field %s", a.body, s.at)
			}
		})
	}
	if n := len(w.list("/refunds")); n != 0 {
		t.Errorf("got %d refunds, want none", n)
	}
	wantPayError(t, w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R%20X", ""), 400, "PARAM_ERROR")
	wantPayError(t, w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R-NONE", ""), 404, "RESOURCE_NOT_EXISTS")
}

func TestRefundNeedsAPaidOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.prepaid("ORD-UNPAID-1", openid)
	w.prepaid("ORD-SHUT-1", openid)
	w.closing("ORD-SHUT-1")
	for _, number := range []string{"ORD-UNPAID-1", "ORD-SHUT-1", "ORD-NONE-1"} {
		wantPayError(t, w.refund(refundBody(number, "R-1", 1)), 404, "RESOURCE_NOT_EXISTS")
	}
	w.paid("ORD-PAID-1")
	w.paid("ORD-PAID-2")
	body := refundBody("ORD-PAID-1", "R-1", 1)
	body["transaction_id"] = w.query("ORD-PAID-2").text("transaction_id")
	wantPayError(t, w.refund(body), 404, "RESOURCE_NOT_EXISTS")
	delete(body, "out_trade_no")
	if a := w.refund(body); a.text("out_trade_no") != "ORD-PAID-2" {
		t.Errorf("got %s, want the refund of the transaction", a.body)
	}
	short := refundBody("ORD-PAID-1", "R-2", 1)
	short["amount"] = map[string]any{"refund": 1, "total": 99, "currency": "CNY"}
	wantPayError(t, w.refund(short), 400, "INVALID_REQUEST")
	shares := refundBody("ORD-PAID-1", "R-2", 1)
	shares["amount"] = map[string]any{"refund": 1, "total": 100, "currency": "CNY", "from": []any{map[string]any{"account": "AVAILABLE", "amount": 1}}}
	wantPayError(t, w.refund(shares), 400, "INVALID_REQUEST")
	w.sim.Advance(365*24*time.Hour + time.Second)
	wantPayError(t, w.refund(refundBody("ORD-PAID-1", "R-3", 1)), 400, "TRADE_OVERDUE")
}

// One number is permanently one refund: a request with unknown outcome can be repeated safely.
func TestRefundNumberIsOneRefund(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-SAME-1")
	w.paid("ORD-SAME-2")
	id := w.refunded("ORD-SAME-1", "R-1", 40)
	w.sim.Advance(time.Hour)
	again := w.refund(refundBody("ORD-SAME-1", "R-1", 40))
	if again.text("refund_id") != id || again.text("status") != "SUCCESS" {
		t.Fatalf("got %s, want the same refund as it stands now", again.body)
	}
	wantPayError(t, w.refund(refundBody("ORD-SAME-1", "R-1", 41)), 400, "REFUND_FEE_MISMATCH")
	wantPayError(t, w.refund(refundBody("ORD-SAME-2", "R-1", 40)), 400, "INVALID_REQUEST")
	other := refundBody("ORD-SAME-1", "R-1", 40)
	other["reason"] = "不喜欢"
	wantPayError(t, w.refund(other), 400, "INVALID_REQUEST")
	if n := len(w.list("/refunds")); n != 1 {
		t.Errorf("got %d refunds, want 1", n)
	}
}

func TestRefundsOfOneOrderAreSpaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-SPACE-1")
	w.paid("ORD-SPACE-2")
	w.refunded("ORD-SPACE-1", "R-1", 1)
	wantPayError(t, w.refund(refundBody("ORD-SPACE-1", "R-2", 1)), 429, "FREQUENCY_LIMITED")
	w.refunded("ORD-SPACE-2", "R-3", 1)
	w.sim.Advance(59 * time.Second)
	wantPayError(t, w.refund(refundBody("ORD-SPACE-1", "R-2", 1)), 429, "FREQUENCY_LIMITED")
	w.sim.Advance(time.Second)
	w.refunded("ORD-SPACE-1", "R-2", 1)
}

func TestFiftyRefundsAreAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	w.paid("ORD-FIFTY-1")
	for i := range 50 {
		w.refunded("ORD-FIFTY-1", fmt.Sprintf("R-%d", i), 1)
	}
	wantPayError(t, w.refund(refundBody("ORD-FIFTY-1", "R-50", 1)), 400, "INVALID_REQUEST")
	w.refunded("ORD-FIFTY-1", "R-49", 1) // a retry still finds its refund
}

func TestRefundFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	w.paid("ORD-FATE-1")
	for kind, code := range map[string]string{"not_enough": "NOT_ENOUGH", "account_abnormal": "USER_ACCOUNT_ABNORMAL"} {
		w.fault(map[string]any{"on": "refund", "kind": kind})
		wantPayError(t, w.refund(refundBody("ORD-FATE-1", "R-1", 40)), 403, code)
		wantPayError(t, w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R-1", ""), 404, "RESOURCE_NOT_EXISTS")
	}
	w.refunded("ORD-FATE-1", "R-1", 40)
	w.fault(map[string]any{"on": "refund", "kind": "refund_abnormal"})
	w.refunded("ORD-FATE-1", "R-2", 30)
	w.fault(map[string]any{"on": "refund", "kind": "refund_closed"})
	closed := w.refunded("ORD-FATE-1", "R-3", 30)
	wantPayError(t, w.refund(refundBody("ORD-FATE-1", "R-4", 30)), 400, "INVALID_REQUEST")
	w.clock.Add(3 * time.Second)
	for number, want := range map[string]string{"R-1": "SUCCESS", "R-2": "ABNORMAL", "R-3": "CLOSED"} {
		if got := w.refundState(number); got != want {
			t.Errorf("%s: got %s, want %s", number, got, want)
		}
	}
	// a closed refund is final: its number returns the closed one, and its money is free for a new number
	if again := w.refund(refundBody("ORD-FATE-1", "R-3", 30)); again.text("refund_id") != closed || again.text("status") != "CLOSED" {
		t.Errorf("got %s, want the closed refund", again.body)
	}
	w.refunded("ORD-FATE-1", "R-4", 30)
	wantPayError(t, w.refund(refundBody("ORD-FATE-1", "R-5", 1)), 400, "INVALID_REQUEST")
}

func TestRefundsAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	w.paid("ORD-RACE-1")
	w.paid("ORD-RACE-2")
	ids, accepted := sync.Map{}, make(chan string, 20)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			same, err := send(w.signed(http.MethodPost, "/v3/refund/domestic/refunds", jsonText(t, refundBody("ORD-RACE-1", "R-ONE", 100)), w.clock.Now()))
			if err == nil && same.status == 200 {
				ids.Store(same.text("refund_id"), true)
			}
			other, err := send(w.signed(http.MethodPost, "/v3/refund/domestic/refunds", jsonText(t, refundBody("ORD-RACE-2", fmt.Sprintf("R-%d", i), 30)), w.clock.Now()))
			if err == nil && other.status == 200 {
				accepted <- other.text("refund_id")
			}
		})
	}
	all.Wait()
	n := 0
	ids.Range(func(any, any) bool { n++; return true })
	if n != 1 || len(accepted) != 3 {
		t.Fatalf("got %d refunds of one number and %d of 30 out of 100, want 1 and 3", n, len(accepted))
	}
}

func TestSettleByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0), sim.WithRefundDelay(-1))
	w.paid("ORD-HAND-1")
	first, second := w.refunded("ORD-HAND-1", "R-1", 40), w.refunded("ORD-HAND-1", "R-2", 40)
	w.sim.Advance(24 * time.Hour)
	if got := w.refundState("R-1"); got != "PROCESSING" {
		t.Fatalf("got %s, want PROCESSING until somebody settles it", got)
	}
	w.device(http.MethodPost, "/refunds/"+first, map[string]any{"status": "ABNORMAL"})
	w.device(http.MethodPost, "/refunds/"+first, map[string]any{"status": "SUCCESS"})
	w.device(http.MethodPost, "/refunds/"+first, map[string]any{"status": "SUCCESS"})
	w.device(http.MethodPost, "/refunds/"+second, map[string]any{"status": "CLOSED"})
	if one, two := w.refundState("R-1"), w.refundState("R-2"); one != "SUCCESS" || two != "CLOSED" {
		t.Errorf("got %s and %s, want SUCCESS and CLOSED", one, two)
	}
	for _, s := range []struct {
		path, body string
		want       int
	}{
		{"/refunds/" + first, `{"status":"CLOSED"}`, 409},
		{"/refunds/" + second, `{"status":"SUCCESS"}`, 409},
		{"/refunds/" + second, `{"status":"PROCESSING"}`, 400},
		{"/refunds/503", `{"status":"SUCCESS"}`, 404},
		{"/orders/ORD-NONE-1/refund", `{}`, 404},
		{"/orders/ORD-HAND-1/refund", `{"amount":0}`, 400},
		{"/orders/ORD-HAND-1/refund", `{"amount":61}`, 409},
		{"/merchant", `{"refundUrl":"ftp://x"}`, 400},
	} {
		if a := w.call(http.MethodPost, "/_sim"+s.path, s.body); a.status != s.want || a.text("error") == "" {
			t.Errorf("%s %s: got %d %s, want %d", s.path, s.body, a.status, a.body, s.want)
		}
	}
	w.device(http.MethodPost, "/orders/ORD-HAND-1/refund", map[string]any{}) // the remaining 60
	if o := w.list("/orders")[0]; o["refunded"] != 100.0 {
		t.Errorf("got %v, want all of it refunded", o)
	}
}

func TestRefundSurvivesRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-REBOOT-1")
	id := w.refunded("ORD-REBOOT-1", "R-1", 40)
	w.device(http.MethodPost, "/merchant", map[string]any{"refundUrl": refundURL})
	w.close()
	w = openWorld(t, w.dir, w.clock)
	if got := w.list("/refunds"); len(got) != 1 || got[0]["refund_id"] != id || w.mch.RefundURL != refundURL {
		t.Fatalf("got %v and %q, want the refund and the address again", got, w.mch.RefundURL)
	}
	wantPayError(t, w.refund(refundBody("ORD-REBOOT-1", "R-2", 1)), 429, "FREQUENCY_LIMITED")
	w.clock.Add(time.Minute)
	if got := w.refundState("R-1"); got != "SUCCESS" {
		t.Errorf("got %s, want it settled after the restart", got)
	}
	wantPayError(t, w.refund(refundBody("ORD-REBOOT-1", "R-2", 61)), 400, "INVALID_REQUEST")
}

func TestRefundNeedsTheJournal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.paid("ORD-REFDISK-1")
	if err := w.sim.Close(); err != nil { // note: like a disk that accepts no more writes
		t.Fatal(err)
	}
	wantPayError(t, w.refund(refundBody("ORD-REFDISK-1", "R-1", 40)), 500, "SYSTEM_ERROR")
	if got := w.query("ORD-REFDISK-1").text("trade_state"); got != "SUCCESS" {
		t.Errorf("got %s, want SUCCESS: the refund has not happened", got)
	}
	wantPayError(t, w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R-1", ""), 404, "RESOURCE_NOT_EXISTS")
}

// A coupon paid a part: the payer gets their share of each refund, and all shares together are what they paid.
func TestCouponSharesOfRefunds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithRefundSpacing(0))
	w.fault(map[string]any{"on": "pay_device", "kind": "coupon"})
	w.paid("ORD-COUPON-1")
	o := w.query("ORD-COUPON-1")
	coupons, _ := o.json["promotion_detail"].([]any)
	if amount := o.json["amount"].(map[string]any); amount["payer_total"] != 90.0 || amount["total"] != 100.0 || len(coupons) != 1 {
		t.Fatalf("got %s, want 90 of 100 paid and one coupon", o.body)
	}
	var sum float64
	for i, amount := range []int{33, 33, 34} {
		a := w.refund(refundBody("ORD-COUPON-1", fmt.Sprintf("R-%d", i), amount))
		parts := a.json["amount"].(map[string]any)
		if parts["payer_refund"].(float64)+parts["discount_refund"].(float64) != float64(amount) {
			t.Errorf("got %s, want both parts to be the refund", a.body)
		}
		sum += parts["payer_refund"].(float64)
	}
	if sum != 90 {
		t.Errorf("got %v back in the payer's pocket, want 90", sum)
	}
}

func TestOfficialSDKRefunds(t *testing.T) {
	t.Parallel()
	w := newRealWorld(t, sim.WithRefundDelay(0))
	w.clock.now = time.Now()
	w.paid("SDK|REFUND-1")
	svc := refunddomestic.RefundsApiService{Client: w.sdk()}
	made, _, err := svc.Create(t.Context(), refunddomestic.CreateRequest{
		OutTradeNo: core.String("SDK|REFUND-1"), OutRefundNo: core.String("R|*@-1"), Reason: core.String("缺货 & <b>"), NotifyUrl: core.String(refundURL),
		Amount: &refunddomestic.AmountReq{Refund: core.Int64(40), Total: core.Int64(100), Currency: core.String("CNY")},
	})
	if err != nil || *made.Status != refunddomestic.STATUS_PROCESSING {
		t.Fatalf("refund: got %v, %v, want PROCESSING", made, err)
	}
	asked, _, err := svc.QueryByOutRefundNo(t.Context(), refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: core.String("R|*@-1")})
	if err != nil || *asked.Status != refunddomestic.STATUS_SUCCESS || *asked.RefundId != *made.RefundId || *asked.Amount.PayerRefund != 40 {
		t.Fatalf("query: got %v, %v, want SUCCESS of 40", asked, err)
	}
	_, _, err = svc.QueryByOutRefundNo(t.Context(), refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: core.String("R-NONE")})
	if !core.IsAPIError(err, "RESOURCE_NOT_EXISTS") {
		t.Fatalf("got %v, want RESOURCE_NOT_EXISTS", err)
	}
}

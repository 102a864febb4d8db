package sim_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestMagicCalls: a request's text decides its result; the second try succeeds.
func TestMagicCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	body := w.orderBody("ORD-MAGIC-1", openid)
	body["description"] = "面 [sim:prepay.busy]"
	wantPayError(t, w.prepay(body), 500, "SYSTEM_ERROR")
	if a := w.prepay(body); a.status != 200 {
		t.Errorf("got %d %s, want the second try to be fine", a.status, a.body)
	}
	amount := w.orderBody("ORD-MAGIC-2", openid)
	amount["amount"] = map[string]any{"total": 987654324}
	wantPayError(t, w.prepay(amount), 429, "FREQUENCY_LIMITED")

	failing := w.orderBody("ORD-MAGIC-3", openid)
	failing["attach"] = "[sim:pay.fail]"
	if got := w.payAs("p1", w.payment(w.prepay(failing).text("prepay_id"))); got != "requestPayment:fail 支付失败，请更换支付方式" {
		t.Errorf("got %q, want the phone to fail", got)
	}
	broke := w.orderBody("ORD-MAGIC-4", openid)
	broke["amount"] = map[string]any{"total": 987654309}
	w.payAs("p1", w.payment(w.prepay(broke).text("prepay_id")))
	refund := map[string]any{"out_trade_no": "ORD-MAGIC-4", "out_refund_no": "R-MAGIC-4", "amount": map[string]any{"refund": 1, "total": 987654309, "currency": "CNY"}}
	for range 2 {
		wantPayError(t, w.refund(refund), 403, "NOT_ENOUGH")
	}
	w.paid("ORD-MAGIC-5")
	sad := refundBody("ORD-MAGIC-5", "R-MAGIC-5", 40)
	sad["reason"] = "[sim:refund.refund_abnormal]"
	if a := w.refund(sad); a.status != 200 {
		t.Fatalf("got %d %s, want it accepted", a.status, a.body)
	}
	w.clock.Add(time.Minute)
	if got := w.refundState("R-MAGIC-5"); got != "ABNORMAL" {
		t.Errorf("got %q, want ABNORMAL", got)
	}
}

// TestMagicPeople: a magic openid or phone number.
func TestMagicPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wantErrcode(t, w.sendTo(map[string]any{"touser": "oSIM-43101", "template_id": "x", "data": map[string]any{}}), 43101)
	wantErrcode(t, w.secure("msg_sec_check", map[string]any{"content": "a", "version": 2, "scene": 1, "openid": "oSIM-61010"}), 61010)
	for _, code := range []int{40226, 45011, 40029} {
		p := w.device(http.MethodPost, "/people", map[string]any{"phone": "+999 " + strconv.Itoa(code)}).text("id")
		wantErrcode(t, w.exchange(w.code(p)), code)
	}
}

// TestMagicNotifications: an order's marks change its messages as queued faults do.
func TestMagicNotifications(t *testing.T) {
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	for mark, want := range map[string]int{"[sim:notify.duplicate]": 2, "[sim:notify.concurrent]": 3, "[sim:notify.lost]": 4, "nothing [sim:notify.nothing]": 1} {
		t.Run(mark, func(t *testing.T) {
			s := &shop{answer: always(200)}
			synctest.Test(t, func(t *testing.T) {
				w := newBubble(t, t.TempDir(), s)
				w.sim.Start(t.Context())
				w.clock.now = time.Now()
				openid, _ := w.login("p1")
				body := w.orderBody("ORD-MAGIC-1", openid)
				body["attach"] = mark
				w.payAs("p1", w.payment(w.prepay(body).text("prepay_id")))
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if got := w.list("/notifications")[0]["attempts"].([]any); len(got) != want {
					t.Errorf("got %d attempts, want %d", len(got), want)
				}
			})
		})
	}
}

// TestMagicIsTold: the documents' table matches the code.
func TestMagicIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	amounts, _ := w.call(http.MethodGet, "/_sim/magic", "").json["amounts"].(map[string]any)
	if len(amounts) < 20 || amounts["987654303"] != "notify.lost" {
		t.Errorf("got %v, want the amounts", amounts)
	}
	for amount, what := range amounts {
		if stage, kind, ok := strings.Cut(what.(string), "."); !ok || stage == "" || kind == "" {
			t.Errorf("%s: got %v", amount, what)
		}
	}
}

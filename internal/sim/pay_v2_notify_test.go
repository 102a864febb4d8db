package sim_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// buyV2 makes an order by v2 inside a bubble and pays it.
func (w *merchantSide) buyV2(number, signType string) {
	w.t.Helper()
	w.clock.now = time.Now()
	w.paidV2(number, signType)
	synctest.Wait()
}

func TestV2Notification(t *testing.T) {
	t.Parallel()
	for _, signType := range []string{"MD5", "HMAC-SHA256"} {
		t.Run(signType, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(200), body: tookIt}
			inBubble(t, s, func(w *world) {
				w.fault(map[string]any{"on": "pay_device", "kind": "coupon"})
				w.buyV2("ORD-V2N-1", signType)
				time.Sleep(48 * time.Hour)
				got := s.deliveries()
				if len(got) != 1 || got[0].url != "https://shop.example.com/pay/v2" || got[0].header.Get("Content-Type") != "text/xml" || got[0].header.Get("Wechatpay-Signature") != "" {
					w.t.Fatalf("got %d deliveries, want one of XML", len(got))
				}
				told := flatXML(w.t, got[0].body)
				if told["sign"] != w.signV2(told, signType) || (told["sign_type"] != "") != (signType == "HMAC-SHA256") {
					w.t.Errorf("got %v, want it signed with %s", told, signType)
				}
				want := map[string]string{
					"return_code": "SUCCESS", "result_code": "SUCCESS", "out_trade_no": "ORD-V2N-1", "total_fee": "100", "cash_fee": "90", "fee_type": "CNY",
					"coupon_fee": "10", "coupon_count": "1", "coupon_fee_0": "10", "coupon_type_0": "CASH", "attach": "o=17", "trade_type": "JSAPI",
					"appid": w.app.AppID, "mch_id": w.mch.MchID,
				}
				for name, value := range want {
					if told[name] != value {
						w.t.Errorf("%s: got %q, want %q", name, told[name], value)
					}
				}
			})
		})
	}
}

// With v2 the body decides: only <return_code>SUCCESS</return_code> stops the schedule.
func TestV2AnswerDecides(t *testing.T) {
	t.Parallel()
	for _, sc := range []struct {
		name, body string
		status     int
		wantN      int // within 70 seconds
	}{
		{"success", tookIt, 200, 1},
		{"success with line ends", strings.ReplaceAll(tookIt, "<return_", "\n<return_") + "\n", 200, 1},
		{"fail", "<xml><return_code>FAIL</return_code></xml>", 200, 4},
		{"nothing", " ", 200, 4},
		{"the answer of v3", `{"code":"SUCCESS"}`, 200, 4},
		{"no content", " ", 204, 4},
		{"success at 500", tookIt, 500, 4},
		{"the word alone", "SUCCESS", 200, 4},
	} {
		t.Run(sc.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(sc.status), body: sc.body}
			inBubble(t, s, func(w *world) {
				w.buyV2("ORD-V2A-1", "MD5")
				time.Sleep(70 * time.Second)
				if n := len(s.deliveries()); n != sc.wantN {
					w.t.Errorf("got %d attempts, want %d", n, sc.wantN)
				}
			})
		})
	}
}

func TestV2NotificationFaults(t *testing.T) {
	t.Parallel()
	signed := func(w *world, told map[string]string) bool { return told["sign"] == w.signV2(told, "MD5") }
	for kind, ok := range map[string]func(w *world, told map[string]string) bool{
		"wrong_signature": func(w *world, told map[string]string) bool { return !signed(w, told) && told["total_fee"] == "100" },
		"probe":           func(w *world, told map[string]string) bool { return !signed(w, told) },
		"other_amount":    func(w *world, told map[string]string) bool { return signed(w, told) && told["total_fee"] == "101" },
		"other_appid":     func(w *world, told map[string]string) bool { return signed(w, told) && told["appid"] != w.app.AppID },
		"other_mchid":     func(w *world, told map[string]string) bool { return signed(w, told) && told["mch_id"] != w.mch.MchID },
		"unknown_order": func(w *world, told map[string]string) bool {
			return signed(w, told) && told["out_trade_no"] != "ORD-V2F-1"
		},
		"no_resource":  func(w *world, told map[string]string) bool { return signed(w, told) && told["out_trade_no"] == "" },
		"extra_fields": func(w *world, told map[string]string) bool { return signed(w, told) && told["sim_extra"] != "" },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(200), body: tookIt}
			inBubble(t, s, func(w *world) {
				w.fault(map[string]any{"on": "notification", "kind": kind})
				w.buyV2("ORD-V2F-1", "MD5")
				if told := flatXML(w.t, s.deliveries()[0].body); !ok(w, told) {
					w.t.Errorf("got %v, want it falsified", told)
				}
			})
		})
	}
}

func TestV2RefundNotification(t *testing.T) {
	t.Parallel()
	for kind, status := range map[string]string{"": "SUCCESS", "refund_abnormal": "CHANGE", "refund_closed": "REFUNDCLOSE"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(200), body: tookIt}
			inBubble(t, s, func(w *world) {
				if kind != "" {
					w.fault(map[string]any{"on": "v2_refund", "kind": kind})
				}
				w.buyV2("ORD-V2RN-1", "HMAC-SHA256")
				fields := refundV2("ORD-V2RN-1", "R|@*-1", 40)
				w.v2("/secapi/pay/refund", fields)
				time.Sleep(time.Hour)
				got := s.deliveries()
				if len(got) != 2 || got[1].url != fields["notify_url"] {
					w.t.Fatalf("got %d deliveries, want one of the refund", len(got))
				}
				outside := flatXML(w.t, got[1].body)
				inside, err := w.openReqInfo(outside["req_info"])
				if err != nil || outside["sign"] != "" || inside["refund_status"] != status || inside["out_refund_no"] != "R|@*-1" || inside["refund_fee"] != "40" {
					w.t.Fatalf("got %v, %v, want an unsigned %s", inside, err, status)
				}
				if (inside["success_time"] != "") != (status == "SUCCESS") {
					w.t.Errorf("got success_time %q with %s", inside["success_time"], status)
				}
			})
		})
	}
}

func TestV2RefundNotificationFaults(t *testing.T) {
	t.Parallel()
	for kind, ok := range map[string]func(w *world, outside, inside map[string]string, err error) bool{
		"wrong_signature": func(_ *world, _, _ map[string]string, err error) bool { return err != nil },
		"no_resource":     func(_ *world, outside, _ map[string]string, _ error) bool { return outside["req_info"] == "" },
		"other_appid":     func(w *world, outside, _ map[string]string, _ error) bool { return outside["appid"] != w.app.AppID },
		"other_mchid":     func(w *world, outside, _ map[string]string, _ error) bool { return outside["mch_id"] != w.mch.MchID },
		"other_amount":    func(_ *world, _, inside map[string]string, _ error) bool { return inside["refund_fee"] == "41" },
		"unknown_order":   func(_ *world, _, inside map[string]string, _ error) bool { return inside["out_refund_no"] != "R-1" },
		"extra_fields":    func(_ *world, _, inside map[string]string, _ error) bool { return inside["sim_extra"] != "" },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(200), body: tookIt}
			inBubble(t, s, func(w *world) {
				w.fault(map[string]any{"on": "refund_notification", "kind": kind})
				w.buyV2("ORD-V2RF-1", "MD5")
				w.v2("/secapi/pay/refund", refundV2("ORD-V2RF-1", "R-1", 40))
				time.Sleep(10 * time.Second)
				outside := flatXML(w.t, s.deliveries()[1].body)
				inside, err := w.openReqInfo(outside["req_info"])
				if !ok(w, outside, inside, err) {
					w.t.Errorf("got %v and %v, %v, want it falsified", outside, inside, err)
				}
			})
		})
	}
}

// The phone pays although the order was closed: the money was under way. The books and the message both say SUCCESS.
func TestPaidAfterClose(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		openid, _ := w.login("p1")
		w.clock.now = time.Now()
		w.fault(map[string]any{"on": "pay_device", "kind": "paid_after_close"})
		w.buy("ORD-LATE-0") // an open order does not use up the fault
		in := w.payment(w.prepaid("ORD-LATE-1", openid))
		w.closing("ORD-LATE-1")
		cancelled := maps.Clone(in)
		cancelled["action"] = "cancel"
		if got := w.payAs("p1", cancelled); got != "requestPayment:fail 该订单已关闭" {
			w.t.Errorf("got %q, want a closed order refused where nobody pays", got)
		}
		if got := w.payAs("p1", in); got != "requestPayment:ok" {
			w.t.Fatalf("got %q, want the closed order paid", got)
		}
		synctest.Wait()
		got := s.deliveries()
		if o := w.query("ORD-LATE-1"); o.text("trade_state") != "SUCCESS" || len(got) != 2 || w.open(got[1]).plain["out_trade_no"] != "ORD-LATE-1" {
			w.t.Errorf("got %s and %d deliveries, want SUCCESS told", o.body, len(got))
		}
		if a := w.call(http.MethodGet, "/_sim/faults", ""); strings.TrimSpace(string(a.body)) != "[]" {
			w.t.Errorf("got %s, want the fault used up", a.body)
		}
	})
}

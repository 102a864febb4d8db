package sim_test

import (
	"bytes"
	"crypto/aes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

// refundedIn makes a paid order and a refund of 40 of its 100 fen, and skips the payment's own deliveries.
func (w *merchantSide) refundedIn(s *shop, number string, change func(map[string]any)) (after func() []delivery) {
	w.t.Helper()
	w.buy(number)
	before := len(s.deliveries())
	body := refundBody(number, "R-"+number, 40)
	if change != nil {
		change(body)
	}
	if a := w.refund(body); a.status != 200 {
		w.t.Fatalf("refund: got %d %s, want it accepted", a.status, a.body)
	}
	return func() []delivery { return s.deliveries()[before:] }
}

func TestRefundNotification(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][2]string{
		"": {"REFUND.SUCCESS", "SUCCESS"}, "refund_abnormal": {"REFUND.ABNORMAL", "ABNORMAL"}, "refund_closed": {"REFUND.CLOSED", "CLOSED"},
	} {
		t.Run(want[0], func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(204)}
			inBubble(t, s, func(w *world) {
				if kind != "" {
					w.fault(map[string]any{"on": "refund", "kind": kind})
				}
				start := time.Now()
				after := w.refundedIn(s, "ORD-RN-1", nil)
				time.Sleep(48 * time.Hour)
				got := after()
				if len(got) != 1 || got[0].url != refundURL || got[0].at.Sub(start) != 3*time.Second {
					w.t.Fatalf("got %d deliveries, want one to %s after 3s", len(got), refundURL)
				}
				if err := w.verify(got[0].header, got[0].body); err != nil {
					w.t.Errorf("verify: %v", err)
				}
				o := w.open(got[0])
				if o.EventType != want[0] || o.Resource.OriginalType != "refund" || o.Resource.AssociatedData != "refund" {
					w.t.Errorf("got %s, want %s", got[0].body, want[0])
				}
				if o.plain["refund_status"] != want[1] || o.plain["appid"] != nil || (o.plain["success_time"] != nil) != (want[1] == "SUCCESS") {
					w.t.Errorf("got %v, want %s without an appid", o.plain, want[1])
				}
				if amount := jsonText(w.t, o.plain["amount"]); amount != `{"payer_refund":40,"payer_total":100,"refund":40,"total":100}`+"\n" {
					w.t.Errorf("got amount %s, want the documented one", amount)
				}
			})
		})
	}
}

func TestRefundNotificationSchedule(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(500)}
	inBubble(t, s, func(w *world) {
		s.turn(always(204))
		w.buy("ORD-RS-1")
		s.turn(always(500))
		start := time.Now()
		w.refunded("ORD-RS-1", "R-1", 40)
		time.Sleep(72 * time.Hour)
		got := s.deliveries()[1:]
		if len(got) != len(schedule()) {
			w.t.Fatalf("got %d attempts, want %d", len(got), len(schedule()))
		}
		for i, want := range schedule() {
			if at := got[i].at.Sub(start); at != want+3*time.Second {
				w.t.Errorf("attempt %d: got it after %v, want %v after the refund's end", i+1, at, want)
			}
		}
	})
}

func TestRefundNotificationFaults(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		kind  string
		check func(w *world, got []delivery)
	}{
		{"wrong_signature", func(w *world, got []delivery) { w.wantUnsigned(got[0], "") }},
		{"probe", func(w *world, got []delivery) { w.wantUnsigned(got[0], "WECHATPAY/SIGNTEST/") }},
		{"stale_time", func(w *world, got []delivery) { w.wantShift(got[0], -10*time.Minute) }},
		{"duplicate", func(w *world, got []delivery) { w.wantCopies(got, 2) }},
		{"concurrent", func(w *world, got []delivery) { w.wantCopies(got, 3) }},
		{"lost", func(w *world, got []delivery) { w.wantCopies(got, 0) }},
		{"late", func(w *world, got []delivery) { w.wantCopies(got, 0) }},
		{"other_amount", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["amount"].(map[string]any)["refund"] == 41.0 })
		}},
		{"other_mchid", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["mchid"] != w.mch.MchID })
		}},
		{"unknown_order", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["out_refund_no"] != "R-ORD-RF-1" })
		}},
		{"extra_fields", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["sim_extra"] != nil && p["refund_status"] == "SUCCESS" })
		}},
		{"no_resource", func(w *world, got []delivery) {
			if w.open(got[0]).Resource != nil {
				w.t.Errorf("got %s, want no resource", got[0].body)
			}
		}},
		{"xxe", func(w *world, got []delivery) {
			if !bytes.Contains(got[0].body, []byte("<!ENTITY")) {
				w.t.Errorf("got %s, want an entity", got[0].body)
			}
		}},
	}
	for _, sc := range scenarios {
		t.Run(sc.kind, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(204)}
			inBubble(t, s, func(w *world) {
				w.fault(map[string]any{"on": "refund_notification", "kind": sc.kind})
				after := w.refundedIn(s, "ORD-RF-1", nil)
				time.Sleep(4 * time.Second)
				sc.check(w, after())
				if left := w.list("/faults"); len(left) != 0 {
					w.t.Errorf("got %v left, want the fault used up by the refund and not by the payment", left)
				}
			})
		})
	}
}

// flatXML reads a well-formed flat document.
func flatXML(t *testing.T, body []byte) map[string]string {
	t.Helper()
	out, dec, name := map[string]string{}, xml.NewDecoder(bytes.NewReader(body)), ""
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("read %s: %v", body, err)
		}
		switch v := token.(type) {
		case xml.StartElement:
			name = v.Name.Local
		case xml.CharData:
			if name != "" {
				out[name] += string(v)
			}
		case xml.EndElement:
			name = ""
		}
	}
}

// openReqInfo decrypts req_info as documented: AES-256-ECB under the lower-case hex MD5 of the APIv2 key.
func (w *merchantSide) openReqInfo(text string) (map[string]string, error) {
	w.t.Helper()
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sealed) == 0 || len(sealed)%16 != 0 {
		return nil, errors.New("req_info is no base64 of whole blocks")
	}
	sum := md5.Sum([]byte(w.mch.APIV2Key))
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	if err != nil {
		return nil, err
	}
	for at := 0; at < len(sealed); at += 16 {
		block.Decrypt(sealed[at:at+16], sealed[at:at+16])
	}
	plain := sealed[:len(sealed)-min(int(sealed[len(sealed)-1]), 16)]
	if !bytes.HasPrefix(plain, []byte("<root>")) {
		return nil, errors.New("another key sealed it")
	}
	return flatXML(w.t, plain), nil
}

const tookIt = `<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>`

// The trap of v3: without a notify_url the merchant's own address is notified, in v2's XML.
func TestRefundWithoutNotifyURLIsToldInXML(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(200)}
	inBubble(t, s, func(w *world) {
		w.device(http.MethodPost, "/merchant", map[string]any{"refundUrl": "https://shop.example.com/platform"})
		after := w.refundedIn(s, "ORD-RX-1", func(body map[string]any) { delete(body, "notify_url") })
		time.Sleep(20 * time.Second)
		if got := after(); len(got) != 2 {
			w.t.Fatalf("got %d deliveries, want a second one: JSON is not the answer that XML wants", len(got))
		}
		s.text(tookIt)
		time.Sleep(time.Hour)
		got := after()
		if len(got) != 3 || got[0].url != "https://shop.example.com/platform" || got[0].header.Get("Wechatpay-Signature") != "" {
			w.t.Fatalf("got %d deliveries to %s, want 3, unsigned", len(got), got[0].url)
		}
		outside := flatXML(w.t, got[0].body)
		inside, err := w.openReqInfo(outside["req_info"])
		if err != nil || outside["return_code"] != "SUCCESS" || outside["mch_id"] != w.mch.MchID || outside["appid"] != w.app.AppID || outside["sign"] != "" {
			w.t.Fatalf("got %s, %v, want an unsigned message with req_info", got[0].body, err)
		}
		want := map[string]string{
			"out_trade_no": "ORD-RX-1", "out_refund_no": "R-ORD-RX-1", "refund_status": "SUCCESS", "refund_fee": "40", "total_fee": "100",
			"refund_request_source": "API", "settlement_refund_fee": "40", "refund_recv_accout": "支付用户零钱",
		}
		for name, value := range want {
			if inside[name] != value {
				w.t.Errorf("%s: got %q, want %q", name, inside[name], value)
			}
		}
		if _, err := time.Parse(time.DateTime, inside["success_time"]); err != nil {
			w.t.Errorf("got success_time %q, want yyyy-MM-dd HH:mm:ss", inside["success_time"])
		}
	})
}

func TestRefundByHandIsToldInXML(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(200)}
	inBubble(t, s, func(w *world) {
		w.buy("ORD-RH-1")
		w.device(http.MethodPost, "/orders/ORD-RH-1/refund", map[string]any{"amount": 10})
		time.Sleep(time.Hour)
		if n := len(s.deliveries()); n != 1 {
			w.t.Fatalf("got %d deliveries, want nobody told while no address is set", n)
		}
		s.text(tookIt)
		w.device(http.MethodPost, "/merchant", map[string]any{"refundUrl": refundURL})
		made := w.device(http.MethodPost, "/orders/ORD-RH-1/refund", map[string]any{"amount": 30})
		time.Sleep(time.Hour)
		got := s.deliveries()
		inside, err := w.openReqInfo(flatXML(w.t, got[1].body)["req_info"])
		if err != nil || len(got) != 2 || inside["refund_request_source"] != "VENDOR_PLATFORM" || inside["refund_fee"] != "30" || inside["refund_id"] != made.text("refund_id") {
			w.t.Fatalf("got %d deliveries, %v, %v, want one of the refund by hand", len(got), inside, err)
		}
		w.clock.now = time.Now()
		if a := w.pay(http.MethodGet, "/v3/refund/domestic/refunds/"+inside["out_refund_no"], ""); a.text("status") != "SUCCESS" {
			w.t.Errorf("got %s, want the refund to be known by the number in the message", a.body)
		}
	})
}

// A refund that came due while the simulator was off is settled and notified after the restart.
func TestRefundIsToldAfterRestart(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		after := w.refundedIn(s, "ORD-RR-1", nil)
		w.close()
		time.Sleep(10 * time.Hour)
		again := newBubble(w.t, w.dir, s)
		again.sim.Start(w.t.Context())
		synctest.Wait()
		if got := after(); len(got) != 1 || again.open(got[0]).EventType != "REFUND.SUCCESS" {
			w.t.Fatalf("got %d deliveries, want REFUND.SUCCESS", len(got))
		}
	})
}

func TestMixedSerials(t *testing.T) {
	t.Parallel()
	both := func(t *testing.T, opts ...sim.Option) (serials map[string]int) {
		t.Helper()
		s := &shop{answer: always(204)}
		serials = map[string]int{}
		synctest.Test(t, func(t *testing.T) {
			w := newBubble(t, t.TempDir(), s, opts...)
			w.sim.Start(t.Context())
			if len(opts) == 0 {
				w.fault(map[string]any{"on": "notification", "kind": "mixed_serials", "times": -1})
			}
			for i := range 24 {
				w.buy("ORD-MIX-" + strings.Repeat("x", i+1))
			}
			for _, d := range s.deliveries() {
				if err := w.verify(d.header, d.body); err != nil {
					t.Errorf("verify: %v", err)
				}
				serials[d.header.Get("Wechatpay-Serial")]++
			}
		})
		return serials
	}
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]map[string]int{"fault": both(t), "option": both(t, sim.WithMixedSerials())} {
		if len(got) != 2 {
			t.Errorf("%s: got %v, want both serials", name, got)
		}
	}
}

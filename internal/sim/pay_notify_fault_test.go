package sim_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestNotificationFaults(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		kind  string
		check func(w *world, got []delivery)
	}{
		{"wrong_signature", func(w *world, got []delivery) { w.wantUnsigned(got[0], "") }},
		{"probe", func(w *world, got []delivery) { w.wantUnsigned(got[0], "WECHATPAY/SIGNTEST/") }},
		{"stale_time", func(w *world, got []delivery) { w.wantShift(got[0], -10*time.Minute) }},
		{"future_time", func(w *world, got []delivery) { w.wantShift(got[0], 10*time.Minute) }},
		{"duplicate", func(w *world, got []delivery) { w.wantCopies(got, 2) }},
		{"concurrent", func(w *world, got []delivery) { w.wantCopies(got, 3) }},
		{"other_amount", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["amount"].(map[string]any)["total"] == 101.0 })
		}},
		{"other_appid", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["appid"] != w.app.AppID })
		}},
		{"other_mchid", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["mchid"] != w.mch.MchID })
		}},
		{"unknown_order", func(w *world, got []delivery) {
			w.wantPlain(got[0], func(p map[string]any) bool { return p["out_trade_no"] != "ORD-FAULT-1" })
		}},
		{"no_resource", func(w *world, got []delivery) {
			if w.open(got[0]).Resource != nil || w.verify(got[0].header, got[0].body) != nil {
				w.t.Errorf("got %s, want a signed message without a resource", got[0].body)
			}
		}},
	}
	for _, sc := range scenarios {
		t.Run(sc.kind, func(t *testing.T) {
			t.Parallel()
			s := &shop{answer: always(204)}
			inBubble(t, s, func(w *world) {
				w.fault(map[string]any{"on": "notification", "kind": sc.kind})
				w.buy("ORD-FAULT-1")
				sc.check(w, s.deliveries())
				if tries, _ := w.list("/notifications")[0]["attempts"].([]any); tries[0].(map[string]any)["fault"] != sc.kind {
					w.t.Errorf("got %v, want the fault recorded", tries[0])
				}
				if left := w.list("/faults"); len(left) != 0 {
					w.t.Errorf("got %v left, want the fault used up", left)
				}
			})
		})
	}
}

func (w *world) wantUnsigned(d delivery, prefix string) {
	w.t.Helper()
	if err := w.verify(d.header, d.body); !errors.Is(err, errBadSignature) {
		w.t.Errorf("got %v, want a bad signature", err)
	}
	if !strings.HasPrefix(d.header.Get("Wechatpay-Signature"), prefix) {
		w.t.Errorf("got signature %s, want it to begin with %s", d.header.Get("Wechatpay-Signature"), prefix)
	}
}

func (w *world) wantShift(d delivery, want time.Duration) {
	w.t.Helper()
	seconds, err := strconv.ParseInt(d.header.Get("Wechatpay-Timestamp"), 10, 64)
	if got := time.Unix(seconds, 0).Sub(d.at.Truncate(time.Second)); err != nil || got != want {
		w.t.Errorf("got a time stamp off by %v, want %v", got, want)
	}
	if err := w.verify(d.header, d.body); err != nil {
		w.t.Errorf("verify: %v", err)
	}
}

func (w *world) wantCopies(got []delivery, want int) {
	w.t.Helper()
	if len(got) != want {
		w.t.Fatalf("got %d deliveries, want %d", len(got), want)
	}
	for _, d := range got {
		if w.verify(d.header, d.body) != nil || w.open(d).ID != w.open(got[0]).ID {
			w.t.Errorf("got %s, want signed copies of one message", d.body)
		}
	}
}

func (w *world) wantPlain(d delivery, ok func(map[string]any) bool) {
	w.t.Helper()
	if err := w.verify(d.header, d.body); err != nil {
		w.t.Errorf("verify: %v", err)
	}
	if plain := w.open(d).plain; !ok(plain) {
		w.t.Errorf("got %v, want it falsified", plain)
	}
}

func TestNotificationLateAndLost(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		w.fault(map[string]any{"on": "notification", "kind": "late", "delay": "1m"})
		w.fault(map[string]any{"on": "notification", "kind": "lost", "times": 2})
		start := time.Now()
		w.buy("ORD-LATE-1")
		time.Sleep(time.Hour)
		got := s.deliveries()
		if len(got) != 1 {
			w.t.Fatalf("got %d deliveries, want 1", len(got))
		}
		if at, want := got[0].at.Sub(start), time.Minute+30*time.Second; at != want {
			w.t.Errorf("got it after %v, want %v: a minute late and two rounds lost", at, want)
		}
		if tries, _ := w.list("/notifications")[0]["attempts"].([]any); len(tries) != 3 {
			w.t.Errorf("got %d attempts recorded, want 2 lost and 1 delivered", len(tries))
		}
	})
}

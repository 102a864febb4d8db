package sim_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wxbase/internal/sim"
)

// manyCalls makes enough calls for tidy to run.
func (w *world) manyCalls() {
	w.t.Helper()
	for range 1000 {
		w.call(http.MethodGet, "/cgi-bin/get_api_domain_ip", "")
	}
}

// TestKeep: beyond the limit the oldest orders go, with their refunds and messages, from memory and disk; open ones
// stay.
func TestKeep(t *testing.T) {
	s := &shop{answer: func(n int, _ *http.Request) (int, error) {
		if n < 2 { // the first order's message stays open
			return 500, nil
		}
		return 204, nil
	}}
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	inBubble(t, s, func(w *world) {
		w.close()
		w = newBubble(w.t, w.dir, s, sim.WithKeep(20), sim.WithRefundSpacing(0))
		w.sim.Start(w.t.Context())
		for i := range 40 {
			w.buy(fmt.Sprintf("ORD-KEEP-%02d", i))
			time.Sleep(time.Second)
		}
		w.refund(refundBody("ORD-KEEP-05", "R-KEEP-1", 40))
		time.Sleep(10 * time.Second)
		w.refund(refundBody("ORD-KEEP-06", "R-KEEP-2", 40))
		w.manyCalls()
		check := func(w *world) {
			w.t.Helper()
			orders, notes, refunds := w.list("/orders"), w.list("/notifications"), w.list("/refunds")
			if len(orders) > 20 || len(orders) < 15 {
				w.t.Fatalf("got %d orders, want at most 20", len(orders))
			}
			if newest := orders[0]["out_trade_no"]; newest != "ORD-KEEP-39" {
				w.t.Errorf("got %v, want the newest kept", newest)
			}
			if got := w.query("ORD-KEEP-06").text("trade_state"); got != "REFUND" {
				w.t.Errorf("got %q, want the order kept whose refund is under way", got)
			}
			wantPayError(w.t, w.query("ORD-KEEP-05"), 404, "ORDER_NOT_EXIST")
			wantPayError(w.t, w.pay(http.MethodGet, "/v3/refund/domestic/refunds/R-KEEP-1", ""), 404, "RESOURCE_NOT_EXISTS")
			if len(refunds) != 1 || len(notes) > len(orders)+1 {
				w.t.Errorf("got %d refunds and %d messages, want those of the orders", len(refunds), len(notes))
			}
		}
		check(w)
		w.close()
		raw, err := os.ReadFile(filepath.Join(w.dir, "journal.jsonl"))
		if err != nil || strings.Contains(string(raw), "ORD-KEEP-05") {
			w.t.Errorf("got %v, want the forgotten order gone from the disk too", err)
		}
		check(newBubble(w.t, w.dir, s, sim.WithKeep(20)))
	})
}

// TestKeepUnpaid: unpaid orders do not fill the memory either.
func TestKeepUnpaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithKeep(10))
	openid, _ := w.login("p1")
	for i := range 30 {
		w.prepaid(fmt.Sprintf("ORD-KEEP-%02d", i), openid)
	}
	w.manyCalls()
	if got := len(w.list("/orders")); got > 10 {
		t.Errorf("got %d orders, want at most 10", got)
	}
	w.prepaid("ORD-KEEP-29", openid) // the same again, which is still known
}

// TestKeepTheClock: a journal rewritten at run time contains the moved clock, so time does not run backwards.
func TestKeepTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sim.WithKeep(10))
	openid, _ := w.login("p1")
	w.sim.Advance(time.Hour)
	for i := range 30 {
		w.prepaid(fmt.Sprintf("ORD-CLOCK-%02d", i), openid)
	}
	w.manyCalls()
	w.close()
	w = openWorld(t, w.dir, w.clock)
	if got := w.sim.Now().Sub(w.clock.Now()); got != time.Hour {
		t.Errorf("got a clock moved by %v after a restart, want the hour that it was moved by", got)
	}
}

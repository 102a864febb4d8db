package sim_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

// TestStateTravels: a state is exported and imported under other credentials, and by name.
func TestStateTravels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.paid("ORD-STATE-1")
	open := w.prepaid("ORD-STATE-2", openid)
	w.sim.Advance(time.Hour)
	w.device(http.MethodPost, "/rules", map[string]any{"closeMinAge": "1h"})
	exported := w.call(http.MethodGet, "/_sim/state", "")
	for _, secret := range []string{w.app.Secret, w.mch.APIV3Key, w.mch.APIV2Key, "PRIVATE KEY"} {
		if strings.Contains(string(exported.body), secret) {
			t.Errorf("the exported state holds a key")
		}
	}
	w.device(http.MethodPost, "/state/before-reset", map[string]any{})
	w.device(http.MethodDelete, "/state", map[string]any{})
	if orders, people := w.list("/orders"), w.list("/people"); len(orders) != 0 || len(people) != 3 || !w.sim.Now().Equal(w.clock.Now()) {
		t.Errorf("got %d orders, %d people and %v, want a first start", len(orders), len(people), w.sim.Now())
	}
	w.device(http.MethodPost, "/state/before-reset/load", map[string]any{})
	w.close()
	w = openWorld(t, w.dir, w.clock) // NB! the journal was rewritten too
	if got := w.query("ORD-STATE-1").text("trade_state"); got != "SUCCESS" || w.sim.Now().Sub(w.clock.Now()) != time.Hour {
		t.Errorf("got %q at %v, want the paid order and the moved clock back", got, w.sim.Now())
	}
	if got := w.payAs("p1", w.payment(open)); got != "requestPayment:ok" {
		t.Errorf("got %q, want the open order payable", got)
	}

	other := memorySim(t)
	other.SetPublicBase("http://127.0.0.1")
	o := (&world{t: t, sim: other, clock: newTestClock(), cfg: other.Config()}).join()
	o.app, o.mch = o.cfg.Apps[0], o.cfg.Merchants[0]
	if a := o.call(http.MethodPost, "/_sim/state", string(exported.body)); a.status != http.StatusOK {
		t.Fatalf("got %d %s, want it taken over", a.status, a.body)
	}
	got := o.list("/orders")
	if len(got) != 2 || got[0]["mchid"] != o.mch.MchID || got[0]["appid"] != o.app.AppID {
		t.Errorf("got %v, want both orders under the other's credentials", got)
	}
	for _, bad := range []string{"", "{}", `{"version":1,"appid":"a","mchid":"b"}` + "\nx\n", `{"version":2,"appid":"a","mchid":"b"}`} {
		if a := o.call(http.MethodPost, "/_sim/state", bad); a.status != http.StatusBadRequest {
			t.Errorf("%q: got %d, want 400", bad, a.status)
		}
	}
	for path, want := range map[string]int{"/_sim/state/..%2Fkeys": 400, "/_sim/state/none/load": 404, "/_sim/state/%2e%2e/load": 404} {
		if a := o.call(http.MethodPost, path, ""); a.status != want {
			t.Errorf("%s: got %d %s, want %d", path, a.status, a.body, want)
		}
	}
	if len(o.list("/orders")) != 2 {
		t.Error("a refused state changed something")
	}
}

// TestTriggers: one call triggers each way of paying and refunding.
func TestTriggers(t *testing.T) {
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	s := &shop{answer: always(200)}
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), s, sim.WithRefundDelay(-1), sim.WithPush("", sim.Push{URL: pushURL, Mode: sim.PushPlain}))
		w.sim.Start(t.Context())
		trigger := func(event string, want int) answer {
			t.Helper()
			a := w.call(http.MethodPost, "/_sim/trigger", `{"event":"`+event+`"}`)
			if a.status != want {
				t.Fatalf("%s: got %d %s, want %d", event, a.status, a.body, want)
			}
			synctest.Wait()
			return a
		}
		trigger("pay.success", 409)
		trigger("refund.success", 409)
		trigger("nothing.at_all", 400)
		openid, _ := w.login("p2")
		w.prepaid("ORD-TRIGGER-1", openid)
		if a := trigger("pay.success", 200); a.text("out_trade_no") != "ORD-TRIGGER-1" || a.text("trade_state") != "SUCCESS" {
			t.Errorf("got %s, want it paid", a.body)
		}
		w.prepaid("ORD-TRIGGER-2", openid)
		trigger("pay.duplicate", 200)
		if got := w.list("/notifications?limit=1")[0]["attempts"].([]any); len(got) != 2 {
			t.Errorf("got %d deliveries, want two", len(got))
		}
		w.refunded("ORD-TRIGGER-1", "R-TRIGGER-1", 40)
		if a := trigger("refund.abnormal", 200); a.text("status") != "ABNORMAL" {
			t.Errorf("got %s, want it ABNORMAL", a.body)
		}
		trigger("refund.by_hand", 200)
		trigger("push.user_enter_tempsession", 200)
		trigger("push.text", 200)
		trigger("certificate.rotate", 200)
		trigger("token.storm", 200)
		if got := w.list("/faults"); len(got) != 1 || got[0]["times"] != 10.0 {
			t.Errorf("got %v, want ten refused tokens queued", got)
		}
	})
}

// TestResend: a delivered message is sent again, unchanged and changed.
func TestResend(t *testing.T) {
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	s := &shop{answer: always(200)}
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), s)
		w.sim.Start(t.Context())
		w.buy("ORD-RESEND-1")
		synctest.Wait()
		id := w.list("/notifications")[0]["id"].(string)
		for kind, want := range map[string]int{"": 200, "other_amount": 200, "nothing": 400} {
			if a := w.call(http.MethodPost, "/_sim/notifications/"+id+"/resend", `{"kind":"`+kind+`"}`); a.status != want {
				t.Errorf("%q: got %d %s, want %d", kind, a.status, a.body, want)
			}
		}
		if got := w.list("/notifications")[0]["attempts"].([]any); len(got) != 3 {
			t.Errorf("got %d attempts, want three", len(got))
		}
		if a := w.call(http.MethodPost, "/_sim/notifications/none/resend", ""); a.status != 404 {
			t.Errorf("got %d for no notification, want 404", a.status)
		}
	})
}

// TestCallsSince: a follower reads the calls in order.
func TestCallsSince(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 3 {
		w.query("ORD-NOBODY-1")
	}
	got := w.list("/calls?since=1")
	if len(got) != 2 || got[0]["id"] != 2.0 || got[1]["id"] != 3.0 || len(w.list("/calls?since=3")) != 0 {
		t.Errorf("got %v, want the second and the third", got)
	}
	w.device(http.MethodDelete, "/state", map[string]any{})
	w.query("ORD-NOBODY-1")
	if got := w.list("/calls?since=3"); len(got) != 1 {
		t.Errorf("got %v after a reset, want what came since", got)
	}
}

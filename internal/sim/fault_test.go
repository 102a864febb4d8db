package sim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEndpointFaults(t *testing.T) {
	t.Parallel()
	const certificates = "/v3/certificates"
	scenarios := []struct {
		on, kind string
		check    func(w *world, a answer, err error)
	}{
		{"token", "busy", func(w *world, a answer, _ error) { wantErrcode(w.t, a, -1) }},
		{"token", "rate_limit", func(w *world, a answer, _ error) { wantErrcode(w.t, a, 45011) }},
		{"token", "html", func(w *world, a answer, _ error) { w.wantHTML(a, 200) }},
		{"token", "empty", func(w *world, a answer, _ error) { w.wantEmpty(a) }},
		{"token", "cut", func(w *world, _ answer, err error) { w.wantCut(err) }},
		{"certificates", "busy", func(w *world, a answer, _ error) { wantPayError(w.t, a, 500, "SYSTEM_ERROR") }},
		{"certificates", "rate_limit", func(w *world, a answer, _ error) { wantPayError(w.t, a, 429, "FREQUENCY_LIMITED") }},
		{"certificates", "html", func(w *world, a answer, _ error) { w.wantHTML(a, 502) }},
		{"certificates", "empty", func(w *world, a answer, _ error) { w.wantEmpty(a) }},
		{"certificates", "cut", func(w *world, _ answer, err error) { w.wantCut(err) }},
		{"certificates", "wrong_signature", func(w *world, a answer, _ error) { w.wantUnsigned(delivery{header: a.header, body: a.body}, "") }},
		{"certificates", "probe", func(w *world, a answer, _ error) {
			w.wantUnsigned(delivery{header: a.header, body: a.body}, "WECHATPAY/SIGNTEST/")
		}},
		{"certificates", "stale_time", func(w *world, a answer, _ error) {
			w.wantShift(delivery{at: w.clock.Now(), header: a.header, body: a.body}, -10*time.Minute)
		}},
		{"certificates", "future_time", func(w *world, a answer, _ error) {
			w.wantShift(delivery{at: w.clock.Now(), header: a.header, body: a.body}, 10*time.Minute)
		}},
	}
	for _, s := range scenarios {
		t.Run(s.on+"/"+s.kind, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fault(map[string]any{"on": s.on, "kind": s.kind})
			ask := func() (answer, error) {
				if s.on == "token" {
					return send(w.request(http.MethodGet, "/cgi-bin/token?grant_type=client_credential&appid="+w.app.AppID+"&secret="+w.app.Secret, ""))
				}
				return send(w.signed(http.MethodGet, certificates, "", w.clock.Now()))
			}
			a, err := ask()
			s.check(w, a, err)
			verdict := w.list("/calls")[0]
			if verdict["fault"] != s.kind || verdict["verdict"] != "fault" {
				t.Errorf("got call %v, want the fault recorded", verdict)
			}
			if a, err = ask(); err != nil || a.status != 200 || a.json == nil {
				t.Errorf("got %d %s, %v after the fault, want a good answer", a.status, a.body, err)
			}
		})
	}
}

func (w *world) wantHTML(a answer, status int) {
	w.t.Helper()
	if a.status != status || !strings.HasPrefix(string(a.body), "<html>") || a.header.Get("Wechatpay-Signature") != "" {
		w.t.Errorf("got %d %s, want %d and unsigned HTML", a.status, a.body, status)
	}
}

func (w *world) wantEmpty(a answer) {
	w.t.Helper()
	if a.status != 200 || len(a.body) != 0 || a.header.Get("Wechatpay-Signature") != "" {
		w.t.Errorf("got %d %q, want 200 and nothing", a.status, a.body)
	}
}

func (w *world) wantCut(err error) {
	w.t.Helper()
	if err == nil {
		w.t.Error("got a whole answer, want the connection cut off")
	}
}

func TestTokenStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token()
	w.fault(map[string]any{"on": "api", "kind": "token_invalid", "times": 2})
	w.wantProbe("first", token, 40001)
	if a := w.exchange(w.code("p1")); a.text("openid") == "" {
		t.Errorf("got %s, want calls without a token left alone", a.body)
	}
	w.wantProbe("second", token, 40001)
	w.wantProbe("after the storm", token, goodToken)
}

func TestSlowAnswer(t *testing.T) {
	t.Parallel()
	s := &shop{answer: always(204)}
	inBubble(t, s, func(w *world) {
		w.fault(map[string]any{"on": "token", "kind": "slow"})
		start := time.Now()
		if w.plainToken() == "" || time.Since(start) != 6*time.Second {
			w.t.Errorf("got an answer after %v, want a good one after 6s", time.Since(start))
		}
		w.fault(map[string]any{"on": "/cgi-bin/token", "kind": "slow", "delay": "1h"})
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		start = time.Now()
		w.do(w.request(http.MethodGet, "/cgi-bin/token?grant_type=client_credential", "").WithContext(ctx))
		if got := time.Since(start); got != time.Second {
			w.t.Errorf("got held for %v, want it to end when the caller goes away", got)
		}
	})
}

// The caller gets no answer, but the order exists: this is why a prepay is repeated with the same number.
func TestTimeoutAfterAccept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.fault(map[string]any{"on": "prepay", "kind": "timeout_after_accept", "delay": "1ms"})
	body := jsonText(t, w.orderBody("ORD-TIMEOUT-1", openid))
	if a, err := send(w.signed(http.MethodPost, "/v3/pay/transactions/jsapi", body, w.clock.Now())); err == nil {
		t.Fatalf("got %d %s, want no answer", a.status, a.body)
	}
	if got := w.query("ORD-TIMEOUT-1").text("trade_state"); got != "NOTPAY" {
		t.Fatalf("got %q, want the order to exist", got)
	}
	w.prepaid("ORD-TIMEOUT-1", openid)
}

func TestFaultRefusals(t *testing.T) {
	w := newWorld(t)
	scenarios := []struct{ name, body, says string }{
		{"unknown on", `{"on":"x","kind":"busy"}`, "code2session"},
		{"unknown kind", `{"on":"token","kind":"x"}`, "rate_limit"},
		{"kind of another host", `{"on":"token","kind":"probe"}`, "busy"},
		{"token storm without a token", `{"on":"code2session","kind":"token_invalid"}`, "busy"},
		{"notification kind at a call", `{"on":"prepay","kind":"duplicate"}`, "timeout_after_accept"},
		{"no times", `{"on":"token","kind":"busy","times":0}`, "times"},
		{"probability above one", `{"on":"token","kind":"busy","probability":1.5}`, "probability"},
		{"probability of nothing", `{"on":"token","kind":"busy","probability":0}`, "probability"},
		{"bad delay", `{"on":"token","kind":"slow","delay":"soon"}`, "delay"},
		{"too many copies", `{"on":"notification","kind":"concurrent","copies":1000}`, "copies"},
		{"garbage", `{"on"`, "JSON"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			a := w.call(http.MethodPost, "/_sim/faults", s.body)
			if a.status != http.StatusBadRequest || !strings.Contains(a.text("error"), s.says) {
				t.Fatalf("got %d %s, want 400 that mentions %s", a.status, a.body, s.says)
			}
		})
	}
}

func TestFaultQueueIsCleared(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault(map[string]any{"on": "token", "kind": "busy", "times": -1})
	for range 3 {
		if w.plainToken() != "" {
			t.Fatal("got a token, want the fault to stay")
		}
	}
	w.device(http.MethodDelete, "/faults", nil)
	if w.plainToken() == "" || len(w.list("/faults")) != 0 {
		t.Fatal("got a fault after clearing, want none")
	}
}

func TestImprobableFaultRarelyStrikes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fault(map[string]any{"on": "token", "kind": "busy", "times": -1, "probability": 0.5})
	struck := 0
	for range 200 {
		if w.plainToken() == "" {
			struck++
		}
	}
	if struck < 50 || struck > 150 {
		t.Fatalf("got %d of 200 struck, want about 100", struck)
	}
}

func TestConcurrentCopiesAreAtOnce(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	s := &shop{answer: func(_ int, r *http.Request) (int, error) {
		select {
		case <-gate:
			return 204, nil
		case <-r.Context().Done():
			return 0, errors.New("nobody opened the gate")
		}
	}}
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		gate = make(chan struct{})
		w := newBubble(t, t.TempDir(), s)
		w.sim.Start(t.Context())
		w.fault(map[string]any{"on": "notification", "kind": "concurrent", "copies": 7})
		w.buy("ORD-CONCURRENT-1")
		if n := len(s.deliveries()); n != 7 {
			t.Errorf("got %d under way, want 7 at once", n)
		}
		close(gate)
		synctest.Wait()
	})
}

package sim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/sim"
)

// faultPlaces reads every target of faults with its kinds, and the calls by name.
func (w *world) faultPlaces() (kinds map[string][]string, calls map[string][2]string) {
	w.t.Helper()
	if err := json.Unmarshal(w.call(http.MethodGet, "/_sim/faults/kinds", "").body, &kinds); err != nil {
		w.t.Fatal(err)
	}
	calls = map[string][2]string{}
	for _, ep := range w.list("/endpoints") {
		calls[ep["name"].(string)] = [2]string{ep["method"].(string), ep["path"].(string)}
	}
	return kinds, calls
}

// strike makes one call, ignores its result, and returns the fault in the list of calls.
func (w *world) strike(req *http.Request) string {
	w.t.Helper()
	func() {
		defer func() {
			if gone := recover(); gone != nil && gone != http.ErrAbortHandler { //nolint:errorlint // a panic's value
				panic(gone)
			}
		}()
		w.sim.Handler().ServeHTTP(httptest.NewRecorder(), req)
	}()
	kind, _ := w.lastCall()["fault"].(string)
	return kind
}

// TestEveryFaultFourWays: every call's faults strike when the control API queues them (as panel and scenario files do),
// when the call's header asks, and when the call's text contains a mark; a call without these has none.
func TestEveryFaultFourWays(t *testing.T) {
	if _, err := sharedKeys(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		w := newBubble(t, t.TempDir(), &shop{answer: always(204)})
		kinds, calls := w.faultPlaces()
		if len(calls) < 50 {
			t.Fatalf("got %d calls", len(calls))
		}
		struck := 0
		for name, call := range calls {
			path := strings.NewReplacer(":out_trade_no", "ORD-WAYS-1", ":out_refund_no", "R-1", ":transaction_id", "42", ":refund_id", "50").Replace(call[1])
			plain := func(query string) *http.Request { return w.request(call[0], path+query, "") }
			for _, kind := range kinds[name] {
				for way, ask := range map[string]func() *http.Request{
					"control API": func() *http.Request {
						w.fault(map[string]any{"on": name, "kind": kind})
						return plain("")
					},
					"header": func() *http.Request {
						req := plain("")
						req.Header.Set("Sim-Fault", kind)
						return req
					},
					"mark": func() *http.Request { return plain("?say=" + url.QueryEscape("[sim:"+name+"."+kind+"]")) },
				} {
					if got := w.strike(ask()); got != kind {
						t.Errorf("%s %s by %s: got %q", name, kind, way, got)
					}
					struck++
				}
			}
			if got := w.strike(plain("")); got != "" {
				t.Errorf("%s: got %q, want no fault", name, got)
			}
		}
		if struck < 1000 {
			t.Errorf("got %d faults tried", struck)
		}
	})
}

// TestMarksOfMessages: a mark in the order or in a person's text changes the message that follows, for every kind.
func TestMarksOfMessages(t *testing.T) {
	s := &shop{answer: always(200), body: "success"}
	inPush(t, s, sim.Push{Mode: sim.PushSafe}, func(w *world) {
		kinds, _ := w.faultPlaces()
		w.clock.now = time.Now()
		openid, _ := w.login("p1")
		for i, kind := range kinds["notification"] {
			number := "ORD-MARK-" + string(rune('A'+i))
			body := w.orderBody(number, openid)
			body["attach"] = "[sim:notify." + kind + "]"
			w.clock.now = time.Now()
			w.payAs("p1", w.payment(w.prepay(body).text("prepay_id")))
			time.Sleep(30 * time.Minute)
			synctest.Wait()
			if got := w.faultOfNote(func(n map[string]any) bool { return n["out_trade_no"] == number }); kind != "late" && got != kind {
				w.t.Errorf("notify.%s: got %q", kind, got)
			}
		}
		for _, kind := range kinds["push"] {
			w.device(http.MethodPost, "/push", map[string]any{"person": "p1", "msgType": "text", "fields": map[string]any{"Content": "[sim:push." + kind + "]"}})
			time.Sleep(30 * time.Minute)
			synctest.Wait()
			got := w.faultOfNote(func(n map[string]any) bool {
				push, _ := n["push"].(map[string]any)
				fields, _ := push["fields"].(map[string]any)
				return fields["Content"] == "[sim:push."+kind+"]" && n["replay"] == nil
			})
			if kind != "late" && got != kind {
				w.t.Errorf("push.%s: got %q", kind, got)
			}
		}
	})
}

// faultOfNote returns the fault of the first attempt of the newest message that fits.
func (w *world) faultOfNote(fits func(map[string]any) bool) string {
	w.t.Helper()
	notes := w.list("/notifications")
	i := slices.IndexFunc(notes, fits)
	if i < 0 {
		return "no message"
	}
	tries, _ := notes[i]["attempts"].([]any)
	if len(tries) == 0 {
		return "no attempt"
	}
	kind, _ := tries[0].(map[string]any)["fault"].(string)
	return kind
}

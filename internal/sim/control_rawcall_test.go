package sim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// lastCall returns the newest call of the list.
func (w *world) lastCall() map[string]any {
	w.t.Helper()
	return w.list("/calls?limit=1")[0]
}

// TestCallsTellHeaders: calls show both sides' headers, without the merchant's signature and without tokens.
func TestCallsTellHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.prepaid("ORD-CALLS-1", openid)
	call := w.lastCall()
	sent, got := call["request_headers"].(map[string]any), call["answer_headers"].(map[string]any)
	if auth := fmt.Sprint(sent["Authorization"]); !strings.Contains(auth, `mchid="`+w.mch.MchID+`"`) || !strings.Contains(auth, `signature="***"`) {
		t.Errorf("got %s, want it told without its signature", auth)
	}
	if got["Wechatpay-Signature"] == nil || got["Request-Id"] == nil || call["mchid"] != w.mch.MchID {
		t.Errorf("got %v and %v, want what was answered and whose it is", got, call["mchid"])
	}
	if raw, err := json.Marshal(w.list("/calls")); err != nil || strings.Contains(string(raw), w.app.Secret) || strings.Contains(string(raw), w.mch.APIV2Key) {
		t.Errorf("got %v, want no secret in the list", err)
	}
}

// TestRefusalsInBothLanguages: a refusal names the field and the reason in Chinese and in English.
func TestRefusalsInBothLanguages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	body := w.orderBody("ORD-FIELD-1", openid)
	body["amount"] = map[string]any{"total": 0}
	wantPayError(t, w.prepay(body), 400, "PARAM_ERROR")
	call := w.lastCall()
	field, _ := call["field"].(map[string]any)
	if field["field"] != "/amount/total" || field["says"] != "is less than 1" || field["says_zh"] != "值低于最小值 1" || call["reason_zh"] != "/amount/total：值低于最小值 1" {
		t.Errorf("got %v and %v", field, call["reason_zh"])
	}
	wantErrcode(t, w.exchange("nobody"), 40029)
	if call = w.lastCall(); call["reason"] != "no wx.login gave this code" || call["reason_zh"] != "没有wx.login给出过这个code" {
		t.Errorf("got %v and %v", call["reason"], call["reason_zh"])
	}
	if a := w.call(http.MethodPost, "/_sim/trigger", `{"event":"pay.success"}`); a.status != http.StatusConflict || !strings.Contains(a.text("error_zh"), "下单") {
		t.Errorf("got %d %s, want both languages", a.status, a.body)
	}
}

// TestFilterCalls: by path, verdict and merchant.
func TestFilterCalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second := w.as(w.secondMerchant(nil))
	openid, _ := w.login("p1")
	w.prepaid("ORD-FILTER-1", openid)
	second.prepaid("ORD-FILTER-2", openid)
	w.query("ORD-FILTER-NONE")
	for query, want := range map[string]int{
		"?path=/v3/pay": 3, "?verdict=refused": 1, "?mchid=" + second.mch.MchID: 1, "?mchid=" + w.mch.MchID + "&verdict=ok": 1, "?endpoint=code2session": 1, "?path=nowhere": 0,
	} {
		if got := w.list("/calls" + query); len(got) != want {
			t.Errorf("%s: got %d calls, want %d", query, len(got), want)
		}
	}
	newest := w.lastCall()["id"].(float64)
	if got := w.list(fmt.Sprintf("/calls?path=/v3/pay/transactions/jsapi&since=%.0f", newest-1)); len(got) != 0 {
		t.Errorf("got %v, want a follower of one path told nothing of what came before", got)
	}
	if a := w.call(http.MethodGet, "/_sim/calls?verdict=maybe", ""); a.status != http.StatusBadRequest {
		t.Errorf("got %d, want 400", a.status)
	}
}

// TestCurl: a shell parses the command into the original request.
func TestCurl(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	body := w.orderBody("ORD-CURL-1", openid)
	body["description"] = `it's "three" $noodles; 面`
	w.prepay(body)
	id := fmt.Sprint(w.lastCall()["id"])
	told := w.call(http.MethodGet, "/_sim/calls/"+id+"/request", "")
	curl := told.text("curl")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `curl() { for word; do printf '%s\0' "$word"; done; }`+"\n"+curl).Output()
	words := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if err != nil || len(words) < 8 || words[3] != w.srv.URL+"/v3/pay/transactions/jsapi" || words[len(words)-1] != jsonText(t, body) || words[len(words)-1] != told.text("body") {
		t.Fatalf("got %q, %v from %s, want address and body as they came", words, err, curl)
	}
	if !slices.ContainsFunc(words, func(word string) bool {
		return strings.HasPrefix(word, "Authorization: WECHATPAY2-SHA256-RSA2048 mchid=")
	}) || strings.Contains(curl, "Content-Length") {
		t.Errorf("got %q, want the headers that matter", words)
	}
	if a := w.call(http.MethodGet, "/_sim/calls/999999/request", ""); a.status != http.StatusNotFound {
		t.Errorf("got %d, want 404", a.status)
	}
}

// TestReplay: a call is repeated unchanged or changed, with a new or the old signature, in every API.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	w.prepaid("ORD-REPLAY-1", openid)
	id := fmt.Sprint(w.lastCall()["id"])
	replay := func(id string, in map[string]any) map[string]any {
		return w.device(http.MethodPost, "/calls/"+id+"/replay", in).json
	}

	if got := replay(id, nil); got["status"] != 200.0 || !strings.Contains(got["body"].(string), "prepay_id") {
		t.Errorf("got %v, want the same again", got)
	}
	changed := strings.Replace(jsonText(t, w.orderBody("ORD-REPLAY-1", openid)), "ORD-REPLAY-1", "ORD-REPLAY-2", 1)
	got := replay(id, map[string]any{"body": changed})
	if got["status"] != 200.0 || w.query("ORD-REPLAY-2").text("trade_state") != "NOTPAY" {
		t.Errorf("got %v, want the changed one signed anew and taken", got)
	}
	got = replay(id, map[string]any{"body": changed, "sign": false})
	if got["status"] != 401.0 || w.found().Mistake == "" {
		t.Errorf("got %v, want the old signature refused and explained", got)
	}
	if call := w.lastCall(); fmt.Sprint(call["replay_of"]) != id || call["id"] != got["call"] {
		t.Errorf("got %v, want it marked and named", call["replay_of"])
	}
	w.fault(map[string]any{"on": "prepay", "kind": "cut"})
	if got := replay(id, nil); got["error"] != "the connection was cut" {
		t.Errorf("got %v, want the cut told", got)
	}
	w.call(http.MethodPost, "/cgi-bin/clear_quota?access_token="+w.token(), `{"appid":"wrong"}`)
	id = fmt.Sprint(w.lastCall()["id"])
	if got := replay(id, map[string]any{"body": `{"appid":"` + w.app.AppID + `"}`}); !strings.Contains(got["body"].(string), `"errcode":0`) {
		t.Errorf("got %v, want it taken with the token of before", got)
	}
	w.do(w.requestV2("/pay/orderquery", map[string]string{"out_trade_no": "ORD-REPLAY-NONE"}))
	id = fmt.Sprint(w.lastCall()["id"])
	old := w.call(http.MethodGet, "/_sim/calls/"+id+"/request", "").text("body")
	if got := replay(id, map[string]any{"body": strings.Replace(old, "ORD-REPLAY-NONE", "ORD-REPLAY-1", 1)}); !strings.Contains(got["body"].(string), "NOTPAY") {
		t.Errorf("got %v, want the changed XML signed anew", got)
	}
	if a := w.call(http.MethodPost, "/_sim/calls/"+id+"/replay", `{"url":"/_sim/config"}`); a.status != http.StatusBadRequest {
		t.Errorf("got %d, want the control API out of reach", a.status)
	}
}

// TestPlays: each one-click scenario has an effect, and describes it in both languages.
func TestPlays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	for i, p := range w.list("/plays") {
		name, _ := p["name"].(string)
		if p["en"] == "" || p["zh"] == "" {
			t.Errorf("%s has no words", name)
		}
		if p["needs_order"] == true {
			if a := w.call(http.MethodPost, "/_sim/plays/"+name, ""); a.status != http.StatusConflict || len(w.list("/faults")) > 0 {
				t.Errorf("%s: got %d %s, want it to need an order and to leave no fault", name, a.status, a.body)
			}
			w.prepaid(fmt.Sprintf("ORD-PLAY-%d", i), openid)
		}
		if name == "refund_by_hand" {
			w.paid("ORD-PLAY-BYHAND")
		}
		before := w.sim.Now()
		w.device(http.MethodPost, "/plays/"+name, nil)
		if queued := len(w.list("/faults")); queued == 0 && w.sim.Now().Equal(before) && p["needs_order"] != true && !slices.Contains([]string{"certificate_rotates", "refund_by_hand"}, name) {
			t.Errorf("%s did nothing", name)
		}
		w.device(http.MethodDelete, "/faults", nil)
	}
	if a := w.call(http.MethodPost, "/_sim/plays/nothing", ""); a.status != http.StatusNotFound {
		t.Errorf("got %d, want 404", a.status)
	}
}

// TestPhoneFaults: the phone fails or its owner cancels, once, and the order can be paid afterwards.
func TestPhoneFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	openid, _ := w.login("p1")
	pay := w.payment(w.prepaid("ORD-PHONE-1", openid))
	for kind, want := range map[string]string{"fail": "requestPayment:fail 支付失败，请更换支付方式", "cancel": "requestPayment:fail cancel"} {
		w.fault(map[string]any{"on": "pay_device", "kind": kind})
		if got := w.payAs("p1", pay); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := w.payAs("p1", pay); got != "requestPayment:ok" {
		t.Errorf("got %q, want it paid in the end", got)
	}
}

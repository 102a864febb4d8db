package xpay_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"wxbase/internal/wechat"
	"wxbase/internal/wxpay"
	"wxbase/internal/xpay"
)

const appID = "wx0123456789abcdef"

// world answers as WeChat does, with one order.
type world struct {
	mu     sync.Mutex
	order  string            // JSON, or empty for none
	errors map[string]int    // by the last part of the path
	asked  map[string]string // body, by the last part of the path
}

func gateway(t *testing.T, w *world, sandbox bool) xpay.Gateway {
	t.Helper()
	w.asked = map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		if name == "stable_token" {
			_, _ = fmt.Fprint(rw, `{"access_token":"t","expires_in":7200}`)
			return
		}
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.asked[name] = string(body)
		if code := w.errors[name]; code != 0 {
			_, _ = fmt.Fprintf(rw, `{"errcode":%d,"errmsg":"no"}`, code)
			return
		}
		switch {
		case name == "query_order" && w.order != "":
			_, _ = fmt.Fprintf(rw, `{"errcode":0,"order":%s}`, w.order)
		case name == "refund_order":
			_, _ = fmt.Fprint(rw, `{"errcode":0,"refund_order_id":"r-number-1","refund_wx_order_id":"wx-r"}`)
		default:
			_, _ = fmt.Fprint(rw, `{"errcode":0,"errmsg":"ok"}`)
		}
	}))
	t.Cleanup(server.Close)
	client := wechat.New(wechat.App{AppID: appID, Secret: strings.Repeat("s", 32), APIBase: server.URL})
	return xpay.New(appID, client.Xpay(strings.Repeat("k", 32), sandbox))
}

func orderWith(more string) string {
	return `{"order_id":"number-1","wx_order_id":"wx-1","order_fee":500,"paid_fee":500,"left_fee":500,"paid_time":1700000000` + more + `}`
}

// TestQuery: whose payment it is comes from the answer, and a number that WeChat does not know is not paid yet.
func TestQuery(t *testing.T) {
	t.Parallel()
	live, play := xpay.MerchantOf(appID, false), xpay.MerchantOf(appID, true)
	for name, s := range map[string]struct {
		order, mchID string
		state        wxpay.TradeState
		apple        bool
	}{
		"nobody confirmed":     {"", live, wxpay.StateNotPay, false},
		"begun":                {orderWith(`,"status":1,"env_type":1`), live, wxpay.StateNotPay, false},
		"paid":                 {orderWith(`,"status":2,"env_type":1`), live, wxpay.StateSuccess, false},
		"delivered":            {orderWith(`,"status":4,"env_type":1`), live, wxpay.StateSuccess, false},
		"delivered and back":   {orderWith(`,"status":4,"env_type":1,"refund_fee":100`), live, wxpay.StateRefund, false},
		"refunded":             {orderWith(`,"status":5,"env_type":1`), live, wxpay.StateRefund, false},
		"closed":               {orderWith(`,"status":6,"env_type":1`), live, wxpay.StateClosed, false},
		"of the sandbox":       {orderWith(`,"status":2,"env_type":2`), play, wxpay.StateSuccess, false},
		"of no environment":    {orderWith(`,"status":2`), "", wxpay.StateSuccess, false},
		"paid through Apple":   {orderWith(`,"status":2,"env_type":1,"order_type":7`), live, wxpay.StateSuccess, true},
		"a state of tomorrow":  {orderWith(`,"status":77,"env_type":1`), live, "STATUS_77", false},
		"a refund's own order": {orderWith(`,"status":8,"env_type":1,"order_type":1`), live, "REFUND_ORDER", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := gateway(t, &world{order: s.order}, false).Query(t.Context(), "number-1")
			if err != nil || got.MchID != s.mchID || got.State != s.state || got.Apple != s.apple || got.OutTradeNo != "number-1" {
				t.Errorf("got %+v, %v, want %s of %q, Apple %t", got, err, s.state, s.mchID, s.apple)
			}
			if paid := got.TransactionID != ""; paid != got.State.IsPaid() {
				t.Errorf("transaction %q of state %s", got.TransactionID, got.State)
			}
		})
	}
}

// TestRefund: WeChat hears what is left; Apple's money is refused without a call, and so are other terms.
func TestRefund(t *testing.T) {
	t.Parallel()
	ask := wxpay.RefundRequest{OutTradeNo: "number-1", TransactionID: "wx-1", OutRefundNo: "r-number-1", Refund: 200, Total: 500}
	for name, s := range map[string]struct {
		order  string
		code   int
		kind   wxpay.Kind // empty: it is taken on
		called bool
	}{
		"taken on":        {orderWith(`,"status":4,"env_type":1`), 0, "", true},
		"taken on before": {orderWith(`,"status":4,"env_type":1`), wechat.XpayDone, "", true},
		"another is on":   {orderWith(`,"status":4,"env_type":1`), wechat.XpayRefundRunning, wxpay.KindBusy, true},
		"left differs":    {orderWith(`,"status":4,"env_type":1`), wechat.XpayLeftFeeDiffers, wxpay.KindBusy, true},
		"verified":        {orderWith(`,"status":4,"env_type":1`), wechat.XpayVerified, wxpay.KindParam, true},
		"wrong key":       {orderWith(`,"status":4,"env_type":1`), wechat.XpayBadSignature, wxpay.KindSign, true},
		"Apple's":         {orderWith(`,"status":4,"env_type":1,"order_type":7`), 0, wxpay.KindParam, false},
		"the sandbox's":   {orderWith(`,"status":4,"env_type":2`), 0, wxpay.KindParam, false},
		"not there":       {"", 0, wxpay.KindNotFound, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{order: s.order, errors: map[string]int{"refund_order": s.code}}
			got, err := gateway(t, w, false).Refund(t.Context(), ask)
			pe, refused := errors.AsType[*wxpay.Error](err)
			if refused != (s.kind != "") || refused && pe.Kind != s.kind {
				t.Fatalf("got %+v, %v, want kind %q", got, err, s.kind)
			}
			body, called := w.asked["refund_order"]
			if called != s.called {
				t.Fatalf("refund_order was called: got %t, want %t", called, s.called)
			}
			var sent map[string]any
			if called && (json.Unmarshal([]byte(body), &sent) != nil || sent["left_fee"] != float64(500) || sent["refund_fee"] != float64(200) || sent["env"] != float64(0)) {
				t.Errorf("sent %s, want left_fee 500 and refund_fee 200", body)
			}
			if s.kind == "" && got.State != wxpay.RefundProcessing {
				t.Errorf("got %s, want it under way: the money has not gone back yet", got.State)
			}
		})
	}
}

// TestProvided: done before is done.
func TestProvided(t *testing.T) {
	t.Parallel()
	for code, fails := range map[int]bool{0: false, wechat.XpayDone: false, wechat.XpayBadSignature: true} {
		w := &world{errors: map[string]int{"notify_provide_goods": code}}
		if err := gateway(t, w, true).Provided(t.Context(), "number-1"); (err != nil) != fails {
			t.Errorf("errcode %d: got %v, want an error: %t", code, err, fails)
		}
	}
}

// TestShut: what the sandbox says is not even asked where the mini program sells live.
func TestShut(t *testing.T) {
	t.Parallel()
	got, err := xpay.Shut(appID).Query(t.Context(), "number-1")
	if err != nil || got.State != wxpay.StateClosed || got.MchID != xpay.MerchantOf(appID, true) {
		t.Errorf("got %+v, %v, want it closed", got, err)
	}
	if _, err := xpay.Shut(appID).Refund(t.Context(), wxpay.RefundRequest{}); err == nil {
		t.Error("a refund of play money: got no error")
	}
}

func TestMerchants(t *testing.T) {
	t.Parallel()
	for _, sandbox := range []bool{false, true} {
		in, got, ok := xpay.Parse(xpay.MerchantOf(appID, sandbox))
		if in != appID || got != sandbox || !ok || len(xpay.MerchantOf(appID, sandbox)) > 32 {
			t.Errorf("got %q, %t, %t", in, got, ok)
		}
	}
	if _, _, ok := xpay.Parse("1900000001"); ok {
		t.Error("a merchant of WeChat Pay was taken for virtual payment")
	}
}

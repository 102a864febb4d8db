package hooks_test

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"wxbase/internal/order"
	"wxbase/internal/sim"
)

// ledgerModes are the ways to speak to WeChat Pay, a shop of virtual goods, and one that has everything.
func ledgerModes() map[string]map[string]string {
	all := map[string]map[string]string{
		"virtual": {"LEDGER_GOODS": "virtual"}, "mixed": {"LEDGER_GOODS": "mixed", "WXBASE_PAY_VERIFY": "both"},
	}
	maps.Copy(all, modes())
	return all
}

func virtualEnv(app sim.AppConfig) []string {
	return []string{
		"WXBASE_XPAY_OFFER_ID=" + app.XpayOfferID, "WXBASE_XPAY_KEY=" + app.XpayKey, "WXBASE_XPAY_SANDBOX_KEY=" + app.XpaySandboxKey,
		"WXBASE_PUSH_TOKEN=" + app.PushToken, "WXBASE_PUSH_AES_KEY=" + app.PushAESKey,
	}
}

func (l *ledgerRun) kind() string {
	if l.virtual {
		return order.KindVirtual
	}
	return order.KindPhysical
}

// prepareVirtual points the pushes at the server and waits until everything is on sale at WeChat.
func (l *ledgerRun) prepareVirtual(t *testing.T) {
	t.Helper()
	if !l.virtual && !l.mixed {
		return
	}
	app := l.wechat.Config().Apps[0].AppID
	if err := l.wechat.SetPush(app, sim.Push{URL: l.server.origin + "/api/wx/push/" + app, Clock: "moved"}); err != nil {
		t.Fatal(err)
	}
	want := float64(len(l.goods) + len(l.sizes))
	if l.mixed {
		want = float64(len(l.items))
	}
	for end := time.Now().Add(2 * patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if found := l.must(t, http.MethodGet, "/api/collections/wx_items/records?filter=state%3D%22PUBLISHED%22", l.super, nil); found["totalItems"] == want {
			return
		}
		l.clock.advance(10 * time.Second)
	}
	t.Fatal("the items were not published")
}

// virtualTroubles is the same third of everything. Apple's money is a tenth, see buy.
func virtualTroubles() []ledgerFault {
	return []ledgerFault{
		{"push", "lost", .15},
		{"push", "duplicate", .08},
		{"push", "concurrent", .06},
		{"push", "late", .08},
		{"push", "wrong_signature", .04},
		{"push", "stale_time", .03},
		{"push", "future_time", .03},
		{"push", "other_key", .02},
		{"push", "replay", .04},
		{"api", "busy", .05},
		{"api", "cut", .03},
		{"api", "html", .02},
		{"api", "empty", .02},
		{"api", "timeout_after_accept", .03},
		{"xpay_refund", "failed", .06},
	}
}

// virtualBooks are the simulator's orders and refunds of virtual payment, in the words of the others.
func (l *ledgerRun) virtualBooks(t *testing.T) (trades []theirTrade, refunds []theirRefund) {
	t.Helper()
	var all []struct {
		OrderID   string `json:"orderId"`
		WxOrderID string `json:"wxOrderId"`
		Kind      int    `json:"kind"`
		Status    int    `json:"status"`
		Fee       int64  `json:"fee"`
		Of        string `json:"of"`
	}
	l.read(t, "/_sim/virtual/orders", &all)
	for _, o := range all {
		if o.Of == "" {
			trades = append(trades, theirTrade{OutTradeNo: o.OrderID, TransactionID: o.WxOrderID, State: "SUCCESS", Total: o.Fee})
			continue
		}
		status := map[int]string{8: "SUCCESS", 7: "CLOSED"}[o.Status]
		refunds = append(refunds, theirRefund{OutRefundNo: o.OrderID, OutTradeNo: o.Of, Refund: o.Fee, Status: status})
	}
	return trades, refunds
}

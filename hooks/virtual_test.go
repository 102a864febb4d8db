package hooks_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/hooks"
	"wxbase/internal/apptest"
	"wxbase/internal/events"
)

const membership = "会员月卡" // the demo's virtual product

// sellVirtually waits until the demo's virtual product is on sale at WeChat.
func sellVirtually(tb testing.TB, app *apptest.App) {
	tb.Helper()
	for range 8 {
		if err := app.WX.SweepItems(tb.Context()); err != nil {
			tb.Fatal(err)
		}
		if count(tb, app, "wx_items", dbx.HashExp{"state": "PUBLISHED"}) > 0 {
			return
		}
		app.Clock.Advance(20 * time.Second)
	}
	tb.Fatal("the virtual product was not published")
}

func virtualPath(order apptest.Answer) string {
	return "/api/wx/orders/" + order.Text("id") + "/virtual"
}

// buyVirtually hands what the server signed to the phone. more is added to what the phone gets.
func buyVirtually(tb testing.TB, app *apptest.App, buyer apptest.Person, signed apptest.Answer, more map[string]any) apptest.Answer {
	tb.Helper()
	body := map[string]any{"action": "pay"}
	maps.Copy(body, signed.JSON)
	maps.Copy(body, more)
	return app.Must(http.MethodPost, "/_sim/people/"+buyer.ID+"/virtual", "", body)
}

func isPayState(state string) func(*core.Record) bool {
	return func(r *core.Record) bool { return r.GetString("payState") == state }
}

// virtualOrder makes an order that can be paid, and what the phone needs for it.
func virtualOrder(tb testing.TB, app *apptest.App, buyer apptest.Person) (order, signed apptest.Answer) {
	tb.Helper()
	sellVirtually(tb, app)
	order = buyer.Order(membership, 1)
	return order, buyer.Must(http.MethodPost, virtualPath(order), nil)
}

// theirOrder is an order of virtual payment as the simulator knows it.
func theirOrder(tb testing.TB, app *apptest.App, number string) map[string]any {
	tb.Helper()
	var all []map[string]any
	if err := json.Unmarshal(app.Must(http.MethodGet, "/_sim/virtual/orders", "", nil).Body, &all); err != nil {
		tb.Fatal(err)
	}
	for _, o := range all {
		if o["orderId"] == number {
			return o
		}
	}
	return nil
}

func numberOf(tb testing.TB, app *apptest.App, orderID string) string {
	tb.Helper()
	r, err := app.FindFirstRecordByData("payments", "order", orderID)
	if err != nil {
		tb.Fatal(err)
	}
	return r.GetString("outTradeNo")
}

// TestVirtualWholeStory: the push makes the order paid, once, and WeChat hears that it was delivered.
func TestVirtualWholeStory(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	paid := make(chan string, 5)
	app.WX.OnOrderPaid().BindFunc(func(e *events.PaidEvent) error {
		paid <- e.Order.Id
		return e.Next()
	})
	buyer := app.Login("小明")
	early := buyer.Order(membership, 1)
	if got := buyer.Call(http.MethodPost, virtualPath(early), nil); got.Code() != "virtual_item_pending" {
		t.Errorf("before the item is published: got %d %q, want virtual_item_pending", got.Status, got.Code())
	}
	order, signed := virtualOrder(t, app, buyer)
	if got := buyer.Call(http.MethodPost, payPath(order), nil); got.Code() != "order_virtual" {
		t.Errorf("pay of a virtual order: got %q, want order_virtual", got.Code())
	}
	again := buyer.Must(http.MethodPost, virtualPath(order), nil)
	if string(again.Body) != string(signed.Body) || signed.Text("mode") != "short_series_goods" {
		t.Errorf("asked twice: got %s, want %s", again.Body, signed.Body)
	}
	app.Fault("push", "duplicate", 1)
	if got := buyVirtually(t, app, buyer, signed, nil); got.Text("errMsg") != "requestVirtualPayment:ok" {
		t.Fatalf("phone: got %s, want ok", got.Body)
	}
	if got := receive(t, paid); got != order.Text("id") {
		t.Errorf("paid order: got %s, want %s", got, order.Text("id"))
	}
	wantStates(t, app, order.Text("id"), "PAID", "PAID")
	if due := app.Must(http.MethodGet, "/api/wx/admin/shipments", app.Superuser(), nil); due.JSON["totalItems"] != float64(0) {
		t.Errorf("orders to ship: got %s, want none", due.Body)
	}
	if got, want := ledger(t, app, order.Text("id")), "NEW>PREPAYING PREPAYING>PREPAID PREPAID>PAID"; got != want {
		t.Errorf("ledger: got %s, want %s", got, want)
	}
	number := numberOf(t, app, order.Text("id"))
	for end := time.Now().Add(30 * time.Second); theirOrder(t, app, number)["status"] != float64(4); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("at WeChat: got %v, want it delivered", theirOrder(t, app, number))
		}
	}
	if err := app.WX.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(paid) != 0 {
		t.Errorf("OnOrderPaid ran %d times more, want once in all", len(paid))
	}
}

// TestVirtualCart: virtual goods stand alone, and what is not virtual is paid by WeChat Pay.
func TestVirtualCart(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	virtual, noodles := app.Product(membership), app.Product("三鲜面")
	line := func(id string) map[string]any { return map[string]any{"product": id, "quantity": 1} }
	got := buyer.Call(http.MethodPost, "/api/wx/orders", map[string]any{"items": []any{line(virtual), line(noodles)}})
	if got.Status != http.StatusBadRequest || got.Code() != "cart_mixed" {
		t.Errorf("mixed cart: got %d %q, want 400 cart_mixed", got.Status, got.Code())
	}
	other := app.Must(http.MethodPost, "/api/collections/products/records", app.Superuser(),
		map[string]any{"name": "课程", "price": 9900, "active": true, "kind": "virtual"}).Text("id")
	if got := buyer.Call(http.MethodPost, "/api/wx/orders", map[string]any{"items": []any{line(virtual), line(other)}}); got.Code() != "cart_virtual" {
		t.Errorf("two virtual goods: got %q, want cart_virtual", got.Code())
	}
	if got := buyer.Call(http.MethodPost, virtualPath(buyer.Order("三鲜面", 1)), nil); got.Code() != "order_not_virtual" {
		t.Errorf("noodles: got %q, want order_not_virtual", got.Code())
	}
}

// TestVirtualLateMoney: nothing closes an order at WeChat, so money may come after our close; it is found without its push and goes back.
func TestVirtualLateMoney(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order, signed := virtualOrder(t, app, buyer)
	app.Clock.Advance(40 * time.Minute)
	if err := app.WX.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStates(t, app, order.Text("id"), "CANCELLED", "CLOSED")
	app.Fault("push", "lost", 40)
	if got := buyVirtually(t, app, buyer, signed, nil); got.Text("errMsg") != "requestVirtualPayment:ok" {
		t.Fatalf("phone: got %s, want ok: WeChat knows of no close", got.Body)
	}
	app.Clock.Advance(2 * time.Hour)
	for range 3 {
		for _, sweep := range []func() error{
			func() error { return app.WX.Sweep(t.Context()) }, func() error { return app.WX.Drain(t.Context()) }, func() error { return app.WX.SweepRefunds(t.Context()) },
		} {
			if err := sweep(); err != nil {
				t.Fatal(err)
			}
		}
		app.Clock.Advance(3 * time.Minute)
	}
	wantStates(t, app, order.Text("id"), "CANCELLED", "PAID_LATE")
	app.WaitFor(t, "refunds", dbx.HashExp{"order": order.Text("id")}, func(r *core.Record) bool {
		_ = app.WX.SweepRefunds(t.Context())
		return r.GetString("state") == "SUCCESS" && r.GetInt("amount") == 1990
	})
}

// TestVirtualSandbox: play money pays nothing where the mini program sells live, whoever has signed.
func TestVirtualSandbox(t *testing.T) {
	t.Parallel()
	env := "sandbox"
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string {
			if name == "WXBASE_XPAY_ENV" {
				return env
			}
			return ""
		}
	})
	buyer := app.Login("小明")
	order, signed := virtualOrder(t, app, buyer)
	if !strings.Contains(signed.Text("signData"), `"env":1`) {
		t.Errorf("signData: got %s, want the sandbox", signed.Text("signData"))
	}
	second := buyer.Order(membership, 1)
	signedSecond := buyer.Must(http.MethodPost, virtualPath(second), nil)
	buyVirtually(t, app, buyer, signed, nil)
	app.WaitFor(t, "orders", dbx.HashExp{"id": order.Text("id")}, isPayState("PAID"))

	env = "live"
	app.WX.UseXpayEnv(env)
	if got := buyVirtually(t, app, buyer, signedSecond, nil); got.Text("errMsg") != "requestVirtualPayment:ok" {
		t.Fatalf("phone: got %s, want ok", got.Body)
	}
	app.WaitFor(t, "wx_inbox", dbx.HashExp{"ref": "xpay_goods_deliver_notify"}, func(r *core.Record) bool {
		return strings.Contains(r.GetString("body"), numberOf(t, app, second.Text("id"))) && r.GetString("state") == "APPLIED"
	})
	buyer.Must(http.MethodPost, "/api/wx/orders/"+second.Text("id")+"/sync", nil)
	if got := app.WaitFor(t, "orders", dbx.HashExp{"id": second.Text("id")}, func(*core.Record) bool { return true }).GetString("payState"); got != "UNPAID" {
		t.Errorf("an order paid with play money: got %s, want UNPAID", got)
	}
}

// TestVirtualRefunds: ours with what is left, by hand by the sum, and never Apple's.
func TestVirtualRefunds(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order, signed := virtualOrder(t, app, buyer)
	buyVirtually(t, app, buyer, signed, nil)
	id := order.Text("id")
	app.WaitFor(t, "orders", dbx.HashExp{"id": id}, isPayState("PAID"))
	number := numberOf(t, app, id)
	app.Must(http.MethodPost, "/api/wx/orders/"+id+"/refunds", app.Superuser(), map[string]any{"amount": 500})
	app.Clock.Advance(5 * time.Second)
	app.WaitFor(t, "orders", dbx.HashExp{"id": id}, func(r *core.Record) bool { return r.GetInt("refunded") == 500 })

	app.Fault("push", "lost", 40)
	app.Must(http.MethodPost, "/_sim/virtual/orders/"+number+"/refund", "", map[string]any{"amount": 300})
	app.Clock.Advance(5 * time.Second)
	app.WaitFor(t, "orders", dbx.HashExp{"id": id}, func(r *core.Record) bool {
		app.Must(http.MethodPost, "/api/wx/orders/"+id+"/sync", app.Superuser(), nil)
		return r.GetInt("refunded") == 800
	})
	app.Must(http.MethodPost, "/api/wx/orders/"+id+"/sync", app.Superuser(), nil)
	app.Clock.Advance(2 * time.Minute)
	app.Must(http.MethodPost, "/api/wx/orders/"+id+"/refunds", app.Superuser(), map[string]any{"all": true})
	app.Clock.Advance(2 * time.Minute)
	app.WaitFor(t, "orders", dbx.HashExp{"id": id}, func(r *core.Record) bool {
		_ = app.WX.SweepRefunds(t.Context())
		app.Clock.Advance(time.Minute)
		return r.GetString("payState") == "REFUNDED" && r.GetInt("refunded") == 1990
	})
	if got := theirOrder(t, app, number); got["refunded"] != float64(1990) {
		t.Errorf("at WeChat: got %v, want 1990 refunded", got)
	}
}

// TestVirtualApple: what was paid through Apple has no transaction of WeChat's, is not ours to give back, and Apple's question is answered at once, from a
// rule, in every form of the push.
func TestVirtualApple(t *testing.T) {
	t.Parallel()
	for name, push := range map[string]map[string]any{
		"sealed JSON": {"pushMode": "safe", "pushFormat": "json"}, "sealed XML": {"pushMode": "safe", "pushFormat": "xml"},
		"plain JSON": {"pushMode": "plain", "pushFormat": "json"}, "both": {"pushMode": "compatible", "pushFormat": "json"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := apptest.New(t)
			app.Must(http.MethodPost, "/_sim/apps/"+app.AppID()+"/push", "", push)
			buyer := app.Login("小明")
			order, signed := virtualOrder(t, app, buyer)
			if got := buyVirtually(t, app, buyer, signed, map[string]any{"device": "ios"}); got.Text("errMsg") != "requestVirtualPayment:ok" {
				t.Fatalf("phone: got %s", got.Body)
			}
			id := order.Text("id")
			app.WaitFor(t, "orders", dbx.HashExp{"id": id}, isPayState("PAID"))
			if got := app.Call(http.MethodPost, "/api/wx/orders/"+id+"/refunds", app.Superuser(), map[string]any{"all": true}); got.Code() != "refund_apple" {
				t.Errorf("refund: got %d %q, want refund_apple", got.Status, got.Code())
			}
			number := numberOf(t, app, id)
			asked := app.Must(http.MethodPost, "/_sim/virtual/orders/"+number+"/inquiry", "", nil).Text("id")
			said := inquiryAnswer(t, app, asked)
			if !strings.Contains(said, `"result_code":0`) || !strings.Contains(said, number) {
				t.Errorf("answer to Apple: got %s, want result_code 0 and the order in the evidence", said)
			}
			app.Must(http.MethodPost, "/_sim/virtual/orders/"+number+"/refund", "", nil)
			app.Clock.Advance(5 * time.Second)
			app.WaitFor(t, "orders", dbx.HashExp{"id": id}, isPayState("REFUNDED"))
		})
	}
}

// inquiryAnswer waits until the simulator has delivered a message and gives what it was answered.
func inquiryAnswer(tb testing.TB, app *apptest.App, id string) string {
	tb.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var all []struct {
			ID       string `json:"id"`
			State    string `json:"state"`
			Attempts []struct {
				Answer string `json:"answer"`
				Error  string `json:"error"`
			} `json:"attempts"`
		}
		if err := json.Unmarshal(app.Must(http.MethodGet, "/_sim/notifications", "", nil).Body, &all); err != nil {
			tb.Fatal(err)
		}
		for _, n := range all {
			if n.ID == id && n.State == "DELIVERED" {
				return n.Attempts[0].Answer
			}
			if n.ID == id && len(n.Attempts) > 0 {
				tb.Fatalf("the inquiry was not answered well: %+v", n)
			}
		}
	}
	tb.Fatal("the inquiry was not delivered")
	return ""
}

// TestVirtualLateApple: Apple's money cannot go back, so an order whose goods nobody else has is paid after all.
func TestVirtualLateApple(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order, signed := virtualOrder(t, app, buyer)
	buyer.Must(http.MethodPost, "/api/wx/orders/"+order.Text("id")+"/cancel", nil)
	wantStates(t, app, order.Text("id"), "CANCELLED", "CLOSED")
	buyVirtually(t, app, buyer, signed, map[string]any{"device": "ios"})
	app.WaitFor(t, "orders", dbx.HashExp{"id": order.Text("id")}, isPayState("PAID"))
}

// TestVirtualOtherTerms: what was paid differs from what was asked, so a person decides.
func TestVirtualOtherTerms(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order, signed := virtualOrder(t, app, buyer)
	app.Fault("virtual_device", "other_amount", 1)
	buyVirtually(t, app, buyer, signed, nil)
	app.WaitFor(t, "payments", dbx.HashExp{"order": order.Text("id")}, func(r *core.Record) bool { return r.GetString("state") == "DISPUTED" })
	wantStates(t, app, order.Text("id"), "UNPAID", "DISPUTED")
}

// TestVirtualStaleSession: when the phone has another session_key by now, the client is told to log in before it meets -15005.
func TestVirtualStaleSession(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	buyer := app.Login("小明")
	order, _ := virtualOrder(t, app, buyer)
	app.Clock.Advance(15 * time.Minute)
	buyer.LoginCode() // the key is another one now, and this server has not seen it
	if got := buyer.Call(http.MethodPost, virtualPath(order), nil); got.Code() != "wx_session_stale" {
		t.Errorf("got %d %q, want wx_session_stale", got.Status, got.Code())
	}
	app.Must(http.MethodPost, "/api/wx/login", "", map[string]string{"code": buyer.LoginCode()})
	signed := buyer.Must(http.MethodPost, virtualPath(order), nil)
	if got := buyVirtually(t, app, buyer, signed, nil); got.Text("errMsg") != "requestVirtualPayment:ok" {
		t.Errorf("after a login: got %s, want ok", got.Body)
	}
}

// TestVirtualPushProvesNothing: a push in the clear that nobody but us could tell from WeChat's moves nothing that WeChat does not confirm.
func TestVirtualPushProvesNothing(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	app.Must(http.MethodPost, "/_sim/apps/"+app.AppID()+"/push", "", map[string]any{"pushMode": "plain"})
	buyer := app.Login("小明")
	order, _ := virtualOrder(t, app, buyer)
	number := numberOf(t, app, order.Text("id"))
	app.Must(http.MethodPost, "/_sim/push", "", map[string]any{
		"msgType": "event", "event": "xpay_goods_deliver_notify", "fields": map[string]any{"OutTradeNo": number, "Env": 0, "OpenId": "x"},
	})
	app.WaitFor(t, "wx_inbox", dbx.HashExp{"ref": "xpay_goods_deliver_notify"}, func(r *core.Record) bool { return r.GetString("state") == "APPLIED" })
	wantStates(t, app, order.Text("id"), "UNPAID", "PREPAID")
}

// TestVirtualDesk: the shop sees its items, gets WeChat's bill of a day, and hears of complaints and of risk control.
func TestVirtualDesk(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, func(c *hooks.Config) {
		c.Env = func(name string) string { return map[string]string{"WXBASE_XPAY_APPLE_REFUNDS": "refuse"}[name] }
	})
	buyer := app.Login("小明")
	order, signed := virtualOrder(t, app, buyer)
	items := app.Must(http.MethodGet, "/api/wx/admin/items?product="+app.Product(membership), app.Superuser(), nil)
	if !strings.Contains(string(items.Body), `"state":"PUBLISHED"`) || !strings.Contains(string(items.Body), `"price":1990`) {
		t.Errorf("items: got %s, want the membership, published at 1990 fen", items.Body)
	}
	buyVirtually(t, app, buyer, signed, map[string]any{"device": "ios"})
	app.WaitFor(t, "orders", dbx.HashExp{"id": order.Text("id")}, isPayState("PAID"))
	number := numberOf(t, app, order.Text("id"))
	asked := app.Must(http.MethodPost, "/_sim/virtual/orders/"+number+"/inquiry", "", nil).Text("id")
	if said := inquiryAnswer(t, app, asked); !strings.Contains(said, `"result_code":1`) {
		t.Errorf("answer to Apple by the rule refuse: got %s, want result_code 1", said)
	}
	day := app.Clock.Now().In(time.FixedZone("CST", 8*3600)).Format(time.DateOnly)
	if got := app.Call(http.MethodGet, "/api/wx/admin/virtual/bill?date="+day, app.Superuser(), nil); got.Status == http.StatusOK {
		t.Errorf("bill of today: got %s, want a refusal", got.Body)
	}
	app.Clock.Advance(24 * time.Hour)
	if got := app.Must(http.MethodGet, "/api/wx/admin/virtual/bill?date="+day, app.Superuser(), nil); !strings.Contains(got.Text("url"), "/xpay/bill?token=") {
		t.Errorf("bill: got %s, want an address", got.Body)
	}
	for event, fields := range map[string]map[string]any{
		"xpay_complaint_notify":      {"ComplaintId": "c1", "MchOrderId": number, "ComplaintDetail": "没收到", "RetryTimes": 0},
		"xpay_wxpay_callback_notify": {"BusinessCode": "b1", "EventType": "punishment", "RetryTimes": 0},
		"xpay_of_tomorrow":           {"Anything": "1"},
	} {
		app.Must(http.MethodPost, "/_sim/push", "", map[string]any{"msgType": "event", "event": event, "fields": fields})
		app.WaitFor(t, "wx_inbox", dbx.HashExp{"ref": event}, func(r *core.Record) bool { return r.GetString("state") == "APPLIED" })
	}
	for _, subject := range []string{"complaint c1 of " + app.AppID(), "risk control b1 of " + app.AppID()} {
		if n := count(t, app, "wx_alerts", dbx.HashExp{"subject": subject}); n != 1 {
			t.Errorf("alerts about %s: got %d, want 1", subject, n)
		}
	}
}

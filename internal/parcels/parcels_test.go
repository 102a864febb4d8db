package parcels_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/parcels"
)

const (
	uploadPath = "/wxa/sec/order/upload_shipping_info"
	orderPath  = "/wxa/sec/order/get_order"
)

// kit is the room with one paid order.
type kit struct {
	*roomtest.Kit

	parcels *parcels.Parcels
	owner   *core.Record
	order   string
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{Kit: roomtest.New(t)}
	k.parcels = &parcels.Parcels{App: k.TestApp, Now: k.Clock.Now, Accounts: k.Accounts, Books: k.Books, Locks: k.Locks}
	k.parcels.HandleShipments()
	k.owner = k.Superuser()
	k.order = k.paid("1")
	k.WeChat.Always(uploadPath, map[string]any{"errcode": 0, "errmsg": "ok"})
	return k
}

// paid makes a paid order with its payment.
func (k *kit) paid(number string) (id string) {
	o := k.Save("orders", map[string]any{
		"user": k.Person("Anna" + number).Id, "appid": roomtest.AppID, "number": "N" + number, "total": 100, "description": "三鲜面", "payState": string(order.PayPaid),
		"shipState": order.ShipNone, "paidAt": k.Clock.Now(), "items": []map[string]any{{"product": "p", "name": "三鲜面", "price": 100, "quantity": 1}},
	})
	k.Save("payments", map[string]any{
		"order": o.Id, "merchant": "1900000001", "appid": roomtest.AppID, "openid": "oAnna" + number, "outTradeNo": "N0000000" + number, "paramsHash": "h", "amount": 100, "currency": "CNY",
		"state": string(order.PaymentPaid), "transactionId": "420000000020261129000000000" + number, "api": "v3", "successAt": k.Clock.Now(),
	})
	return o.Id
}

// parcel is a good body with one parcel.
func parcel(tracking string) map[string]any {
	return map[string]any{"logisticsType": 1, "deliveryMode": 1, "shippingList": []map[string]any{
		{"trackingNo": tracking, "expressCompany": "STO", "itemDesc": "三鲜面"},
	}}
}

func (k *kit) ship(body map[string]any) roomtest.Answer {
	return k.Call(k.parcels.CreateShipment, roomtest.Request{As: k.owner, Body: body, Path: map[string]string{"id": k.order}})
}

func (k *kit) shipState() string { return k.Row("orders", k.order).GetString("shipState") }

// theirs is what WeChat has of the order.
func theirs(tracking string, finished bool, state int) map[string]any {
	shipping := map[string]any{}
	if tracking != "" {
		shipping = map[string]any{
			"delivery_mode": 1, "logistics_type": 1, "finish_shipping": finished, "finish_shipping_count": 1, "goods_desc": "三鲜面",
			"shipping_list": []map[string]any{{"tracking_no": tracking, "express_company": "STO", "upload_time": 1}},
		}
	}
	return map[string]any{"errcode": 0, "order": map[string]any{
		"transaction_id": "4200000000202611290000000001", "merchant_id": "1900000001", "merchant_trade_no": "N00000001", "order_state": state, "shipping": shipping,
	}}
}

// TestShipmentsThatCannotWork: they are refused before anything is kept.
func TestShipmentsThatCannotWork(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		order   map[string]any // changes of the order
		body    map[string]any
		problem answer.Problem
	}{
		{"unpaid", map[string]any{"payState": string(order.PayUnpaid)}, parcel("T1"), answer.OrderNotPaid},
		{"refunded", map[string]any{"payState": string(order.PayRefunded)}, parcel("T1"), answer.OrderRefunded},
		{"disputed", map[string]any{"frozenAt": time.Now()}, parcel("T1"), answer.OrderDisputed},
		{"without parcels", nil, map[string]any{"logisticsType": 1, "deliveryMode": 1}, answer.ShipmentArgs},
		{"without a number", nil, parcel(""), answer.ShipmentArgs},
		{"a kind that is none", nil, map[string]any{"logisticsType": 9, "deliveryMode": 1, "shippingList": parcel("T1")["shippingList"]}, answer.ShipmentArgs},
	}
	for _, s := range scenarios {
		k := newKit(t)
		o := k.Row("orders", k.order)
		o.Load(s.order)
		if err := books.Save(k.TestApp, o); err != nil {
			t.Fatal(err)
		}
		k.Want(s.name, k.ship(s.body), s.problem.Status, s.problem.Code)
		if n := k.Count("wx_outbox"); n != 0 || k.shipState() != order.ShipNone {
			t.Errorf("%s: got %d rows and %q, want nothing kept", s.name, n, k.shipState())
		}
	}
}

// TestShipmentAtOnce: the same submission many times is one call of WeChat.
func TestShipmentAtOnce(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	roomtest.AtOnce(5, func(int) {
		if a := k.ship(parcel("T1")); a.Status != 200 || a.Text("state") != order.ShipShipped {
			t.Errorf("got %d %v (%v), want it shipped", a.Status, a.JSON, a.Err)
		}
	})
	if n := len(k.WeChat.Calls(uploadPath)); n != 1 || k.Count("wx_outbox") != 1 {
		t.Errorf("got %d calls and %d rows, want 1 and 1", n, k.Count("wx_outbox"))
	}
	k.Want("the one correction", k.ship(parcel("T2")), 200, "")
	calls := k.WeChat.Calls(uploadPath)
	if len(calls) != 2 || fmt.Sprint(calls[1].Field("upload_time")) <= fmt.Sprint(calls[0].Field("upload_time")) {
		t.Errorf("got %d calls, want a second one with a later time", len(calls))
	}
	k.WeChat.Always(uploadPath, roomtest.Errcode(10060003))
	k.Want("a second correction", k.ship(parcel("T3")), answer.ShipmentUsed.Status, answer.ShipmentUsed.Code)
}

// TestWeChatDoesNotKnowTheOrderYet: the outbox goes on, the same body tries at once, another one has to wait.
func TestWeChatDoesNotKnowTheOrderYet(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.WeChat.Always(uploadPath, roomtest.Errcode(10060001))
	a := k.ship(parcel("T1"))
	if a.Status != 202 || a.JSON["pending"] != true || a.Text("nextAt") == "" || k.shipState() != order.ShipNone {
		t.Errorf("got %d %v (%v), want it pending", a.Status, a.JSON, a.Err)
	}
	k.Want("another body", k.ship(parcel("T2")), answer.ShipmentPending.Status, answer.ShipmentPending.Code)
	k.WorkOutbox()
	if n := len(k.WeChat.Calls(uploadPath)); n != 1 {
		t.Errorf("got %d calls, want the worker to wait for its time", n)
	}
	k.WeChat.Always(uploadPath, map[string]any{"errcode": 0})
	k.Clock.Advance(time.Minute)
	k.WorkOutbox()
	if n := len(k.WeChat.Calls(uploadPath)); n != 2 || k.shipState() != order.ShipShipped {
		t.Errorf("got %d calls and %q, want the worker to have shipped it", n, k.shipState())
	}
}

// TestLostAnswer: WeChat is asked what it has before anything is sent a second time, which would be the one correction.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for name, arrived := range map[string]bool{"it had arrived": true, "it had not": false} {
		k := newKit(t)
		k.WeChat.Always(uploadPath, []byte(`{"errcode":`))
		if a := k.ship(parcel("T1")); a.Status != 202 {
			t.Fatalf("%s: got %d %v (%v), want it pending", name, a.Status, a.JSON, a.Err)
		}
		k.WeChat.Always(uploadPath, map[string]any{"errcode": 0})
		k.WeChat.Always(orderPath, roomtest.Errcode(10060001))
		want := 2
		if arrived {
			k.WeChat.Always(orderPath, theirs("T1", true, 2))
			want = 1
		}
		k.Clock.Advance(time.Hour)
		k.WorkOutbox()
		if n := len(k.WeChat.Calls(uploadPath)); n != want || k.shipState() != order.ShipShipped {
			t.Errorf("%s: got %d calls and %q, want %d and shipped", name, n, k.shipState(), want)
		}
	}
}

// TestShippedElsewhere: an order that somebody shipped on WeChat's own platform.
func TestShippedElsewhere(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name    string
		errcode int
		theirs  map[string]any
		status  int
	}{
		{"the same", 10060023, theirs("T1", true, 2), 200},
		{"shipped as a whole, otherwise", 10060002, theirs("T9", true, 2), 200},
		{"in part, otherwise", 10060002, theirs("T9", false, 1), 409},
	}
	for _, s := range scenarios {
		k := newKit(t)
		k.WeChat.Always(uploadPath, roomtest.Errcode(s.errcode))
		k.WeChat.Always(orderPath, s.theirs)
		a := k.ship(parcel("T1"))
		if a.Status != s.status || (s.status == 200) != (a.JSON["unchanged"] == true) {
			t.Errorf("%s: got %d %v (%v), want %d", s.name, a.Status, a.JSON, a.Err, s.status)
		}
	}
}

// TestNobodyIsToldTooEarly: a person is told of an order that stays unshipped after ten tries, and at once of a refusal that stays.
func TestNobodyIsToldTooEarly(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	alerts := func() int {
		t.Helper()
		n, err := k.CountRecords("wx_alerts", dbx.HashExp{"kind": string(books.AlertShipping), "closedAt": ""})
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	k.WeChat.Always(uploadPath, roomtest.Errcode(10060001))
	k.ship(parcel("T1"))
	for try := 2; try <= 11; try++ {
		k.Clock.Advance(2 * time.Hour)
		k.WorkOutbox()
		if got, want := alerts(), map[bool]int{true: 1}[try >= 10]; got != want {
			t.Errorf("after %d tries: got %d alerts, want %d", try, got, want)
		}
	}
	k.WeChat.Always(uploadPath, map[string]any{"errcode": 0})
	k.Clock.Advance(2 * time.Hour)
	k.WorkOutbox()
	if got := alerts(); got != 0 || k.shipState() != order.ShipShipped {
		t.Errorf("after it worked: got %d alerts and %q, want none and shipped", got, k.shipState())
	}
}

// TestShowShipment: what WeChat has; the order follows forward and never back.
func TestShowShipment(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	show := func(as *core.Record) roomtest.Answer {
		return k.Call(k.parcels.ShowShipment, roomtest.Request{As: as, Method: "GET", Path: map[string]string{"id": k.order}})
	}
	for _, s := range []struct {
		theirs map[string]any
		want   string
	}{
		{theirs("", false, 1), order.ShipNone},
		{theirs("T1", true, 2), order.ShipShipped},
		{theirs("T1", true, 3), order.ShipReceived},
		{theirs("T1", true, 2), order.ShipReceived},
		{theirs("T1", true, 6), order.ShipReceived},
	} {
		k.WeChat.Always(orderPath, s.theirs)
		if a := show(k.owner); a.Text("state") != s.want {
			t.Errorf("state %v: got %v (%v), want %q", s.theirs["order"], a.JSON, a.Err, s.want)
		}
	}
	k.Want("somebody else's order", show(k.Person("Bob")), answer.OrderMissing.Status, answer.OrderMissing.Code)
}

// TestListUnshipped: the oldest first, with its deadline and the latest error.
func TestListUnshipped(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.Clock.Advance(time.Hour)
	second := k.paid("2")
	k.WeChat.Always(uploadPath, roomtest.Errcode(10060001))
	k.ship(parcel("T1"))
	k.Clock.Advance(order.ShipWithin - 30*time.Minute)
	list := func(query string) roomtest.Answer {
		return k.Call(k.parcels.ListUnshipped, roomtest.Request{As: k.owner, Method: "GET", Target: "/?" + query})
	}
	a := list("")
	items, _ := a.JSON["items"].([]any)
	if len(items) != 2 || a.JSON["totalItems"] != 2.0 {
		t.Fatalf("got %v (%v), want both orders", a.JSON, a.Err)
	}
	first, _ := items[0].(map[string]any)
	last, _ := items[1].(map[string]any)
	if first["id"] != k.order || first["overdue"] != true || first["pending"] != true || first["error"] == "" {
		t.Errorf("got %v, want the older one overdue, pending, with its error", first)
	}
	if last["id"] != second || last["overdue"] != false || last["pending"] != false {
		t.Errorf("got %v, want the younger one in time", last)
	}
	if a := list("perPage=1&page=2"); len(a.JSON["items"].([]any)) != 1 {
		t.Errorf("got %v, want the second page", a.JSON)
	}
	for _, bad := range []string{"perPage=0", "perPage=201", "page=0", "page=x"} {
		if a := list(bad); a.Status != 400 {
			t.Errorf("%s: got %d, want 400", bad, a.Status)
		}
	}
}

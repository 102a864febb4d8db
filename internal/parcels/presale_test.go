package parcels_test

import (
	"strings"
	"testing"
	"time"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/parcels"
	"wxbase/internal/wechat"

	"github.com/pocketbase/dbx"
)

const (
	specialPath = "/wxa/sec/order/opspecialorder"
	day         = 24 * time.Hour
)

func (k *kit) promise(body map[string]any) roomtest.Answer {
	return k.Call(k.parcels.PromiseShipping, roomtest.Request{As: k.owner, Body: body, Path: map[string]string{"id": k.order}})
}

// TestPromiseShipping: a promise up to 15 days is ours alone; past them WeChat is told first, and what it refuses is not kept.
func TestPromiseShipping(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	in := func(wait time.Duration) map[string]any { return map[string]any{"shipBy": k.Clock.Now().Add(wait)} }
	a := k.promise(in(10 * day))
	if a.Status != 200 || a.JSON["rule"] != "15d" || a.JSON["reported"] != false || len(k.WeChat.Calls(specialPath)) != 0 {
		t.Errorf("10 days: got %d %v (%v), want WeChat left alone", a.Status, a.JSON, a.Err)
	}
	k.WeChat.Always(specialPath, roomtest.Errcode(268546001))
	k.Want("refused by WeChat", k.promise(in(20*day)), 400, "wx_arguments_invalid")
	if got := k.Row("orders", k.order).GetDateTime("shipBy").Time(); !got.Equal(k.Clock.Now().Add(10 * day).UTC().Truncate(time.Millisecond)) {
		t.Errorf("got %s, want the promise of before", got)
	}
	k.WeChat.Always(specialPath, map[string]any{"errcode": 0})
	a = k.promise(in(20 * day))
	calls := k.WeChat.Calls(specialPath)
	if a.Status != 200 || a.JSON["rule"] != "330d" || a.JSON["reported"] != true || len(calls) != 2 || calls[1].Field("order_id") != "4200000000202611290000000001" {
		t.Errorf("20 days: got %d %v (%v), %v, want WeChat told by the transaction", a.Status, a.JSON, a.Err, calls)
	}
	for name, body := range map[string]map[string]any{
		"in the past": in(-time.Hour), "within 48 hours": in(47 * time.Hour), "after 331 days": in(331 * day), "no date": {},
	} {
		k.Want(name, k.promise(body), 400, answer.ShipmentArgs.Code)
	}
	k.ship(parcel("T1"))
	k.Want("shipped", k.promise(in(20*day)), 400, answer.ShipmentArgs.Code)
	o := k.Row("orders", k.order)
	o.Set("payState", string(order.PayUnpaid))
	if err := books.Save(k.TestApp, o); err != nil {
		t.Fatal(err)
	}
	k.Want("unpaid", k.promise(in(20*day)), answer.OrderNotPaid.Status, answer.OrderNotPaid.Code)
}

// TestListPromised: a pre-sale is due by its date, stands in the list of due shipments from two days before it on, and always in its own list.
func TestListPromised(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.WeChat.Always(specialPath, map[string]any{"errcode": 0})
	k.promise(map[string]any{"shipBy": k.Clock.Now().Add(20 * day)})
	k.Clock.Advance(time.Minute)
	usual := k.paid("2")
	list := func(query string) (ids string, first map[string]any) {
		a := k.Call(k.parcels.ListUnshipped, roomtest.Request{As: k.owner, Method: "GET", Target: "/?" + query})
		items, _ := a.JSON["items"].([]any)
		if float64(len(items)) != a.JSON["totalItems"] {
			t.Errorf("got %v, want as many as are told", a.JSON)
		}
		for i, item := range items {
			row, _ := item.(map[string]any)
			if i == 0 {
				first = row
			}
			id, _ := row["id"].(string)
			ids += id + " "
		}
		return ids, first
	}
	k.Clock.Advance(3 * day)
	if ids, first := list(""); ids != usual+" " || first["overdue"] != true || first["rule"] != "48h" {
		t.Errorf("due: got %s %v, want the usual order, late", ids, first)
	}
	if ids, first := list("promised=true"); ids != k.order+" " || first["overdue"] != false || first["rule"] != "330d" {
		t.Errorf("promised: got %s %v, want the pre-sale, in time", ids, first)
	}
	k.Clock.Advance(16 * day)
	if ids, first := list(""); ids != k.order+" "+usual+" " || first["overdue"] != false {
		t.Errorf("a day before: got %s %v, want both", ids, first)
	}
	k.Clock.Advance(2 * day)
	if _, first := list(""); first["id"] != k.order || first["overdue"] != true {
		t.Errorf("a day after: got %v, want the pre-sale, late", first)
	}
}

// TestFollowTrade: a push is a reason to ask. WeChat's word moves the order; a reminder of an order that is not shipped is an alert until it is.
func TestFollowTrade(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.parcels.HandleFollow()
	push := func(name, key string) {
		t.Helper()
		event := &events.PushEvent{Name: name, Trade: &events.TradeNotice{Order: k.Row("orders", k.order), ReceivedAt: k.Clock.Now()}}
		if err := k.parcels.FollowTrade(event, key); err != nil {
			t.Fatal(err)
		}
		k.WorkOutbox()
	}
	alerts := func() int64 {
		t.Helper()
		n, err := k.CountRecords("wx_alerts", dbx.HashExp{"kind": string(books.AlertShipping), "subject": k.order, "closedAt": ""})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	k.WeChat.Always(orderPath, theirs("", false, 1))
	push(wechat.EventOrderSettlement, "1")
	if k.shipState() != order.ShipNone || alerts() != 0 {
		t.Errorf("a push that is not so: got %q and %d alerts, want nothing moved", k.shipState(), alerts())
	}
	push(wechat.EventRemindShipping, "2")
	push(wechat.EventRemindShipping, "2")
	if alerts() != 1 || len(k.WeChat.Calls(orderPath)) != 2 {
		t.Errorf("reminded twice by one push: got %d alerts and %d calls, want 1 and 2", alerts(), len(k.WeChat.Calls(orderPath)))
	}
	k.WeChat.Always(orderPath, theirs("T1", true, 3))
	push(wechat.EventOrderSettlement, "3")
	if k.shipState() != order.ShipReceived || alerts() != 0 {
		t.Errorf("received: got %q and %d alerts, want it received and the alert closed", k.shipState(), alerts())
	}
	if err := k.parcels.FollowTrade(&events.PushEvent{Trade: &events.TradeNotice{}}, "4"); err != nil {
		t.Errorf("an order that is not ours: got %v, want nothing done", err)
	}
}

// TestPages: both paths go to WeChat; what WeChat does not tell is kept here.
func TestPages(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	const mine = "pages/order/order?id=" + wechat.OrderPathMark
	k.WeChat.Always("/wxa/sec/order/get_order_detail_path", map[string]any{"errcode": 0, "path": mine})
	k.WeChat.Always("/wxa/sec/order/update_order_detail_path", map[string]any{"errcode": 0})
	k.WeChat.Always("/wxa/sec/order/set_msg_jump_path", map[string]any{"errcode": 0})
	change := func(body map[string]any) roomtest.Answer {
		return k.Call(k.parcels.ChangePages, roomtest.Request{As: k.owner, Body: body})
	}
	a := k.Call(k.parcels.ShowPages, roomtest.Request{As: k.owner, Method: "GET"})
	if a.Status != 200 || a.Text("orderPath") != mine || a.JSON["messagePath"] != nil {
		t.Errorf("before: got %d %v (%v), want no message path", a.Status, a.JSON, a.Err)
	}
	a = change(map[string]any{"orderPath": mine, "messagePath": "pages/order/order"})
	calls := k.WeChat.Calls("/wxa/sec/order/update_order_detail_path")
	if a.Status != 200 || a.Text("messagePath") != "pages/order/order" || len(calls) != 1 || calls[0].Field("path") != mine {
		t.Errorf("set: got %d %v (%v), %v", a.Status, a.JSON, a.Err, calls)
	}
	if a = change(map[string]any{"messagePath": ""}); a.JSON["messagePath"] != "" || len(k.WeChat.Calls("/wxa/sec/order/update_order_detail_path")) != 1 {
		t.Errorf("WeChat's own page: got %v (%v), want the order's page left alone", a.JSON, a.Err)
	}
	for name, body := range map[string]map[string]any{
		"order without the mark": {"orderPath": "pages/order/order"}, "no order page": {"orderPath": ""}, "message with the mark": {"messagePath": mine},
		"a slash before it": {"messagePath": "/pages/a"}, "a blank": {"messagePath": "pages/a b"}, "an address": {"messagePath": "https://example.com/a"},
		"too long": {"messagePath": "pages/" + strings.Repeat("a", 1020)},
	} {
		k.Want(name, change(body), 400, answer.FieldInvalid.Code)
	}
	pages, err := parcels.MessagePages(k.TestApp)
	if page, known := pages[roomtest.AppID]; err != nil || !known || page.Path != "" || page.At.IsZero() {
		t.Errorf("kept: got %v, %v, want WeChat's own page", pages, err)
	}
}

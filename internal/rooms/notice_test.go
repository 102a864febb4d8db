package rooms_test

import (
	"fmt"
	"testing"

	"wxbase/internal/answer"
	"wxbase/internal/apptest/roomtest"
	"wxbase/internal/order"
	"wxbase/internal/rooms"
)

// TestNoticeOfAnOrder: everybody hears that somebody bought something; not who, and only where the owner says so for how much.
func TestNoticeOfAnOrder(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ notice, text, want string }{
		{rooms.NoticeOn, "", `[order.paid {"items":"三鲜面 x2","name":"王*明"}]`},
		{rooms.NoticeTotal, "", `[order.paid {"items":"三鲜面 x2","name":"王*明","total":1234}]`},
		{rooms.NoticeOn, "{name}:{items}:{total}", `[order.paid {"items":"三鲜面 x2","name":"王*明","text":"王*明:三鲜面 x2:12.34"}]`},
		{rooms.NoticeOff, "{name}", `[]`},
	}
	for _, s := range scenarios {
		k := newKit(t)
		k.rooms.Notice, k.env["WXBASE_ORDER_NOTICE_TEXT"] = s.notice, s.text
		m := k.sit(t, "notice")
		o := k.Save("orders", map[string]any{
			"user": k.User("王小明").Id, "appid": roomtest.AppID, "number": "N1", "total": 1234, "description": "x", "payState": string(order.PayPaid), "shipState": order.ShipNone,
			"items": []map[string]any{{"product": "p", "name": "三鲜面", "price": 617, "quantity": 2}},
		})
		row := k.Save("wx_outbox", map[string]any{"effect": "order.notice", "key": "n", "payload": map[string]any{"order": o.Id}, "nextAt": k.Clock.Now()})
		if err := k.rooms.Announce(t.Context(), row); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(m.list()); got != s.want {
			t.Errorf("%s %q: got %s, want %s", s.notice, s.text, got, s.want)
		}
	}
}

// TestNoticeRoomBesideTheSimulator: everybody may speak there until the owner says who.
func TestNoticeRoomBesideTheSimulator(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.Want("beside the real WeChat", k.say(k.rooms, nil, "notice", map[string]any{"event": "x"}), answer.RoomPublish.Status, answer.RoomPublish.Code)
	k.rooms.Simulated = true
	k.Want("beside the simulator", k.say(k.rooms, nil, "notice", map[string]any{"event": "x"}), 200, "")
	row, err := k.FindFirstRecordByData("rooms", "name", "notice")
	if err != nil {
		t.Fatal(err)
	}
	row.Set("publishRule", `@request.auth.id != ""`)
	if err := k.TestApp.Save(row); err != nil {
		t.Fatal(err)
	}
	k.Want("where the owner has said who", k.say(k.rooms, nil, "notice", map[string]any{"event": "x"}), answer.RoomPublish.Status, answer.RoomPublish.Code)
}

package hooks

import (
	"fmt"

	"wxbase/internal/order"
	"wxbase/internal/realtime"
)

// noticeRoom is where a shop tells everybody what happens.
const noticeRoom = "notice"

// announce tells the room notice that somebody bought something. The name is masked: the room is open to everybody. The buyer
// learns of the order itself from the realtime topic orders/{id}, which PocketBase guards.
func (p *Plugin) announce(orderID string) error {
	o, err := p.app.FindRecordById("orders", orderID)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	user, err := p.app.FindRecordById("users", o.GetString("user"))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	items, err := itemsOf(o)
	if err != nil {
		return err
	}
	_, err = p.Publish(noticeRoom, "order.paid", map[string]any{
		"name": order.MaskName(user.GetString("name")), "items": bought(items), "total": o.GetInt("total"),
	})
	return err
}

// bought says what was bought in a few words: "三鲜面 x2", or "三鲜面等3件".
func bought(items []order.Item) string {
	if len(items) == 1 {
		return fmt.Sprintf("%s x%d", items[0].Name, items[0].Quantity)
	}
	return order.Description(items)
}

// Publish sends a message to everybody in a room and returns to how many connections. It waits for none of them.
func (p *Plugin) Publish(room, event string, payload any) (int, error) {
	return p.hub.Publish(room, realtime.Message{Event: event, Payload: payload, At: p.now().UTC()})
}

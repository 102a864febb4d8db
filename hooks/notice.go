package hooks

import (
	"fmt"
	"strings"

	"wxbase/internal/order"
)

// noticeRoom is where a shop tells everybody what happens.
const noticeRoom = "notice"

// announce tells the room notice that somebody bought something. The name is masked: the room is open to everybody. The buyer
// learns of the order itself from the realtime topic orders/{id}, which PocketBase guards.
//
// Config.OrderNotice off says nothing at all, and only total tells for how much. WXBASE_ORDER_NOTICE_TEXT adds a sentence, in which {name},
// {items} and {total} (in yuan) stand for what they say: a shop that writes {total} there has said that it may be told.
func (p *Plugin) announce(orderID string) error {
	if p.cfg.OrderNotice == noticeOff {
		return nil
	}
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
	name, what, total := order.MaskName(user.GetString("name")), bought(items), o.GetInt("total")
	payload := map[string]any{"name": name, "items": what}
	if p.cfg.OrderNotice == noticeTotal {
		payload["total"] = total
	}
	if text := p.cfg.Env("WXBASE_ORDER_NOTICE_TEXT"); text != "" {
		payload["text"] = strings.NewReplacer("{name}", name, "{items}", what, "{total}", yuan(int64(total))).Replace(text)
	}
	_, err = p.Publish(noticeRoom, "order.paid", payload)
	return err
}

// bought says what was bought in a few words: "三鲜面 x2", or "三鲜面等3件".
func bought(items []order.Item) string {
	if len(items) == 1 {
		return fmt.Sprintf("%s x%d", items[0].Title(), items[0].Quantity)
	}
	return order.Description(items)
}

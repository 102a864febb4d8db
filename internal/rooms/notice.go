package rooms

import (
	"context"
	"fmt"
	"strings"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
)

// What Config.OrderNotice may say.
const (
	NoticeOn    = "on"    // who bought what
	NoticeTotal = "total" // and for how much
	NoticeOff   = "off"
)

// noticeRoom is where a shop announces sales to everyone.
const noticeRoom = "notice"

// WantsNotice tells whether paid orders are announced at all.
func (r *Rooms) WantsNotice() bool { return r.Notice != NoticeOff }

// Announce tells the room notice about a purchase. The name is masked, because the room is open to everyone. The buyer
// learns of the order itself from the realtime topic orders/{id}, which PocketBase guards.
//
// Config.OrderNotice off disables the notice, and only total includes the amount. WXBASE_ORDER_NOTICE_TEXT adds a
// sentence with the placeholders {name}, {items} and {total} (in yuan): a shop that writes {total} there agrees to
// publish it.
func (r *Rooms) Announce(_ context.Context, row *core.Record) error {
	about, err := books.AboutOf(row)
	if err != nil {
		return err
	}
	if r.Notice == NoticeOff {
		return nil
	}
	o, err := r.App.FindRecordById("orders", about.Order)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	user, err := r.App.FindRecordById("users", o.GetString("user"))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	items, err := order.ParseItems(o.GetString("items"))
	if err != nil {
		return err
	}
	name, what, total := order.MaskName(user.GetString("name")), bought(items), o.GetInt("total")
	payload := map[string]any{"name": name, "items": what}
	if r.Notice == NoticeTotal {
		payload["total"] = total
	}
	if text := r.Env("WXBASE_ORDER_NOTICE_TEXT"); text != "" {
		payload["text"] = strings.NewReplacer("{name}", name, "{items}", what, "{total}", order.Yuan(int64(total))).Replace(text)
	}
	_, err = r.Publish(noticeRoom, "order.paid", payload)
	return err
}

// bought says what was bought in a few words: "三鲜面 x2", or "三鲜面等3件".
func bought(items []order.Item) string {
	if len(items) == 1 {
		return fmt.Sprintf("%s x%d", items[0].Title(), items[0].Quantity)
	}
	return order.Description(items)
}

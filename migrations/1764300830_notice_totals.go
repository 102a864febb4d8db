package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upNoticeTotals, func(core.App) error { return nil })
}

// upNoticeTotals takes what people have paid out of the past that the room notice tells everybody. The orders have it; the way down does
// not bring it back.
func upNoticeTotals(app core.App) error {
	return run(app, `UPDATE room_messages SET payload = json_remove(payload, '$.total') WHERE event = 'order.paid' AND json_valid(payload)
		AND json_type(payload, '$.total') IS NOT NULL AND room IN (SELECT id FROM rooms WHERE name = 'notice')`)
}

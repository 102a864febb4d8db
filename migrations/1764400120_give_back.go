package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upGiveBack, downGiveBack)
}

// upGiveBack lets the money of a disputed payment wait for a second person too: the request names the payment, and says why in as many
// words as a decision about a dispute has.
func upGiveBack(app core.App) error {
	err := changeFields(app, "wx_refund_requests", func(fields *core.FieldsList) {
		fields.Add(&core.TextField{Name: "payment", Max: 15, Help: "A disputed payment whose money goes back; empty for a refund."})
		setMax(fields, "reason", 200)
	})
	if err != nil {
		return err
	}
	return lock(app, true, "wx_refund_requests payment")
}

// downGiveBack drops the requests of disputed payments: without their payment they would be taken for refunds.
func downGiveBack(app core.App) error {
	if err := run(app, "DELETE FROM wx_refund_requests WHERE [[payment]] != ''", "UPDATE wx_refund_requests SET reason = substr(reason, 1, 80)"); err != nil {
		return err
	}
	if err := lock(app, false, "wx_refund_requests payment"); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return changeFields(app, "wx_refund_requests", func(fields *core.FieldsList) {
		fields.RemoveByName("payment")
		setMax(fields, "reason", 80)
	})
}

func setMax(fields *core.FieldsList, name string, most int) {
	if f, ok := fields.GetByName(name).(*core.TextField); ok {
		f.Max = most
	}
}

package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upDisputes, downDisputes)
}

func frozenField() *core.DateField {
	f := date("frozenAt")
	f.Help = "Set while a payment of the order waits for a person: no paying, cancelling, shipping or refunding."
	return f
}

// disputeFields: since when a payment waits for a person, what does not fit and what was decided, and the money that WeChat holds under
// the number when it is given back. That money may differ from what we asked for, and its transaction from the one that we booked.
func disputeFields() []core.Field {
	return []core.Field{date("disputedAt"), document("dispute", 64_000), text("heldTransaction", 32), fen("heldTotal")}
}

// upDisputes lets a disputed payment freeze its order. Orders whose payment is disputed already are frozen by it.
func upDisputes(app core.App) error {
	err := changeEach(app, map[string]func(*core.Collection){
		"orders":   func(c *core.Collection) { c.Fields.Add(frozenField()) },
		"payments": func(c *core.Collection) { c.Fields.Add(disputeFields()...) },
	})
	if err != nil {
		return err
	}
	for _, query := range []string{
		"UPDATE payments SET disputedAt = updated WHERE state = 'DISPUTED'",
		`UPDATE orders SET frozenAt = updated WHERE id IN (SELECT [[order]] FROM payments WHERE state = 'DISPUTED')`,
	} {
		if _, err := app.NonconcurrentDB().NewQuery(query).Execute(); err != nil {
			return fmt.Errorf("freeze disputed orders: %w", err)
		}
	}
	return nil
}

func downDisputes(app core.App) error {
	return changeEach(app, map[string]func(*core.Collection){
		"orders": func(c *core.Collection) { c.Fields.RemoveByName(frozenField().GetName()) },
		"payments": func(c *core.Collection) {
			for _, f := range disputeFields() {
				c.Fields.RemoveByName(f.GetName())
			}
		},
	})
}

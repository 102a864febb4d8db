package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upBillRounds, downBillRounds)
}

const billDueIndex = "idx_wx_bills_due"

// billFields: a day that has no bill yet has a row all the same, with what went wrong and when it is tried next.
func billFields() []core.Field {
	next := date("nextAt")
	next.Help = "Empty when the day is finished."
	return []core.Field{whole("attempts"), next, text("error", 600)}
}

// foreignField names what other programs sell under the same merchant number.
func foreignField() core.Field {
	f := text("foreign", 2_000)
	f.Help = "Payments of other programs, one rule a line: number:ERP-*, appid:wx…, attach:mall*. They are left out when bills are compared."
	return f
}

// upBillRounds lets bills be fetched in rounds until every day is finished.
func upBillRounds(app core.App) error {
	return changeEach(app, map[string]func(*core.Collection){
		"wx_bills": func(c *core.Collection) {
			c.Fields.Add(billFields()...)
			c.AddIndex(billDueIndex, false, "`merchant`, `nextAt`", "`nextAt` != ''")
		},
		"wx_merchants": func(c *core.Collection) { c.Fields.Add(foreignField()) },
	})
}

func downBillRounds(app core.App) error {
	return changeEach(app, map[string]func(*core.Collection){
		"wx_bills": func(c *core.Collection) {
			c.RemoveIndex(billDueIndex)
			for _, f := range billFields() {
				c.Fields.RemoveByName(f.GetName())
			}
		},
		"wx_merchants": func(c *core.Collection) { c.Fields.RemoveByName(foreignField().GetName()) },
	})
}

func changeEach(app core.App, changes map[string]func(*core.Collection)) error {
	return changeEachBy(app, changes, app.Save)
}

// changeEachBy is changeEach with another way to save.
func changeEachBy(app core.App, changes map[string]func(*core.Collection), save func(core.Model) error) error {
	for name, change := range changes {
		c, err := app.FindCollectionByNameOrId(name)
		if err != nil {
			return fmt.Errorf("find collection %s: %w", name, err)
		}
		change(c)
		if err := save(c); err != nil {
			return fmt.Errorf("save collection %s: %w", name, err)
		}
	}
	return nil
}

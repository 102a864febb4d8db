package migrations

import (
	"fmt"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// The inbox learns a state: a notification that is genuine and could not be written into the books.
func init() {
	core.AppMigrations.Register(
		func(app core.App) error {
			return changeInboxStates(app, func(values []string) []string { return append(values, "FAILED") })
		},
		func(app core.App) error {
			if _, err := app.DB().Update("wx_inbox", dbx.Params{"state": "REFUSED"}, dbx.HashExp{"state": "FAILED"}).Execute(); err != nil {
				return fmt.Errorf("rename state: %w", err)
			}
			return changeInboxStates(app, func(values []string) []string {
				return slices.DeleteFunc(values, func(v string) bool { return v == "FAILED" })
			})
		},
	)
}

func changeInboxStates(app core.App, change func([]string) []string) error {
	c, err := app.FindCollectionByNameOrId("wx_inbox")
	if err != nil {
		return fmt.Errorf("find wx_inbox: %w", err)
	}
	field, ok := c.Fields.GetByName("state").(*core.SelectField)
	if !ok {
		return fmt.Errorf("wx_inbox.state is not a select field")
	}
	field.Values = change(field.Values)
	return app.Save(c)
}

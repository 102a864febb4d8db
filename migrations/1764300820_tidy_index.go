package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upTidyIndex, downTidyIndex)
}

const tidyIndex = "idx_wx_outbox_done"

// upTidyIndex lets the old rows of the outbox be found without reading all of it. Shipments are kept, so they are not in it.
func upTidyIndex(app core.App) error {
	return changeIndexes(app, "wx_outbox", func(c *core.Collection) {
		c.AddIndex(tidyIndex, false, "`doneAt`", "`doneAt` != '' AND `effect` != 'shipping.upload'")
	})
}

func downTidyIndex(app core.App) error {
	return changeIndexes(app, "wx_outbox", func(c *core.Collection) { c.RemoveIndex(tidyIndex) })
}

// changeIndexes alters the indexes of a collection that is there.
func changeIndexes(app core.App, name string, change func(*core.Collection)) error {
	c, err := app.FindCollectionByNameOrId(name)
	if err != nil {
		return fmt.Errorf("find collection %s: %w", name, err)
	}
	change(c)
	if err := app.Save(c); err != nil {
		return fmt.Errorf("change collection %s: %w", name, err)
	}
	return nil
}

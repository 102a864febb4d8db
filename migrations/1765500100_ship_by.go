package migrations

import (
	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upShipBy, downShipBy)
}

const (
	shipByField = "orders shipBy"
	shipByIndex = "idx_orders_ship_by"
)

// upShipBy keeps when the goods of a pre-sale are promised.
func upShipBy(app core.App) error {
	err := changeEach(app, map[string]func(*core.Collection){"orders": func(c *core.Collection) {
		c.Fields.Add(&core.DateField{Name: "shipBy", Help: "When the goods of a pre-sale are promised; empty: 48 hours after the payment."})
		c.AddIndex(shipByIndex, false, "`shipBy`", "`shipBy` != ''")
	}})
	if err != nil {
		return err
	}
	return lock(app, true, shipByField)
}

func downShipBy(app core.App) error {
	if err := lock(app, false, shipByField); err != nil {
		return err
	}
	return changeEach(app, map[string]func(*core.Collection){"orders": func(c *core.Collection) {
		c.RemoveIndex(shipByIndex)
		c.Fields.RemoveByName("shipBy")
	}})
}

package migrations

import (
	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(
		func(app core.App) error { return hideInner(app, true) },
		func(app core.App) error { return hideInner(app, false) },
	)
}

// innerRefundFields are what buyers, who may read their refunds, have no use for: who of the shop asked, which is an address, and how the
// server goes about it.
var innerRefundFields = []string{"payment", "merchant", "requestedBy", "sentAt", "nextQueryAt", "queries"}

func hideInner(app core.App, hidden bool) error {
	return changeFields(app, "refunds", func(fields *core.FieldsList) {
		for _, name := range innerRefundFields {
			if f := fields.GetByName(name); f != nil { // an operator may have removed or renamed it
				f.SetHidden(hidden)
			}
		}
	})
}

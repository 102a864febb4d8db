package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upAlerts, func(app core.App) error { return drop(app, "wx_alerts") })
}

// upAlerts makes the list of what a person must see. A log line dies with the process that is killed; a row does not.
//
// note: the kind is plain text, so that a new kind needs no migration.
func upAlerts(app core.App) error {
	return create(app, schema{
		name: "wx_alerts",
		fields: []core.Field{
			&core.TextField{Name: "kind", Required: true, Max: 30, Presentable: true},
			&core.TextField{Name: "subject", Max: 200, Presentable: true, Help: "What it is about: a payment, a merchant and a day, a file."},
			document("details", 16_000), date("since"), whole("seen"), date("last"),
			date("closedAt"), &core.TextField{Name: "closedBy", Max: 200, Help: "The superuser who closed it, or what made it pass."},
		},
		indexes: []index{
			{"open", true, "`kind`, `subject`", "`closedAt` = ''"},
			{"closed", false, "`closedAt`, `since`", ""},
		},
	})
}

package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upErasures, func(app core.App) error { return drop(app, "wx_erasures") })
}

// upErasures makes the wishes of people to be forgotten, and what became of them.
//
// note: the user is plain text, so that the row outlives whatever becomes of the user's own.
func upErasures(app core.App) error {
	if err := create(app, erasureSchema()); err != nil {
		return err
	}
	return lock(app, true, erasureFields)
}

const erasureFields = `wx_erasures user state reason by dueAt startedAt doneAt endedBy traces kept error nextAt created updated`

func erasureSchema() schema {
	return schema{
		name: "wx_erasures",
		fields: []core.Field{
			need("user", 15), state("state", "WAITING", "RUNNING", "DONE", "WITHDRAWN"),
			text("reason", 200), text("by", 200), date("dueAt"), date("startedAt"), date("doneAt"), text("endedBy", 200),
			&core.JSONField{Name: "traces", MaxSize: 16_000, Hidden: true, Help: "By what the person is found while the work runs; empty afterwards."},
			document("kept", 16_000), text("error", 500), date("nextAt"),
		},
		indexes: []index{
			{"open", true, "`user`", "`doneAt` = ''"},
			{"due", false, "`nextAt`", "`doneAt` = ''"},
			{"user", false, "`user`, `created`", ""},
		},
	}
}

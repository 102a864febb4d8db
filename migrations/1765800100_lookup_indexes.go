package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(
		func(app core.App) error { return reindex(app, lookupIndexes(true)) },
		func(app core.App) error { return reindex(app, lookupIndexes(false)) },
	)
}

// lookupIndexes are what single rows are found by, in the program and in the dashboard's search.
//
// note: SQLite uses an index of the rows whose unionid is not empty only for a query that says so too; one for a unionid read the whole table.
// Indexes of what is found by equality have no condition, therefore, but for unique ones.
func lookupIndexes(wanted bool) map[string]func(*core.Collection) {
	type change struct {
		name            string
		unique          bool
		before, now     string
		beforeIf, nowIf string
	}
	each := func(changes ...change) func(*core.Collection) {
		return func(c *core.Collection) {
			for _, x := range changes {
				columns, where := x.now, x.nowIf
				if !wanted {
					columns, where = x.before, x.beforeIf
				}
				putIndex(c, "idx_"+c.Name+"_"+x.name, x.unique, columns, where)
			}
		}
	}
	return map[string]func(*core.Collection){
		"wx_identities": each(
			change{name: "openid", unique: true, before: "`appid`, `openid`", now: "`openid`, `appid`"},
			change{name: "unionid", before: "`unionid`", beforeIf: "`unionid` != ''", now: "`unionid`"},
		),
		"wx_chats":    each(change{name: "person", unique: true, before: "`appid`, `openid`", now: "`openid`, `appid`"}),
		"wx_messages": each(change{name: "msgid", before: "`msgid`", beforeIf: "`msgid` != ''", now: "`msgid`"}),
		"wx_checks": each(
			change{name: "record", before: "`collection`, `record`", beforeIf: "`record` != ''", now: "`record`, `collection`"},
			change{name: "trace", before: "`traceId`", beforeIf: "`traceId` != ''", now: "`traceId`"},
		),
		"wx_scans": each(
			change{name: "inviter", before: "`inviter`, `day`", beforeIf: "`inviter` != ''", now: "`inviter`, `day`"},
			change{name: "user", now: "`user`"},
		),
		"users":      each(change{name: "email", now: "`email`"}), // note: PocketBase's own is of those who have one, and its login does not say so
		"wx_invites": each(change{name: "code", now: "`code`, `at`"}),
		// of few rows each, so that they cost nothing where money moves as it should
		"payments": each(change{name: "disputed", now: "`disputedAt`", nowIf: "`disputedAt` != ''"}),
		"refunds":  each(change{name: "abnormal", now: "`created`", nowIf: "`state` = 'ABNORMAL'"}),
	}
}

// reindex saves without PocketBase's look at a collection, which wants the unique indexes of locked fields as they were.
func reindex(app core.App, changes map[string]func(*core.Collection)) error {
	return changeEachBy(app, changes, app.SaveNoValidate)
}

package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(
		func(app core.App) error { return changeEach(app, listIndexes(true)) },
		func(app core.App) error { return changeEach(app, listIndexes(false)) },
	)
}

// listIndexes are what the dashboard reads its lists along: the newest first, and the tasks that failed.
//
// note: the tasks themselves are listed as they lie in their table, which is written too often for one more index of every row.
func listIndexes(wanted bool) map[string]func(*core.Collection) {
	index := func(name, columns, where string) func(*core.Collection) {
		return func(c *core.Collection) {
			if !wanted {
				columns = ""
			}
			replaceIndex(c, "idx_"+c.Name+"_"+name, columns, where)
		}
	}
	newest := index("created", "`created`", "")
	return map[string]func(*core.Collection){
		"wx_inbox":  newest,
		"wx_outbox": index("failed", "`created`", "`error` != ''"),
		"wx_codes":  newest,
		"wx_links":  newest,
	}
}

package hooks

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// The four questions that the server asks itself every few seconds. Each has a partial index that holds the waiting rows only, and
// repeats the index's condition word by word: the filter language of PocketBase wraps every comparison, which SQLite cannot match
// with the condition, and the whole table is read instead.

// duePayments are the attempts to ask WeChat about.
func duePayments(app core.App, now time.Time) *dbx.SelectQuery {
	return dueRows(app, "payments", "nextQueryAt", "[[nextQueryAt]] != ''", now)
}

// dueOrders are the unpaid orders whose time is up. Frozen ones wait for a person.
func dueOrders(app core.App, now time.Time) *dbx.SelectQuery {
	return dueRows(app, "orders", "expiresAt", "[[payState]] = 'UNPAID' AND [[frozenAt]] = ''", now)
}

// dueRefunds are the refunds to send or to ask about.
func dueRefunds(app core.App, now time.Time) *dbx.SelectQuery {
	return dueRows(app, "refunds", "nextQueryAt", "[[nextQueryAt]] != ''", now)
}

// dueEffects are the rows of the outbox to carry out.
func dueEffects(app core.App, now time.Time) *dbx.SelectQuery {
	return dueRows(app, "wx_outbox", "nextAt", "[[doneAt]] = ''", now)
}

// dueRows gives the earliest 50 rows whose time has come; another Limit replaces that.
func dueRows(app core.App, collection, at, waits string, now time.Time) *dbx.SelectQuery {
	due := dbx.NewExp("[["+at+"]] <= {:now}", dbx.Params{"now": now.UTC().Format(dbTime)})
	return app.RecordQuery(collection).AndWhere(dbx.NewExp(waits)).AndWhere(due).OrderBy(at).Limit(50)
}

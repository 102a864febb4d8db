package books

import (
	"encoding/json"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
)

// The queries that the server runs every few seconds. Each has a partial index of only the waiting rows, and repeats
// the index's condition literally: PocketBase's filter language wraps every comparison, so that SQLite would not use
// the index and read the whole table.

// dueEffects are the rows of the outbox to carry out.
func dueEffects(app core.App, now time.Time) *dbx.SelectQuery {
	return DueRows(app, "wx_outbox", "nextAt", "[[doneAt]] = ''", now)
}

// OtherEffects are those in no lane yet. note: this runs after every effect, so it must not load the thousand rows that
// wait in lanes under load.
func OtherEffects(app core.App, now time.Time, taken []string) *dbx.SelectQuery {
	return dueEffects(app, now).Limit(outboxBatch).AndWhere(dbx.NewExp("[[id]] NOT IN (SELECT value FROM json_each({:taken}))",
		dbx.Params{"taken": string(JSONOf(taken))}))
}

// JSONOf is a list of our own ids as JSON; it cannot fail. NB! an empty list is [] and not null, with which NOT IN
// would match nothing.
func JSONOf(ids []string) []byte {
	raw, _ := json.Marshal(append([]string{}, ids...))
	return raw
}

// DueRows returns the earliest 50 rows whose time has come; another Limit replaces that.
func DueRows(app core.App, collection, at, waits string, now time.Time) *dbx.SelectQuery {
	due := dbx.NewExp("[["+at+"]] <= {:now}", dbx.Params{"now": now.UTC().Format(days.Stored)})
	return app.RecordQuery(collection).AndWhere(dbx.NewExp(waits)).AndWhere(due).OrderBy(at).Limit(50)
}

package books

import (
	"encoding/json"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/days"
)

// The four questions that the server asks itself every few seconds. Each has a partial index that holds the waiting rows only, and
// repeats the index's condition word by word: the filter language of PocketBase wraps every comparison, which SQLite cannot match
// with the condition, and the whole table is read instead.

// dueEffects are the rows of the outbox to carry out.
func dueEffects(app core.App, now time.Time) *dbx.SelectQuery {
	return DueRows(app, "wx_outbox", "nextAt", "[[doneAt]] = ''", now)
}

// OtherEffects are those that are in no lane yet.
// note: this runs after every effect, so under load it may not load the thousand rows that wait in their lanes.
func OtherEffects(app core.App, now time.Time, taken []string) *dbx.SelectQuery {
	return dueEffects(app, now).Limit(outboxBatch).AndWhere(dbx.NewExp("[[id]] NOT IN (SELECT value FROM json_each({:taken}))",
		dbx.Params{"taken": string(JSONOf(taken))}))
}

// JSONOf is a list of our own ids as JSON, which always works. NB! No ids are [] and not null, which NOT IN takes for an unknown one.
func JSONOf(ids []string) []byte {
	raw, _ := json.Marshal(append([]string{}, ids...))
	return raw
}

// DueRows gives the earliest 50 rows whose time has come; another Limit replaces that.
func DueRows(app core.App, collection, at, waits string, now time.Time) *dbx.SelectQuery {
	due := dbx.NewExp("[["+at+"]] <= {:now}", dbx.Params{"now": now.UTC().Format(days.Stored)})
	return app.RecordQuery(collection).AndWhere(dbx.NewExp(waits)).AndWhere(due).OrderBy(at).Limit(50)
}

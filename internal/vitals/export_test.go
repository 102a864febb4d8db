package vitals

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// GroupQueries are what each look at /metrics asks of the books.
func GroupQueries(app core.App) map[string]*dbx.Query {
	queries := map[string]*dbx.Query{}
	for _, g := range shopGroups() {
		queries[g.name] = g.query(app)
	}
	return queries
}

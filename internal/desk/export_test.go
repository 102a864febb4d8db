package desk

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

// Queries are what the pages ask of large tables, by the names that tests show.
func Queries(app core.App) map[string]*dbx.Query {
	day := time.Date(2026, 1, 31, 0, 0, 0, 0, beijing)
	sorted := func(collection, sort string, where dbx.Expression) *dbx.Query {
		return app.RecordQuery(collection).AndWhere(where).OrderBy(sort+" DESC", "id DESC").Limit(20).Build()
	}
	list := func(collection string, where dbx.Expression) *dbx.Query {
		return pageRows(app, PageAsk{page: 1, perPage: 20}, collection, always(where), newest)
	}
	state, _ := stateFilter("PAID")
	disputed, _ := stateFilter("disputed")
	ship, _ := shipFilter(shipNone)
	return map[string]*dbx.Query{
		"orders":              sorted("orders", "created", both()),
		"orders in a state":   sorted("orders", "created", both(state)),
		"disputed orders":     app.RecordQuery("orders").AndWhere(disputed).Build(),
		"orders to ship":      sorted("orders", "paidAt", both(ship)),
		"orders of people":    app.RecordQuery("orders").AndWhere(anyOf("user", []string{"a", "b"})).Build(),
		"orders of products":  app.RecordQuery("orders").AndWhere(soldOf([]string{"a", "b"})).Build(),
		"paid hours":          paidHours(app, day, day.AddDate(0, 0, 1)),
		"refunded hours":      refundedHours(app, day, day.AddDate(0, 0, 1)),
		"best products":       bestQuery(app, day, day.AddDate(0, 0, 1)),
		"due orders":          dueQuery(app, day),
		"sums of users":       userSumsQuery(app, []string{"a", "b"}),
		"effects":             effectsQuery(app, []string{"a/"}).Build(),
		"users":               sorted("users", "created", both()),
		"audit":               sorted("wx_audit", "at", both()),
		"audit of somebody":   sorted("wx_audit", "at", both(dbx.HashExp{"actor": "a"})),
		"inbox":               list("wx_inbox", dbx.HashExp{}),
		"inbox in a state":    list("wx_inbox", dbx.HashExp{"state": "REFUSED"}),
		"inbox of a number":   list("wx_inbox", inboxSearch("a")),
		"tasks":               pageRows(app, PageAsk{page: 1, perPage: 20}, "wx_outbox", always(dbx.HashExp{}), newestRows),
		"failed tasks":        list("wx_outbox", failedEffects),
		"open differences":    list("wx_bill_diffs", dbx.HashExp{"resolved": false}),
		"codes":               list("wx_codes", dbx.HashExp{}),
		"links":               list("wx_links", dbx.HashExp{}),
		"messages":            list("wx_messages", dbx.HashExp{}),
		"messages in a state": list("wx_messages", dbx.HashExp{"state": "SENT"}),
		"audit of an order":   app.RecordQuery("wx_audit").AndWhere(dbx.HashExp{"subject": "a"}).Build(),
	}
}

package hooks

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// duePayments are the attempts to ask WeChat about.
func duePayments(app core.App, now time.Time) *dbx.SelectQuery {
	return books.DueRows(app, "payments", "nextQueryAt", "[[nextQueryAt]] != ''", now)
}

// dueOrders are the unpaid orders whose time is up. Frozen ones wait for a person.
func dueOrders(app core.App, now time.Time) *dbx.SelectQuery {
	return books.DueRows(app, "orders", "expiresAt", "[[payState]] = 'UNPAID' AND [[frozenAt]] = ''", now)
}

// dueRefunds are the refunds to send or to ask about.
func dueRefunds(app core.App, now time.Time) *dbx.SelectQuery {
	return books.DueRows(app, "refunds", "nextQueryAt", "[[nextQueryAt]] != ''", now)
}

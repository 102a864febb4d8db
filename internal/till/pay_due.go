package till

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// DuePayments are the attempts to query.
func DuePayments(app core.App, now time.Time) *dbx.SelectQuery {
	return books.DueRows(app, "payments", "nextQueryAt", "[[nextQueryAt]] != ''", now)
}

// DueOrders are the unpaid orders whose time is up. Frozen ones wait for a person.
func DueOrders(app core.App, now time.Time) *dbx.SelectQuery {
	return books.DueRows(app, "orders", "expiresAt", "[[payState]] = 'UNPAID' AND [[frozenAt]] = ''", now)
}

// DueRefunds are the refunds to send or to query.
func DueRefunds(app core.App, now time.Time) *dbx.SelectQuery {
	return books.DueRows(app, "refunds", "nextQueryAt", "[[nextQueryAt]] != ''", now)
}

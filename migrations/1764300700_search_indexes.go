package migrations

import (
	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upSearchIndexes, downSearchIndexes)
}

// searchIndexes are the columns that people search and sort by, and that the daily bill is compared by.
//
// note: the older indexes on merchant and a number do not serve a search for the number alone, and a partial index does not serve a
// filter, whose values are parameters.
func searchIndexes() map[string][]index {
	return map[string][]index{
		"users": {{"phone", false, "`phone`", ""}, {"created", false, "`created`", ""}},
		"orders": {
			{"created", false, "`created`", ""},
			{"paid_at", false, "`paidAt`", ""},
			{"ship", false, "`shipState`, `paidAt`, `payState`", ""}, // the list of what is to be shipped, and its count
		},
		"payments": {
			{"transaction_id", false, "`transactionId`", ""},
			{"number", false, "`outTradeNo`", ""},
			{"created", false, "`created`", ""},
			{"success_at", false, "`successAt`", ""},
		},
		"refunds": {
			{"number", false, "`outRefundNo`", ""},
			{"created", false, "`created`", ""},
			{"sent_at", false, "`sentAt`", ""},
			{"success_at", false, "`successAt`", ""},
		},
		"wx_ledger": {{"refund", false, "`refund`", ""}, {"created", false, "`created`", ""}},
	}
}

func upSearchIndexes(app core.App) error {
	return eachSearchIndex(app, func(c *core.Collection, name string, i index) { c.AddIndex(name, i.unique, i.columns, i.where) })
}

func downSearchIndexes(app core.App) error {
	return eachSearchIndex(app, func(c *core.Collection, name string, _ index) { c.RemoveIndex(name) })
}

func eachSearchIndex(app core.App, change func(*core.Collection, string, index)) error {
	changes := map[string]func(*core.Collection){}
	for collection, indexes := range searchIndexes() {
		changes[collection] = func(c *core.Collection) {
			for _, i := range indexes {
				change(c, "idx_"+collection+"_"+i.name, i)
			}
		}
	}
	return changeEach(app, changes)
}

package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upBooks, func(app core.App) error {
		return drop(app, "wx_bill_diffs", "wx_bills", "wx_outbox", "wx_ledger", "wx_inbox")
	})
}

// upBooks makes the inbox (what WeChat sent), the ledger (every transition), the outbox (effects still to be done) and the bills.
//
// The ledger names orders, payments and refunds by plain text on purpose: a relation would be emptied when its target is
// deleted, and a ledger does not forget.
func upBooks(app core.App) error {
	err := create(app,
		schema{
			name: "wx_inbox",
			fields: []core.Field{
				need("kind", 50), text("source", 100), need("dedupeKey", 200),
				document("headers", 16_000), text("body", 1_200_000), flag("verified"),
				state("state", "APPLIED", "REPEATED", "REFUSED", "DISPUTED", "UNMATCHED"),
				text("error", 1_000), text("ref", 100), whole("seen"),
			},
			indexes: []index{{"dedupe_key", true, "`dedupeKey`", ""}, {"state", false, "`state`, `created`", ""}},
		},
		schema{
			name: "wx_ledger",
			fields: []core.Field{
				text("order", 15), text("payment", 15), text("refund", 15),
				text("from", 20), need("to", 20), need("source", 50), document("evidence", 100_000),
			},
			indexes: []index{{"order", false, "`order`", ""}, {"payment", false, "`payment`", ""}},
		},
		schema{
			name: "wx_outbox",
			fields: []core.Field{
				need("effect", 50), need("key", 200), document("payload", 64_000),
				whole("attempts"), date("nextAt"), date("doneAt"), text("error", 1_000),
			},
			indexes: []index{{"key", true, "`key`", ""}, {"due", false, "`nextAt`", "`doneAt` = ''"}},
		},
		schema{
			name: "wx_bills",
			fields: []core.Field{
				&core.TextField{Name: "date", Required: true, Pattern: `^\d{4}-\d{2}-\d{2}$`},
				need("merchant", 32), document("totals", 16_000), need("state", 20),
			},
			indexes: []index{{"date", true, "`merchant`, `date`", ""}},
		},
	)
	if err != nil {
		return err
	}
	bills, err := collectionID(app, "wx_bills")
	if err != nil {
		return err
	}
	return create(app, schema{
		name: "wx_bill_diffs",
		fields: []core.Field{
			&core.RelationField{Name: "bill", CollectionId: bills, MaxSelect: 1, Required: true, CascadeDelete: true},
			need("kind", 50), text("outTradeNo", 64), document("ours", 16_000), document("theirs", 16_000), flag("resolved"),
		},
		indexes: []index{{"bill", false, "`bill`", ""}},
	})
}

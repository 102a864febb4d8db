package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upPayouts, downPayouts)
}

const (
	payoutFields = "wx_payouts user merchant appid openid outBillNo transferBillNo state amount remark scene perception reports userName note key " +
		"requestedBy requesterId approvedBy approverId askedAt releasedAt calledAt confirmBy endedAt failReason refusedCode refusedMessage packageInfo " +
		"nextQueryAt queries raw created updated"
	payoutLedgerIndex = "idx_wx_ledger_payout"
)

// upPayouts makes the transfers of the shop to people. The ledger names them as it names orders, payments and refunds.
func upPayouts(app core.App) error {
	users, err := collectionID(app, "users")
	if err != nil {
		return err
	}
	if err := create(app, payoutSchema(users)); err != nil {
		return err
	}
	err = changeEach(app, map[string]func(*core.Collection){
		"wx_ledger": func(c *core.Collection) {
			c.Fields.Add(text("payout", 15))
			c.AddIndex(payoutLedgerIndex, false, "`payout`", "`payout` != ''")
		},
	})
	if err != nil {
		return err
	}
	return lock(app, true, payoutFields+"\nwx_ledger payout")
}

// downPayouts leaves the ledger's rows of payouts where they are: the ledger is append-only, and their evidence names the transfer.
func downPayouts(app core.App) error {
	if err := lock(app, false, "wx_ledger payout"); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	err := changeEach(app, map[string]func(*core.Collection){
		"wx_ledger": func(c *core.Collection) {
			c.RemoveIndex(payoutLedgerIndex)
			c.Fields.RemoveByName("payout")
		},
	})
	if err != nil {
		return err
	}
	return drop(app, "wx_payouts")
}

// payoutSchema: one row per out_bill_no, immutable in what WeChat compares on re-entry. Receivers see theirs through the routes only.
func payoutSchema(users string) schema {
	return schema{
		name: "wx_payouts",
		fields: []core.Field{
			&core.RelationField{Name: "user", CollectionId: users, MaxSelect: 1, Required: true},
			need("merchant", 32), need("appid", 32), need("openid", 128),
			&core.TextField{Name: "outBillNo", Required: true, Pattern: `^[0-9A-Za-z]{1,32}$`, Presentable: true},
			text("transferBillNo", 64),
			state("state", "HELD", "NEW", "SUBMITTED", "ACCEPTED", "WAITING", "TRANSFERRING", "CANCELLING", "SUCCESS", "FAILED", "CANCELLED", "REJECTED"),
			fen("amount"), need("remark", 32), need("scene", 36), text("perception", 32), document("reports", 4_000),
			&core.TextField{Name: "userName", Max: 2_000, Hidden: true, Help: "The receiver's real name: ciphertext, emptied at the end."},
			text("note", 200), text("key", 64),
			text("requestedBy", 200), text("requesterId", 15), text("approvedBy", 200), text("approverId", 15),
			date("askedAt"),
			&core.DateField{Name: "releasedAt", Help: "When the money was let go; it counts for that day in Beijing."},
			date("calledAt"), date("confirmBy"), date("endedAt"),
			text("failReason", 100), text("refusedCode", 64), text("refusedMessage", 600),
			&core.TextField{Name: "packageInfo", Max: 1_024, Hidden: true, Help: "For wx.requestMerchantTransfer."},
			date("nextQueryAt"), whole("queries"),
			&core.JSONField{Name: "raw", MaxSize: 100_000, Hidden: true},
		},
		indexes: []index{
			{"out_bill_no", true, "`merchant`, `outBillNo`", ""},
			{"key", true, "`key`", "`key` != ''"},
			{"due", false, "`nextQueryAt`", "`nextQueryAt` != ''"},
			{"user", false, "`user`, `askedAt`", ""},
			{"created", false, "`created`, `state`", ""},
			{"released", false, "`releasedAt`, `state`, `amount`", ""},
		},
	}
}

package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upRefundKeys, downRefundKeys)
}

// refundKeyFields: a key makes a refund safe to ask for again, calledAt is when our clock last sent it, and the refusal is what WeChat
// said. Buyers, who may read their refunds, see none of it.
func refundKeyFields() []core.Field {
	hidden := []core.Field{}
	for _, f := range []*core.TextField{text("key", 64), text("refusedCode", 64), text("refusedMessage", 600)} {
		f.Hidden = true
		hidden = append(hidden, f)
	}
	all, calledAt := flag("all"), date("calledAt")
	all.Hidden, calledAt.Hidden = true, true
	return append(hidden, all, calledAt)
}

const refundKeyIndex = "idx_refunds_key"

func upRefundKeys(app core.App) error {
	c, err := app.FindCollectionByNameOrId("refunds")
	if err != nil {
		return fmt.Errorf("find collection refunds: %w", err)
	}
	c.Fields.Add(refundKeyFields()...)
	c.AddIndex(refundKeyIndex, true, "`order`, `key`", "`key` != ''")
	if err := app.Save(c); err != nil {
		return fmt.Errorf("save collection refunds: %w", err)
	}
	// a refund of an older version was sent by our clock when it says so
	if _, err := app.NonconcurrentDB().NewQuery("UPDATE refunds SET calledAt = sentAt").Execute(); err != nil {
		return fmt.Errorf("fill calledAt: %w", err)
	}
	return nil
}

func downRefundKeys(app core.App) error {
	c, err := app.FindCollectionByNameOrId("refunds")
	if err != nil {
		return fmt.Errorf("find collection refunds: %w", err)
	}
	c.RemoveIndex(refundKeyIndex)
	for _, f := range refundKeyFields() {
		c.Fields.RemoveByName(f.GetName())
	}
	if err := app.Save(c); err != nil {
		return fmt.Errorf("save collection refunds: %w", err)
	}
	return nil
}

package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upXpay, downXpay)
}

const (
	xpayFields = "xpayOfferId xpayKey xpaySandboxKey xpayEnv xpayAppleRefunds"
	itemFields = "wx_items appid sandbox itemId product variant name price picture state error attempts nextAt publishedAt created updated"
)

// upXpay makes what virtual payment (虚拟支付) needs: kinds of products, its keys, and the items that WeChat sells for us.
func upXpay(app core.App) error {
	err := changeEach(app, map[string]func(*core.Collection){
		"products": func(c *core.Collection) {
			c.Fields.Add(&core.SelectField{
				Name: "kind", Values: []string{"physical", "virtual", "service"}, MaxSelect: 1, System: true,
				Help: "Virtual goods are paid by WeChat's virtual payment only. Physical when empty.",
			})
		},
		"wx_apps": func(c *core.Collection) {
			c.Fields.Add(
				text("xpayOfferId", 32), secret("xpayKey"), secret("xpaySandboxKey"),
				&core.SelectField{Name: "xpayEnv", Values: []string{"live", "sandbox"}, MaxSelect: 1, Help: "Live when empty."},
				&core.SelectField{
					Name: "xpayAppleRefunds", Values: []string{"agree", "refuse"}, MaxSelect: 1,
					Help: "What Apple is told when a buyer wants the money of delivered goods back. Agree when empty.",
				},
			)
		},
		"payments": func(c *core.Collection) {
			if f, ok := c.Fields.GetByName("api").(*core.SelectField); ok {
				f.Values = append(f.Values, "xpay")
			}
			setMax(&c.Fields, "transactionId", 64)
		},
		"refunds": func(c *core.Collection) { setMax(&c.Fields, "refundId", 64) },
	})
	if err != nil {
		return err
	}
	if err := run(app, "UPDATE products SET kind = 'physical'"); err != nil {
		return err
	}
	if err := create(app, itemSchema()); err != nil {
		return err
	}
	return lock(app, true, "wx_apps "+xpayFields+"\n"+itemFields)
}

// itemSchema: one row per item (道具) at WeChat. An item never changes: another price is another item, so that what was ordered at the old
// price can still be paid.
func itemSchema() schema {
	return schema{
		name: "wx_items",
		fields: []core.Field{
			need("appid", 32), flag("sandbox"),
			&core.TextField{Name: "itemId", Required: true, Max: 64, Presentable: true},
			need("product", 15), text("variant", 15), text("name", 300), fen("price"), text("picture", 1_000),
			state("state", "NEW", "UPLOADING", "UPLOADED", "PUBLISHING", "PUBLISHED", "FAILED"),
			text("error", 600), whole("attempts"), date("nextAt"), date("publishedAt"),
		},
		indexes: []index{
			{"item", true, "`appid`, `sandbox`, `itemId`", ""},
			{"due", false, "`nextAt`", "`nextAt` != ''"},
		},
	}
}

// downXpay keeps the money: payments stay, under an API that the version before has a word for.
func downXpay(app core.App) error {
	if err := drop(app, "wx_items"); err != nil {
		return err
	}
	if err := lock(app, false, "wx_apps "+xpayFields+"\nproducts kind"); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	if err := run(app, "UPDATE payments SET api = 'v3' WHERE api = 'xpay'"); err != nil {
		return err
	}
	return changeEach(app, map[string]func(*core.Collection){
		"products": func(c *core.Collection) { c.Fields.RemoveByName("kind") },
		"wx_apps": func(c *core.Collection) {
			for _, name := range []string{"xpayOfferId", "xpayKey", "xpaySandboxKey", "xpayEnv", "xpayAppleRefunds"} {
				c.Fields.RemoveByName(name)
			}
		},
		"payments": func(c *core.Collection) {
			if f, ok := c.Fields.GetByName("api").(*core.SelectField); ok {
				f.Values = []string{"v3", "v2"}
			}
			setMax(&c.Fields, "transactionId", 32)
		},
		"refunds": func(c *core.Collection) { setMax(&c.Fields, "refundId", 32) },
	})
}

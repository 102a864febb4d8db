package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upWays, downWays)
}

const wayFields = "payments tradeType payUrl"

// upWays tells the ways to pay apart: what was paid until now was paid by JSAPI, or by virtual payment, which has no trade_type. Whoever scans
// a code or opens a page is not known before paying, so that a payment may be without an openid.
func upWays(app core.App) error {
	err := changeEach(app, map[string]func(*core.Collection){"payments": func(c *core.Collection) {
		c.Fields.Add(
			&core.SelectField{Name: "tradeType", Values: []string{"JSAPI", "NATIVE", "MWEB"}, MaxSelect: 1, Help: "The way to pay; empty for virtual payment."},
			&core.TextField{Name: "payUrl", Max: 512, Help: "The text of a Native code, or the page of an H5 payment."},
		)
		needOpenID(c, false)
	}})
	if err != nil {
		return err
	}
	// note: rows that have been up here before say in their parameters what they are
	if err := run(app, `UPDATE payments SET tradeType = coalesce(CASE WHEN json_valid(params) THEN json_extract(params, '$.TradeType') END, 'JSAPI') WHERE api != 'xpay'`); err != nil {
		return err
	}
	// and what downWays has put in place of a payer, whom WeChat has named since if the payment was made below
	if err := run(app, `UPDATE payments SET openid = CASE WHEN json_valid(raw) THEN coalesce(json_extract(raw, '$.payer.openid'), json_extract(raw, '$.openid'), '') ELSE '' END WHERE openid = '-'`); err != nil {
		return err
	}
	return lock(app, true, wayFields)
}

// downWays keeps the money: payments stay, and one of a payer who is not known gets a word that is no openid.
func downWays(app core.App) error {
	if err := lock(app, false, wayFields); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	if err := run(app, "UPDATE payments SET openid = '-' WHERE openid = ''"); err != nil {
		return err
	}
	return changeEach(app, map[string]func(*core.Collection){"payments": func(c *core.Collection) {
		c.Fields.RemoveByName("tradeType")
		c.Fields.RemoveByName("payUrl")
		needOpenID(c, true)
	}})
}

func needOpenID(c *core.Collection, needed bool) {
	if f, ok := c.Fields.GetByName("openid").(*core.TextField); ok {
		f.Required = needed
	}
}

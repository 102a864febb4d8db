package migrations

import "github.com/pocketbase/pocketbase/core"

func init() {
	core.AppMigrations.Register(upPayoutSettle, downPayoutSettle)
}

const payoutSettleFields = "wx_payouts settleAs settleNote settleBy settleById settleAt"

// upPayoutSettle keeps what a person found out of a payout that WeChat has forgotten, until a second person has looked too.
func upPayoutSettle(app core.App) error {
	err := changeEach(app, map[string]func(*core.Collection){"wx_payouts": func(c *core.Collection) {
		c.Fields.Add(
			&core.SelectField{Name: "settleAs", Values: []string{"SUCCESS", "FAILED"}, MaxSelect: 1, Help: "What a person found on the merchant platform; it waits for a second person."},
			text("settleNote", 200), text("settleBy", 200), text("settleById", 15), date("settleAt"),
		)
	}})
	if err != nil {
		return err
	}
	return lock(app, true, payoutSettleFields)
}

func downPayoutSettle(app core.App) error {
	if err := lock(app, false, payoutSettleFields); err != nil {
		return err
	}
	return changeEach(app, map[string]func(*core.Collection){"wx_payouts": func(c *core.Collection) {
		for _, name := range []string{"settleAs", "settleNote", "settleBy", "settleById", "settleAt"} {
			c.Fields.RemoveByName(name)
		}
	}})
}

package migrations

import (
	"fmt"

	"github.com/pocketbase/pocketbase/core"
)

func init() {
	core.AppMigrations.Register(upLedger, downLedger)
}

// upLedger makes the ledger append-only in the database itself, so that neither the SQL console of the dashboard nor another program
// changes the past by mistake.
func upLedger(app core.App) error {
	for _, event := range []string{"UPDATE", "DELETE"} {
		_, err := app.DB().NewQuery(`CREATE TRIGGER wx_ledger_no_` + event + ` BEFORE ` + event + ` ON wx_ledger
			BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END`).Execute()
		if err != nil {
			return fmt.Errorf("guard ledger: %w", err)
		}
	}
	return nil
}

func downLedger(app core.App) error {
	for _, event := range []string{"UPDATE", "DELETE"} {
		if _, err := app.DB().NewQuery(`DROP TRIGGER wx_ledger_no_` + event).Execute(); err != nil {
			return fmt.Errorf("unguard ledger: %w", err)
		}
	}
	return nil
}

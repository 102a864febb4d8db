package desk

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// preferencesParam is the row of _params that holds the preferences.
const preferencesParam = "wxbase_preferences"

// Preferences is what the owner chooses for the shop in the dashboard.
type Preferences struct {
	Shop            string `json:"shop"`
	TwoPersonsAbove int64  `json:"twoPersonsAbove"` // fen; refunds above it need a second person; 0: none does
	PublicURL       string `json:"publicUrl"`
	// PayoutsPerDay is how much may leave as payouts on a day in Beijing, in fen; 0: none may.
	PayoutsPerDay int64 `json:"payoutsPerDay"`
	// PayoutsAlonePerDay is how much of it one person may let go without a second one, in fen; 0: each payout needs a second person.
	PayoutsAlonePerDay int64 `json:"payoutsAlonePerDay"`
	// EnglishDashboard leaves PocketBase's own screens in English, for who would rather read them as its documentation shows them.
	EnglishDashboard bool `json:"englishDashboard"`
}

// LoadPreferences reads the preferences; the zero ones when nobody has chosen yet.
func LoadPreferences(app core.App) (p Preferences, err error) {
	var row core.Param
	err = app.ModelQuery(&row).Model(preferencesParam, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("read preferences: %w", err)
	}
	if err := json.Unmarshal(row.Value, &p); err != nil {
		return p, fmt.Errorf("read preferences: %w", err)
	}
	return p, nil
}

// SavePreferences stores the preferences.
func SavePreferences(app core.App, p Preferences) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode preferences: %w", err)
	}
	return app.RunInTransaction(func(tx core.App) error {
		var row core.Param
		err := tx.ModelQuery(&row).Model(preferencesParam, &row)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read preferences: %w", err)
		}
		if err != nil {
			row.Id, row.Created = preferencesParam, types.NowDateTime()
			row.MarkAsNew()
		}
		row.Value, row.Updated = raw, types.NowDateTime()
		if err := tx.Save(&row); err != nil {
			return fmt.Errorf("save preferences: %w", err)
		}
		return nil
	})
}

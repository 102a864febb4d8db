package accounts

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/settings"
)

// ErrParamDamaged means that a row of _params holds no sealed text.
var ErrParamDamaged = errors.New("the stored value is damaged")

// LoadParam opens a small secret of the table _params, which no API of PocketBase reaches and no dashboard shows. It is empty where there
// is none.
func LoadParam(app core.App, vault *settings.Vault, key string) (plain string, err error) {
	var row core.Param
	err = app.ModelQuery(&row).Model(key, &row)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var sealed string
	if err := json.Unmarshal(row.Value, &sealed); err != nil {
		return "", ErrParamDamaged
	}
	return vault.Open("_params/"+key, sealed)
}

// SaveParam encrypts a small secret and stores it in the table _params.
func SaveParam(app core.App, vault *settings.Vault, key, plain string) error {
	sealed, err := vault.Seal("_params/"+key, plain)
	if err != nil {
		return err
	}
	value, err := json.Marshal(sealed)
	if err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	return app.RunInTransaction(func(tx core.App) error {
		var row core.Param
		err := tx.ModelQuery(&row).Model(key, &row)
		if errors.Is(err, sql.ErrNoRows) {
			row.Id, row.Created = key, types.NowDateTime()
			row.MarkAsNew()
		} else if err != nil {
			return err
		}
		row.Value, row.Updated = value, types.NowDateTime()
		return tx.Save(&row)
	})
}

package settings

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
)

// paramsTable holds PocketBase's settings and our small secrets. There a value is JSON.
const paramsTable = "_params"

// keyMark is the row of _params that tells with which key everything has been sealed.
const keyMark = "wx_secret_key"

// resealBatch is how many rows are held in memory at once.
const resealBatch = 500

// Resealed tells what Reseal found.
type Resealed struct {
	Renewed    int            // sealed with an older key, and now with that of now
	Current    int            // were sealed with the key of now already
	Unreadable map[string]int // open with no key that is known, by table and column
}

// String is the outcome in words.
func (r Resealed) String() string {
	text := fmt.Sprintf("%d stored secrets sealed anew, %d were already", r.Renewed, r.Current)
	if len(r.Unreadable) > 0 {
		text += "; " + r.Lost()
	}
	return text
}

// Lost says what opens with no key; empty when everything does.
func (r Resealed) Lost() string {
	parts := make([]string, 0, len(r.Unreadable))
	for column, n := range r.Unreadable {
		parts = append(parts, fmt.Sprintf("%d in %s", n, column))
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return "stored secrets that no known key opens: " + strings.Join(parts, ", ") +
		"; start with the key that sealed them in WXBASE_SECRET_KEY_OLD, or enter them again"
}

// Reseal seals everything that an older key has sealed with the current key, in one transaction, and then retires the
// key file if the current key comes from the environment. No other process may use the data folder. It is cheap when
// there is nothing to do.
func (s *Store) Reseal() (done Resealed, err error) {
	err = s.app.RunInTransaction(func(tx core.App) error {
		mark, err := readMark(tx)
		if err != nil || mark == s.vault.mark {
			return err
		}
		if done, err = s.vault.resealAll(tx); err != nil {
			return err
		}
		if len(done.Unreadable) > 0 {
			return writeMark(tx, "") // so that the next start looks again, whatever its key is
		}
		return writeMark(tx, s.vault.mark)
	})
	if err != nil {
		return done, fmt.Errorf("seal secrets anew: %w", err)
	}
	if s.keyFromFile {
		return done, nil
	}
	return done, retireKeyFile(s.dir)
}

// Rotate makes a new key, unless the environment names one, and seals everything with it. No other process may use the
// data folder.
func (s *Store) Rotate() (Resealed, error) {
	if s.keyFromFile {
		if err := renewKeyFile(s.dir); err != nil {
			return Resealed{}, err
		}
		vault, _, err := OpenVault(s.dir, s.getenv)
		if err != nil {
			return Resealed{}, err
		}
		s.vault = vault
	}
	return s.Reseal()
}

// resealAll goes through every text of our tables that looks like ciphertext, so that no column can be forgotten.
func (v *Vault) resealAll(tx core.App) (Resealed, error) {
	done := Resealed{Unreadable: map[string]int{}}
	var columns []struct {
		Table  string `db:"tbl"`
		Column string `db:"col"`
	}
	err := tx.DB().NewQuery("SELECT m.name AS tbl, c.name AS col FROM sqlite_master m, pragma_table_info(m.name) c " +
		"WHERE m.type = 'table' AND ((m.name LIKE 'wx\\_%' ESCAPE '\\' AND c.type = 'TEXT' AND c.name != 'id') OR " +
		"(m.name = '" + paramsTable + "' AND c.name = 'value')) ORDER BY 1, 2").All(&columns)
	if err != nil {
		return done, fmt.Errorf("list columns: %w", err)
	}
	for _, c := range columns {
		if err := v.resealColumn(tx, c.Table, c.Column, &done); err != nil {
			return done, fmt.Errorf("%s.%s: %w", c.Table, c.Column, err)
		}
	}
	return done, nil
}

// sealedRow is one ciphertext and where it lies.
type sealedRow struct {
	Row   int64  `db:"row"`
	ID    string `db:"id"`
	Value string `db:"value"`
}

func (v *Vault) resealColumn(tx core.App, table, column string, done *Resealed) error {
	prefix := sealedPrefix
	if table == paramsTable {
		prefix = `"` + sealedPrefix
	}
	for after := int64(-1); ; {
		var rows []sealedRow
		err := tx.DB().Select("rowid AS row", "id", "[["+column+"]] AS value").From(table).
			Where(dbx.NewExp("rowid > {:after} AND substr([["+column+"]], 1, {:n}) = {:prefix}", dbx.Params{"after": after, "n": len(prefix), "prefix": prefix})).
			OrderBy("rowid").Limit(resealBatch).All(&rows)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := v.resealRow(tx, table, column, r, done); err != nil {
				return err
			}
		}
		after = rows[len(rows)-1].Row
	}
}

// resealRow changes the ciphertext only: updated stays and hooks do not run, because the visible content is the same.
func (v *Vault) resealRow(tx core.App, table, column string, r sealedRow, done *Resealed) error {
	place, sealed := table+"/"+r.ID+"/"+column, r.Value
	if table == paramsTable {
		place = table + "/" + r.ID
		if err := json.Unmarshal([]byte(r.Value), &sealed); err != nil {
			done.Unreadable[place]++
			return nil //nolint:nilerr // it is reported by its place
		}
	}
	plain, current, err := v.open(place, sealed)
	switch {
	case current:
		done.Current++
		return nil
	case err != nil && table == paramsTable:
		done.Unreadable[place]++
		return nil
	case err != nil:
		done.Unreadable[table+"."+column]++
		return nil //nolint:nilerr // it is reported by its column
	}
	if sealed, err = v.Seal(place, plain); err != nil {
		return err
	}
	if table == paramsTable {
		sealed = `"` + sealed + `"` // note: base64 needs no escaping
	}
	done.Renewed++
	_, err = tx.DB().Update(table, dbx.Params{column: sealed}, dbx.HashExp{"rowid": r.Row}).Execute()
	return err
}

func readMark(app core.App) (mark string, err error) {
	var value string
	err = app.DB().Select("value").From(paramsTable).Where(dbx.HashExp{"id": keyMark}).Row(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read mark: %w", err)
	}
	_ = json.Unmarshal([]byte(value), &mark) // a damaged one is none
	return mark, nil
}

func writeMark(app core.App, mark string) error {
	now := types.NowDateTime().String()
	_, err := app.DB().NewQuery("INSERT INTO {{" + paramsTable + "}} (id, value, created, updated) VALUES ({:id}, {:value}, {:now}, {:now}) " +
		"ON CONFLICT (id) DO UPDATE SET value = excluded.value, updated = excluded.updated").
		Bind(dbx.Params{"id": keyMark, "value": `"` + mark + `"`, "now": now}).Execute()
	if err != nil {
		return fmt.Errorf("write mark: %w", err)
	}
	return nil
}

package people

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"

	"wxbase/internal/books"
)

// joinByUnion is called when an identity shows a unionid that was not known: the owner has bound the mini program to an open platform
// account, and the same person may be here as another user already, from another mini program. The two become one, the older
// user stays, and nothing that either owns is lost.
func (w *People) joinByUnion(tx core.App, identity *core.Record, unionID string) error {
	sibling, err := tx.FindFirstRecordByFilter("wx_identities", "unionid = {:u} && user != {:me}",
		dbx.Params{"u": unionID, "me": identity.GetString("user")})
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find sibling: %w", err)
	}
	mine, err := books.ByID(tx, "users", identity.GetString("user"))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	theirs, err := books.ByID(tx, "users", sibling.GetString("user"))
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	keep, lose := mine, theirs
	if theirs.GetDateTime("created").Before(mine.GetDateTime("created")) {
		keep, lose = theirs, mine
	}
	if err := w.mergeUsers(tx, keep, lose); err != nil {
		return fmt.Errorf("merge user %s into %s: %w", lose.Id, keep.Id, err)
	}
	identity.Set("user", keep.Id)
	return nil
}

// mergeUsers moves everything of one user to another and deletes the empty one, whose tokens then end. A block outlives the merge.
func (w *People) mergeUsers(tx core.App, keep, lose *core.Record) error {
	if err := w.settleConflicts(tx, keep.Id, lose.Id); err != nil {
		return err
	}
	if err := moveRelations(tx, keep, lose.Id); err != nil {
		return err
	}
	if err := inheritProfile(tx, keep, lose); err != nil {
		return err
	}
	return tx.Delete(lose)
}

// settleConflicts makes room where a unique index would refuse a moved row: an idempotency key that both have used is dropped
// from the moved order, and counted consents are added up.
func (w *People) settleConflicts(tx core.App, keep, lose string) error {
	_, err := tx.NonconcurrentDB().NewQuery(`UPDATE orders SET key = '' WHERE user = {:lose} AND key != '' AND
		key IN (SELECT key FROM orders WHERE user = {:keep})`).Bind(dbx.Params{"keep": keep, "lose": lose}).Execute()
	if err != nil {
		return fmt.Errorf("settle order keys: %w", err)
	}
	if err := w.OnMerge(tx, keep, lose); err != nil {
		return err
	}
	rows, err := tx.FindAllRecords("wx_consents", dbx.HashExp{"user": lose})
	if err != nil {
		return fmt.Errorf("read consents: %w", err)
	}
	for _, row := range rows {
		have, err := books.Find(tx, "wx_consents", dbx.HashExp{"user": keep, "templateId": row.GetString("templateId")})
		if errors.Is(err, sql.ErrNoRows) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read consent: %w", err)
		}
		have.Set("remaining", have.GetInt("remaining")+row.GetInt("remaining"))
		if err := errors.Join(books.Save(tx, have), tx.Delete(row)); err != nil {
			return fmt.Errorf("add consents up: %w", err)
		}
	}
	return nil
}

// moveRelations points every relation from the lost user to the kept one, also in the owner's own collections: deleting
// a user would empty or cascade them.
//
// note: rows are written without their hooks, because a merge does not edit them and must not fail in one.
func moveRelations(tx core.App, keep *core.Record, lose string) error {
	collections, err := tx.FindAllCollections(core.CollectionTypeBase, core.CollectionTypeAuth)
	if err != nil {
		return fmt.Errorf("list collections: %w", err)
	}
	for _, c := range collections {
		for _, field := range c.Fields {
			relation, ok := field.(*core.RelationField)
			if !ok || relation.CollectionId != keep.Collection().Id {
				continue
			}
			if err := moveRelation(tx, c.Name, relation, keep.Id, lose); err != nil {
				return fmt.Errorf("move %s.%s: %w", c.Name, relation.Name, err)
			}
		}
	}
	return nil
}

func moveRelation(tx core.App, table string, field *core.RelationField, keep, lose string) error {
	db := tx.NonconcurrentDB()
	if !field.IsMultiple() {
		_, err := db.Update(table, dbx.Params{field.Name: keep}, dbx.HashExp{field.Name: lose}).Execute()
		return err
	}
	rows, err := tx.FindAllRecords(table, dbx.Like(field.Name, lose))
	if err != nil {
		return err
	}
	for _, row := range rows {
		ids := row.GetStringSlice(field.Name)
		for i, id := range ids {
			if id == lose {
				ids[i] = keep
			}
		}
		slices.Sort(ids)
		row.Set(field.Name, slices.Compact(ids))
		if err := tx.SaveNoValidate(row); err != nil {
			return err
		}
	}
	return nil
}

// inheritProfile fills what the kept user has not chosen.
func inheritProfile(tx core.App, keep, lose *core.Record) error {
	for _, field := range []string{"name", "phone"} {
		if keep.GetString(field) == "" {
			keep.Set(field, lose.GetString(field))
			if field == "phone" {
				keep.Set("countryCode", lose.GetString("countryCode"))
			}
		}
	}
	if lose.GetBool("blocked") {
		keep.Set("blocked", true)
	}
	if name := lose.GetString("avatar"); name != "" && keep.GetString("avatar") == "" {
		file, err := copyFile(tx, lose.BaseFilesPath()+"/"+name, name)
		if err != nil {
			tx.Logger().Warn("avatar was not kept in a merge", "user", lose.Id, "error", err.Error())
		} else {
			keep.Set("avatar", file)
		}
	}
	if err := books.Save(tx, keep); err != nil {
		return fmt.Errorf("save user: %w", err)
	}
	return nil
}

func copyFile(app core.App, path, name string) (*filesystem.File, error) {
	files, err := app.NewFilesystem()
	if err != nil {
		return nil, err
	}
	defer func() { _ = files.Close() }()
	reader, err := files.GetReader(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	raw, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	return filesystem.NewFileFromBytes(raw, name)
}

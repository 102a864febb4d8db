package privacy

import (
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/dbutils"

	"wxbase/internal/books"
	"wxbase/internal/days"
)

// emptyTexts empties the texts about a person in rows that stay and are not about money: the buyer's note of an order,
// and their name in the audit.
//
// note: the audit is append-only for everyone; the records of who did what to which account, and when, stay.
func (p *Privacy) emptyTexts(user string) error {
	for _, statement := range []string{
		"UPDATE `orders` SET `note` = '' WHERE `user` = ? AND `note` != ''",
		"UPDATE `wx_audit` SET `label` = '' WHERE `subject` = ? AND `label` != ''",
	} {
		if err := books.Exec(p.App, statement, user); err != nil {
			return fmt.Errorf("empty texts: %w", err)
		}
	}
	return nil
}

// anonymise empties an account: name, avatar, phone, address and the fields that the operator has added. The account
// itself stays, so that orders have a buyer, and cannot be logged in to: it has no identity and no password, and is
// blocked.
func anonymise(app core.App, id string) error {
	user, err := books.ByID(app, usersTable, id)
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	if err := removeFiles(app, user.Collection(), []*core.Record{user}); err != nil {
		return err
	}
	for _, field := range user.Collection().Fields {
		if err := emptyField(user, field); err != nil {
			return fmt.Errorf("empty %s: %w", field.GetName(), err)
		}
	}
	user.RefreshTokenKey()
	user.SetRaw(core.FieldNamePassword, &core.PasswordFieldValue{Hash: "$forgotten"})
	user.Set("blocked", true)
	if err := app.SaveNoValidate(user); err != nil {
		return fmt.Errorf("save user: %w", err)
	}
	return nil
}

// emptyField gives a field the value of a new row. A text that must be unique becomes the id, which says nothing.
func emptyField(user *core.Record, field core.Field) error {
	name := field.GetName()
	switch name {
	case core.FieldNameId, core.FieldNamePassword, core.FieldNameTokenKey, "blocked":
		return nil
	}
	if _, isTime := field.(*core.AutodateField); isTime {
		return nil
	}
	if index, unique := dbutils.FindSingleColumnUniqueIndex(user.Collection().Indexes, name); unique && index.Where == "" && field.Type() == core.FieldTypeText {
		user.SetRaw(name, user.Id)
		return nil
	}
	empty, err := field.PrepareValue(user, nil)
	if err != nil {
		return err
	}
	user.Set(name, empty)
	return nil
}

// finish notes what stayed, and forgets by what the person was found.
func (p *Privacy) finish(id string, who traces) error {
	g, err := gather(p.App, who)
	if err != nil {
		return err
	}
	kept := map[string]int{}
	for _, table := range g.found.tables() {
		if n := len(g.found[table]); table != erasuresTable {
			kept[table] = n
		}
	}
	now := p.Now().UTC().Format(days.Stored)
	_, err = p.App.NonconcurrentDB().Update(erasuresTable, dbx.Params{
		"state": done, "doneAt": now, "updated": now, "traces": "null", "error": "", "kept": string(jsonOf(kept)),
	}, dbx.HashExp{"id": id, "state": running}).Execute()
	if err != nil {
		return fmt.Errorf("finish: %w", err)
	}
	return nil
}

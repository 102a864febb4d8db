package privacy

import (
	"fmt"
	"slices"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/events"
)

// erase does everything after the point of no return. Each step may be done again, and is, when the process ended in the middle: the operator is
// told, rows go, texts are emptied, files go, and last the account itself loses its name.
func (p *Privacy) erase(row *core.Record) error {
	who, err := keptTraces(row)
	if err != nil {
		return err
	}
	user, err := books.ByID(p.App, usersTable, who.User)
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	err = p.OnUserForget.Trigger(&events.UserForgetEvent{
		App: p.App, User: user, OpenIDs: who.OpenIDs, UnionIDs: who.UnionIDs, Phone: who.Phone, Email: who.Email,
	})
	if err != nil {
		return fmt.Errorf("tell of the forgetting: %w", err)
	}
	g, err := gather(p.App, who)
	if err != nil {
		return err
	}
	for _, table := range g.found.tables() {
		if err := p.eraseFrom(g, table); err != nil {
			return fmt.Errorf("erase from %s: %w", table, err)
		}
	}
	if err := p.emptyTexts(who.User); err != nil {
		return err
	}
	if err := anonymise(p.App, who.User); err != nil {
		return err
	}
	return p.finish(row.Id, who)
}

// eraseFrom ends what one collection holds.
func (p *Privacy) eraseFrom(g *gatherer, table string) error {
	c, err := p.App.FindCachedCollectionByNameOrId(table)
	if err != nil {
		return err
	}
	switch what, ours := fates[table]; {
	case table == usersTable || what == stays:
		return nil
	case !ours:
		return g.followRelations(c)
	case table == "wx_codes":
		if err := books.Exec(p.App, "UPDATE `wx_codes` SET `maker` = '' WHERE `maker` = ? AND `user` != ?", g.who.User, g.who.User); err != nil {
			return err
		}
		return removeAll(p.App, c, g.found.ids(table, own))
	case table == "wx_inbox":
		return removeWhere(p.App, c, g.found.ids(table, mentioned), func(r *core.Record) bool { return r.GetString("kind") == "push" })
	case table == "wx_outbox":
		return removeWhere(p.App, c, g.found.ids(table, mentioned), mayGo)
	default:
		return removeAll(p.App, c, g.found.ids(table, mentioned))
	}
}

// mayGo is true of work that is done, and of work that only speaks to the person. What the server still has to do about money it does; what WeChat
// was told of a shipment is part of the order.
func mayGo(r *core.Record) bool {
	effect := r.GetString("effect")
	if slices.Contains([]string{"message.send", "check.record", "check.late"}, effect) {
		return true
	}
	return !r.GetDateTime("doneAt").IsZero() && effect != "shipping.upload"
}

// removeWhere removes those of the rows that may go.
func removeWhere(app core.App, c *core.Collection, ids []string, may func(*core.Record) bool) error {
	for some := range slices.Chunk(ids, chunk) {
		rows, err := app.FindRecordsByIds(c.Name, some)
		if err != nil {
			return err
		}
		var going []string
		for _, r := range rows {
			if may(r) {
				going = append(going, r.Id)
			}
		}
		if err := removeAll(app, c, going); err != nil {
			return err
		}
	}
	return nil
}

// removeAll deletes rows, some in a transaction. Their files go first: a row without its file is deleted the next time, a file without its row is
// never found again.
func removeAll(app core.App, c *core.Collection, ids []string) error {
	for some := range slices.Chunk(ids, 50) {
		rows, err := app.FindRecordsByIds(c.Name, some)
		if err != nil {
			return err
		}
		if err := removeFiles(app, c, rows); err != nil {
			return err
		}
		err = app.RunInTransaction(func(tx core.App) error {
			for _, r := range rows {
				if err := tx.Delete(r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func removeFiles(app core.App, c *core.Collection, rows []*core.Record) error {
	if !slices.ContainsFunc(c.Fields, func(f core.Field) bool { return f.Type() == core.FieldTypeFile }) {
		return nil
	}
	files, err := app.NewFilesystem()
	if err != nil {
		return fmt.Errorf("open storage: %w", err)
	}
	defer func() { _ = files.Close() }()
	for _, r := range rows {
		for _, err := range files.DeletePrefix(r.BaseFilesPath() + "/") {
			return fmt.Errorf("delete files: %w", err)
		}
	}
	return nil
}

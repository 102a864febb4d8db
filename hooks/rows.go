package hooks

import (
	"context"
	"fmt"

	"github.com/pocketbase/dbx"
	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/conflict"
)

// findRow reads the one row whose columns have these values. It fails with sql.ErrNoRows.
// note: the parsing of a filter text costs more than the query: half of a login, most of a repeated notification.
func findRow(app core.App, collection string, where dbx.HashExp) (*core.Record, error) {
	r := &core.Record{}
	if err := app.RecordQuery(collection).AndWhere(where).Limit(1).One(r); err != nil {
		return nil, err
	}
	return r, nil
}

// insert writes a new row of our own books (inbox, ledger, outbox, identities, bills) without PocketBase's validation and hooks: every value
// is ours, the indexes decide races, and a payment writes several of them in one transaction.
//
// note: collections that people or programs listen to (orders, payments, refunds, users) go through Save.
func insert(tx core.App, collection string, fields map[string]any) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Load(fields)
	if r.Id == "" {
		r.Id = core.GenerateDefaultRandomId()
	}
	now := types.NowDateTime()
	r.SetRaw("created", now)
	r.SetRaw("updated", now)
	row, err := r.DBExport(tx)
	if err != nil {
		return nil, fmt.Errorf("insert into %s: %w", collection, err)
	}
	if _, err := tx.NonconcurrentDB().Insert(collection, row).Execute(); err != nil {
		return nil, fmt.Errorf("insert into %s: %w", collection, conflict.Wrap(collection, err))
	}
	return r, nil
}

// engineWrite marks the context of a save that the server makes by itself.
type engineWrite struct{}

// save is app.Save for the server's own writes: with the hooks and the realtime messages that people rely on, and without the conditions on
// fields that an operator has added. A field that must be filled would otherwise stop every login or payment, since we leave it empty.
func save(app core.App, r *core.Record) error {
	err := app.SaveWithContext(context.WithValue(context.Background(), engineWrite{}, true), r)
	return conflict.Wrap(r.Collection().Name, err)
}

// validateOwn looks at our own fields only where the server writes by itself.
func (p *Plugin) validateOwn(e *core.RecordEvent) error {
	if e.Context.Value(engineWrite{}) == nil || !p.schema.has(e.Record.Collection().Name) {
		return e.Next()
	}
	problems := validation.Errors{}
	for _, f := range e.Record.Collection().Fields {
		if !p.schema.owns(e.Record.Collection().Name, f.GetName()) {
			continue
		}
		if err := f.ValidateValue(e.Context, e.App, e.Record); err != nil {
			problems[f.GetName()] = err
		}
	}
	return problems.Filter()
}

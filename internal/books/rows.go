package books

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/conflict"
)

// Find reads the only row whose columns have these values. It fails with sql.ErrNoRows. note: PocketBase's way builds a
// query, parses each text for parameters and takes a lock: four fifths of the cost of a small read.
func Find(app core.App, collection string, where dbx.HashExp) (*core.Record, error) {
	names, values := slices.Sorted(maps.Keys(where)), make([]any, 0, len(where))
	for _, name := range names {
		values = append(values, where[name])
	}
	return First(app, collection, "`"+strings.Join(names, "` = ? AND `")+"` = ?", values...)
}

// ByID reads the row with this id. It fails with sql.ErrNoRows.
func ByID(app core.App, collection, id string) (*core.Record, error) {
	return First(app, collection, "`id` = ?", id)
}

// First reads the first row that matches a WHERE clause, which may include an order. It fails with sql.ErrNoRows.
func First(app core.App, collection, where string, values ...any) (*core.Record, error) {
	found, err := Select(app, collection, where+" LIMIT 1", values...)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, sql.ErrNoRows
	}
	return found[0], nil
}

// Select reads the rows that match a WHERE clause.
func Select(app core.App, collection, where string, values ...any) (records []*core.Record, err error) {
	c, err := app.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return nil, err
	}
	run, err := executor(app.ConcurrentDB())
	if err != nil {
		return nil, err
	}
	found, err := run.Query("SELECT * FROM `"+c.Name+"` WHERE "+where, values...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	names, err := found.Columns()
	if err != nil {
		return nil, err
	}
	row, into := make([]sql.NullString, len(names)), make([]any, len(names))
	for i := range row {
		into[i] = &row[i]
	}
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		r, err := recordOf(c, names, row)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	return records, found.Err()
}

// recordOf makes the record of a row, as PocketBase does: each field converts the database's value.
func recordOf(c *core.Collection, names []string, row []sql.NullString) (*core.Record, error) {
	r := core.NewRecord(c)
	for i, field := range c.Fields {
		name := field.GetName()
		if i >= len(names) || names[i] != name { // a field that was added later has another position in the table
			i = slices.Index(names, name)
		}
		var raw any
		if i >= 0 && row[i].Valid {
			raw = row[i].String
		}
		value, err := field.PrepareValue(r, raw)
		if err != nil {
			return nil, err
		}
		r.SetRaw(name, value)
	}
	return r, r.PostScan()
}

// Insert writes a new row of our own books (inbox, ledger, outbox, identities, bills) without PocketBase's validation
// and hooks: every value is ours, the indexes decide races, and a payment writes several of them in one transaction.
//
// note: collections with listeners (orders, payments, refunds, users) go through Write or Create.
func Insert(tx core.App, collection string, fields map[string]any) (*core.Record, error) {
	r, err := newRow(tx, collection, fields)
	if err != nil {
		return nil, err
	}
	if err := write(tx, r, nil); err != nil {
		return nil, fmt.Errorf("insert into %s: %w", collection, conflict.Wrap(collection, err))
	}
	return r, nil
}

// InsertOnce is Insert for a row whose key is unique. It tells whether the row is new; an existing one stays unchanged.
func InsertOnce(tx core.App, collection string, fields map[string]any, key string) (isNew bool, err error) {
	r, err := newRow(tx, collection, fields)
	if err != nil {
		return false, err
	}
	n, err := insert(tx, r, " ON CONFLICT (`"+key+"`) DO NOTHING")
	if err != nil {
		return false, fmt.Errorf("insert into %s: %w", collection, conflict.Wrap(collection, err))
	}
	return n > 0, nil
}

func newRow(tx core.App, collection string, fields map[string]any) (*core.Record, error) {
	c, err := tx.FindCachedCollectionByNameOrId(collection)
	if err != nil {
		return nil, err
	}
	r := core.NewRecord(c)
	r.Load(fields)
	return r, nil
}

// Row reads the first row of one of our queries into dest. It fails with sql.ErrNoRows.
func Row(app core.App, query string, args []any, dest ...any) error {
	run, err := executor(app.ConcurrentDB())
	if err != nil {
		return err
	}
	found, err := run.Query(query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = found.Close() }()
	if !found.Next() {
		return cmp.Or(found.Err(), sql.ErrNoRows)
	}
	return found.Scan(dest...)
}

// IDs reads the ids that one of our queries selects. It costs a third of Select.
func IDs(app core.App, query string, args ...any) (ids []string, err error) {
	run, err := executor(app.ConcurrentDB())
	if err != nil {
		return nil, err
	}
	found, err := run.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var id string
		if err := found.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, found.Err()
}

// Exec runs one of our statements.
func Exec(tx core.App, query string, args ...any) error {
	run, err := executor(tx.NonconcurrentDB())
	if err != nil {
		return err
	}
	_, err = run.Exec(query, args...)
	return err
}

// EngineWrite marks the context of a save that the server makes itself.
type EngineWrite struct{}

// Save is app.Save for the server's own writes: with hooks and realtime messages, and without the conditions of fields
// that an operator has added. A required field of theirs would otherwise stop every login or payment, since we leave it
// empty.
func Save(app core.App, r *core.Record) error {
	err := app.SaveWithContext(context.WithValue(context.Background(), EngineWrite{}, true), r)
	return conflict.Wrap(r.Collection().Name, err)
}

// Package rows gives the rows of money their types: an order, an attempt to pay it, a refund, the comparison of a day.
// Each wraps the record that PocketBase and its listeners see, so a row costs no extra allocation, a field has one name
// here, and the compiler knows its type.
//
// Read and write rows through books: books.Write(tx, payment.Record). A setter changes the record only in memory.
package rows

import (
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
)

// setTime stores a moment; the zero time empties the field.
func setTime(r *core.Record, field string, at time.Time) {
	if at.IsZero() {
		r.Set(field, nil)
		return
	}
	r.Set(field, at)
}

// has tells whether a moment is set.
func has(r *core.Record, field string) bool { return !r.GetDateTime(field).IsZero() }

// byID reads a row; the error says of what. It wraps sql.ErrNoRows.
func byID(app core.App, collection, id, what string) (*core.Record, error) {
	r, err := books.ByID(app, collection, id)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return r, nil
}

// all wraps rows that were read together.
func all[T any](records []*core.Record, wrap func(*core.Record) T) []T {
	rows := make([]T, 0, len(records))
	for _, r := range records {
		rows = append(rows, wrap(r))
	}
	return rows
}

// find reads the one row with these values. It fails with sql.ErrNoRows.
func find[T any](app core.App, collection string, where dbx.HashExp, wrap func(*core.Record) T) (row T, err error) {
	r, err := books.Find(app, collection, where)
	if err != nil {
		return row, err
	}
	return wrap(r), nil
}

package groupcommit

import (
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// rows outside of a transaction return the writer on Close. Close commits a statement such as INSERT ... RETURNING, so
// it waits for the disk.
type rows struct {
	typedRows

	seat   *seat
	job    *job // nil outside of a transaction
	closed bool
}

// Next reads a row. In a transaction it notes an error that ended it.
func (r *rows) Next(into []driver.Value) error {
	err := r.Rows.Next(into)
	if err != nil && r.job != nil && r.job == r.seat.job && !errors.Is(err, io.EOF) {
		r.job.note(err)
	}
	return err
}

// Close ends the statement.
func (r *rows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.Rows.Close()
	if r.job != nil {
		return err
	}
	r.seat.writer.unlock()
	return errors.Join(err, r.seat.pool.syncer.wait())
}

// typedRows pass on what modernc's rows know of their columns.
type typedRows struct{ driver.Rows }

// ColumnTypeDatabaseTypeName asks modernc's rows.
func (r typedRows) ColumnTypeDatabaseTypeName(i int) string {
	if t, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return t.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

// ColumnTypeNullable asks modernc's rows.
func (r typedRows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if t, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return t.ColumnTypeNullable(i)
	}
	return false, false
}

// ColumnTypeLength asks modernc's rows.
func (r typedRows) ColumnTypeLength(i int) (length int64, ok bool) {
	if t, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return t.ColumnTypeLength(i)
	}
	return 0, false
}

// ColumnTypePrecisionScale asks modernc's rows.
func (r typedRows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if t, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return t.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}

// ColumnTypeScanType asks modernc's rows.
func (r typedRows) ColumnTypeScanType(i int) reflect.Type {
	if t, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return t.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

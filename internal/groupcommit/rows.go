package groupcommit

import (
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// rows outside of a transaction give the writer back when they are closed. A statement such as INSERT ... RETURNING is committed by
// that, so it waits for the disk then.
type rows struct {
	driver.Rows

	seat   *seat
	alone  bool // outside of a transaction
	closed bool
}

// Next reads a row. In a transaction an error may have ended it.
func (r *rows) Next(into []driver.Value) error {
	err := r.Rows.Next(into)
	if err != nil && !r.alone && !errors.Is(err, io.EOF) {
		r.seat.note(err)
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
	if !r.alone {
		return err
	}
	r.seat.writer.unlock()
	return errors.Join(err, r.seat.pool.syncer.wait())
}

// ColumnTypeDatabaseTypeName asks modernc's rows.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string {
	if t, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return t.ColumnTypeDatabaseTypeName(i)
	}
	return ""
}

// ColumnTypeNullable asks modernc's rows.
func (r *rows) ColumnTypeNullable(i int) (nullable, ok bool) {
	if t, ok := r.Rows.(driver.RowsColumnTypeNullable); ok {
		return t.ColumnTypeNullable(i)
	}
	return false, false
}

// ColumnTypeLength asks modernc's rows.
func (r *rows) ColumnTypeLength(i int) (length int64, ok bool) {
	if t, ok := r.Rows.(driver.RowsColumnTypeLength); ok {
		return t.ColumnTypeLength(i)
	}
	return 0, false
}

// ColumnTypePrecisionScale asks modernc's rows.
func (r *rows) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	if t, ok := r.Rows.(driver.RowsColumnTypePrecisionScale); ok {
		return t.ColumnTypePrecisionScale(i)
	}
	return 0, 0, false
}

// ColumnTypeScanType asks modernc's rows.
func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	if t, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return t.ColumnTypeScanType(i)
	}
	return reflect.TypeFor[any]()
}

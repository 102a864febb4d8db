// Package conflict recognises a failing read or write whose cause is something that an operator has added to the
// database: an index, a rule, a missing column. A repeat does not help; the owner must fix it.
package conflict

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	validation "github.com/pocketbase/ozzo-validation/v4"
	"github.com/pocketbase/pocketbase/tools/dbutils"

	"wxbase/migrations"
)

// Error is a write of ours that something in the database refuses which is not ours: an index or a trigger of an operator's.
type Error struct {
	Table, Field string
	cause        error
}

func (c *Error) Error() string {
	return fmt.Sprintf("field %q of table %q is in the way: %v", c.Field, c.Table, c.cause)
}

func (c *Error) Unwrap() error { return c.cause }

// In finds a Error in an error, also in that of a read: SQLite says which table or column it misses.
func In(err error) (*Error, bool) {
	if err == nil {
		return nil, false
	}
	if conflict, ok := errors.AsType[*Error](err); ok {
		return conflict, true
	}
	table, field, missing := missingIn(err.Error())
	return &Error{Table: table, Field: field, cause: err}, missing
}

func missingIn(text string) (table, field string, ok bool) {
	if m := missingColumn.FindStringSubmatch(text); m != nil {
		return m[1] + m[3], m[2] + m[4], true
	}
	if m := missingTable.FindStringSubmatch(text); m != nil {
		return m[1], "", true
	}
	return "", "", false
}

// What SQLite says of a constraint and of a thing that is not there.
var (
	failedConstraint = regexp.MustCompile(`(?:UNIQUE|NOT NULL) constraint failed: (\w+)\.(\w+)((?:, \w+\.\w+)*)`)
	failedIndex      = regexp.MustCompile(`UNIQUE constraint failed: index '([^']+)'`)
	missingColumn    = regexp.MustCompile(`no such column: (?:(\w+)\.)?(\w+)|table (\w+) has no column named (\w+)`)
	missingTable     = regexp.MustCompile(`no such table: (?:main\.)?(\w+)`)
)

// Wrap wraps the error of a write to a table of ours when the cause is not ours. A unique index of our own that is met is a race, which
// the caller knows how to decide.
func Wrap(table string, err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*Error](err); known {
		return err
	}
	field, ok := foreignField(table, err)
	if !ok {
		return err
	}
	return &Error{Table: table, Field: field, cause: err}
}

func foreignField(table string, err error) (string, bool) {
	if problems, ok := errors.AsType[validation.Errors](err); ok {
		for name, problem := range problems {
			if !ownsField(table, name) || isUniqueness(problem) && !ownUniqueField(table, name) {
				return name, true
			}
		}
	}
	text := err.Error()
	if m := failedConstraint.FindStringSubmatch(text); m != nil {
		columns := append([]string{m[2]}, strings.FieldsFunc(strings.ReplaceAll(m[3], m[1]+".", ""), func(r rune) bool { return r == ',' || r == ' ' })...)
		return m[2], !ownUnique(m[1], columns)
	}
	if m := failedIndex.FindStringSubmatch(text); m != nil {
		return m[1], !ownIndex(table, m[1])
	}
	_, field, missing := missingIn(text)
	return field, missing
}

func ownCollection(name string) (migrations.Collection, bool) {
	all := migrations.Schema()
	at := slices.IndexFunc(all, func(c migrations.Collection) bool { return c.Name == name })
	if at < 0 {
		return migrations.Collection{}, false
	}
	return all[at], true
}

func ownsField(table, field string) bool {
	c, _ := ownCollection(table)
	return slices.ContainsFunc(c.Fields, func(f map[string]any) bool { return f["name"] == field })
}

// ownUnique reports whether we have a unique index, or a primary key, over just these columns.
func ownUnique(table string, columns []string) bool {
	c, ok := ownCollection(table)
	if !ok || slices.Equal(columns, []string{"id"}) {
		return true
	}
	return slices.ContainsFunc(c.Indexes, func(sql string) bool {
		index := dbutils.ParseIndex(sql)
		names := make([]string, 0, len(index.Columns))
		for _, column := range index.Columns {
			names = append(names, column.Name)
		}
		return index.Unique && slices.Equal(names, columns)
	})
}

// isUniqueness recognizes what PocketBase makes of the error of a unique index.
func isUniqueness(problem error) bool {
	coded, ok := errors.AsType[validation.Error](problem)
	return ok && coded.Code() == "validation_not_unique"
}

// ownUniqueField reports whether a unique index of ours holds a field.
func ownUniqueField(table, field string) bool {
	c, _ := ownCollection(table)
	return field == "id" || slices.ContainsFunc(c.Indexes, func(sql string) bool {
		index := dbutils.ParseIndex(sql)
		return index.Unique && slices.ContainsFunc(index.Columns, func(column dbutils.IndexColumn) bool { return column.Name == field })
	})
}

func ownIndex(table, name string) bool {
	c, _ := ownCollection(table)
	return slices.ContainsFunc(c.Indexes, func(sql string) bool { return dbutils.ParseIndex(sql).IndexName == name })
}

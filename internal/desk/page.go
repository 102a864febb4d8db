package desk

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/answer"
	"wxbase/internal/days"
)

// Page is one page of a list.
type Page[T any] struct {
	Items      []T `json:"items"`
	Page       int `json:"page"`
	PerPage    int `json:"perPage"`
	TotalItems int `json:"totalItems"`
}

// PageAsk is which page somebody wants; pages count from 1.
type PageAsk struct{ page, perPage int }

func (a PageAsk) offset() int64 { return int64(a.page-1) * int64(a.perPage) }

// PageOf reads ?page= and ?perPage=: 20 rows without, 200 at most.
func PageOf(e *core.RequestEvent) (PageAsk, error) {
	ask := PageAsk{page: 1, perPage: 20}
	for name, into := range map[string]*int{"page": &ask.page, "perPage": &ask.perPage} {
		text := e.Request.URL.Query().Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1_000_000 {
			return ask, answer.Field(answer.FieldInvalid, name, "a whole number from 1 on")
		}
		*into = n
	}
	ask.perPage = min(ask.perPage, 200)
	return ask, nil
}

// AnswerPage reads one page of a collection and writes it as view shows it.
func AnswerPage[T any](e *core.RequestEvent, ask PageAsk, collection string, where dbx.Expression, sort string, view func([]*core.Record) ([]T, error)) error {
	total, err := e.App.CountRecords(collection, where)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	var rows []*core.Record
	err = pageQuery(e.App, ask, collection, where, sort).All(&rows)
	if err != nil {
		return answer.Fail(answer.Busy, fmt.Errorf("read %s: %w", collection, err))
	}
	items, err := view(rows)
	if err != nil {
		return asAnswer(err)
	}
	return e.JSON(http.StatusOK, Page[T]{Items: items, Page: ask.page, PerPage: ask.perPage, TotalItems: int(total)})
}

// pageQuery finds the rows of a page by the index alone and reads only these: a page far behind costs little more than the first.
func pageQuery(app core.App, ask PageAsk, collection string, where dbx.Expression, sort string) *dbx.SelectQuery {
	page := pageRows(app, ask, collection, where, sort)
	return app.RecordQuery(collection).AndWhere(dbx.NewExp("[["+collection+".rowid]] IN ("+page.SQL()+")", page.Params())).OrderBy(strings.Split(sort, ", ")...)
}

// pageRows are the numbers of the rows of a page.
func pageRows(app core.App, ask PageAsk, collection string, where dbx.Expression, sort string) *dbx.Query {
	columns := strings.Split(sort, ", ")
	return app.DB().Select("rowid").From(collection).Where(where).OrderBy(columns...).Limit(int64(ask.perPage)).Offset(ask.offset()).Build()
}

// newest sorts along an index of created.
const newest = "created DESC, rowid DESC"

// newestRows sorts a table that is written all the time as it grows, without an index more to write.
const newestRows = "rowid DESC"

// always is a condition that may be empty.
func always(where dbx.Expression) dbx.Expression { return dbx.And(dbx.NewExp("1 = 1"), where) }

// answerItems writes a list that has no pages.
func answerItems[T any](e *core.RequestEvent, items []T) error {
	if items == nil {
		items = []T{}
	}
	return e.JSON(http.StatusOK, map[string]any{"items": items})
}

// each shows every row; never nil.
func each[T any](rows []*core.Record, view func(*core.Record) T) []T {
	items := make([]T, 0, len(rows))
	for _, r := range rows {
		items = append(items, view(r))
	}
	return items
}

// beijing is the time in which days begin and end.
var beijing = time.FixedZone("Beijing", 8*60*60)

const day = "2006-01-02"

// spanOf reads ?from= and ?to=, days in Beijing that are both included, for a column of moments.
func spanOf(e *core.RequestEvent, column string) (dbx.Expression, error) {
	var parts []dbx.Expression
	for _, end := range []struct {
		name, compare string
		days          int
	}{{"from", ">=", 0}, {"to", "<", 1}} {
		text := e.Request.URL.Query().Get(end.name)
		if text == "" {
			continue
		}
		at, err := time.ParseInLocation(day, text, beijing)
		if err != nil {
			return nil, answer.Field(answer.FieldInvalid, end.name, "a day such as 2026-01-31")
		}
		param := column + "_" + end.name
		parts = append(parts, dbx.NewExp(fmt.Sprintf("[[%s]] %s {:%s}", column, end.compare, param), dbx.Params{param: days.Store(at.AddDate(0, 0, end.days))}))
	}
	return both(parts...), nil
}

// both joins conditions; nil and empty ones are none.
//
// note: dbx makes "()" of nothing but empty conditions.
func both(parts ...dbx.Expression) dbx.Expression {
	return dbx.And(append(parts, dbx.NewExp("1 = 1"))...)
}

// moment is a moment as the API says it: RFC 3339 in UTC, or nothing.
func moment(at types.DateTime) string {
	if at.IsZero() {
		return ""
	}
	return at.Time().UTC().Format("2006-01-02T15:04:05.000Z")
}

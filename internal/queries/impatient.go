package queries

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/search"
)

// Impatient is an app whose queries for records end with a context. PocketBase's own are only stopped after 30 seconds, and those of a
// realtime filter never.
type Impatient struct {
	core.App

	Ctx  context.Context //nolint:containedctx // the app of one request
	Each time.Duration   // how long one query may take; 0: Ctx alone ends them
}

// context is that of one query. A request that writes may wait for a hook or for WeChat between its queries, so that its time is counted
// for each of them.
func (a Impatient) context() context.Context {
	if a.Each <= 0 {
		return a.Ctx
	}
	ctx, cancel := context.WithCancel(a.Ctx)
	time.AfterFunc(a.Each, cancel)
	return ctx
}

// RecordQuery implements core.App.
func (a Impatient) RecordQuery(collection any) *dbx.SelectQuery {
	query := a.App.RecordQuery(collection)
	if query.Context() == nil { // set where there is no such collection
		query.WithContext(a.context())
	}
	return query
}

// ConcurrentDB implements core.App. PocketBase evaluates the filter of a realtime topic on it, without any deadline.
func (a Impatient) ConcurrentDB() dbx.Builder {
	builder := a.App.ConcurrentDB()
	if db, ok := builder.(*dbx.DB); ok {
		return db.WithContext(a.context())
	}
	return builder // that of a transaction
}

// FindRecordById implements core.App.
func (a Impatient) FindRecordById(collection any, id string, filters ...func(*dbx.SelectQuery) error) (*core.Record, error) {
	return a.App.FindRecordById(collection, id, append([]func(*dbx.SelectQuery) error{a.bind}, filters...)...)
}

// FindRecordsByIds implements core.App. PocketBase reads with it what a request expands, by the rule of the other collection.
func (a Impatient) FindRecordsByIds(collection any, ids []string, filters ...func(*dbx.SelectQuery) error) ([]*core.Record, error) {
	return a.App.FindRecordsByIds(collection, ids, append([]func(*dbx.SelectQuery) error{a.bind}, filters...)...)
}

func (a Impatient) bind(q *dbx.SelectQuery) error {
	q.WithContext(a.context())
	return nil
}

// RunInTransaction implements core.App: the requests of a batch run in one.
func (a Impatient) RunInTransaction(fn func(tx core.App) error) error {
	return a.App.RunInTransaction(func(tx core.App) error {
		return fn(Impatient{App: tx, Ctx: a.Ctx, Each: a.Each})
	})
}

// CanAccessRecord implements core.App, as PocketBase does.
func (a Impatient) CanAccessRecord(r *core.Record, info *core.RequestInfo, rule *string) (bool, error) {
	if info.HasSuperuserAuth() || rule == nil || *rule == "" {
		return a.App.CanAccessRecord(r, info, rule)
	}
	query := a.RecordQuery(r.Collection()).Select("(1)").AndWhere(dbx.HashExp{r.Collection().Name + ".id": r.Id})
	resolver := core.NewRecordFieldResolver(a, r.Collection(), info, true)
	condition, err := search.FilterData(*rule).BuildExpr(resolver)
	if err != nil {
		return false, err
	}
	if err := resolver.UpdateQuery(query); err != nil {
		return false, err
	}
	var found int
	err = query.AndWhere(condition).Limit(1).Row(&found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	return found > 0, nil
}

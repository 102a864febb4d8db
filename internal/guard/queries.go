package guard

// Queries of people who are no superusers. PocketBase lets a filter, a sort and an expand walk six relations, back ones too, and each step
// multiplies the rows: one request can keep a processor busy for half a minute. Here a user's query goes one relation far and not
// back, is short, and is stopped after a few seconds. Superusers and the rules that owners write are free of the first two.

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/answer"
	"wxbase/internal/queries"
)

// queryGuard bounds what a query may ask for.
type queryGuard struct {
	app     core.App
	seconds int // how long a query of a user may take
}

// bind checks every route of the API, because our own routes expand records too.
func (g *queryGuard) bind() {
	g.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxQueries", Func: func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxQueries", Func: g.guardQuery})
		return e.Next()
	}})
	g.app.OnBatchRequest().Bind(&hook.Handler[*core.BatchRequestEvent]{Id: "wxQueries", Func: guardBatch})
	g.app.OnRecordsListRequest().Bind(&hook.Handler[*core.RecordsListRequestEvent]{Id: "wxQueries", Priority: -100, Func: refuseCutList})
	g.boundBroadcasts()
}

// refuseCutList stands before the answer of a list. NB! dbx takes rows that were cut off by the deadline for the end of the rows, so that a list
// may be shorter than it is, or empty, and no error tells.
func refuseCutList(e *core.RecordsListRequestEvent) error {
	if app, ok := e.App.(queries.Impatient); ok && app.Ctx.Err() != nil {
		return answer.Fail(answer.QuerySlow, app.Ctx.Err())
	}
	return e.Next()
}

// guardQuery refuses queries that ask for too much, and puts a deadline on those that may run.
func (g *queryGuard) guardQuery(e *core.RequestEvent) error {
	if e.HasSuperuserAuth() || !strings.HasPrefix(e.Request.URL.Path, "/api/") {
		return e.Next()
	}
	if reason := queries.TooComplex(e.App, e.Request.PathValue("collection"), e.Request.URL.Query()); reason != "" {
		return answer.With(answer.QueryComplex, "reason", reason)
	}
	limit := time.Duration(g.seconds) * time.Second
	app := e.App
	defer func() { e.App = app }()
	if isReading(e) {
		return readWithin(e, limit)
	}
	if asksForRecords(e) {
		e.App = queries.Impatient{App: app, Ctx: context.WithoutCancel(e.Request.Context()), Each: limit}
	}
	return e.Next()
}

// readWithin ends all queries of a request that only reads with one deadline.
func readWithin(e *core.RequestEvent, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(e.Request.Context(), limit)
	defer cancel()
	e.App = queries.Impatient{App: e.App, Ctx: ctx}
	err := e.Next()
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return answer.Fail(answer.QuerySlow, err)
	}
	return err
}

// isReading tells whether a request lists or views records or files.
func isReading(e *core.RequestEvent) bool {
	path := e.Request.URL.Path
	return (e.Request.Method == http.MethodGet || e.Request.Method == http.MethodHead) &&
		(strings.HasPrefix(path, "/api/collections/") || strings.HasPrefix(path, "/api/files/"))
}

// asksForRecords tells whether another request makes PocketBase evaluate rules or expand records: creating, changing and deleting, signing
// in, the token for files, a batch, and routes of ours that are asked to expand.
func asksForRecords(e *core.RequestEvent) bool {
	path := e.Request.URL.Path
	return strings.HasPrefix(path, "/api/collections/") || strings.HasPrefix(path, "/api/files/") || path == "/api/batch" || e.Request.URL.Query().Has("expand")
}

// boundBroadcasts puts the deadline on what PocketBase evaluates for the readers of realtime topics when a record is created or changed: the
// rule, the filter and the expands of each. Its own handler has the priority -99.
//
// note: before a delete it asks an app of its own, so that there the one relation of CheckTopic is the whole limit.
func (g *queryGuard) boundBroadcasts() {
	for _, saved := range []*hook.TaggedHook[*core.ModelEvent]{g.app.OnModelAfterCreateSuccess(), g.app.OnModelAfterUpdateSuccess()} {
		saved.Bind(&hook.Handler[*core.ModelEvent]{Id: "wxQueriesBegin", Priority: -100, Func: func(e *core.ModelEvent) error {
			app := e.App
			defer func() { e.App = app }()
			e.App = queries.Impatient{App: app, Ctx: context.Background(), Each: time.Duration(g.seconds) * time.Second}
			return e.Next()
		}})
		saved.Bind(&hook.Handler[*core.ModelEvent]{Id: "wxQueriesEnd", Priority: -98, Func: func(e *core.ModelEvent) error {
			if app, ok := e.App.(queries.Impatient); ok {
				e.App = app.App
			}
			return e.Next()
		}})
	}
}

// guardBatch checks the addresses inside of a batch.
func guardBatch(e *core.BatchRequestEvent) error {
	if e.HasSuperuserAuth() {
		return e.Next()
	}
	for _, request := range e.Batch {
		address, err := url.Parse(request.URL)
		if err != nil {
			continue // PocketBase says so
		}
		collection, _, _ := strings.Cut(strings.TrimPrefix(address.Path, "/api/collections/"), "/")
		if reason := queries.TooComplex(e.App, collection, address.Query()); reason != "" {
			return answer.With(answer.QueryComplex, "reason", reason)
		}
	}
	return e.Next()
}

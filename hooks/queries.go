package hooks

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

// bindQueries checks every route of the API, because our own routes expand records too.
func (p *Plugin) bindQueries() {
	p.app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxQueries", Func: func(e *core.ServeEvent) error {
		e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxQueries", Func: p.guardQuery})
		return e.Next()
	}})
	p.app.OnBatchRequest().Bind(&hook.Handler[*core.BatchRequestEvent]{Id: "wxQueries", Func: guardBatch})
	p.app.OnRecordsListRequest().Bind(&hook.Handler[*core.RecordsListRequestEvent]{Id: "wxQueries", Priority: -100, Func: refuseCutList})
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
func (p *Plugin) guardQuery(e *core.RequestEvent) error {
	if e.HasSuperuserAuth() || !strings.HasPrefix(e.Request.URL.Path, "/api/") {
		return e.Next()
	}
	if reason := queries.TooComplex(e.App, e.Request.PathValue("collection"), e.Request.URL.Query()); reason != "" {
		return answer.With(answer.QueryComplex, "reason", reason)
	}
	if !isReading(e) {
		return e.Next()
	}
	ctx, cancel := context.WithTimeout(e.Request.Context(), time.Duration(p.limits.QuerySeconds)*time.Second)
	defer cancel()
	app := e.App
	e.App = queries.Impatient{App: app, Ctx: ctx}
	defer func() { e.App = app }()
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

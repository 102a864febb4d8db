// Package guard protects the shop from requests to PocketBase's own routes: it keeps our collections and rows as the
// code needs them, limits the cost of pictures and queries, and limits the rate of requests.
package guard

import (
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/limit"
)

// Deps is what the guards need of the rest.
type Deps struct {
	App        core.App
	Now        func() time.Time
	Limits     limit.Limits
	Env        func(string) string
	IsOperator func(*core.RequestEvent) bool // of the shop: it is free of the limits per minute
}

// Guard is all guards.
type Guard struct {
	rows     *rowGuard
	minutes  *minuteGuard
	queries  *queryGuard
	pictures *pictures
}

// rowGuard keeps our collections and their rows.
type rowGuard struct {
	app        core.App
	env        func(string) string
	schema     ownSchema
	byHand     map[string]byHand
	userFields []string    // of users, that their user may write
	serving    atomic.Bool // migrations are over: our collections stay as they are
}

// New reads WXBASE_USER_FIELDS, and fails when it names a field of ours.
func New(d Deps) (*Guard, error) {
	schema := newOwnSchema()
	own, err := userFields(d.Env, schema)
	if err != nil {
		return nil, err
	}
	return &Guard{
		rows:     &rowGuard{app: d.App, env: d.Env, schema: schema, byHand: handWritten(), userFields: own},
		minutes:  &minuteGuard{app: d.App, now: d.Now, limits: d.Limits, isOperator: d.IsOperator},
		queries:  &queryGuard{d.App, d.Limits.QuerySeconds},
		pictures: newPictures(d.App, d.Limits),
	}, nil
}

// BindCosts bounds what requests cost: pictures, queries, and how many there are.
func (g *Guard) BindCosts() {
	g.pictures.bind()
	bindBodyNames(g.rows.app)
	g.queries.bind()
	g.minutes.bind()
}

// BindRows keeps our collections and rows.
func (g *Guard) BindRows() {
	g.rows.bindSchema()
	g.rows.bindRecords()
	g.rows.app.OnRecordValidate().Bind(&hook.Handler[*core.RecordEvent]{Id: "wxOwnFields", Priority: -1000, Func: g.rows.validateOwn})
}

// BindRoutes stands before the routes for which PocketBase has no hook: truncation and the SQL console.
func (g *Guard) BindRoutes(e *core.ServeEvent) {
	e.Router.BindFunc(g.rows.keepFromTruncation, g.rows.keepFromSQL)
}

// Lock begins to keep our collections as they are: migrations are over. It fails when one of them is not as the code needs it.
func (g *Guard) Lock(app core.App) error {
	if err := checkSchema(app); err != nil {
		return err
	}
	g.rows.serving.Store(true)
	return nil
}

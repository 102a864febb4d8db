// Package desk is the server half of the dashboard: who of the shop may sign in and do what, what they did, and the pages' data under
// /api/wx/admin. Two kinds of people use it: superusers of PocketBase, who may do everything, and staff, whose role says what they may do.
//
// A staff member's token is known to the routes here and to nothing else: PocketBase takes it for no token at all, so that it opens no
// record, no file, no realtime and no refresh. See Allow.
//
// One page is one file, with its routes in a list of its own; routes puts the lists together.
package desk

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"golang.org/x/crypto/bcrypt"

	"wxbase/internal/settings"
)

// Deps is what the desk needs of the rest of wxbase.
type Deps struct {
	App       core.App
	Now       func() time.Time
	Simulated bool
	Vault     func() *settings.Vault // there once the app has booted

	// Online counts the people who are connected now.
	Online func() int
	// Wake makes the worker of wx_outbox look for what is due.
	Wake func()
	// LockOrder takes the turn of an order.
	LockOrder func(orderID string) (unlock func())
	// Refund gives money back and names the row of refunds. The caller has the order's turn.
	Refund func(ctx context.Context, orderID string, wish RefundWish) (refundID string, err error)
	// Carriers asks WeChat for the delivery companies.
	Carriers func(ctx context.Context) ([]Carrier, error)
	Setup    SetupDeps
	Books    BooksDeps
	Outreach OutreachDeps
	// ShipWithin is how long after payment an order has to be shipped.
	ShipWithin time.Duration
}

// Desk answers the dashboard's routes.
type Desk struct {
	Deps

	tries    *tries
	carriers carriers
	logins   logins
	hashing  chan struct{} // passwords that are compared at this moment
	nobody   func() []byte // a hash that no password has
}

// New makes a desk and binds what it does to the app besides its routes.
func New(deps Deps) *Desk {
	d := &Desk{Deps: deps, tries: newTries(), hashing: make(chan struct{}, 2), nobody: sync.OnceValue(hashOfNobody)}
	d.App.OnRecordUpdate("wx_audit").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxAuditIsAppendOnly", Func: keepAudit})
	d.App.OnRecordDelete("wx_audit").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxAuditIsAppendOnly", Func: keepAudit})
	d.bindLines()
	return d
}

// Route is one line of the dashboard's API.
type Route struct {
	Method string
	Path   string     // below /api/wx/admin
	Needs  Permission // empty: everybody may call it, and it looks itself
	Action string     // the name in the audit; empty: it changes nothing, and leaves no row
	Handle func(*core.RequestEvent) error
	Body   int64 // most bytes of the body; 64 KiB when 0
}

// smallBody is how much a route reads that does not say otherwise.
const smallBody = 64 << 10

// Routes lists the dashboard's API.
func (d *Desk) Routes() []Route {
	var all []Route
	for _, part := range [][]Route{
		d.staffRoutes(), d.auditRoutes(), d.overviewRoutes(), d.orderRoutes(), d.userRoutes(),
		d.productRoutes(), d.setupRoutes(), d.booksRoutes(), d.outreachRoutes(),
	} {
		all = append(all, part...)
	}
	return all
}

// Serve adds the routes to a server.
func (d *Desk) Serve(e *core.ServeEvent) {
	admin := e.Router.Group("/api/wx/admin")
	for _, r := range d.Routes() {
		route := admin.Route(r.Method, r.Path, r.Handle)
		route.Bind(apis.BodyLimit(max(r.Body, smallBody)))
		if r.Needs != "" {
			route.Bind(d.Allow(r.Needs, r.Action))
		}
	}
}

// hashOfNobody costs as much to compare with as the hash of an account.
func hashOfNobody() []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), bcrypt.DefaultCost)
	if err != nil {
		panic(err) // a cost that bcrypt itself gives
	}
	return hash
}

// Package desk is the server half of the dashboard: sign-in and permissions of the shop's people, the audit of what
// they did, and the data of the pages under /api/wx/admin. Two kinds of people use it: *superusers* of PocketBase, who
// may do everything, and *staff*, whose *role* decides what they may do.
//
// Only the routes here accept a staff member's token: PocketBase does not know it, so it opens neither records nor
// files, realtime or refresh. See Allow.
//
// One page is one file and one struct. The whole API is in routes.go.
package desk

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

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
	PayByCode bool                   // the shop has Native payment
	Vault     func() *settings.Vault // there once the app has booted

	// Online counts the people who are connected now.
	Online func() int
	// Wake makes the worker of wx_outbox look for what is due.
	Wake func()
	// LockOrder takes the turn of an order.
	LockOrder func(orderID string) (unlock func())
	// Refund gives money back and names the row of refunds. The caller has the order's turn.
	Refund func(ctx context.Context, orderID string, wish RefundWish) (refundID string, err error)
	// GiveBack sends the money of a disputed payment back and names the row of refunds. The caller has the order's turn.
	GiveBack func(ctx context.Context, wish GiveBackWish) (refundID string, err error)
	// Carriers asks WeChat for the delivery companies.
	Carriers func(ctx context.Context) ([]Carrier, error)
	Setup    SetupDeps
	Books    BooksDeps
	Outreach OutreachDeps
}

// kit is what every page needs.
type kit struct {
	App core.App
	Now func() time.Time
}

// Desk answers the dashboard's routes. A page is a struct of its own, with what it alone needs; routes.go says which answers what.
type Desk struct {
	gate  *gate
	audit *auditTrail
	own   *ownPage
	staff *staffPage

	overview *overviewPage
	logins   *logins
	orders   *ordersPage
	effects  *effectsPage
	carriers *carriers
	refunds  *refundDesk
	payouts  *payoutsPage
	users    *usersPage
	products *productsPage
	inbox    *inboxPage
	bills    *billsPage
	held     *heldPage
	outreach *outreachPage
	setup    *setupPage
}

// New makes a desk and binds what it does to the app besides its routes.
func New(deps Deps) *Desk {
	k := kit{deps.App, deps.Now}
	sessions, audit, counts := &sessions{k}, &auditTrail{k}, &logins{kit: k}
	orders := &ordersPage{k, audit, deps.PayByCode}
	d := &Desk{
		gate: &gate{k, sessions, audit}, audit: audit, staff: &staffPage{k, sessions},
		own: &ownPage{
			kit: k, simulated: deps.Simulated, vault: deps.Vault, sessions: sessions, audit: audit,
			tries: newTries(), hashing: make(chan struct{}, 2), nobody: sync.OnceValue(hashOfNobody),
		},
		overview: &overviewPage{k, deps.Online, counts}, logins: counts,
		orders: orders, effects: &effectsPage{k, deps.Wake}, carriers: &carriers{kit: k, ask: deps.Carriers},
		refunds: &refundDesk{k, deps.LockOrder, deps.Refund, deps.GiveBack},
		payouts: &payoutsPage{k},
		users:   &usersPage{k, orders}, products: &productsPage{k},
		inbox: &inboxPage{k, deps.Books.Replay, deps.Books.CloseInbox}, bills: &billsPage{k, deps.Books.Rerun, deps.Books.CloseAlert, deps.Books.CloseUnmatched}, held: &heldPage{k},
		outreach: &outreachPage{k, deps.Outreach}, setup: &setupPage{k, deps.Setup, deps.Simulated, deps.Vault},
	}
	k.App.OnRecordUpdate("wx_audit").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxAuditIsAppendOnly", Func: keepAudit})
	k.App.OnRecordDelete("wx_audit").Bind(&hook.Handler[*core.RecordEvent]{Id: "wxAuditIsAppendOnly", Func: keepAudit})
	bindLines(k.App)
	return d
}

// Allow lets superusers pass and staff whose role has the permission. A request with an action leaves a row in the audit, whatever
// becomes of it. The staff member is e.Auth for what follows.
func (d *Desk) Allow(needs Permission, action string) *hook.Handler[*core.RequestEvent] {
	return d.gate.allow(needs, action, false)
}

// AllowOrUser is Allow for routes that users call too: those pass as they are, and leave no row.
func (d *Desk) AllowOrUser(needs Permission, action string) *hook.Handler[*core.RequestEvent] {
	return d.gate.allow(needs, action, true)
}

// HoldRefund keeps a refund that needs a second person, and gives what it is answered with; nil for one that may go on. The caller holds
// the lock of the order.
func (d *Desk) HoldRefund(e *core.RequestEvent, orderID string, wish RefundWish) (held any, status int, err error) {
	return d.refunds.hold(e, orderID, wish)
}

// HoldGiveBack writes down that the money of a disputed payment, fen, waits for a second person; false when it need not. The caller has the
// turn of the order.
func (d *Desk) HoldGiveBack(e *core.RequestEvent, payment *core.Record, fen int64, reason string) (bool, error) {
	return d.refunds.holdGiveBack(e, payment, fen, reason)
}

// CountLogin counts a login of the mini program that was answered.
func (d *Desk) CountLogin() { d.logins.count() }

// SaveCounts writes the logins that are counted; the end of the process calls it too.
func (d *Desk) SaveCounts() { d.logins.save() }

// hashOfNobody costs as much to compare with as the hash of an account.
func hashOfNobody() []byte {
	hash, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), bcrypt.DefaultCost)
	if err != nil {
		panic(err) // a cost that bcrypt itself gives
	}
	return hash
}

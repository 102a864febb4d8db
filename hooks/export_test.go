package hooks

import (
	"context"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/parcels"
	"wxbase/internal/settings"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// Sweep runs one round of the sweep.
func (p *Plugin) Sweep(ctx context.Context) error { return p.till.Sweep(ctx) }

// Drain carries out everything in the outbox that is due.
func (p *Plugin) Drain(ctx context.Context) error { return p.books.Drain(ctx) }

// SweepRefunds runs one round of the sweep of refunds.
func (p *Plugin) SweepRefunds(ctx context.Context) error { return p.till.Refunds.Sweep(ctx) }

// SweepItems looks after the items of virtual payment once.
func (p *Plugin) SweepItems(ctx context.Context) error { return p.till.Items.Sweep(ctx) }

// ReconcileDue runs one round of bills.
func (p *Plugin) ReconcileDue(ctx context.Context) { p.till.Bills.RunDue(ctx) }

// Gateway speaks to WeChat Pay as another program of the merchant would.
func (p *Plugin) Gateway(mchID, appID string) (wxpay.Gateway, error) {
	return p.accounts.Gateway(mchID, appID)
}

// AskForRefundsByHand is how a merchant without an APIv2 key is looked after.
func (p *Plugin) AskForRefundsByHand(ctx context.Context, payment *core.Record) error {
	return p.till.Refunds.AskByHand(ctx, payment)
}

// EdgeKeys is what GET /api/wx/edges/key answers.
func (p *Plugin) EdgeKeys() ([]byte, error) {
	signer, err := p.primary.Signer()
	if err != nil {
		return nil, err
	}
	return signer.PublicKeys(), nil
}

// SetEffects changes how many effects go at a time and how long one may take; for a test that begins.
func (p *Plugin) SetEffects(places int, timeout time.Duration) {
	p.books.SetPlaces(places, timeout)
}

// ScriptAdvice is what the owner is told about JavaScript hooks.
func (p *Plugin) ScriptAdvice() []string { return p.scripts.Advice() }

// StopScripts interrupts every script, as the end of the process does.
func (p *Plugin) StopScripts() { p.scripts.Interrupt() }

// Enter puts a row of the outbox as it was read into its lane, and waits.
func (p *Plugin) Enter(ctx context.Context, row *core.Record) error {
	return p.books.CarryOut(ctx, row)
}

// ChangeMerchants changes the simulator's merchants as the settings know them.
func (p *Plugin) ChangeMerchants(change func(*settings.Merchant)) {
	apps, merchants := p.sim.Settings(p.cfg.Env)
	for i := range merchants {
		change(&merchants[i])
	}
	p.accounts.Settings.UseSimulator(apps, merchants)
}

// HoldOrder takes the lock of an order.
func (p *Plugin) HoldOrder(id string) (unlock func()) { return p.locks.Lock("order/" + id) }

// OrderWaiters is how many wait for the lock of an order that somebody holds.
func (p *Plugin) OrderWaiters(id string) int {
	p.locks.Mu.Lock()
	defer p.locks.Mu.Unlock()
	if k := p.locks.Held["order/"+id]; k != nil {
		return k.Users - 1
	}
	return 0
}

// ResealSecrets is what a start does with the stored secrets.
func (p *Plugin) ResealSecrets(app core.App) error {
	return p.resealSecrets(&core.ServeEvent{App: app})
}

// OftenAsked are the queries that run every few seconds, or once a page, by name.
func OftenAsked(app core.App) map[string]*dbx.SelectQuery {
	now := time.Now()
	return map[string]*dbx.SelectQuery{
		"due payments": till.DuePayments(app, now), "due orders": till.DueOrders(app, now), "due refunds": till.DueRefunds(app, now),
		"due effects": books.OtherEffects(app, now, []string{"one"}), "shipments": parcels.ShipmentsQuery(app, `["x/"]`),
		"payments of a bill": till.BilledPayments(app, "m", now), "refunds of a bill": till.BilledRefunds(app, "m", now),
	}
}

// UseXpayEnv sets the simulator's mini programs to the live environment of virtual payment or to the sandbox.
func (p *Plugin) UseXpayEnv(env string) {
	apps, merchants := p.sim.Settings(p.cfg.Env)
	for i := range apps {
		apps[i].XpayEnv = env
	}
	p.accounts.Settings.UseSimulator(apps, merchants)
}

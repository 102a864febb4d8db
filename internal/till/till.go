// Package till takes the money: orders, their payments and refunds, WeChat Pay's notifications, disputes, and the
// comparison with its bills.
//
// WeChat is the source of truth for money, our database for what was asked. pay.go tells how a payment goes, refund.go how a refund does,
// payout.go how a payout does.
// Package internal/order decides what an event means; the only writer of their states is machine.go.
//
// The words: an *attempt* is one payment row with its out_trade_no, of which an order has one live; a *fact* is what
// WeChat says, verified; *evidence* is why a row moves; a *dispute* is a payment that contradicts our books, whose
// order is *frozen* until a person decides; the *sweep* handles the rows whose time has come; *foreign* money is
// another program's.
//
// Each part is a struct over the same kit, and uses only those above it in this list:
//
//	Orders    makes orders, holds their stock, and moves them to paid, frozen and cancelled
//	Payments  moves the attempts to pay: applies an event, and makes the call to WeChat that follows from it
//	Cashier   is what the phone asks for: pay, sync, cancel; a code to scan, a page to open
//	Refunds   moves money back; refundRows moves the rows, imports books refunds that somebody made at WeChat by hand
//	Payouts   sends money to people
//	Disputes  lets a person decide about a payment that does not fit
//	Notices   receives what WeChat Pay posts
//	Bills     compares a day with WeChat's bill
//	Items     uploads what is sold by virtual payment to WeChat
package till

import (
	"context"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/locks"
	"wxbase/internal/metrics"
	"wxbase/internal/settings"
	"wxbase/internal/wxpay"
)

// Gateways opens WeChat Pay for a merchant; *accounts.Accounts does. An empty appID is any mini program of the
// merchant.
type Gateways interface {
	Gateway(mchID, appID string) (wxpay.Gateway, error)
	GatewayFor(m settings.Merchant, appID string) (wxpay.Gateway, error)
	NotifyGateway(mchID string, body []byte) (wxpay.Gateway, error)
}

// Deps are the other packages' services that the till needs.
type Deps struct {
	App        core.App
	Now        func() time.Time
	Accounts   *accounts.Accounts
	Gateways   Gateways
	Books      *books.Books
	Locks      *locks.Keyed
	Limits     limit.Limits
	Metrics    *metrics.Metrics
	OrderLife  time.Duration // after which an unpaid order is cancelled
	SweepEvery time.Duration
	Ways       Ways
}

// kit is what all parts share.
type kit struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	gateways Gateways
	books    *books.Books
	locks    *locks.Keyed
}

// Till holds the money of one app. The exported fields of its parts are set before the app serves.
type Till struct {
	*kit
	Orders   *Orders
	Cashier  *Cashier
	Payments *Payments
	Refunds  *Refunds
	Payouts  *Payouts
	Disputes *Disputes
	Notices  *Notices
	Bills    *Bills
	Items    *Items

	OnPaid     *hook.Hook[*events.PaidEvent]
	OnRefunded *hook.Hook[*events.RefundEvent]

	OnPayoutSucceeded *hook.Hook[*events.PayoutEvent]
	OnPayoutFailed    *hook.Hook[*events.PayoutEvent]

	sweepEvery time.Duration
}

// New makes the till and connects its parts.
func New(d Deps) *Till {
	k := &kit{app: d.App, now: d.Now, accounts: d.Accounts, gateways: d.Gateways, books: d.Books, locks: d.Locks}
	orders := &Orders{kit: k, limits: d.Limits, life: d.OrderLife, OnCreate: &hook.Hook[*events.OrderEvent]{}}
	payments := newPayments(k, orders)
	sent := newRefundRows(k, payments)
	imports := &imports{kit: k, rows: sent}
	refunds := &Refunds{kit: k, rows: sent, imports: imports}
	paidOut := newPayoutRows(k)
	items := &Items{kit: k}
	return &Till{
		Items: items,
		kit:   k, Orders: orders, Payments: payments, Refunds: refunds,
		Cashier:  &Cashier{kit: k, orders: orders, payments: payments, imports: imports, Items: items, Ways: d.Ways},
		Payouts:  &Payouts{kit: k, rows: paidOut},
		Disputes: &Disputes{kit: k, payments: payments, refunds: refunds},
		Notices:  &Notices{kit: k, metrics: d.Metrics, payments: payments, refunds: sent, imports: imports, payouts: paidOut},
		Bills:    &Bills{kit: k, payments: payments, imports: imports},
		OnPaid:   &hook.Hook[*events.PaidEvent]{}, OnRefunded: &hook.Hook[*events.RefundEvent]{},
		OnPayoutSucceeded: &hook.Hook[*events.PayoutEvent]{}, OnPayoutFailed: &hook.Hook[*events.PayoutEvent]{},
		sweepEvery: d.SweepEvery,
	}
}

// Sweep handles what nobody reports: attempts that are due for a query, and orders whose time is up.
func (t *Till) Sweep(ctx context.Context) error {
	if err := t.Payments.sweep(ctx, t.Payments.look); err != nil {
		return err
	}
	var over []*core.Record
	if err := DueOrders(t.app, t.now()).All(&over); err != nil {
		return fmt.Errorf("find expired orders: %w", err)
	}
	for _, o := range over {
		if err := t.Orders.sweep(o.Id); err != nil {
			return err
		}
	}
	return nil
}

// Work runs rounds of the sweeps until ctx ends.
func (t *Till) Work(ctx context.Context) {
	tick := time.NewTicker(t.sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.books.LogError("sweep", t.Sweep(ctx))
			t.books.LogError("sweep of refunds", t.Refunds.Sweep(ctx))
			t.books.LogError("sweep of payouts", t.Payouts.Sweep(ctx))
			t.books.LogError("sweep of items", t.Items.Sweep(ctx))
		}
	}
}

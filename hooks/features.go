package hooks

import (
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/books"
)

// openFeatures makes the features and connects them.
func (p *Plugin) openFeatures(told *books.Webhook) {
	p.books = books.New(p.app, p.now, p.cfg.SweepEvery, told, func() string { return p.accounts.Settings.PublicURL() })
	p.till = &till{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks, limits: p.limits, metrics: p.metrics,
		orderLife: p.cfg.OrderLife, sweepEvery: p.cfg.SweepEvery,
		onOrderCreate: &hook.Hook[*OrderEvent]{}, onOrderPaid: &hook.Hook[*PaidEvent]{}, onRefundSucceeded: &hook.Hook[*RefundEvent]{},
	}
	p.parcels = &parcels{app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks}
	p.codes = &codes{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks, limits: p.limits, metrics: p.metrics,
		perDay: p.cfg.CodesPerDay, inviteWithin: p.cfg.InviteWithin, plainBySuperusers: p.cfg.PlainScenes == plainBySuperusers,
		onCodeScanned: &hook.Hook[*ScanEvent]{},
	}
	p.people = &people{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, limits: p.limits, onScene: p.codes.claimScan, onMerge: mergeScans,
		onLogin: &hook.Hook[*LoginEvent]{}, onProfile: &hook.Hook[*ProfileEvent]{},
	}
	p.screening = &screening{app: p.app, now: p.now, accounts: p.accounts, books: p.books, limits: p.limits}
	p.subscribe = &subscribe{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks, limits: p.limits, onMedia: p.screening.applyMedia,
		simPush: p.simPush, onPush: &hook.Hook[*PushEvent]{},
	}
	p.rooms = &rooms{
		app: p.app, now: p.now, limits: p.limits, metrics: p.metrics, env: p.cfg.Env, notice: p.cfg.OrderNotice, simulated: p.cfg.Sim,
		onRoomMessage: &hook.Hook[*RoomMessageEvent]{},
	}
	p.till.handleEffects()
	p.parcels.handleShipments()
	p.subscribe.handleMessages()
	p.screening.handleChecks()
	p.books.Handle(effectPush, books.Effect{Do: p.subscribe.handlePush})
	p.books.Handle(effectNotice, books.Effect{Do: p.rooms.announce})
}

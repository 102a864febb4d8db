package hooks

import (
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/books"
	"wxbase/internal/codes"
	"wxbase/internal/events"
	"wxbase/internal/parcels"
	"wxbase/internal/people"
	"wxbase/internal/rooms"
	"wxbase/internal/screening"
	"wxbase/internal/subscribe"
	"wxbase/internal/till"
)

// openFeatures makes the features and connects them.
func (p *Plugin) openFeatures(told *books.Webhook) {
	p.books = books.New(p.app, p.now, p.cfg.SweepEvery, told, func() string { return p.accounts.Settings.PublicURL() })
	p.till = &till.Till{
		App: p.app, Now: p.now, Accounts: p.accounts, Books: p.books, Locks: p.locks, Limits: p.limits, Metrics: p.metrics,
		OrderLife: p.cfg.OrderLife, SweepEvery: p.cfg.SweepEvery,
		OnOrderCreate: &hook.Hook[*events.OrderEvent]{}, OnOrderPaid: &hook.Hook[*events.PaidEvent]{}, OnRefundSucceeded: &hook.Hook[*events.RefundEvent]{},
	}
	p.parcels = &parcels.Parcels{App: p.app, Now: p.now, Accounts: p.accounts, Books: p.books, Locks: p.locks}
	p.codes = &codes.Codes{
		App: p.app, Now: p.now, Accounts: p.accounts, Books: p.books, Locks: p.locks, Limits: p.limits, Metrics: p.metrics,
		PerDay: p.cfg.CodesPerDay, InviteWithin: p.cfg.InviteWithin, PlainBySuperusers: p.cfg.PlainScenes == plainBySuperusers,
		OnCodeScanned: &hook.Hook[*events.ScanEvent]{},
	}
	p.people = &people.People{
		App: p.app, Now: p.now, Accounts: p.accounts, Books: p.books, Limits: p.limits, OnScene: p.codes.ClaimScan, OnMerge: codes.MergeScans,
		OnLogin: &hook.Hook[*events.LoginEvent]{}, OnProfile: &hook.Hook[*events.ProfileEvent]{},
	}
	p.screening = &screening.Screening{App: p.app, Now: p.now, Accounts: p.accounts, Books: p.books, Limits: p.limits}
	p.subscribe = &subscribe.Subscribe{
		App: p.app, Now: p.now, Accounts: p.accounts, Books: p.books, Locks: p.locks, Limits: p.limits, OnMedia: p.screening.ApplyMedia,
		SimPush: p.simPush, OnPush: &hook.Hook[*events.PushEvent]{},
	}
	p.rooms = &rooms.Rooms{
		App: p.app, Now: p.now, Limits: p.limits, Metrics: p.metrics, Env: p.cfg.Env, Notice: p.cfg.OrderNotice, Simulated: p.cfg.Sim,
		OnRoomMessage: &hook.Hook[*events.RoomMessageEvent]{},
	}
	p.till.HandleEffects()
	p.parcels.HandleShipments()
	p.subscribe.HandleMessages()
	p.screening.HandleChecks()
	p.books.Handle(subscribe.EffectPush, books.Effect{Do: p.subscribe.HandlePush})
	p.books.Handle(till.EffectNotice, books.Effect{Do: p.rooms.Announce})
}

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
	p.books = books.New(p.app, p.Now, p.cfg.SweepEvery, told, func() string { return p.accounts.Settings.PublicURL() })
	p.till = till.New(till.Deps{
		App: p.app, Now: p.Now, Accounts: p.accounts, Gateways: p.accounts, Books: p.books, Locks: p.locks, Limits: p.limits, Metrics: p.metrics,
		OrderLife: p.cfg.OrderLife, SweepEvery: p.cfg.SweepEvery, Ways: p.cfg.ways,
	})
	p.Payouts = &Payouts{p.till}
	p.parcels = &parcels.Parcels{App: p.app, Now: p.Now, Accounts: p.accounts, Books: p.books, Locks: p.locks}
	p.codes = &codes.Codes{
		App: p.app, Now: p.Now, Accounts: p.accounts, Books: p.books, Locks: p.locks, Limits: p.limits, Metrics: p.metrics,
		PerDay: p.cfg.CodesPerDay, InviteWithin: p.cfg.InviteWithin, PlainBySuperusers: p.cfg.PlainScenes == plainBySuperusers,
		OnCodeScanned: &hook.Hook[*events.ScanEvent]{},
	}
	p.people = &people.People{
		App: p.app, Now: p.Now, Accounts: p.accounts, Books: p.books, Limits: p.limits, OnScene: p.codes.ClaimScan, OnMerge: codes.MergeScans,
		OnLogin: &hook.Hook[*events.LoginEvent]{}, OnProfile: &hook.Hook[*events.ProfileEvent]{},
	}
	p.screening = &screening.Screening{App: p.app, Now: p.Now, Accounts: p.accounts, Books: p.books, Limits: p.limits}
	p.subscribe = &subscribe.Subscribe{
		App: p.app, Now: p.Now, Accounts: p.accounts, Books: p.books, Locks: p.locks, Limits: p.limits, OnMedia: p.screening.ApplyMedia, OnTrade: p.parcels.FollowTrade,
		SimPush: simPush(&p.sim), OnXpay: p.till.Notices.Virtual, OnInquiry: p.till.Notices.Inquiry, OnPush: &hook.Hook[*events.PushEvent]{},
	}
	p.rooms = &rooms.Rooms{
		App: p.app, Now: p.Now, Limits: p.limits, Metrics: p.metrics, Env: p.cfg.Env, Notice: p.cfg.OrderNotice, Simulated: p.cfg.Sim,
		OnRoomMessage: &hook.Hook[*events.RoomMessageEvent]{},
	}
	p.privacy = p.newPrivacy()
	p.complaints = newComplaints(p)
	p.chats = newChats(p)
	p.till.HandleEffects()
	p.parcels.HandleShipments()
	p.parcels.HandleFollow()
	p.subscribe.HandleMessages()
	p.screening.HandleChecks()
	p.complaints.Handle()
	p.chats.Handle()
	p.books.Handle(subscribe.EffectPush, books.Effect{Do: p.subscribe.HandlePush})
	p.books.Handle(till.EffectNotice, books.Effect{Do: p.rooms.Announce, Wanted: p.rooms.WantsNotice})
}

// openOffices makes what looks after the features.
func (p *Plugin) openOffices() {
	p.office = &office{p.app, p.accounts, p.books, p.till, p.subscribe, p.rooms}
	p.refusals = &refusals{app: p.app, accounts: p.accounts, metrics: p.metrics, out: p.cfg.Out}
	p.vitals = p.newVitals()
	p.restores = &restores{app: p.app, books: p.books, till: p.till, replication: p.replication, now: p.Now, out: p.cfg.Out}
	p.examiner = &examiner{p.app, &p.cfg, p.accounts, p.vitals, p.refusals, p.replication, simPush(&p.sim)}
	p.tidier = &tidier{
		app: p.app, now: p.Now, books: p.books, codes: p.codes, KeepInbox: p.cfg.KeepInbox, KeepOutbox: p.cfg.KeepOutbox, KeepScans: p.cfg.KeepScans,
	}
}

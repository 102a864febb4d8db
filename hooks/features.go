package hooks

import (
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/limit"
	"wxbase/internal/locks"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/sse"
	"wxbase/internal/settings"
)

type till struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	locks    *locks.Keyed
	limits   limit.Limits
	metrics  *metrics
	cfg      Config
	hold     func(e *core.RequestEvent, order string, wish refundWish) (held any, status int, err error) // for a second person; held is nil when none is needed

	billRound  sync.Mutex // one round of bills at a time
	syncMinute limit.Minute

	onOrderCreate     *hook.Hook[*OrderEvent]
	onOrderPaid       *hook.Hook[*PaidEvent]
	onRefundSucceeded *hook.Hook[*RefundEvent]
}

type parcels struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	locks    *locks.Keyed
}

type people struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	limits   limit.Limits
	codes    *codes

	logins onceCodes[pastLogin]
	phones onceCodes[pastPhone]

	onLogin   *hook.Hook[*LoginEvent]
	onProfile *hook.Hook[*ProfileEvent]
}

type codes struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	locks    *locks.Keyed
	limits   limit.Limits
	metrics  *metrics
	cfg      Config

	codeMinute, scanMinute limit.Minute

	onCodeScanned *hook.Hook[*ScanEvent]
}

type subscribe struct {
	app       core.App
	now       func() time.Time
	accounts  *accounts.Accounts
	books     *books.Books
	locks     *locks.Keyed
	limits    limit.Limits
	screening *screening
	simPush   func(settings.App) settings.App

	templates templateCache

	onPush *hook.Hook[*PushEvent]
}

type screening struct {
	app      core.App
	now      func() time.Time
	accounts *accounts.Accounts
	books    *books.Books
	limits   limit.Limits
	people   *people

	checked checkedFields
	slots   uploadSlots
}

type rooms struct {
	app     core.App
	now     func() time.Time
	limits  limit.Limits
	metrics *metrics
	cfg     Config

	hub        *realtime.Hub
	front      *sse.Front
	sockets    *gateway.Gateway // nil until the app serves
	roomBook   *roomBook
	roomMinute limit.Minute

	onRoomMessage *hook.Hook[*RoomMessageEvent]
}

// openFeatures makes the features and connects them.
func (p *Plugin) openFeatures(told *books.Webhook) {
	p.books = books.New(p.app, p.now, p.cfg.SweepEvery, told, func() string { return p.accounts.Settings.PublicURL() })
	p.till = &till{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks, limits: p.limits, metrics: p.metrics, cfg: p.cfg,
		onOrderCreate: &hook.Hook[*OrderEvent]{}, onOrderPaid: &hook.Hook[*PaidEvent]{}, onRefundSucceeded: &hook.Hook[*RefundEvent]{},
	}
	p.parcels = &parcels{app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks}
	p.codes = &codes{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks, limits: p.limits, metrics: p.metrics, cfg: p.cfg,
		onCodeScanned: &hook.Hook[*ScanEvent]{},
	}
	p.people = &people{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, limits: p.limits, codes: p.codes,
		onLogin: &hook.Hook[*LoginEvent]{}, onProfile: &hook.Hook[*ProfileEvent]{},
	}
	p.screening = &screening{app: p.app, now: p.now, accounts: p.accounts, books: p.books, limits: p.limits, people: p.people}
	p.subscribe = &subscribe{
		app: p.app, now: p.now, accounts: p.accounts, books: p.books, locks: p.locks, limits: p.limits, screening: p.screening,
		simPush: p.simPush, onPush: &hook.Hook[*PushEvent]{},
	}
	p.rooms = &rooms{
		app: p.app, now: p.now, limits: p.limits, metrics: p.metrics, cfg: p.cfg, onRoomMessage: &hook.Hook[*RoomMessageEvent]{},
	}
	p.till.handleEffects()
	p.parcels.handleShipments()
	p.subscribe.handleMessages()
	p.screening.handleChecks()
	p.books.Handle(effectPush, books.Effect{Do: p.subscribe.handlePush})
	p.books.Handle(effectNotice, books.Effect{Do: p.rooms.announce})
}

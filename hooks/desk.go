package hooks

import (
	"context"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/settings"
)

// newDesk gives the dashboard what it needs of the rest.
func (p *Plugin) newDesk() *desk.Desk {
	d := desk.New(desk.Deps{
		App: p.app, Now: p.now, Simulated: p.cfg.Sim,
		Vault:      func() *settings.Vault { return p.accounts.Settings.Vault() },
		ReadStrict: answer.ReadStrict, Save: books.Save,
		Online:    func() int { return p.rooms.hub.Stats().Members },
		Wake:      func() { p.books.Wake() },
		LockOrder: func(id string) func() { return p.locks.Lock("order/" + id) },
		Refund: func(ctx context.Context, orderID string, wish desk.RefundWish) (string, error) {
			return p.till.makeRefund(ctx, orderID, refundWish{amount: wish.Amount, reason: wish.Reason, key: wish.Key, by: wish.By})
		},
		Carriers: p.carriers, ShipWithin: shipWithin,
		Setup: p.setupDeps(), Books: p.booksDeps(),
		Outreach: desk.OutreachDeps{RoomMembers: p.countMembers},
	})
	p.till.hold = func(e *core.RequestEvent, order string, wish refundWish) (any, int, error) {
		return d.HoldRefund(e, order, desk.RefundWish{Amount: wish.amount, All: wish.all(), Reason: wish.reason, Key: wish.key, By: wish.by})
	}
	p.people.onLogin.Bind(&hook.Handler[*LoginEvent]{Id: "wxCountLogins", Priority: -1000, Func: func(e *LoginEvent) error {
		err := e.Next()
		if err == nil {
			d.CountLogin()
		}
		return err
	}})
	return d
}

// carriers asks WeChat, as the first mini program, for the delivery companies.
func (p *Plugin) carriers(ctx context.Context) ([]desk.Carrier, error) {
	app, err := p.accounts.Settings.App("")
	if err != nil {
		return nil, answer.FromWechat(err)
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	companies, err := p.accounts.Wechat(app).Deliveries(ctx)
	if err != nil {
		return nil, answer.FromWechat(err)
	}
	list := make([]desk.Carrier, 0, len(companies))
	for _, c := range companies {
		list = append(list, desk.Carrier{ID: c.ID, Name: c.Name})
	}
	return list, nil
}

// bindDeskGuard makes a token of PocketBase's for wx_staff nobody's, wherever it comes from: an impersonation makes one.
func bindDeskGuard(e *core.ServeEvent) {
	e.Router.Bind(&hook.Handler[*core.RequestEvent]{Id: "wxNoStaffToken", Func: func(e *core.RequestEvent) error {
		if e.Auth != nil && e.Auth.Collection().Name == "wx_staff" {
			e.Auth = nil
		}
		return e.Next()
	}})
}

// isOperator tells whether a request is the shop's own: a superuser's, or one of staff whose role allows it.
func isOperator(e *core.RequestEvent) bool { return desk.IsOperator(e) }

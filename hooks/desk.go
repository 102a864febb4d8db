package hooks

import (
	"context"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/events"
	"wxbase/internal/rooms"
	"wxbase/internal/settings"
	"wxbase/internal/subscribe"
	"wxbase/internal/till"
)

// office does for the dashboard what other features can do.
type office struct {
	app       core.App
	accounts  *accounts.Accounts
	books     *books.Books
	till      *till.Till
	subscribe *subscribe.Subscribe
	rooms     *rooms.Rooms
}

// newDesk gives the dashboard what it needs of the rest.
func (p *Plugin) newDesk() *desk.Desk {
	d := desk.New(desk.Deps{
		App: p.app, Now: p.Now, Simulated: p.cfg.Sim, PayByCode: p.cfg.ways.Native,
		Vault:     func() *settings.Vault { return p.accounts.Settings.Vault() },
		Online:    func() int { return p.rooms.Hub.Stats().Members },
		Wake:      func() { p.books.Wake() },
		LockOrder: func(id string) func() { return p.locks.Lock("order/" + id) },
		Refund: func(ctx context.Context, orderID string, wish desk.RefundWish) (string, error) {
			return p.till.Refunds.Make(ctx, orderID, till.RefundWish{Amount: wish.Amount, Reason: wish.Reason, Key: wish.Key, By: wish.By})
		},
		GiveBack: func(ctx context.Context, wish desk.GiveBackWish) (string, error) {
			return p.till.Disputes.GiveBack(ctx, wish.Order, wish.Payment, wish.Amount, wish.Reason, wish.By)
		},
		Carriers: p.office.carriers,
		Setup:    p.examiner.setupDeps(), Books: p.office.booksDeps(),
		Outreach: desk.OutreachDeps{RoomMembers: p.office.countMembers},
	})
	p.till.Refunds.Hold = func(e *core.RequestEvent, order string, wish till.RefundWish) (any, int, error) {
		return d.HoldRefund(e, order, desk.RefundWish{Amount: wish.Amount, All: wish.All(), Reason: wish.Reason, Key: wish.Key, By: wish.By})
	}
	p.till.Disputes.Hold = d.HoldGiveBack
	p.people.OnLogin.Bind(&hook.Handler[*events.LoginEvent]{Id: "wxCountLogins", Priority: -1000, Func: func(e *events.LoginEvent) error {
		err := e.Next()
		if err == nil {
			d.CountLogin()
		}
		return err
	}})
	return d
}

// carriers asks WeChat, as the first mini program, for the delivery companies.
func (o *office) carriers(ctx context.Context) ([]desk.Carrier, error) {
	app, err := o.accounts.Settings.App("")
	if err != nil {
		return nil, answer.FromWechat(err)
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	companies, err := o.accounts.Wechat(app).Deliveries(ctx)
	if err != nil {
		return nil, answer.FromWechat(err)
	}
	list := make([]desk.Carrier, 0, len(companies))
	for _, c := range companies {
		list = append(list, desk.Carrier{ID: c.ID, Name: c.Name})
	}
	return list, nil
}

// publishFromDesk handles POST /api/wx/admin/rooms/{room}/messages; the row in the audit names the room.
func (o *office) publishFromDesk(e *core.RequestEvent) error {
	desk.About(e, "", e.Request.PathValue("room"))
	return o.rooms.DeskPublish(e)
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

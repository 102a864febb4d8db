package hooks

import (
	"cmp"
	"context"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
	"github.com/pocketbase/pocketbase/tools/router"

	"wxbase/internal/desk"
	"wxbase/internal/events"
	"wxbase/internal/till"
	"wxbase/internal/wxpay"
)

// Payouts sends money to people (商家转账). Plugin.Payouts is the one of an app.
type Payouts struct{ till *till.Till }

// OnSucceeded is triggered once the money of a payout has reached its receiver and that is committed.
func (p *Payouts) OnSucceeded() *hook.Hook[*events.PayoutEvent] { return p.till.OnPayoutSucceeded }

// OnFailed is triggered once a payout has ended without the money reaching anybody: FAILED, CANCELLED or REJECTED.
func (p *Payouts) OnFailed() *hook.Hook[*events.PayoutEvent] { return p.till.OnPayoutFailed }

// NewPayout is money for a person.
type NewPayout struct {
	User       string // id of the user
	Amount     int64  // fen, at least 10
	Remark     string // what the receiver reads, at most 32 characters
	Scene      string // transfer_scene_id, such as "1000"
	Perception string // what the receiver reads of the scene; empty: its first
	Reports    []PayoutReport
	UserName   string // real name; needed from 200000 fen
	Note       string // the shop's own, at most 200 characters
	Key        string // at most 64 bytes; makes a repeat give the same payout
	AppID      string // of the mini program; empty for the only one
	By         string // who asked, for the books; "program" when empty
}

// PayoutReport is a row of the scene's report.
type PayoutReport struct{ Type, Content string }

// Make makes a payout and returns its row. It is on its way then; its receiver has 24 hours to confirm. It needs no second person, since the
// program is the owner's own; the ceiling of the day holds. The error is the one that the route would answer, with a code of docs/errors.md.
//
// NB! send a Key: without one a program that tries again pays twice.
func (p *Payouts) Make(ctx context.Context, n NewPayout) (*core.Record, error) {
	form := till.PayoutForm{
		User: n.User, AppID: n.AppID, Amount: n.Amount, Remark: n.Remark, Scene: n.Scene, Perception: n.Perception, UserName: n.UserName,
		Note: n.Note, Key: n.Key,
	}
	for _, r := range n.Reports {
		form.Reports = append(form.Reports, wxpay.TransferReport{Type: r.Type, Content: r.Content})
	}
	return p.make(ctx, form, cmp.Or(n.By, "program"))
}

func (p *Payouts) make(ctx context.Context, form till.PayoutForm, by string) (*core.Record, error) {
	wish, err := form.Wish(by)
	if err != nil {
		return nil, err
	}
	return p.till.Payouts.Make(ctx, wish)
}

// Cancel takes a payout back that its receiver has not confirmed, and returns its row: CANCELLING is not CANCELLED yet.
func (p *Payouts) Cancel(ctx context.Context, id string) (*core.Record, error) {
	return p.till.Payouts.CancelByProgram(ctx, id)
}

// OnWxPayoutSucceeded is Payouts.OnSucceeded.
func (a scriptApp) OnWxPayoutSucceeded() *hook.Hook[*events.PayoutEvent] {
	return a.plugin.till.OnPayoutSucceeded
}

// OnWxPayoutFailed is Payouts.OnFailed.
func (a scriptApp) OnWxPayoutFailed() *hook.Hook[*events.PayoutEvent] {
	return a.plugin.till.OnPayoutFailed
}

// Payout makes a payout: {user, amount, remark, scene, reports: [{info_type, info_content}], perception?, userName?, note?, key?, appid?}.
func (s *Script) Payout(form map[string]any) (*core.Record, error) {
	var f till.PayoutForm
	if err := readForm(form, &f); err != nil {
		return nil, err
	}
	return s.plugin.Payouts.make(context.Background(), f, "hook")
}

// CancelPayout takes a payout back.
func (s *Script) CancelPayout(id string) (*core.Record, error) {
	return s.plugin.Payouts.Cancel(context.Background(), id)
}

// bindOwnPayouts binds what the receiver of a payout asks for.
func bindOwnPayouts(wx *router.RouterGroup[*core.RequestEvent], user, calls *hook.Handler[*core.RequestEvent], payouts *till.Payouts) {
	wx.GET("/payouts", payouts.ListOwn).Bind(user)
	wx.POST("/payouts/{id}/confirm", payouts.Confirm).Bind(user, calls)
	wx.POST("/payouts/{id}/sync", payouts.Sync).Bind(user, calls)
}

// bindPayouts binds the page of payouts, for those who may.
func bindPayouts(wx *router.RouterGroup[*core.RequestEvent], may func(desk.Permission, string) *hook.Handler[*core.RequestEvent], payouts *till.Payouts) {
	wx.POST("/admin/payouts", payouts.Create).Bind(may(desk.Payout, "payout.create"))
	wx.POST("/admin/payouts/{id}/approve", payouts.Approve).Bind(may(desk.Payout, "payout.approve"))
	wx.POST("/admin/payouts/{id}/cancel", payouts.Cancel).Bind(may(desk.Payout, "payout.cancel"))
	wx.POST("/admin/payouts/{id}/settle", payouts.Settle).Bind(may(desk.Payout, "payout.settle"))
	wx.POST("/admin/payouts/{id}/settle/approve", payouts.SettleSecond).Bind(may(desk.Payout, "payout.settle.approve"))
	wx.POST("/admin/payouts/{id}/sync", payouts.Look).Bind(may(desk.Payout, "payout.sync"))
}

package till

// How a payout goes: the shop sends money to a person (商家转账). Nobody but the shop asks for one, in the dashboard or in its own code.
//
//	ask       a row with its number is committed before anything is sent. The amounts of a day are bounded (desk.Preferences): what is
//	          above the one may not leave at all, what is above the other waits for a second person in HELD.
//	send      the number stays, whatever becomes of the call. After anything but an answer WeChat is asked, and only where it knows
//	          nothing the same number is sent again.
//	confirm   the receiver confirms on the phone within 24 hours; what the phone says of it changes nothing.
//	notify    WeChat posts how it ended; sweep asks when it does not.
//
// Money counts as sent when a verified fact says SUCCESS with our amount and our receiver.

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// Payouts sends money to people.
type Payouts struct {
	*kit
	rows *payoutRows
}

// Create handles POST /api/wx/admin/payouts. A payout that waits for a second person is answered with 202.
func (p *Payouts) Create(e *core.RequestEvent) error {
	var form PayoutForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	wish, err := form.Wish(desk.Who(e).Email)
	if err != nil {
		return err
	}
	wish.requester = desk.Who(e).ID
	payout, err := p.make(context.WithoutCancel(e.Request.Context()), wish)
	if err != nil {
		return err
	}
	desk.About(e, payout.Id, payout.OutBillNo())
	desk.Note(e, "amount", payout.Amount())
	status := http.StatusOK
	if payout.State() == order.PayoutHeld {
		desk.Note(e, "waitsFor", "second_person")
		status = http.StatusAccepted
	}
	return e.JSON(status, desk.ViewPayout(payout))
}

// Make writes a payout and sends it, for the shop's own code, which needs no second person; the ceiling of the day holds for it too.
func (p *Payouts) Make(ctx context.Context, wish PayoutWish) (*core.Record, error) {
	wish.requester = ""
	payout, err := p.make(ctx, wish)
	if err != nil {
		return nil, err
	}
	return payout.Record, nil
}

func (p *Payouts) make(ctx context.Context, wish PayoutWish) (rows.Payout, error) {
	payout, err := p.ask(p.app, wish)
	if err != nil {
		return payout, answer.Or(err, answer.Busy)
	}
	if payout.State() == order.PayoutNew { // note: one that is asked for again may never have been sent
		return p.drive(ctx, payout.Id, order.EventPayoutRequested, payoutEvidence{source: "payout"})
	}
	return payout, nil
}

// drive moves a payout in its turn and gives its row. A call that failed is no error: the state is settled, and the sweep goes on.
func (p *Payouts) drive(ctx context.Context, id string, event order.PayoutEvent, why payoutEvidence) (rows.Payout, error) {
	defer p.locks.Lock(payoutTurn(id))()
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	if end := p.rows.drive(ctx, id, event, why); end.err != nil {
		return rows.Payout{}, payoutRefusal(p.app, id, end.err)
	}
	payout, err := rows.PayoutByID(p.app, id)
	if err != nil {
		return payout, answer.Fail(answer.Busy, err)
	}
	return payout, nil
}

// payoutTurn is the lock under which a payout moves.
func payoutTurn(id string) string { return "payout/" + id }

// payoutRefusal tells an event that has no place in the state of the payout from other errors.
func payoutRefusal(app core.App, id string, err error) error {
	if _, refused := errors.AsType[*order.TransitionError](err); !refused {
		return answer.Or(err, answer.Busy)
	}
	payout, readErr := rows.PayoutByID(app, id)
	if readErr != nil {
		return answer.Fail(answer.Busy, readErr)
	}
	return answer.With(answer.PayoutState, "state", string(payout.State()))
}

// Approve handles POST /api/wx/admin/payouts/{id}/approve: the second person lets the money go.
func (p *Payouts) Approve(e *core.RequestEvent) error {
	payout, err := p.ofRequest(e)
	if err != nil {
		return err
	}
	who := desk.Who(e)
	if isAsker(payout, who) {
		return answer.Fail(answer.PayoutSamePerson, nil)
	}
	return p.answerDriven(e, payout, order.EventPayoutApproved, payoutEvidence{source: "approve", approver: &who})
}

// Cancel handles POST /api/wx/admin/payouts/{id}/cancel: it takes back what the receiver has not confirmed, and refuses what is held.
func (p *Payouts) Cancel(e *core.RequestEvent) error {
	payout, err := p.ofRequest(e)
	if err != nil {
		return err
	}
	return p.answerDriven(e, payout, order.EventPayoutCancel, payoutEvidence{source: "cancel", by: desk.Who(e).Email})
}

// Look handles POST /api/wx/admin/payouts/{id}/sync: it asks WeChat, now.
func (p *Payouts) Look(e *core.RequestEvent) error {
	payout, err := p.ofRequest(e)
	if err != nil {
		return err
	}
	return p.answerDriven(e, payout, order.EventPayoutRequested, payoutEvidence{source: "sync"})
}

// ofRequest reads the payout that a route of the shop names.
func (p *Payouts) ofRequest(e *core.RequestEvent) (payout rows.Payout, err error) {
	if err := answer.ReadStrict(e, &struct{}{}); err != nil {
		return payout, err
	}
	payout, err = rows.PayoutByID(e.App, e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) {
		return payout, answer.Fail(answer.PayoutMissing, nil)
	}
	if err != nil {
		return payout, answer.Fail(answer.Busy, err)
	}
	desk.About(e, payout.Id, payout.OutBillNo())
	desk.Note(e, "amount", payout.Amount())
	return payout, nil
}

func (p *Payouts) answerDriven(e *core.RequestEvent, payout rows.Payout, event order.PayoutEvent, why payoutEvidence) error {
	payout, err := p.drive(context.WithoutCancel(e.Request.Context()), payout.Id, event, why)
	if err != nil {
		return err
	}
	return e.JSON(http.StatusOK, desk.ViewPayout(payout))
}

// CancelByProgram is Cancel for the shop's own code.
func (p *Payouts) CancelByProgram(ctx context.Context, id string) (*core.Record, error) {
	payout, err := p.drive(ctx, id, order.EventPayoutCancel, payoutEvidence{source: "cancel", by: "program"})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, answer.Fail(answer.PayoutMissing, nil)
	}
	if err != nil {
		return nil, err
	}
	return payout.Record, nil
}

// Sweep asks about what nobody has reported.
func (p *Payouts) Sweep(ctx context.Context) error {
	return p.rows.sweep(ctx, func(ctx context.Context, r *core.Record) driven[payee, order.PayoutState] {
		return p.rows.drive(ctx, r.Id, order.EventPayoutRequested, payoutEvidence{source: "sweep"})
	})
}

// ownPayout is a payout as its receiver sees it.
type ownPayout struct {
	ID        string `json:"id"`
	Amount    int64  `json:"amount"` // fen
	Remark    string `json:"remark"`
	State     string `json:"state"`
	ConfirmBy string `json:"confirmBy"`
	AskedAt   string `json:"askedAt"`
}

func viewOwnPayout(p rows.Payout) ownPayout {
	v := ownPayout{ID: p.Id, Amount: p.Amount(), Remark: p.Remark(), State: string(p.State()), AskedAt: p.AskedAt().UTC().Format(time.RFC3339)}
	if at := p.ConfirmBy(); p.State() == order.PayoutWaiting && !at.IsZero() {
		v.ConfirmBy = at.UTC().Format(time.RFC3339)
	}
	return v
}

// mostOwn is how many payouts a receiver is shown.
const mostOwn = 100

// ListOwn handles GET /api/wx/payouts: what the shop has sent to who asks, the newest first. What is held or was never sent is not shown.
func (p *Payouts) ListOwn(e *core.RequestEvent) error {
	found, err := books.Select(e.App, "wx_payouts",
		"`user` = ? AND `state` NOT IN ('HELD', 'NEW', 'REJECTED') AND `calledAt` != '' ORDER BY `askedAt` DESC, `rowid` DESC LIMIT ?", e.Auth.Id, mostOwn)
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	items := make([]ownPayout, 0, len(found))
	for _, payout := range rows.PayoutsOf(found) {
		items = append(items, viewOwnPayout(payout))
	}
	return e.JSON(http.StatusOK, map[string]any{"items": items})
}

// MerchantTransfer is the argument of wx.requestMerchantTransfer.
type MerchantTransfer struct {
	MchID   string `json:"mchId"`
	AppID   string `json:"appId"`
	Package string `json:"package"`
	OpenID  string `json:"openId"`
}

// Confirm handles POST /api/wx/payouts/{id}/confirm and answers the receiver with the argument of wx.requestMerchantTransfer.
func (p *Payouts) Confirm(e *core.RequestEvent) error {
	payout, err := p.ownOf(e)
	if err != nil {
		return err
	}
	ctx := context.WithoutCancel(e.Request.Context())
	if payout.State() != order.PayoutWaiting || !p.now().Before(payout.ConfirmBy()) {
		if payout, err = p.drive(ctx, payout.Id, order.EventPayoutRequested, payoutEvidence{source: "confirm"}); err != nil {
			return err
		}
	}
	if payout.State() == order.PayoutWaiting && payout.PackageInfo() == "" {
		if payout, err = p.drive(ctx, payout.Id, order.EventPayoutPackage, payoutEvidence{source: "confirm"}); err != nil {
			return err
		}
	}
	switch {
	case payout.State() != order.PayoutWaiting:
		return answer.With(answer.PayoutNotWaiting, "state", string(payout.State()))
	case payout.PackageInfo() == "":
		return answer.Fail(answer.PayBusy, nil)
	}
	return e.JSON(http.StatusOK, MerchantTransfer{MchID: payout.MchID(), AppID: payout.AppID(), Package: payout.PackageInfo(), OpenID: payout.OpenID()})
}

// Sync handles POST /api/wx/payouts/{id}/sync for the receiver, who is back from the page: it asks WeChat, now.
func (p *Payouts) Sync(e *core.RequestEvent) error {
	payout, err := p.ownOf(e)
	if err != nil {
		return err
	}
	if !payout.State().IsFinal() {
		if payout, err = p.drive(context.WithoutCancel(e.Request.Context()), payout.Id, order.EventPayoutRequested, payoutEvidence{source: "sync"}); err != nil {
			return err
		}
	}
	return e.JSON(http.StatusOK, viewOwnPayout(payout))
}

// ownOf reads the payout of a route for its receiver. One that was not let go yet is none to them.
func (p *Payouts) ownOf(e *core.RequestEvent) (payout rows.Payout, err error) {
	if err := answer.ReadNothing(e); err != nil {
		return payout, err
	}
	payout, err = rows.PayoutByID(e.App, e.Request.PathValue("id"))
	if errors.Is(err, sql.ErrNoRows) || err == nil && (payout.User() != e.Auth.Id || payout.CalledAt().IsZero()) {
		return payout, answer.Fail(answer.PayoutMissing, nil)
	}
	if err != nil {
		return payout, answer.Fail(answer.Busy, err)
	}
	return payout, nil
}

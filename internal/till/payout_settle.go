package till

// The way out for a payout that WeChat has forgotten. WeChat answers questions about a transfer for 30 days; after that its NOT_FOUND proves nothing,
// and only the merchant platform tells what became of the money. A superuser looks there and says so; a second person looks too and says the same;
// then the payout ends. NB! no money moves by it, and a payout that has ended is never sent again: who is to get the money after all gets a new
// payout. WeChat is asked once more each time, and a fact that it still has wins.

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/desk"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// settleForm is the body of both routes.
type settleForm struct {
	Outcome string `json:"outcome"` // SUCCESS or FAILED
	Note    string `json:"note"`    // where it was seen
}

// settleEvents are what a person may find.
var settleEvents = map[string]order.PayoutEvent{string(order.PayoutSuccess): order.EventPayoutFoundSent, string(order.PayoutFailed): order.EventPayoutFoundFailed}

// Settle handles POST /api/wx/admin/payouts/{id}/settle {outcome, note}, for superusers: what the merchant platform says of a forgotten payout. It
// waits for a second person and is answered with 202.
func (p *Payouts) Settle(e *core.RequestEvent) error {
	form, payout, err := p.forgottenOf(e)
	if err != nil {
		return err
	}
	who := desk.Who(e)
	if who.Role != desk.Superuser {
		return answer.Fail(answer.PayoutSuperuser, nil)
	}
	if n := utf8.RuneCountInString(form.Note); n < 1 || n > 200 {
		return answer.Field(answer.PayoutInvalid, "note", "1 to 200 characters")
	}
	err = p.app.RunInTransaction(func(tx core.App) error {
		row, err := rows.PayoutByID(tx, payout.Id)
		if err != nil {
			return err
		}
		if row.State().IsFinal() {
			return answer.With(answer.PayoutState, "state", string(row.State()))
		}
		row.Load(map[string]any{
			"settleAs": form.Outcome, "settleNote": form.Note, "settleBy": books.Clip(who.Email, 200), "settleById": who.ID, "settleAt": p.now(),
		})
		payout = row
		return books.Write(tx, row.Record)
	})
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	return e.JSON(http.StatusAccepted, desk.ViewPayout(payout))
}

// SettleSecond handles POST /api/wx/admin/payouts/{id}/settle/approve {outcome}: a second person has looked too, and found the same.
func (p *Payouts) SettleSecond(e *core.RequestEvent) error {
	form, payout, err := p.forgottenOf(e)
	if err != nil {
		return err
	}
	who := desk.Who(e)
	return p.answerDriven(e, payout, settleEvents[form.Outcome], payoutEvidence{source: sourceSettle, approver: &who})
}

// sourceSettle is the source of what two people saw.
const sourceSettle = "settle"

// refuseSecond refuses a second person who is the first, or has found something else. NB! it is asked where the payout is written: while WeChat was
// asked, the first may have said otherwise.
func refuseSecond(payout rows.Payout, outcome order.PayoutState, who *desk.Actor) error {
	switch {
	case payout.GetString("settleAs") == "":
		return answer.Fail(answer.PayoutNotSettled, nil)
	case who == nil, payout.GetString("settleById") == who.ID, strings.EqualFold(payout.GetString("settleBy"), who.Email):
		return answer.Fail(answer.PayoutSamePerson, nil)
	case payout.GetString("settleAs") != string(outcome):
		return answer.With(answer.PayoutSettledOtherwise, "outcome", payout.GetString("settleAs"))
	}
	return nil
}

// forgottenOf reads the payout that a route names and asks WeChat about it once more. It refuses one that WeChat knows, has ended, or may still know.
func (p *Payouts) forgottenOf(e *core.RequestEvent) (form settleForm, payout rows.Payout, err error) {
	if err := answer.ReadStrict(e, &form); err != nil {
		return form, payout, err
	}
	form.Note = strings.TrimSpace(form.Note)
	if settleEvents[form.Outcome] == "" {
		return form, payout, answer.Field(answer.PayoutInvalid, "outcome", "SUCCESS or FAILED")
	}
	payout, err = rows.PayoutByID(e.App, e.Request.PathValue("id"))
	if err != nil {
		return form, payout, answer.Fail(answer.PayoutMissing, nil)
	}
	desk.About(e, payout.Id, payout.OutBillNo())
	desk.Note(e, "amount", payout.Amount())
	desk.Note(e, "outcome", form.Outcome)
	if !isForgotten(payout, p.now()) {
		return form, payout, answer.With(answer.PayoutKnown, "state", string(payout.State()))
	}
	gateway, err := p.transferrer(payout.MchID())
	if err != nil {
		return form, payout, answer.Fail(answer.PayoutNeedsV3, err)
	}
	event, why, err := p.rows.callQuery(context.WithoutCancel(e.Request.Context()), gateway, payee{payout})
	switch {
	case err != nil:
		return form, payout, answer.FromPay(err) // NB! without WeChat's word that it has nothing, nobody settles anything
	case event == order.EventPayoutNotFound:
		return form, payout, nil
	}
	payout, err = p.drive(context.WithoutCancel(e.Request.Context()), payout.Id, order.EventPayoutRequested, why)
	if err != nil {
		return form, payout, err
	}
	return form, payout, answer.With(answer.PayoutKnown, "state", string(payout.State()))
}

// isForgotten tells whether WeChat no longer answers about a payout that was sent and has not ended.
func isForgotten(payout rows.Payout, now time.Time) bool {
	called := payout.CalledAt()
	return !called.IsZero() && now.Sub(called) >= order.PayoutMemory && slices.Contains([]order.PayoutState{
		order.PayoutSubmitted, order.PayoutAccepted, order.PayoutWaiting, order.PayoutTransferring, order.PayoutCancelling,
	}, payout.State())
}

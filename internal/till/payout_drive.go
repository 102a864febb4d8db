package till

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// payee is a payout as the machine moves it.
type payee struct{ payout rows.Payout }

func (p payee) record() *core.Record { return p.payout.Record }

// payoutEvidence is why a payout moves.
type payoutEvidence = evidence[wxpay.Transfer]

// payoutRows moves the rows of payouts. It sends at most once in a conversation.
type payoutRows struct {
	machine[payee, order.PayoutState, order.PayoutEvent, wxpay.Transfer]
}

func newPayoutRows(k *kit) *payoutRows {
	m := &payoutRows{}
	m.machine = machine[payee, order.PayoutState, order.PayoutEvent, wxpay.Transfer]{
		kit: k, name: "payout", rules: m, due: DuePayouts, pause: order.NextQuery, once: order.CallPayout,
		turn: func(r *core.Record) string { return payoutTurn(r.Id) },
		calls: []call[payee, order.PayoutEvent, wxpay.Transfer]{
			{order.CallPayout, m.callTransfer}, {order.CancelPayout, m.callCancel}, {order.QueryPayoutNow, m.callQuery},
		},
	}
	return m
}

// DuePayouts are the payouts to send or to ask about.
func DuePayouts(app core.App, now time.Time) *dbx.SelectQuery {
	return books.DueRows(app, "wx_payouts", "nextQueryAt", "[[nextQueryAt]] != ''", now)
}

func (m *payoutRows) gateway(row payee) (wxpay.Gateway, error) {
	return m.transferrer(row.payout.MchID())
}

// transferrerOf is what gateway has looked at.
func transferrerOf(g wxpay.Gateway) wxpay.Transferrer {
	t, _ := g.(wxpay.Transferrer)
	return t
}

func (m *payoutRows) callTransfer(ctx context.Context, g wxpay.Gateway, row payee) (order.PayoutEvent, payoutEvidence, error) {
	request, err := m.requestOfPayout(row.payout)
	if err != nil {
		return "", payoutEvidence{}, err // note: nothing was sent; a key that somebody will mend
	}
	fact, err := transferrerOf(g).Transfer(ctx, request)
	if err == nil {
		return "", payoutEvidence{source: "payout", fact: &fact}, nil
	}
	return m.afterRefusal(ctx, g, row, err)
}

// afterRefusal says what a call that brought no answer means. NB! whatever WeChat said, it is asked first: an earlier call with this number
// may have worked.
func (m *payoutRows) afterRefusal(ctx context.Context, g wxpay.Gateway, row payee, err error) (order.PayoutEvent, payoutEvidence, error) {
	pe, ok := errors.AsType[*wxpay.Error](err)
	why := payoutEvidence{source: "payout", refusal: pe}
	if !ok || pe.OutcomeUnknown() {
		return order.EventPayoutUnknown, why, err
	}
	found, fact, queryErr := m.callQuery(ctx, g, row)
	switch {
	case found == "" && fact.fact == nil:
		return order.EventPayoutUnknown, why, errors.Join(err, queryErr)
	case found != order.EventPayoutNotFound:
		return found, fact, err
	case pe.Kind == wxpay.KindNotEnough:
		return order.EventPayoutNotEnough, why, err
	case pe.Kind == wxpay.KindSign, pe.Kind == wxpay.KindConfig:
		return order.EventPayoutUnknown, why, err // a key, a clock or a binding that somebody will mend
	default:
		return order.EventPayoutRejected, why, err
	}
}

func (m *payoutRows) callQuery(ctx context.Context, g wxpay.Gateway, row payee) (order.PayoutEvent, payoutEvidence, error) {
	fact, err := transferrerOf(g).QueryTransfer(ctx, row.payout.OutBillNo())
	if err == nil {
		return "", payoutEvidence{source: "query", fact: &fact}, nil
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound {
		return order.EventPayoutNotFound, payoutEvidence{source: "query"}, nil
	}
	return "", payoutEvidence{}, err
}

// callCancel takes the transfer back. A refusal mostly means that the receiver was faster, and WeChat is asked.
func (m *payoutRows) callCancel(ctx context.Context, g wxpay.Gateway, row payee) (order.PayoutEvent, payoutEvidence, error) {
	fact, err := transferrerOf(g).CancelTransfer(ctx, row.payout.OutBillNo())
	if err == nil {
		return "", payoutEvidence{source: "cancel", fact: &fact}, nil
	}
	event, why, queryErr := m.callQuery(ctx, g, row)
	if why.fact != nil && why.fact.State == wxpay.TransferWaits {
		return "", payoutEvidence{}, err // it waits all the same: the sweep tries again
	}
	return event, why, errors.Join(err, queryErr)
}

func (m *payoutRows) read(tx core.App, id string) (row payee, err error) {
	row.payout, err = rows.PayoutByID(tx, id)
	return row, err
}

// eventOf is what a fact says, and what it means that there is none.
func (m *payoutRows) eventOf(_ core.App, row payee, event order.PayoutEvent, why *payoutEvidence) (order.PayoutEvent, error) {
	p := row.payout
	if event == order.EventPayoutNotFound {
		return order.PayoutMissing(p.State(), p.AskedAt(), p.CalledAt(), m.now()), nil
	}
	if why.fact == nil {
		return event, nil
	}
	event, why.mismatches = order.ComparePayout(order.PayoutAttempt{
		MchID: p.MchID(), AppID: p.AppID(), OutBillNo: p.OutBillNo(), OpenID: p.OpenID(), Amount: p.Amount(),
	}, order.PayoutFact{
		MchID: why.fact.MchID, AppID: why.fact.AppID, OutBillNo: why.fact.OutBillNo, OpenID: why.fact.OpenID,
		Amount: int64(why.fact.Amount), State: string(why.fact.State),
	})
	return event, nil
}

func (m *payoutRows) stepOf(row payee, event order.PayoutEvent, _ payoutEvidence) (order.PayoutStep, error) {
	return order.ApplyPayout(row.payout.State(), event)
}

// verdict is what a step means for the notification that caused it.
func (m *payoutRows) verdict(event order.PayoutEvent, step order.PayoutStep) string {
	switch {
	case step.Changed():
		return books.InboxApplied
	case event == order.EventPayoutOtherFact:
		return books.InboxDisputed
	default:
		return books.InboxRepeated
	}
}

// keep stores what an event brought with it, and when the sweep looks next.
func (m *payoutRows) keep(tx core.App, row payee, event order.PayoutEvent, step order.PayoutStep, why payoutEvidence) error {
	payout := row.payout
	if event == order.EventPayoutApproved {
		if why.approver == nil { // NB! nobody else lets a held payout go
			return errors.New("a payout is approved by nobody")
		}
		if err := m.release(tx, payout, *why.approver); err != nil {
			return err
		}
	}
	if event == order.EventPayoutFoundSent || event == order.EventPayoutFoundFailed {
		if err := refuseSecond(payout, step.To, why.approver); err != nil {
			return err
		}
	}
	m.keepFact(payout, why)
	switch {
	case why.refusal != nil:
		payout.SetRefused(books.Clip(why.refusal.Code, 64), books.Clip(why.refusal.Message, 600))
	case why.fact != nil && len(why.mismatches) == 0:
		payout.SetRefused("", "")
	}
	if step.To == order.PayoutWaiting && step.Changed() {
		from := payout.CalledAt()
		if why.fact != nil && !why.fact.CreatedAt.IsZero() {
			from = why.fact.CreatedAt
		}
		payout.SetConfirmBy(from.Add(order.PayoutConfirmLife))
	}
	if step.To.IsFinal() && step.Changed() {
		payout.SetEndedAt(m.now())
		payout.SetUserName("") // it is needed no more
		payout.SetPackageInfo("")
	}
	m.schedule(payout, event, step)
	return nil
}

func (m *payoutRows) keepFact(payout rows.Payout, why payoutEvidence) {
	if why.fact == nil || len(why.mismatches) > 0 {
		return
	}
	if why.fact.TransferBillNo != "" {
		payout.SetTransferBillNo(books.Clip(why.fact.TransferBillNo, 64))
	}
	if why.fact.PackageInfo != "" {
		payout.SetPackageInfo(books.Clip(why.fact.PackageInfo, 1_024))
	}
	payout.SetFailReason(books.Clip(why.fact.FailReason, 100))
	payout.Set("raw", json.RawMessage(withoutSecrets(why.fact.Raw)))
}

// withoutSecrets leaves out of WeChat's answer what is kept elsewhere, or nowhere: the right to confirm, and the receiver's name.
func withoutSecrets(raw []byte) []byte {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return []byte("null")
	}
	delete(fields, "package_info")
	delete(fields, "user_name")
	kept, err := json.Marshal(fields)
	if err != nil {
		return []byte("null")
	}
	return kept
}

// confirmSlack is added to the receiver's time before the sweep asks how it ended: WeChat may be late.
const confirmSlack = time.Minute

// schedule sets when the sweep looks next. What has ended or is held is not looked at, nor what WeChat has forgotten.
func (m *payoutRows) schedule(payout rows.Payout, event order.PayoutEvent, step order.PayoutStep) {
	if step.Has(order.CallPayout) {
		payout.SetCalledAt(m.now())
	}
	if step.To.IsFinal() || step.To == order.PayoutHeld || event == order.EventPayoutForgotten {
		payout.SetNextQueryAt(time.Time{})
		return
	}
	asked := payout.Queries()
	if step.Changed() && step.To != order.PayoutSubmitted {
		asked = 0 // something has happened, and more may follow soon
	}
	payout.SetQueries(asked + 1)
	next := m.now().Add(order.NextQuery(asked))
	if ends := payout.ConfirmBy().Add(confirmSlack); step.To == order.PayoutWaiting && ends.After(m.now()) && ends.Before(next) {
		next = ends
	}
	if step.Has(order.RetryPayoutLater) {
		next = m.now().Add(order.NextQuery(asked + 6))
	}
	payout.SetNextQueryAt(next)
}

// follow tells people and the shop's own code.
func (m *payoutRows) follow(tx core.App, row payee, step order.PayoutStep, _ payoutEvidence) error {
	if err := m.raiseForStep(tx, row.payout, step); err != nil {
		return err
	}
	if !step.Has(order.TellPayout) {
		return nil // the calls are made by drive and the sweep
	}
	payout := row.payout
	return m.books.QueueWanted(tx, effectPayoutHooks, payout.Id+"/"+string(step.To), map[string]any{"payout": payout.Id, "state": string(step.To)})
}

// raiseForStep calls a person; what has ended well, or as somebody wanted, needs nobody any more.
func (m *payoutRows) raiseForStep(tx core.App, payout rows.Payout, step order.PayoutStep) error {
	switch {
	case step.Has(order.Alert):
		return m.books.Raise(tx, books.AlertPayout, payout.Id, map[string]any{
			"payout": payout.Id, "outBillNo": payout.OutBillNo(), "amount": payout.Amount(), "from": string(step.From), "to": string(step.To),
			"reason": payout.GetString("failReason"), "code": payout.GetString("refusedCode"),
		})
	case step.Changed() && (step.To.IsFinal() || step.To == order.PayoutWaiting):
		if err := m.books.CloseUnmatched(tx, payout.MchID(), payout.OutBillNo(), "payout", "it is ours"); err != nil {
			return err
		}
		return m.books.Settle(tx, books.AlertPayout, payout.Id, "it is "+string(step.To))
	default:
		return nil
	}
}

// entry names the payout in the ledger.
func (m *payoutRows) entry(row payee, why payoutEvidence) (columns, proof map[string]any) {
	proof = map[string]any{"outBillNo": row.payout.OutBillNo()}
	if why.fact != nil {
		proof["transfer"] = json.RawMessage(withoutSecrets(why.fact.Raw))
	}
	if why.refusal != nil {
		proof["refusal"] = map[string]any{"code": why.refusal.Code, "message": why.refusal.Message, "rid": why.refusal.RequestID}
	}
	if why.approver != nil {
		proof["by"] = why.approver.Email
	}
	if why.source == sourceSettle {
		proof["by"] = row.payout.GetString("settleBy") + ", " + why.approver.Email
	}
	if why.by != "" {
		proof["by"] = why.by
	}
	return map[string]any{"payout": row.payout.Id}, proof
}

// tellPayout tells the shop's own code how a payout has ended.
func (t *Till) tellPayout(row *core.Record) error {
	var about struct {
		Payout string            `json:"payout"`
		State  order.PayoutState `json:"state"`
	}
	if err := row.UnmarshalJSONField("payload", &about); err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	payout, err := rows.PayoutByID(t.app, about.Payout)
	if err != nil {
		return err
	}
	event := &events.PayoutEvent{App: t.app, Payout: payout.Record}
	if about.State == order.PayoutSuccess {
		return t.OnPayoutSucceeded.Trigger(event)
	}
	return t.OnPayoutFailed.Trigger(event)
}

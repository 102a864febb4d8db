package till

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// refundEvidence is why a refund moves.
type refundEvidence struct {
	source     string        // refund, auto, sweep, notify, query, platform, bill
	fact       *wxpay.Refund // a verified fact
	mismatches []order.Mismatch
	inbox      map[string]any
	refusal    *wxpay.Error // what WeChat said in place of an answer
}

// drivenRefund is how far a refund got.
type drivenRefund struct {
	step    order.RefundStep
	callErr error
	err     error
}

// driveRefund is drive for refunds, and looks for refunds by hand when WeChat refuses ours.
func (t *Till) driveRefund(ctx context.Context, id string, event order.RefundEvent, why refundEvidence) drivenRefund {
	end := t.settleRefund(ctx, id, event, why)
	t.lookBehindRefusal(ctx, id, end)
	return end
}

// settleRefund goes on until no call is due. It sends at most once: if WeChat does not know the number after an unclear answer, the sweep sends
// again, with the pause that WeChat asks for.
func (t *Till) settleRefund(ctx context.Context, id string, event order.RefundEvent, why refundEvidence) drivenRefund {
	var end drivenRefund
	sent := false
	for range maxSteps {
		end.step, end.err = t.applyRefund(t.App, id, event, why)
		if end.err != nil || sent && end.step.Has(order.CallRefund) {
			return end
		}
		sent = sent || end.step.Has(order.CallRefund)
		next, found, err := t.carryOutRefund(ctx, id, end.step)
		if err != nil {
			end.callErr = err
		}
		if next == "" && found.fact == nil {
			return end
		}
		event, why = next, found
	}
	end.err = fmt.Errorf("refund %s does not settle", id)
	return end
}

// queryRefund asks WeChat about a refund and goes on from the answer.
func (t *Till) queryRefund(ctx context.Context, id string) drivenRefund {
	refund, gateway, err := t.refundAndGateway(id)
	if err != nil {
		return drivenRefund{err: err}
	}
	event, why, err := t.callRefundQuery(ctx, gateway, refund)
	if event == "" && why.fact == nil {
		return drivenRefund{callErr: err}
	}
	return t.driveRefund(ctx, id, event, why)
}

func (t *Till) refundAndGateway(id string) (*core.Record, wxpay.Gateway, error) {
	refund, err := t.App.FindRecordById("refunds", id)
	if err != nil {
		return nil, nil, fmt.Errorf("read refund: %w", err)
	}
	payment, err := t.App.FindRecordById("payments", refund.GetString("payment"))
	if err != nil {
		return nil, nil, fmt.Errorf("read payment: %w", err)
	}
	gateway, err := t.Accounts.Gateway(refund.GetString("merchant"), payment.GetString("appid"))
	return refund, gateway, err
}

func (t *Till) carryOutRefund(ctx context.Context, id string, step order.RefundStep) (order.RefundEvent, refundEvidence, error) {
	if !step.Has(order.CallRefund) && !step.Has(order.QueryRefundNow) {
		return "", refundEvidence{}, nil
	}
	refund, gateway, err := t.refundAndGateway(id)
	if err != nil {
		return "", refundEvidence{}, err
	}
	if step.Has(order.CallRefund) {
		return t.callRefund(ctx, gateway, refund)
	}
	return t.callRefundQuery(ctx, gateway, refund)
}

func (t *Till) callRefund(ctx context.Context, g wxpay.Gateway, refund *core.Record) (order.RefundEvent, refundEvidence, error) {
	payment, err := t.App.FindRecordById("payments", refund.GetString("payment"))
	if err != nil {
		return "", refundEvidence{}, fmt.Errorf("read payment: %w", err)
	}
	transactionID, total := heldMoney(payment)
	answer, err := g.Refund(ctx, wxpay.RefundRequest{
		TransactionID: transactionID, OutTradeNo: payment.GetString("outTradeNo"),
		OutRefundNo: refund.GetString("outRefundNo"), Reason: refund.GetString("reason"),
		NotifyURL: t.Accounts.Settings.PublicURL() + "/api/wx/notify/refund/" + refund.GetString("merchant"),
		Refund:    wxpay.Fen(refund.GetInt("amount")), Total: wxpay.Fen(total),
	})
	if err == nil {
		return "", refundEvidence{source: "refund", fact: &answer}, nil
	}
	t.App.Logger().Warn("WeChat Pay call failed", "call", "refund", "refund", refund.Id, "error", err.Error())
	return t.afterRefusal(ctx, g, refund, err)
}

// afterRefusal says what a call that brought no answer means.
func (t *Till) afterRefusal(
	ctx context.Context, g wxpay.Gateway, refund *core.Record, err error,
) (order.RefundEvent, refundEvidence, error) {
	pe, ok := errors.AsType[*wxpay.Error](err)
	why := refundEvidence{source: "refund", refusal: pe}
	switch {
	case ok && isTooSoon(pe):
		return t.ifUnknown(ctx, g, refund, order.EventRefundTooSoon, why, nil) // note: no failure, so the sweep keeps to the turn
	case !ok || pe.OutcomeUnknown():
		return order.EventRefundUnknown, why, err
	case pe.Kind == wxpay.KindSign, pe.Kind == wxpay.KindConfig, pe.Kind == wxpay.KindDenied:
		// NB! a key, a clock or a right that somebody will mend says nothing about the refund: giving it up would keep the payer's money
		return order.EventRefundUnknown, why, err
	case pe.Kind == wxpay.KindNotEnough:
		return order.EventRefundNotEnough, why, err
	case refund.GetInt("queries") > 1:
		return t.ifUnknown(ctx, g, refund, order.EventRefundRejected, why, err)
	default:
		return order.EventRefundRejected, why, err
	}
}

// ifUnknown is the event when WeChat does not know the number, and otherwise what it knows.
//
// note: an earlier call may have worked; what this one says about the number is not the whole truth.
func (t *Till) ifUnknown(
	ctx context.Context, g wxpay.Gateway, refund *core.Record, event order.RefundEvent, why refundEvidence, err error,
) (order.RefundEvent, refundEvidence, error) {
	found, fact, queryErr := t.callRefundQuery(ctx, g, refund)
	if found == order.EventRefundNotFound {
		return event, why, err
	}
	if found == "" && fact.fact == nil {
		return order.EventRefundUnknown, why, errors.Join(err, queryErr)
	}
	return found, fact, err
}

// isTooSoon tells whether WeChat took the call for one of too many, which it does not carry out.
func isTooSoon(pe *wxpay.Error) bool {
	return pe.Code == "FREQUENCY_LIMITED" || pe.Code == "RATELIMIT_EXCEEDED"
}

func (t *Till) callRefundQuery(ctx context.Context, g wxpay.Gateway, refund *core.Record) (order.RefundEvent, refundEvidence, error) {
	fact, err := g.QueryRefund(ctx, refund.GetString("outRefundNo"))
	if err == nil {
		return "", refundEvidence{source: "query", fact: &fact}, nil
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound {
		return order.EventRefundNotFound, refundEvidence{source: "query"}, nil
	}
	t.App.Logger().Warn("WeChat Pay call failed", "call", "query refund", "refund", refund.Id, "error", err.Error())
	return "", refundEvidence{}, err
}

// applyRefund is the only writer of refund states and of an order's refunded total.
func (t *Till) applyRefund(app core.App, id string, event order.RefundEvent, why refundEvidence) (order.RefundStep, error) {
	var step order.RefundStep
	err := app.RunInTransaction(func(tx core.App) error {
		refund, err := tx.FindRecordById("refunds", id)
		if err != nil {
			return fmt.Errorf("read refund: %w", err)
		}
		payment, err := tx.FindRecordById("payments", refund.GetString("payment"))
		if err != nil {
			return fmt.Errorf("read payment: %w", err)
		}
		if why.fact != nil {
			transactionID, total := heldMoney(payment)
			event, why.mismatches = order.CompareRefund(order.RefundAttempt{
				MchID: refund.GetString("merchant"), OutTradeNo: payment.GetString("outTradeNo"), TransactionID: transactionID,
				OutRefundNo: refund.GetString("outRefundNo"), Amount: int64(refund.GetInt("amount")), Total: total,
			}, refundFact(*why.fact))
		}
		step, err = order.ApplyRefund(order.RefundState(refund.GetString("state")), event)
		if err != nil {
			return err
		}
		return t.recordRefund(tx, refund, payment, event, step, why)
	})
	if err != nil {
		return step, fmt.Errorf("apply %s to refund %s: %w", event, id, err)
	}
	t.Books.Wake()
	return step, nil
}

func (t *Till) recordRefund(
	tx core.App, refund, payment *core.Record, event order.RefundEvent, step order.RefundStep, why refundEvidence,
) error {
	if why.inbox != nil {
		state := books.InboxRepeated
		if step.Changed() {
			state = books.InboxApplied
		} else if event == order.EventRefundOtherFact {
			state = books.InboxDisputed
		}
		if err := books.SaveInbox(tx, why.inbox, state, describe(why.mismatches)); err != nil {
			return err
		}
	}
	if step.Repeat || step.Stale || !step.Changed() && len(step.Effects) == 0 {
		return nil
	}
	refund.Set("state", string(step.To))
	if why.fact != nil && len(why.mismatches) == 0 {
		refund.Set("refundId", why.fact.RefundID)
		refund.Set("successAt", why.fact.SuccessAt)
		refund.Set("raw", json.RawMessage(why.fact.Raw))
		if !why.fact.CreatedAt.IsZero() {
			refund.Set("sentAt", why.fact.CreatedAt) // the day under which it stands in WeChat's bill
		}
	}
	keepRefusal(refund, step, why)
	t.scheduleRefund(refund, step)
	if err := books.Save(tx, refund); err != nil {
		return fmt.Errorf("save refund: %w", err)
	}
	if step.Changed() {
		if err := saveRefundLedger(tx, refund, event, step, why); err != nil {
			return err
		}
	}
	return t.followRefund(tx, refund, payment, step, why)
}

// keepRefusal writes down WeChat's code and words, for the person who has to do something; what WeChat has taken on is no longer refused.
func keepRefusal(refund *core.Record, step order.RefundStep, why refundEvidence) {
	switch {
	case why.refusal != nil:
		refund.Set("refusedCode", books.Clip(why.refusal.Code, 64))
		refund.Set("refusedMessage", books.Clip(why.refusal.Message, 600))
	case step.Changed() && step.To != order.RefundSubmitted && step.To != order.RefundNew:
		refund.Set("refusedCode", "")
		refund.Set("refusedMessage", "")
	}
}

// scheduleRefund sets when the sweep looks next. Only a refund on its way is looked at.
func (t *Till) scheduleRefund(refund *core.Record, step order.RefundStep) {
	if step.Has(order.CallRefund) {
		refund.Set("sentAt", t.Now())
		refund.Set("calledAt", t.Now())
	}
	asked := refund.GetInt("queries")
	switch step.To {
	case order.RefundNew, order.RefundSubmitted, order.RefundProcessing:
		refund.Set("queries", asked+1)
		refund.Set("nextQueryAt", t.Now().Add(nextRefundQuery(asked)))
	case order.RefundAbnormal, order.RefundSuccess, order.RefundClosed, order.RefundRejected:
		refund.Set("nextQueryAt", nil)
	}
	switch {
	case step.Has(order.RetryRefundLater):
		refund.Set("nextQueryAt", t.Now().Add(order.NextQuery(asked+6)))
	case step.Has(order.RetryRefundSoon):
		refund.Set("sentAt", nil) // WeChat has no such refund, so it has no day in a bill either
		refund.Set("queries", 0)
		refund.Set("nextQueryAt", t.Now().Add(order.RefundSpacing))
	}
}

func (t *Till) followRefund(tx core.App, refund, payment *core.Record, step order.RefundStep, why refundEvidence) error {
	if err := t.raiseForRefund(tx, refund, step); err != nil {
		return err
	}
	for _, effect := range step.Effects {
		var err error
		switch effect { //nolint:exhaustive // the calls are made by driveRefund and the sweep
		case order.CountRefund:
			if err = countRefund(tx, refund, payment); err == nil {
				err = t.endGiveBack(tx, payment)
			}
		case order.Freeze:
			err = t.freezeByRefund(tx, payment, why.mismatches)
		case order.Alert:
			// raiseForRefund tells a person
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// countRefund adds a refund that has reached the payer to the order, which follows from the sum of all. Money of an attempt that did
// not pay the order, because it came too late or twice, is no refund of the order.
func countRefund(tx core.App, refund, payment *core.Record) error {
	if order.PaymentState(payment.GetString("state")) != order.PaymentPaid {
		return nil
	}
	rows, err := tx.FindAllRecords("refunds", dbx.HashExp{"payment": payment.Id})
	if err != nil {
		return fmt.Errorf("read refunds: %w", err)
	}
	total := int64(payment.GetInt("amount"))
	refunded, err := order.Refunded(total, refundAmounts(rows))
	if err != nil {
		return err
	}
	state, err := order.PayStateAfter(total, refunded)
	if err != nil {
		return err
	}
	o, err := tx.FindRecordById("orders", refund.GetString("order"))
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	o.Set("refunded", refunded)
	o.Set("payState", string(state))
	if err := books.Save(tx, o); err != nil {
		return fmt.Errorf("save order: %w", err)
	}
	return books.QueueEffect(tx, effectRefundHooks, refund.Id, map[string]any{"refund": refund.Id})
}

func saveRefundLedger(tx core.App, refund *core.Record, event order.RefundEvent, step order.RefundStep, why refundEvidence) error {
	proof := map[string]any{"event": string(event), "outRefundNo": refund.GetString("outRefundNo")}
	if why.fact != nil {
		proof["refund"] = json.RawMessage(why.fact.Raw)
	}
	if len(why.mismatches) > 0 {
		proof["mismatches"] = why.mismatches
	}
	if why.refusal != nil {
		proof["refusal"] = map[string]any{"code": why.refusal.Code, "message": why.refusal.Message, "rid": why.refusal.RequestID}
	}
	_, err := books.Insert(tx, "wx_ledger", map[string]any{
		"order": refund.GetString("order"), "payment": refund.GetString("payment"), "refund": refund.Id,
		"from": string(step.From), "to": string(step.To), "source": why.source, "evidence": proof,
	})
	return err
}

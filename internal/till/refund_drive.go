package till

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// moneyBack is a refund, and the payment that it gives back.
type moneyBack struct {
	refund  rows.Refund
	payment rows.Payment
}

func (b moneyBack) record() *core.Record { return b.refund.Record }

// refundEvidence is why a refund moves.
type refundEvidence = evidence[wxpay.Refund]

// drivenRefund is the result of driving a refund.
type drivenRefund = driven[moneyBack, order.RefundState]

// refundRows moves the rows of refunds. It sends a refund at most once in a conversation: if WeChat does not know the
// number after an unclear answer, the sweep sends it again, after WeChat's minimum pause.
type refundRows struct {
	machine[moneyBack, order.RefundState, order.RefundEvent, wxpay.Refund]
	payments *Payments
}

func newRefundRows(k *kit, payments *Payments) *refundRows {
	m := &refundRows{payments: payments}
	m.machine = machine[moneyBack, order.RefundState, order.RefundEvent, wxpay.Refund]{
		kit: k, name: "refund", rules: m, due: DueRefunds, pause: nextRefundQuery, once: order.CallRefund,
		calls: []call[moneyBack, order.RefundEvent, wxpay.Refund]{{order.CallRefund, m.callRefund}, {order.QueryRefundNow, m.callQuery}},
	}
	return m
}

func (m *refundRows) gateway(row moneyBack) (wxpay.Gateway, error) {
	return m.gateways.Gateway(row.refund.MchID(), row.payment.AppID())
}

func (m *refundRows) callRefund(ctx context.Context, g wxpay.Gateway, row moneyBack) (order.RefundEvent, refundEvidence, error) {
	transactionID, total := row.payment.HeldMoney()
	answer, err := g.Refund(ctx, wxpay.RefundRequest{
		TransactionID: transactionID, OutTradeNo: row.payment.OutTradeNo(),
		OutRefundNo: row.refund.OutRefundNo(), Reason: row.refund.Reason(),
		NotifyURL: m.accounts.Settings.PublicURL() + "/api/wx/notify/refund/" + row.refund.MchID(),
		Refund:    wxpay.Fen(row.refund.Amount()), Total: wxpay.Fen(total),
	})
	if err == nil {
		return "", refundEvidence{source: "refund", fact: &answer}, nil
	}
	return m.afterRefusal(ctx, g, row, err)
}

// afterRefusal is the meaning of a failed call.
func (m *refundRows) afterRefusal(ctx context.Context, g wxpay.Gateway, row moneyBack, err error) (order.RefundEvent, refundEvidence, error) {
	pe, ok := errors.AsType[*wxpay.Error](err)
	why := refundEvidence{source: "refund", refusal: pe}
	switch {
	case ok && isTooSoon(pe):
		m.logCall(ctx, row, string(order.CallRefund), err)
		return m.ifUnknown(ctx, g, row, order.EventRefundTooSoon, why, nil) // note: not a failure, so the sweep keeps the order
	case !ok || pe.OutcomeUnknown():
		return order.EventRefundUnknown, why, err
	case pe.Kind == wxpay.KindSign, pe.Kind == wxpay.KindConfig, pe.Kind == wxpay.KindDenied:
		// NB! a wrong key, clock or permission, which can be fixed, proves nothing about the refund: giving up would
		// keep the payer's money
		return order.EventRefundUnknown, why, err
	case pe.Kind == wxpay.KindNotEnough:
		return order.EventRefundNotEnough, why, err
	case row.refund.Queries() > 1:
		return m.ifUnknown(ctx, g, row, order.EventRefundRejected, why, err)
	default:
		return order.EventRefundRejected, why, err
	}
}

// ifUnknown returns the event when WeChat does not know the number, and otherwise the fact.
//
// note: an earlier call may have worked, so this call's answer about the number is incomplete.
func (m *refundRows) ifUnknown(
	ctx context.Context, g wxpay.Gateway, row moneyBack, event order.RefundEvent, why refundEvidence, err error,
) (order.RefundEvent, refundEvidence, error) {
	found, fact, queryErr := m.callQuery(ctx, g, row)
	if found == order.EventRefundNotFound {
		return event, why, err
	}
	if found == "" && fact.fact == nil {
		return order.EventRefundUnknown, why, errors.Join(err, queryErr)
	}
	return found, fact, err
}

// isTooSoon tells whether WeChat did not carry out the call because there were too many.
func isTooSoon(pe *wxpay.Error) bool {
	return pe.Code == "FREQUENCY_LIMITED" || pe.Code == "RATELIMIT_EXCEEDED"
}

func (m *refundRows) callQuery(ctx context.Context, g wxpay.Gateway, row moneyBack) (order.RefundEvent, refundEvidence, error) {
	fact, err := g.QueryRefund(ctx, row.refund.OutRefundNo())
	if err == nil {
		return "", refundEvidence{source: "query", fact: &fact}, nil
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound {
		return order.EventRefundNotFound, refundEvidence{source: "query"}, nil
	}
	return "", refundEvidence{}, err
}

func (m *refundRows) read(tx core.App, id string) (row moneyBack, err error) {
	if row.refund, err = rows.RefundByID(tx, id); err != nil {
		return row, err
	}
	row.payment, err = rows.PaymentByID(tx, row.refund.PaymentID())
	return row, err
}

// eventOf is the event that a fact stands for.
func (m *refundRows) eventOf(_ core.App, row moneyBack, event order.RefundEvent, why *refundEvidence) (order.RefundEvent, error) {
	if why.fact == nil {
		return event, nil
	}
	transactionID, total := row.payment.HeldMoney()
	event, why.mismatches = order.CompareRefund(order.RefundAttempt{
		MchID: row.refund.MchID(), OutTradeNo: row.payment.OutTradeNo(), TransactionID: transactionID,
		OutRefundNo: row.refund.OutRefundNo(), Amount: row.refund.Amount(), Total: total,
	}, refundFact(*why.fact))
	return event, nil
}

func (m *refundRows) stepOf(row moneyBack, event order.RefundEvent, _ refundEvidence) (order.RefundStep, error) {
	return order.ApplyRefund(row.refund.State(), event)
}

// verdict is the result of the step for the notification behind it.
func (m *refundRows) verdict(event order.RefundEvent, step order.RefundStep) string {
	switch {
	case step.Changed():
		return books.InboxApplied
	case event == order.EventRefundOtherFact:
		return books.InboxDisputed
	default:
		return books.InboxRepeated
	}
}

// keep stores the data of a fact or a refusal.
func (m *refundRows) keep(_ core.App, row moneyBack, _ order.RefundEvent, step order.RefundStep, why refundEvidence) error {
	refund := row.refund
	if why.fact != nil && len(why.mismatches) == 0 {
		refund.SetRefundID(why.fact.RefundID)
		refund.SetSuccessAt(why.fact.SuccessAt)
		refund.Set("raw", json.RawMessage(why.fact.Raw))
		if !why.fact.CreatedAt.IsZero() {
			refund.SetSentAt(why.fact.CreatedAt) // the day of its row in WeChat's bill
		}
	}
	keepRefusal(refund, step, why)
	m.schedule(refund, step)
	return nil
}

// keepRefusal stores WeChat's code and words, for the person who must act; a refund that WeChat has accepted loses
// them.
func keepRefusal(refund rows.Refund, step order.RefundStep, why refundEvidence) {
	switch {
	case why.refusal != nil:
		refund.SetRefusedCode(books.Clip(why.refusal.Code, 64))
		refund.SetRefusedMessage(books.Clip(why.refusal.Message, 600))
	case step.Changed() && step.To != order.RefundSubmitted && step.To != order.RefundNew:
		refund.SetRefusedCode("")
		refund.SetRefusedMessage("")
	}
}

// schedule sets when the sweep looks next. It looks only at open refunds.
func (m *refundRows) schedule(refund rows.Refund, step order.RefundStep) {
	if step.Has(order.CallRefund) {
		refund.SetSentAt(m.now())
		refund.SetCalledAt(m.now())
	}
	asked := refund.Queries()
	switch step.To {
	case order.RefundNew, order.RefundSubmitted, order.RefundProcessing:
		refund.SetQueries(asked + 1)
		refund.SetNextQueryAt(m.now().Add(nextRefundQuery(asked)))
	case order.RefundAbnormal, order.RefundSuccess, order.RefundClosed, order.RefundRejected:
		refund.SetNextQueryAt(time.Time{})
	}
	switch {
	case step.Has(order.RetryRefundLater):
		refund.SetNextQueryAt(m.now().Add(order.NextQuery(asked + 6)))
	case step.Has(order.RetryRefundSoon):
		refund.SetSentAt(time.Time{}) // WeChat does not have the refund, so no bill has it either
		refund.SetQueries(0)
		refund.SetNextQueryAt(m.now().Add(order.RefundSpacing))
	}
}

// follow raises alerts and does what a step asks for in our books.
func (m *refundRows) follow(tx core.App, row moneyBack, step order.RefundStep, why refundEvidence) error {
	refund, payment := row.refund, row.payment
	if err := m.raiseForStep(tx, refund, step); err != nil {
		return err
	}
	for _, effect := range step.Effects {
		var err error
		switch effect { //nolint:exhaustive // the calls are made by driveRefund and the sweep
		case order.CountRefund:
			if err = m.countRefund(tx, refund, payment); err == nil {
				err = m.endGiveBack(tx, payment)
			}
		case order.Freeze:
			err = m.payments.freezeByRefund(tx, payment, why.mismatches)
		case order.Alert:
			// raiseForStep raises the alert
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// countRefund adds a refund that has reached the payer to the order, whose state follows from the sum of all. Money of
// an attempt that did not pay the order, because it came too late or twice, is not a refund of the order.
func (m *refundRows) countRefund(tx core.App, refund rows.Refund, payment rows.Payment) error {
	if payment.State() != order.PaymentPaid {
		return nil
	}
	refunds, err := rows.RefundsOfPayment(tx, payment.Id)
	if err != nil {
		return err
	}
	total := payment.Amount()
	refunded, err := order.Refunded(total, rows.RefundAmounts(refunds))
	if err != nil {
		return err
	}
	state, err := order.PayStateAfter(total, refunded)
	if err != nil {
		return err
	}
	o, err := rows.OrderByID(tx, refund.OrderID())
	if err != nil {
		return err
	}
	o.SetRefunded(refunded)
	o.SetPayState(state)
	if err := books.Write(tx, o.Record); err != nil {
		return fmt.Errorf("save order: %w", err)
	}
	return m.books.QueueWanted(tx, effectRefundHooks, refund.Id, map[string]any{"refund": refund.Id})
}

// entry names the refund in the ledger.
func (m *refundRows) entry(row moneyBack, why refundEvidence) (columns, proof map[string]any) {
	proof = map[string]any{"outRefundNo": row.refund.OutRefundNo()}
	if why.fact != nil {
		proof["refund"] = json.RawMessage(why.fact.Raw)
	}
	if why.refusal != nil {
		proof["refusal"] = map[string]any{"code": why.refusal.Code, "message": why.refusal.Message, "rid": why.refusal.RequestID}
	}
	return map[string]any{"order": row.refund.OrderID(), "payment": row.refund.PaymentID(), "refund": row.refund.Id}, proof
}

package till

import (
	"context"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/order"
	"wxbase/internal/wxpay"
)

// maxSteps ends a conversation with WeChat that does not settle; the sweep takes it up later.
const maxSteps = 8

// evidence is why a step happens. Some of it is kept in the ledger.
type evidence struct {
	source     string // pay, notify, query, close, sweep, cancel, replace
	prepayID   string
	trade      *wxpay.Trade // a verified fact; what event it is, is decided inside the transaction
	mismatches []order.Mismatch
	inbox      map[string]any // row of wx_inbox to write with the step
	decision   *decision      // of a person, about the trade
}

// driven is how far an attempt got.
type driven struct {
	step    order.Step
	callErr error // the last call to WeChat that failed; the state is settled all the same
	err     error // we could not go on: nothing was decided
}

// drive applies an event, makes the call to WeChat that follows from it, applies its answer, and so on until no call is due.
// NB! no call is made inside a transaction, and each state is committed before the call that it announces.
func (t *Till) drive(ctx context.Context, paymentID string, event order.PaymentEvent, why evidence) driven {
	var end driven
	for range maxSteps {
		end.step, end.err = t.apply(t.App, paymentID, event, why)
		if end.err != nil {
			return end
		}
		next, found, err := t.carryOut(ctx, paymentID, end.step)
		if next == "" && found.trade == nil {
			end.callErr = errors.Join(end.callErr, err)
			return end
		}
		if err != nil {
			end.callErr = err
		}
		event, why = next, found
	}
	end.err = fmt.Errorf("payment %s does not settle", paymentID)
	return end
}

// isOutpaced tells whether the attempt had moved on when an event reached it, such as by a notification that came between our look at
// it and our step. The event has no place there any more, and nothing was written.
func isOutpaced(err error) bool {
	_, refused := errors.AsType[*order.TransitionError](err)
	return refused
}

// CarryOut makes the one call that a step asks for. It gives the event that the answer is, or a fact; neither means that nothing
// is to be done, or that the answer says nothing and the sweep has to ask again.
func (t *Till) carryOut(ctx context.Context, paymentID string, step order.Step) (order.PaymentEvent, evidence, error) {
	calls := []struct {
		effect order.Effect
		call   func(context.Context, wxpay.Gateway, *core.Record) (order.PaymentEvent, evidence, error)
	}{
		{order.CallPrepay, t.callPrepay}, {order.QueryNow, t.callQuery}, {order.CloseAtWeChat, t.callClose},
	}
	for _, c := range calls {
		if !step.Has(c.effect) {
			continue
		}
		payment, err := t.App.FindRecordById("payments", paymentID)
		if err != nil {
			return "", evidence{}, fmt.Errorf("read payment: %w", err)
		}
		gateway, err := t.Accounts.Gateway(payment.GetString("merchant"), payment.GetString("appid"))
		if err != nil {
			return "", evidence{}, err
		}
		event, why, err := c.call(ctx, gateway, payment)
		t.logCall(payment, c.effect, err)
		return event, why, err
	}
	return "", evidence{}, nil
}

func (t *Till) callPrepay(ctx context.Context, g wxpay.Gateway, payment *core.Record) (order.PaymentEvent, evidence, error) {
	request, err := requestOf(payment)
	if err != nil {
		return "", evidence{}, err
	}
	id, err := g.Prepay(ctx, request)
	if err == nil {
		return order.EventPrepaid, evidence{source: "pay", prepayID: id}, nil
	}
	pe, ok := errors.AsType[*wxpay.Error](err)
	switch {
	case !ok || pe.OutcomeUnknown():
		return order.EventPrepayUnknown, evidence{source: "pay"}, err
	case pe.Kind == wxpay.KindPaid, pe.Kind == wxpay.KindClosed, pe.Kind == wxpay.KindReused:
		return order.EventNumberUsed, evidence{source: "pay"}, err
	default:
		return order.EventPrepayRejected, evidence{source: "pay"}, err
	}
}

func (t *Till) callQuery(ctx context.Context, g wxpay.Gateway, payment *core.Record) (order.PaymentEvent, evidence, error) {
	trade, err := g.Query(ctx, payment.GetString("outTradeNo"))
	if err == nil {
		return "", evidence{source: "query", trade: &trade}, nil
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound {
		if order.PastGrace(payment.GetDateTime("prepayAt").Time(), t.Now()) {
			return order.EventUnknownPastGrace, evidence{source: "query"}, nil
		}
		return order.EventUnknownToWeChat, evidence{source: "query"}, nil
	}
	return "", evidence{}, err
}

func (t *Till) callClose(ctx context.Context, g wxpay.Gateway, payment *core.Record) (order.PaymentEvent, evidence, error) {
	err := g.Close(ctx, payment.GetString("outTradeNo"))
	if err == nil {
		return order.EventCloseDone, evidence{source: "close"}, nil
	}
	pe, ok := errors.AsType[*wxpay.Error](err)
	switch {
	case ok && pe.Kind == wxpay.KindClosed:
		return order.EventCloseDone, evidence{source: "close"}, nil
	case ok && pe.Kind == wxpay.KindPaid:
		return order.EventCloseRefusedPaid, evidence{source: "close"}, nil
	case ok && pe.Kind == wxpay.KindNotFound && order.PastGrace(payment.GetDateTime("prepayAt").Time(), t.Now()):
		return order.EventUnknownPastGrace, evidence{source: "close"}, nil
	default:
		return order.EventCloseUnknown, evidence{source: "close"}, err
	}
}

// logCall notes a failed call with WeChat's request id; the client gets a code and no more.
func (t *Till) logCall(payment *core.Record, effect order.Effect, err error) {
	if err != nil {
		t.App.Logger().Warn("WeChat Pay call failed", "call", string(effect), "payment", payment.Id, "error", err.Error())
	}
}

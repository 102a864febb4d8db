package till

import (
	"context"
	"errors"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wxpay"
)

// attempt is an attempt to pay, and the order that it would pay.
type attempt struct {
	payment rows.Payment
	order   rows.Order
}

func (a attempt) record() *core.Record { return a.payment.Record }

// payEvidence is why an attempt moves.
type payEvidence = evidence[wxpay.Trade]

// Payments moves the attempts to pay. It also implements their rules (pay_apply.go).
type Payments struct {
	machine[attempt, order.PaymentState, order.PaymentEvent, wxpay.Trade]
	orders *Orders
}

func newPayments(k *kit, orders *Orders) *Payments {
	p := &Payments{orders: orders}
	p.machine = machine[attempt, order.PaymentState, order.PaymentEvent, wxpay.Trade]{
		kit: k, name: "payment", rules: p, due: DuePayments, pause: order.NextQuery,
		calls: []call[attempt, order.PaymentEvent, wxpay.Trade]{
			{order.CallPrepay, p.callPrepay}, {order.QueryNow, p.callQuery}, {order.CloseAtWeChat, p.callClose},
		},
	}
	return p
}

// isOutpaced tells whether the attempt had moved on when an event reached it, such as by a notification between our
// reading and our step. The state refuses the event, and nothing was written.
func isOutpaced(err error) bool {
	_, refused := errors.AsType[*order.TransitionError](err)
	return refused
}

func (p *Payments) gateway(row attempt) (wxpay.Gateway, error) {
	return p.gateways.Gateway(row.payment.MchID(), row.payment.AppID())
}

func (p *Payments) callPrepay(ctx context.Context, g wxpay.Gateway, row attempt) (order.PaymentEvent, payEvidence, error) {
	request, err := requestOf(row.payment)
	if err != nil {
		return "", payEvidence{}, err
	}
	id, err := g.Prepay(ctx, request)
	if err == nil {
		return order.EventPrepaid, payEvidence{source: "pay", prepayID: id}, nil
	}
	pe, ok := errors.AsType[*wxpay.Error](err)
	switch {
	case !ok || pe.OutcomeUnknown():
		return order.EventPrepayUnknown, payEvidence{source: "pay"}, err
	case pe.Kind == wxpay.KindPaid, pe.Kind == wxpay.KindClosed, pe.Kind == wxpay.KindReused:
		return order.EventNumberUsed, payEvidence{source: "pay"}, err
	default:
		return order.EventPrepayRejected, payEvidence{source: "pay"}, err
	}
}

func (p *Payments) callQuery(ctx context.Context, g wxpay.Gateway, row attempt) (order.PaymentEvent, payEvidence, error) {
	trade, err := g.Query(ctx, row.payment.OutTradeNo())
	if err == nil {
		return "", payEvidence{source: "query", fact: &trade}, nil
	}
	if pe, ok := errors.AsType[*wxpay.Error](err); ok && pe.Kind == wxpay.KindNotFound {
		if order.PastGrace(row.payment.PrepayAt(), p.now()) {
			return order.EventUnknownPastGrace, payEvidence{source: "query"}, nil
		}
		return order.EventUnknownToWeChat, payEvidence{source: "query"}, nil
	}
	return "", payEvidence{}, err
}

func (p *Payments) callClose(ctx context.Context, g wxpay.Gateway, row attempt) (order.PaymentEvent, payEvidence, error) {
	err := g.Close(ctx, row.payment.OutTradeNo())
	if err == nil {
		return order.EventCloseDone, payEvidence{source: "close"}, nil
	}
	pe, ok := errors.AsType[*wxpay.Error](err)
	switch {
	case ok && pe.Kind == wxpay.KindClosed:
		return order.EventCloseDone, payEvidence{source: "close"}, nil
	case ok && pe.Kind == wxpay.KindPaid:
		return order.EventCloseRefusedPaid, payEvidence{source: "close"}, nil
	case ok && pe.Kind == wxpay.KindNotFound && order.PastGrace(row.payment.PrepayAt(), p.now()):
		return order.EventUnknownPastGrace, payEvidence{source: "close"}, nil
	default:
		return order.EventCloseUnknown, payEvidence{source: "close"}, err
	}
}

package parcels

import (
	"context"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/till"
)

// preSaleForm is the body of POST /api/wx/orders/{id}/presale.
type preSaleForm struct {
	ShipBy time.Time `json:"shipBy"`
}

// PromiseShipping handles POST /api/wx/orders/{id}/presale for superusers and staff: the goods are shipped later than usual, by shipBy. Up to 15
// days after the payment that is the shop's own promise, which the page of the goods has to tell; past them, and up to 330 days, WeChat is told
// (特殊发货报备), and tells the buyer. It answers `{shipBy, rule, reported}`. Another date may be sent as long as the goods are not shipped.
func (p *Parcels) PromiseShipping(e *core.RequestEvent) error {
	var form preSaleForm
	if err := answer.ReadStrict(e, &form); err != nil {
		return err
	}
	o, err := till.OwnOrder(e)
	if err != nil {
		return err
	}
	defer p.Locks.Lock(shipmentLock(o.Id))()
	if o, err = rows.OrderByID(e.App, o.Id); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	if err := p.mayPromise(e.App, o, form.ShipBy); err != nil {
		return answer.Or(err, answer.Busy)
	}
	_, rule := order.ShipDeadline(o.PaidAt(), form.ShipBy)
	if rule == order.RulePreSale {
		if err := p.reportPreSale(e, o, form.ShipBy); err != nil {
			return err
		}
	}
	if err := p.keepPromise(o.Id, form.ShipBy); err != nil {
		return answer.Fail(answer.Busy, err)
	}
	return e.JSON(http.StatusOK, map[string]any{"shipBy": form.ShipBy.UTC(), "rule": rule, "reported": rule == order.RulePreSale})
}

// mayPromise refuses what WeChat would refuse, and what is no promise.
func (p *Parcels) mayPromise(app core.App, o rows.Order, shipBy time.Time) error {
	if err := till.RefuseFrozen(app, o.Id); err != nil {
		return err
	}
	reason := ""
	switch state := o.PayState(); {
	case !state.IsPaid():
		return answer.Fail(answer.OrderNotPaid, nil)
	case state == order.PayRefunded:
		return answer.Fail(answer.OrderRefunded, nil)
	case o.ShipState() != order.ShipNone:
		reason = "the order is shipped"
	case !shipBy.After(p.Now()):
		reason = "shipBy must lie in the future"
	case !shipBy.After(o.PaidAt().Add(order.ShipWithin)):
		reason = "shipBy must be later than the 48 hours after the payment that every order has"
	case shipBy.After(o.PaidAt().Add(order.PreSaleWithin)):
		reason = "shipBy must be at most 330 days after the payment"
	}
	if reason != "" {
		return answer.With(answer.ShipmentArgs, "reason", reason)
	}
	return nil
}

// reportPreSale tells WeChat. NB! it is told before the row is written: a promise that only we know of would let the deadline pass at WeChat; one
// that only WeChat knows of is sent again.
func (p *Parcels) reportPreSale(e *core.RequestEvent, o rows.Order, shipBy time.Time) error {
	payment, err := till.PaidAttempt(e.App, o.Id)
	if err != nil {
		return answer.Or(err, answer.Busy)
	}
	client, err := p.shippingClient(payment)
	if err != nil {
		return answer.FromWechat(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(e.Request.Context()), accounts.CallTimeout)
	defer cancel()
	if err := client.ReportPreSale(ctx, payment.TransactionID(), shipBy); err != nil {
		return answer.FromWechat(err)
	}
	return nil
}

func (p *Parcels) keepPromise(orderID string, shipBy time.Time) error {
	return p.App.RunInTransaction(func(tx core.App) error {
		o, err := rows.OrderByID(tx, orderID)
		if err != nil {
			return err
		}
		o.SetShipBy(shipBy)
		return books.Write(tx, o.Record)
	})
}

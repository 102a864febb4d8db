package parcels

// What WeChat pushes about an order's way: that it is shipped, that it is received and the money is the shop's (trade_manage_order_settlement),
// and that it should have been shipped (trade_manage_remind_shipping). NB! In the plain mode of pushes the signature does not cover the body, so a
// push is only a reason to ask: the order follows what get_order says.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/accounts"
	"wxbase/internal/books"
	"wxbase/internal/events"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/till"
	"wxbase/internal/wechat"
)

// EffectFollow asks WeChat about an order that it has pushed something of.
const EffectFollow = "shipping.follow"

// followJob is the payload of a row of EffectFollow.
type followJob struct {
	Order    string `json:"order"`
	Reminded bool   `json:"reminded"` // WeChat wants it shipped
}

// FollowTrade queues the question. key names the push, so that the same push is one question.
func (p *Parcels) FollowTrade(event *events.PushEvent, key string) error {
	if event.Trade == nil || event.Trade.Order == nil {
		return nil
	}
	job := followJob{Order: event.Trade.Order.Id, Reminded: event.Name == wechat.EventRemindShipping}
	return p.App.RunInTransaction(func(tx core.App) error {
		return books.QueueEffect(tx, EffectFollow, job.Order+"/"+key, map[string]any{"order": job.Order, "reminded": job.Reminded})
	})
}

// HandleFollow registers the effect.
func (p *Parcels) HandleFollow() { p.Books.Handle(EffectFollow, books.Effect{Do: p.follow}) }

// follow asks, moves the order forward, and tells a person of an order that WeChat wants shipped and does not find shipped.
func (p *Parcels) follow(ctx context.Context, row *core.Record) error {
	var job followJob
	if err := json.Unmarshal([]byte(row.GetString("payload")), &job); err != nil {
		return books.Final(fmt.Errorf("read payload: %w", err))
	}
	payment, err := till.PaidAttempt(p.App, job.Order)
	if err != nil {
		return err
	}
	client, err := p.shippingClient(payment)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, accounts.CallTimeout)
	defer cancel()
	theirs, err := client.ShippingOf(ctx, shippingKey(payment))
	if we, ok := errors.AsType[*wechat.Error](err); ok && givesUp(we) {
		return books.Final(err)
	}
	if err != nil {
		return err
	}
	if err := p.advanceShipState(job.Order, shipStateOf(theirs)); err != nil {
		return err
	}
	return p.remind(job)
}

// remind raises the alert of an order that is not shipped, or closes it.
func (p *Parcels) remind(job followJob) error {
	o, err := rows.OrderByID(p.App, job.Order)
	switch {
	case err != nil:
		return err
	case o.ShipState() != order.ShipNone:
		return p.Books.Settle(p.App, books.AlertShipping, job.Order, "WeChat has the shipping information")
	case job.Reminded:
		return p.Books.Raise(p.App, books.AlertShipping, job.Order, map[string]any{"order": job.Order, "error": "WeChat reminds that the order is not shipped"})
	}
	return nil
}

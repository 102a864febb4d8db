package till

// The states of an order, as far as its payments decide them.

import (
	"fmt"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
)

// markPaid moves the order to PAID and queues the consequences.
func (s *Orders) markPaid(tx core.App, payment rows.Payment, o rows.Order) error {
	state := o.PayState()
	if state.IsPaid() {
		return nil
	}
	if state == order.PayCancelled { // NB! its stock was returned: without stock it cannot be sold
		if err := takeStockAgain(tx, o); err != nil {
			return err
		}
	}
	o.SetPayState(order.PayPaid)
	o.SetPaidAt(payment.SuccessAt())
	virtual := byVirtualPayment(payment)
	if virtual {
		o.SetShipState(order.ShipReceived) // nothing is sent, and WeChat hears of the delivery in its own way
	}
	if err := books.Write(tx, o.Record); err != nil {
		return fmt.Errorf("save order: %w", err)
	}
	if virtual {
		if err := books.QueueEffect(tx, effectProvide, payment.Id, map[string]any{"payment": payment.Id}); err != nil {
			return err
		}
	}
	for _, effect := range []string{EffectNotice, effectPaidHooks} {
		if err := s.books.QueueWanted(tx, effect, o.Id, map[string]any{"order": o.Id}); err != nil {
			return err
		}
	}
	return nil
}

// takeStockAgain reserves the stock that the cancelling of an order returned.
func takeStockAgain(tx core.App, o rows.Order) error {
	items, err := o.Items()
	if err != nil {
		return err
	}
	o.SetCancelAt(time.Time{})
	o.SetClosedAt(time.Time{})
	return reserveStock(tx, items, -1)
}

func closeOthers(tx core.App, payment rows.Payment, o rows.Order) error {
	others, err := books.IDs(tx, "SELECT `id` FROM `payments` WHERE `order` = ? AND `state` IN ("+liveStates+") AND `id` <> ? ORDER BY `created`", o.Id, payment.Id)
	if err != nil {
		return fmt.Errorf("find payments: %w", err)
	}
	for _, other := range others {
		if err := books.QueueEffect(tx, effectClosePayment, other, map[string]any{"payment": other}); err != nil {
			return err
		}
	}
	return nil
}

// cancelIfOver cancels the order once none of its attempts can be paid any more, and only if its time is up or its
// owner cancelled: an attempt that only made room for the next one leaves the order open.
func (s *Orders) cancelIfOver(tx core.App, o rows.Order) error {
	over := !o.IsWanted() || !s.now().Before(o.ExpiresAt())
	if o.PayState() != order.PayUnpaid || !over || o.IsFrozen() {
		return nil
	}
	live, err := liveAttempts(tx, o.Id)
	if err != nil || len(live) > 0 {
		return err
	}
	items, err := o.Items()
	if err != nil {
		return err
	}
	if err := reserveStock(tx, items, +1); err != nil {
		return err
	}
	o.SetPayState(order.PayCancelled)
	o.SetClosedAt(s.now())
	if err := books.Write(tx, o.Record); err != nil {
		return fmt.Errorf("save order: %w", err)
	}
	return nil
}

// freeze freezes the order of a disputed payment. Its other attempts are closed, so that the buyer does not pay twice
// meanwhile.
func (s *Orders) freeze(tx core.App, payment rows.Payment, o rows.Order) error {
	if !o.IsFrozen() {
		o.SetFrozenAt(s.now())
		if err := books.Write(tx, o.Record); err != nil {
			return fmt.Errorf("freeze order: %w", err)
		}
	}
	return closeOthers(tx, payment, o)
}

// sweep cancels an expired order without attempts, or whose attempts have all ended.
func (s *Orders) sweep(orderID string) error {
	return s.app.RunInTransaction(func(tx core.App) error {
		o, err := rows.OrderByID(tx, orderID)
		if err != nil {
			return err
		}
		return s.cancelIfOver(tx, o)
	})
}

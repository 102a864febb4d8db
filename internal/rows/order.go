package rows

import (
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/order"
)

// Order is an order, a row of orders. The zero Order is none.
type Order struct{ *core.Record }

// OrderOf wraps a record of orders.
func OrderOf(r *core.Record) Order { return Order{r} }

// OrderByID reads a row. It fails with sql.ErrNoRows, wrapped.
func OrderByID(app core.App, id string) (Order, error) {
	r, err := byID(app, "orders", id, "order")
	return Order{r}, err
}

// FindOrder reads the one row with these values. It fails with sql.ErrNoRows.
func FindOrder(app core.App, where dbx.HashExp) (Order, error) {
	return find(app, "orders", where, OrderOf)
}

// OrdersOf wraps records of orders.
func OrdersOf(records []*core.Record) []Order { return all(records, OrderOf) }

// User is the buyer: id of a user.
func (o Order) User() string { return o.GetString("user") }

// AppID names the mini program.
func (o Order) AppID() string { return o.GetString("appid") }

// Number is what people read to each other.
func (o Order) Number() string { return o.GetString("number") }

// Description is for the cashier.
func (o Order) Description() string { return o.GetString("description") }

// Note reads the field.
func (o Order) Note() string { return o.GetString("note") }

// PayState reads the field.
func (o Order) PayState() order.PayState { return order.PayState(o.GetString("payState")) }

// SetPayState changes PayState.
func (o Order) SetPayState(v order.PayState) { o.Set("payState", string(v)) }

// ShipState is the state of the parcels: NONE and the later ones.
func (o Order) ShipState() string { return o.GetString("shipState") }

// SetShipState changes ShipState.
func (o Order) SetShipState(v string) { o.Set("shipState", v) }

// ShipBy is when the goods of a pre-sale are promised; zero where there is no promise.
func (o Order) ShipBy() time.Time { return o.GetDateTime("shipBy").Time() }

// SetShipBy changes ShipBy.
func (o Order) SetShipBy(v time.Time) { setTime(o.Record, "shipBy", v) }

// PaidAt is when the order was paid; zero before.
func (o Order) PaidAt() time.Time { return o.GetDateTime("paidAt").Time() }

// Total is to be paid, in fen.
func (o Order) Total() int64 { return int64(o.GetInt("total")) }

// Refunded has gone back to the payer, in fen.
func (o Order) Refunded() int64 { return int64(o.GetInt("refunded")) }

// SetRefunded changes Refunded.
func (o Order) SetRefunded(v int64) { o.Set("refunded", v) }

// ExpiresAt is when an unpaid order ends.
func (o Order) ExpiresAt() time.Time { return o.GetDateTime("expiresAt").Time() }

// SetPaidAt changes PaidAt.
func (o Order) SetPaidAt(v time.Time) { setTime(o.Record, "paidAt", v) }

// SetCancelAt changes CancelAt.
func (o Order) SetCancelAt(v time.Time) { setTime(o.Record, "cancelAt", v) }

// SetClosedAt changes ClosedAt.
func (o Order) SetClosedAt(v time.Time) { setTime(o.Record, "closedAt", v) }

// SetFrozenAt changes FrozenAt.
func (o Order) SetFrozenAt(v time.Time) { setTime(o.Record, "frozenAt", v) }

// IsFrozen tells whether a payment of the order waits for a person.
func (o Order) IsFrozen() bool { return has(o.Record, "frozenAt") }

// IsWanted tells whether the buyer has not asked to cancel.
func (o Order) IsWanted() bool { return !has(o.Record, "cancelAt") }

// Items are what was bought, with the prices of then.
func (o Order) Items() ([]order.Item, error) { return order.ParseItems(o.GetString("items")) }

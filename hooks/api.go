package hooks

import (
	"cmp"
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/subscribe"
	"wxbase/internal/till"
)

// Reconcile fetches the trade bill of a merchant for a day in Beijing, compares, mends and stores the outcome. mchID may be empty where there
// is one merchant. step is called for every entry that was looked at.
func (p *Plugin) Reconcile(ctx context.Context, mchID string, day time.Time, step func(done, all int)) (till.BillReport, error) {
	m, err := p.accounts.Settings.Merchant(mchID)
	if err != nil {
		return till.BillReport{}, err
	}
	return p.till.Bills.Reconcile(ctx, m.MchID, day, step)
}

// NewOrder is an order that the shop itself makes: lines of the catalogue, or a total with a description.
type NewOrder struct {
	User        string // id of the user who pays
	Lines       []OrderLine
	Total       int64  // fen; only without lines
	Description string // what the payer reads; with Total
	Note        string
	Key         string // at most 64 bytes; makes a repeat give the same order
	AppID       string // of the mini program; empty for the only one
}

// OrderLine is so many of a product at the catalogue's price.
type OrderLine struct {
	Product  string
	Variant  string // of a product that comes in several
	Quantity int
}

// CreateOrder makes an order as POST /api/wx/orders does for a superuser, in a transaction of its own, and returns its row. The error is the
// one that the route would answer, with a code of docs/errors.md.
//
// NB! a Total of 0 is refused: a discount that took all must not charge the catalogue's price.
func (p *Plugin) CreateOrder(o NewOrder) (*core.Record, error) {
	if (len(o.Lines) > 0) == (o.Total != 0 || o.Description != "") {
		return nil, answer.Field(answer.BadRequest, "Lines", "an order has lines, or a total and a description")
	}
	form := till.OrderForm{User: o.User, Description: o.Description, Note: o.Note, Key: o.Key, AppID: o.AppID}
	if len(o.Lines) == 0 {
		form.Total = &o.Total
	}
	for _, l := range o.Lines {
		form.Items = append(form.Items, till.OrderItem{Product: l.Product, Variant: l.Variant, Quantity: l.Quantity})
	}
	return p.till.Orders.Place(p.app, form)
}

// PayByCode gives the text of a code that anybody may scan and pay the order with, as POST /api/wx/orders/{id}/native does: for a screen at
// the counter. Asked again, it gives the same code as long as that can be paid.
//
// NB! an order is paid in one way at a time: what its buyer was about to pay by ends.
func (p *Plugin) PayByCode(ctx context.Context, orderID string) (PayCode, error) {
	return p.till.Cashier.Code(ctx, orderID)
}

// PayByPage gives the address of a page that opens WeChat in a browser outside of it, as POST /api/wx/orders/{id}/h5 does. payerIP is the
// address that the browser has on the internet. The note of PayByCode holds here too.
func (p *Plugin) PayByPage(ctx context.Context, orderID, payerIP string) (PayPage, error) {
	return p.till.Cashier.Page(ctx, orderID, payerIP)
}

// NewRefund is money that goes back: an amount, or all that is left.
type NewRefund struct {
	Amount int64 // fen; not with All
	All    bool
	Reason string // at most 80 bytes; the payer reads it
	Key    string // at most 64 bytes; makes a repeat give the same refund
	By     string // who asked, for the books; "program" when empty
}

// Refund gives money of a paid order back and returns the row of the refund. It is on its way then, or waits for its turn; OnRefundSucceeded
// tells when it has reached the payer. The error is the one that POST /api/wx/orders/{id}/refunds would answer.
func (p *Plugin) Refund(ctx context.Context, orderID string, r NewRefund) (*core.Record, error) {
	form := till.RefundForm{Reason: r.Reason, Key: r.Key}
	if r.Amount != 0 {
		form.Amount = &r.Amount
	}
	if r.All {
		form.All = &r.All
	}
	wish, err := form.Wish(cmp.Or(r.By, "program"))
	if err != nil {
		return nil, err
	}
	defer p.locks.Lock("order/" + orderID)()
	id, err := p.till.Refunds.Make(ctx, orderID, wish)
	if err != nil {
		return nil, err
	}
	return p.app.FindRecordById("refunds", id)
}

// SendMessage sends a subscribe message and returns WeChat's id of it, which may be empty. One person gets one after the other. The error
// is the one that the route would answer, with a code of docs/errors.md: message_not_subscribed is the one to expect.
//
// NB! after message_uncertain the message may be on its way: do not send it again by itself.
func (p *Plugin) SendMessage(ctx context.Context, m subscribe.Message) (msgID string, err error) {
	return p.subscribe.SendMessage(ctx, m)
}

// Publish sends a message to everybody in a room and returns to how many connections of this process. It waits for none of them, but
// for the commit where the room keeps history: so not inside of a transaction.
func (p *Plugin) Publish(room, event string, payload any) (int, error) {
	return p.rooms.Publish(room, event, payload)
}

type (
	// Message is a subscribe message.
	Message = subscribe.Message
	// PayCode is a code that anybody may scan and pay an order with.
	PayCode = till.PayCode
	// PayPage is a page that opens WeChat in a browser outside of it.
	PayPage = till.PayPage
	// BillReport is the outcome of one comparison with a bill of WeChat.
	BillReport = till.BillReport
	// BillDiff is one number on which the books differ.
	BillDiff = till.BillDiff
)

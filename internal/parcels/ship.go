package parcels

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/books"
	"wxbase/internal/order"
	"wxbase/internal/rows"
	"wxbase/internal/wechat"
)

// Parcel is how the goods of an order travel, or a part of them.
type Parcel struct {
	By         wechat.LogisticsType // express when zero
	TrackingNo string               // 1 to 128 bytes; of express only
	Company    string               // WeChat's id of the delivery company, such as STO: 1 to 128 bytes; of express only
	Goods      string               // 1 to 120 characters, such as 三鲜面*2
	Consignor  string               // telephone number of the sender, of which the last four digits alone are clear, such as 138****8000
	Receiver   string               // and of the receiver; SF (顺丰) needs one of the two
	Part       Part
}

// Part says whether a parcel is all of an order. Only express goes in parts, at most 15.
type Part int

// The parts.
const (
	Whole      Part = iota // one parcel has everything
	MoreFollow             // other parcels follow
	LastPart               // no other parcel follows
)

// Shipped is how a submission stands.
type Shipped struct {
	State     string    // shipState of the order: SHIPPED once WeChat has the whole shipping, NONE before
	Unchanged bool      // WeChat had it already, and has kept what it had
	Pending   bool      // WeChat could not take it yet; the outbox tries again
	NextAt    time.Time // and when; zero unless Pending
	Why       error     // and why, as the route would answer it; nil unless Pending
}

// Ship reports to WeChat how the goods of a paid order travel (发货信息录入), as POST /api/wx/orders/{id}/shipments does. The error is the one
// that the route would answer.
func (p *Parcels) Ship(ctx context.Context, orderID string, parcel Parcel) (Shipped, error) {
	o, err := rows.OrderByID(p.App, orderID)
	if errors.Is(err, sql.ErrNoRows) {
		return Shipped{}, answer.Fail(answer.OrderMissing, nil)
	}
	if err != nil {
		return Shipped{}, answer.Fail(answer.Busy, err)
	}
	row, outcome, err := p.submit(ctx, p.App, o, parcel.form())
	if err != nil {
		return Shipped{}, err
	}
	return standing(p.App, o.Id, row, outcome)
}

// form is the body of the route.
func (p Parcel) form() shipmentForm {
	form := shipmentForm{
		LogisticsType: int(cmp.Or(p.By, wechat.ByExpress)), DeliveryMode: int(wechat.Unified),
		ShippingList: []shipmentParcel{{
			TrackingNo: p.TrackingNo, ExpressCompany: p.Company, ItemDesc: p.Goods,
			Contact: shipmentContact{ConsignorContact: p.Consignor, ReceiverContact: p.Receiver},
		}},
	}
	if p.Part != Whole {
		last := p.Part == LastPart
		form.DeliveryMode, form.IsAllDelivered = int(wechat.Split), &last
	}
	return form
}

// standing reads how a submission stands; what WeChat has refused for good is the error.
func standing(app core.App, orderID string, row *core.Record, outcome error) (Shipped, error) {
	we, fromWeChat := errors.AsType[*wechat.Error](outcome)
	switch {
	case fromWeChat && books.IsFinal(outcome) && we.Errcode == errcodeCorrected:
		return Shipped{}, answer.Fail(answer.ShipmentUsed, outcome)
	case books.IsFinal(outcome):
		return Shipped{}, answer.FromWechat(outcome)
	}
	o, err := rows.OrderByID(app, orderID)
	if err != nil {
		return Shipped{}, answer.Fail(answer.Busy, err)
	}
	stands := Shipped{State: cmp.Or(o.ShipState(), order.ShipNone)}
	if outcome != nil {
		stands.Pending, stands.NextAt, stands.Why = true, row.GetDateTime("nextAt").Time(), answer.FromWechat(outcome)
		return stands, nil
	}
	job, err := shipmentOf(row)
	if err != nil {
		return Shipped{}, answer.Fail(answer.Busy, err)
	}
	stands.Unchanged = job.Unchanged
	return stands, nil
}

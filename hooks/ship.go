package hooks

import (
	"context"

	"wxbase/internal/parcels"
	"wxbase/internal/wechat"
)

type (
	// Parcel is how the goods of an order travel, or a part of them.
	Parcel = parcels.Parcel
	// Shipped is how a report of a parcel stands.
	Shipped = parcels.Shipped
)

// The ways goods travel, for Parcel.By; ByExpress when zero.
const (
	ByExpress = wechat.ByExpress // with a company and a tracking number
	ByCourier = wechat.ByCourier // within the city
	Virtual   = wechat.Virtual   // nothing travels
	PickedUp  = wechat.PickedUp  // the buyer fetches it
)

// Whether a parcel is all of an order, for Parcel.Part; Whole when zero.
const (
	Whole      = parcels.Whole      // one parcel has everything
	MoreFollow = parcels.MoreFollow // other parcels follow; express only, at most 15 of an order
	LastPart   = parcels.LastPart   // no other parcel follows
)

// Ship reports to WeChat how the goods of a paid order travel (发货信息录入), which it waits for before the shop gets its money: within 48 hours
// of payment. It does what POST /api/wx/orders/{id}/shipments does, and waits for WeChat as long as ctx lasts, and at most 20 seconds.
//
// An answer with Pending is no error: WeChat could not take the report yet, and it is tried again until it can. The same parcel again is safe;
// another one for a shipped order is the one correction that WeChat allows. The error is the one that the route would answer, with a code of
// docs/errors.md: order_not_found, order_not_paid, order_refunded, shipment_arguments_invalid, shipment_pending and shipment_corrected are the ones to
// expect. Do not call it inside of a transaction.
func (p *Plugin) Ship(ctx context.Context, orderID string, parcel Parcel) (Shipped, error) {
	return p.parcels.Ship(ctx, orderID, parcel)
}

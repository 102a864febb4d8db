package order

import "time"

// States of orders.shipState, in their only order.
const (
	ShipNone     = "NONE"
	ShipShipped  = "SHIPPED"
	ShipReceived = "RECEIVED"
)

// By when WeChat wants goods shipped, counted from the payment (小程序交易类运营规范): goods without a word within ShipWithin, those announced as a
// pre-sale within AnnouncedWithin, those reported to WeChat (特殊发货报备) within PreSaleWithin.
//
// note: the 48 hours are what shops report, and the age at which WeChat sends trade_manage_remind_shipping.
const (
	ShipWithin      = 48 * time.Hour
	AnnouncedWithin = 15 * 24 * time.Hour
	PreSaleWithin   = 330 * 24 * time.Hour
)

// ShipRule is which of the three an order goes by.
type ShipRule string

// The rules, by the time that they give.
const (
	RuleUsual     ShipRule = "48h"
	RuleAnnounced ShipRule = "15d"
	RulePreSale   ShipRule = "330d"
)

// ShipDeadline is when an order has to be shipped. promised is the date of a pre-sale, zero where there is none.
func ShipDeadline(paidAt, promised time.Time) (time.Time, ShipRule) {
	switch {
	case promised.IsZero():
		return paidAt.Add(ShipWithin), RuleUsual
	case promised.Sub(paidAt) <= AnnouncedWithin:
		return promised, RuleAnnounced
	}
	return promised, RulePreSale
}

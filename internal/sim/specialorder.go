package sim

import "time"

// The kinds of opspecialorder, and when goods of a pre-sale may be shipped: later than preSaleFrom after the payment, preSaleTo at the latest.
const (
	specialPreSale = 1
	specialTest    = 2

	preSaleFrom = 15 * 24 * time.Hour
	preSaleTo   = 330 * 24 * time.Hour
)

// specialOrder is POST /wxa/sec/order/opspecialorder: goods that are shipped later than usual, or an order that was a test.
// https://developers.weixin.qq.com/miniprogram/dev/server/API/order_shipping/api_opspecialorder.html (特殊发货报备)
func (s *Sim) specialOrder(c *call) reply {
	var in struct {
		OrderID string `json:"order_id"` // transaction_id or out_trade_no
		Type    int    `json:"type"`
		DelayTo int64  `json:"delay_to"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.toBeShipped(c, in.OrderID)
	switch {
	case in.Type != specialPreSale && in.Type != specialTest:
		return c.refuse(268546000, "type must be 1 (pre-sale) or 2 (test)")
	case o == nil:
		return c.refuse(268546002, "no such order of this mini program waits to be shipped")
	}
	special := *o
	if in.Type == specialTest {
		special.Test = true
	} else {
		at := time.Unix(in.DelayTo, 0).UTC()
		if wait := at.Sub(*o.PaidAt); wait <= preSaleFrom || wait > preSaleTo {
			return c.refuse(268546001, "delay_to must be more than 15 and at most 330 days after the payment")
		}
		special.DelayTo = &at
	}
	if err := s.save(special); err != nil {
		return c.refuse(-1, err.Error())
	}
	*o = special
	return c.ok(plainOK{ErrMsg: "ok"})
}

// toBeShipped finds an order by either of its numbers, nil unless it waits to be shipped. The caller holds s.mu.
func (s *Sim) toBeShipped(c *call, number string) *order {
	found := s.shippable(c, number, "", "")
	for _, m := range s.allSellers() {
		if found == nil {
			found = s.shippable(c, "", m.MchID, number)
		}
	}
	if number == "" || found == nil || found.orderState() != toShip {
		return nil
	}
	return found
}

package sim

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
)

// Who confirmed that goods have arrived, as the documents number it. note: shops report that the two are swapped in practice.
const (
	receivedByItself = 1
	receivedByBuyer  = 2
)

// settlesAt is when WeChat takes goods for received by itself: ten days after an express was shipped, two days otherwise.
func (o *order) settlesAt() time.Time {
	days := 2
	if o.Shipment.LogisticsType == byExpress {
		days = 10
	}
	return o.Shipment.UploadedAt.AddDate(0, 0, days)
}

// onItsWay tells whether the goods are shipped whole and nobody has received them.
func (o *order) onItsWay() bool { return o.orderState() == shipped }

// begin is for the agenda: the time for the buyer to say something is over, unless a correction has begun it anew.
func (o *order) begin(s *Sim, now time.Time) errand {
	if s.state.orders[o.MchID+"/"+o.OutTradeNo] != o { // forgotten
		return nil
	}
	if s.ripenReceipt(o, now); o.onItsWay() {
		s.state.agenda.enter(later(o.settlesAt(), now.Add(longestNap)), o)
	}
	return nil
}

// ripenReceipt takes the goods of an order for received once their time has come. The caller holds s.mu.
func (s *Sim) ripenReceipt(o *order, now time.Time) {
	if !o.onItsWay() || o.settlesAt().After(now) {
		return
	}
	if err := s.receive(o, receivedByItself, o.settlesAt()); err != nil {
		s.note("receipt", "the journal could not keep a receipt: "+err.Error())
	}
}

// receive ends the way of the goods and tells the backend, in one write. The money follows at once. The caller holds s.mu.
func (s *Sim) receive(o *order, method int, at time.Time) error {
	got := *o
	got.ReceivedAt = &at
	fields := o.tradeIDs()
	fields["shipped_time"], fields["confirm_receive_method"] = o.Shipment.UploadedAt.Unix(), method
	fields["confirm_receive_time"], fields["settlement_time"] = at.Unix(), at.Unix()
	if err := s.saveWith([]book.Row{got}, s.newEvent(o.AppID, "", eventSettlement, fields)); err != nil {
		return err
	}
	*o = got
	return nil
}

// receiveByHand is POST /_sim/orders/{out_trade_no}/receive: the buyer confirms the receipt (确认收货).
func (s *Sim) receiveByHand(c *echo.Context) error {
	m, err := s.sellerFor(c.QueryParam("mchid"))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.state.orders[m.MchID+"/"+c.Param("out_trade_no")]
	switch {
	case o == nil:
		return notThere("no order has this out_trade_no")
	case !o.onItsWay():
		return conflict("the order is not on its way: it has to be shipped whole, and not received or refunded")
	}
	if err := s.receive(o, receivedByBuyer, s.Now()); err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, encode(o))
}

package sim

import (
	"bytes"
	"encoding/csv"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v5"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// listXpay is GET /_sim/virtual/orders: payments and refunds, the latest first.
func (s *Sim) listXpay(c *echo.Context) error {
	return s.inBook(c, func() any {
		return book.Newest(s.state.xpayOrders, func(o *xpayOrder) time.Time { return o.MadeAt }, func(o *xpayOrder) string { return o.key() })
	})
}

// listXpayItems is GET /_sim/virtual/items.
func (s *Sim) listXpayItems(c *echo.Context) error {
	return s.inBook(c, func() any {
		return book.Newest(s.state.xpayItems, func(i *xpayItem) time.Time { return i.UploadAt }, func(i *xpayItem) string { return i.ID })
	})
}

// xpayByHand finds the payment of a control call. The caller holds s.mu.
func (s *Sim) xpayByHand(c *echo.Context, appid string, env int) (*xpayOrder, error) {
	appid, err := s.ownAppID(appid)
	if err != nil {
		return nil, err
	}
	o := s.state.xpayOrders[xpayKey(appid, env, c.Param("order_id"))]
	if o == nil || o.isRefund() {
		return nil, notThere("no virtual payment has this number")
	}
	return o, nil
}

// handRequest is the body of both calls below.
type handRequest struct {
	AppID  string `json:"appid"`
	Env    int    `json:"env"`
	Amount int64  `json:"amount"` // fen; all that is left by default
	Reason string `json:"reason"`
}

// refundXpayByHand is POST /_sim/virtual/orders/{order_id}/refund: somebody gives money back in the console, or Apple does.
func (s *Sim) refundXpayByHand(c *echo.Context) error {
	var in handRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.xpayByHand(c, in.AppID, in.Env)
	if err != nil {
		return err
	}
	left := o.Fee - o.Asked
	if in.Amount == 0 {
		in.Amount = left
	}
	if in.Amount < 1 || in.Amount > left {
		return conflict("amount is more than is left of the order")
	}
	r, err := s.makeXpayRefund(o, "H"+wire.Pick(wire.Digits, 19), "", in.Amount, s.Now())
	if err != nil {
		return err
	}
	s.wakeWorker()
	return c.JSON(http.StatusOK, r)
}

// askXpay is POST /_sim/virtual/orders/{order_id}/inquiry: the buyer asks Apple for the money, and Apple asks the backend.
func (s *Sim) askXpay(c *echo.Context) error {
	var in handRequest
	if err := readInput(c, &in); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o, err := s.xpayByHand(c, in.AppID, in.Env)
	if err != nil {
		return err
	}
	if !o.isApple() {
		return conflict("the order was not paid on an iPhone")
	}
	n := s.xpayInquiryPush(o, or(in.Reason, "UNINTENDED_PURCHASE"), s.Now())
	if n == nil {
		return conflict("the mini program has no message push")
	}
	if err := s.saveWith(nil, n); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]string{"id": n.ID})
}

// xpayBill is POST /xpay/download_bill.
//
// note: no document that we have names the columns of the file; these are the simulator's own.
func (s *Sim) xpayBill(c *call) reply {
	var form struct {
		Begin int `json:"begin_ds"`
		End   int `json:"end_ds"`
	}
	s.mu.Lock()
	in, refusal, ok := s.openXpay(c, &form)
	var data []byte
	if ok {
		data, refusal, ok = s.xpayBillOf(c, in.env, form.Begin, form.End)
	}
	s.mu.Unlock()
	if !ok {
		return refusal
	}
	return c.ok(map[string]any{"errcode": 0, "errmsg": "ok", "url": s.originFor(c.r) + "/xpay/bill?token=" + s.keepBill(data, c.now)})
}

func (s *Sim) xpayBillOf(c *call, env, begin, end int) (data []byte, refusal reply, ok bool) {
	from, err := time.ParseInLocation("20060102", strconv.Itoa(begin), wire.Beijing())
	to, err2 := time.ParseInLocation("20060102", strconv.Itoa(end), wire.Beijing())
	if err != nil || err2 != nil || to.Before(from) {
		return nil, c.refuse(268490002, "begin_ds and end_ds must be days as yyyymmdd"), false
	}
	if to.AddDate(0, 0, 1).After(c.now) {
		return nil, c.refuse(268490011, "the day is not over"), false
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write([]string{"order_id", "wx_order_id", "order_type", "pay_order_id", "fee", "status", "time"})
	for _, key := range sortedKeys(s.state.xpayOrders) {
		o := s.state.xpayOrders[key]
		at := o.MadeAt
		if o.AppID != c.appid || o.Env != env || at.Before(from) || !at.Before(to.AddDate(0, 0, 1)) {
			continue
		}
		_ = w.Write([]string{o.OrderID, o.WxOrderID, strconv.Itoa(o.Kind), o.Of, strconv.FormatInt(o.Fee, 10), strconv.Itoa(o.Status), strconv.FormatInt(at.Unix(), 10)})
	}
	w.Flush()
	return out.Bytes(), reply{}, true
}

// xpayBillFile is GET /xpay/bill, where a bill lies for five minutes.
func (s *Sim) xpayBillFile(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bills {
		if b.token == c.query.Get("token") && c.now.Before(b.until) {
			return reply{status: http.StatusOK, contentType: "text/csv", body: b.data}
		}
	}
	return c.refuse(268490002, "nobody gave this token, or longer ago than five minutes")
}

// bindVirtual binds what is controlled of virtual payment.
func (s *Sim) bindVirtual(g *echo.Group) {
	g.GET("/virtual/orders", s.listXpay)
	g.GET("/virtual/items", s.listXpayItems)
	g.POST("/virtual/orders/:order_id/refund", s.refundXpayByHand)
	g.POST("/virtual/orders/:order_id/inquiry", s.askXpay)
}

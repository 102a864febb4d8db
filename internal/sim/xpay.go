package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

// Virtual payment (虚拟支付, /xpay/). An order comes about on the phone, see xpay_phone.go; the server signs, asks, refunds and keeps items.
// https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/virtual-payment.html (虚拟支付)

// The states of an order, as query_order tells them.
const (
	xpayInitial    = 0
	xpayPaid       = 2
	xpayDelivered  = 4
	xpayRefunded   = 5
	xpayRefundFail = 7
	xpayRefundDone = 8
)

// The kinds of an order.
const (
	xpayPayment     = 0
	xpayRefund      = 1
	xpayByApple     = 7
	xpayAppleRefund = 8
)

// xpayOrder is a payment or a refund.
type xpayOrder struct {
	AppID     string     `json:"appid"`
	Env       int        `json:"env"` // 0 live, 1 sandbox
	OrderID   string     `json:"orderId"`
	WxOrderID string     `json:"wxOrderId"`
	OpenID    string     `json:"openid"`
	Kind      int        `json:"kind"`
	Status    int        `json:"status"`
	ProductID string     `json:"productId,omitempty"`
	Quantity  int        `json:"quantity,omitempty"`
	Price     int64      `json:"price,omitempty"` // fen, of one
	Fee       int64      `json:"fee"`             // fen; of a refund what goes back
	Refunded  int64      `json:"refunded"`        // fen
	Asked     int64      `json:"asked"`           // fen; refunds under way and done
	Attach    string     `json:"attach,omitempty"`
	BizMeta   string     `json:"bizMeta,omitempty"`
	Of        string     `json:"of,omitempty"` // of a refund: the number of the payment
	MadeAt    time.Time  `json:"madeAt"`
	PaidAt    *time.Time `json:"paidAt,omitempty"`
	DoneAt    *time.Time `json:"doneAt,omitempty"` // delivered, or the refund settled
	SettleAt  time.Time  `json:"settleAt"`         // of a refund

	WxpayOrderID string `json:"wxpayOrderId,omitempty"` // the transaction number that the buyer sees; none at Apple's
}

func (o xpayOrder) Entity() (kind, id string) { return "xpay_order", o.key() }

func (o *xpayOrder) key() string { return xpayKey(o.AppID, o.Env, o.OrderID) }

func xpayKey(appid string, env int, id string) string {
	return appid + "/" + strconv.Itoa(env) + "/" + id
}

func (o *xpayOrder) isApple() bool { return o.Kind == xpayByApple || o.Kind == xpayAppleRefund }

func (o *xpayOrder) isRefund() bool { return o.Kind == xpayRefund || o.Kind == xpayAppleRefund }

// xpayTable is the orders and the items of virtual payment.
type xpayTable struct {
	xpayOrders map[string]*xpayOrder
	xpayByWx   map[string]*xpayOrder // by appid/env/wx_order_id
	xpayItems  map[string]*xpayItem  // by appid/env/id
	xpayCoins  map[string]*xpayPurse // by appid/env/openid
}

func (t *xpayTable) register(r *registry) {
	t.xpayByWx = map[string]*xpayOrder{}
	remember(r, "xpay_order", &t.xpayOrders, nil)
	remember(r, "xpay_item", &t.xpayItems, nil)
	remember(r, "xpay_purse", &t.xpayCoins, nil)
	r.indexes = append(r.indexes, func(at restart) {
		for _, o := range t.xpayOrders {
			t.xpayByWx[xpayKey(o.AppID, o.Env, o.WxOrderID)] = o
			if o.isRefund() && o.DoneAt == nil {
				at.agenda.enter(later(o.SettleAt, at.now), o)
			}
		}
	})
}

// putXpay keeps new orders with what is told of them. The caller holds s.mu.
func (s *Sim) putXpay(orders []*xpayOrder, notes ...*notification) error {
	rows := make([]book.Row, 0, len(orders))
	for _, o := range orders {
		rows = append(rows, *o)
	}
	if err := s.saveWith(rows, notes...); err != nil {
		return err
	}
	for _, o := range orders {
		s.state.xpayOrders[o.key()] = o
		s.state.xpayByWx[xpayKey(o.AppID, o.Env, o.WxOrderID)] = o
	}
	return nil
}

// withXpay names the keys of a mini program's virtual payment. They follow from its secret, so that folders of before have them too.
func (a AppConfig) withXpay() AppConfig {
	make := func(what string, n int) string { return hmacOf(a.Secret, "xpay/"+what)[:n] }
	digits := make("offer", 8)
	number, _ := strconv.ParseUint(digits, 16, 64) // hex
	a.XpayOfferID = "1450" + strconv.FormatUint(1_000_000+number%1_000_000, 10)
	a.XpayKey, a.XpaySandboxKey = make("live", 32), make("sandbox", 32)
	return a
}

// xpayKeyOf is the AppKey of an environment.
func (a AppConfig) xpayKeyOf(env int) string {
	if env == 1 {
		return a.XpaySandboxKey
	}
	return a.XpayKey
}

func hmacOf(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

func sameHex(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

// xpayCall is what every body has, and both ways to name an order.
type xpayCall struct {
	Env       *int   `json:"env"`
	OrderID   string `json:"order_id"`
	WxOrderID string `json:"wx_order_id"`
	OpenID    string `json:"openid"`

	app AppConfig
	env int
}

// open reads a body into v and checks pay_sig over the very bytes. The caller holds s.mu.
func (s *Sim) openXpay(c *call, v any) (in xpayCall, refusal reply, ok bool) {
	if refusal, ok := c.decodeOr(47001, v); !ok {
		return in, refusal, false
	}
	_ = decode(c.body, &in) // note: it is JSON, or the line above has refused it
	in.app, _ = s.findApp(c.appid)
	if in.Env != nil {
		in.env = *in.Env
	}
	if in.Env == nil && c.endpoint.name != "xpay_download_bill" || in.env != 0 && in.env != 1 {
		return in, c.refuse(268490002, "env must be 0 or 1"), false
	}
	if said := in.app.explainPaySig(c.endpoint.path, string(c.body), c.query.Get("pay_sig"), in.env); said != "" {
		return in, c.refuse(268490003, said), false
	}
	return in, reply{}, true
}

// openXpayUser is openXpay for calls that a user's session_key signs too. The caller holds s.mu.
func (s *Sim) openXpayUser(c *call, v any) (in xpayCall, refusal reply, ok bool) {
	if in, refusal, ok = s.openXpay(c, v); !ok {
		return in, refusal, false
	}
	id := s.whoIs(c.appid, in.OpenID)
	if id == nil {
		return in, c.refuse(268490001, "no openid of this mini program"), false
	}
	live := s.state.sessions[id.session()]
	switch {
	case live == nil:
		return in, c.refuse(268490009, "the person has no session_key"), false
	case !sameHex(c.query.Get("signature"), hmacOf(live.Key, string(c.body))):
		return in, c.refuse(268490009, "signature is not of the live session_key over the body"), false
	}
	return in, reply{}, true
}

// find gives the order that a body names by exactly one of its numbers. The caller holds s.mu.
func (s *Sim) findXpay(c *call, in xpayCall) (o *xpayOrder, refusal reply, ok bool) {
	switch {
	case (in.OrderID == "") == (in.WxOrderID == ""):
		return nil, c.refuse(268490002, "name an order by order_id or by wx_order_id, not by both"), false
	case in.OrderID != "":
		return s.state.xpayOrders[xpayKey(c.appid, in.env, in.OrderID)], reply{}, true
	}
	return s.state.xpayByWx[xpayKey(c.appid, in.env, in.WxOrderID)], reply{}, true
}

// xpayQuery is POST /xpay/query_order. An order that is not there is no error.
func (s *Sim) xpayQuery(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, refusal, ok := s.openXpay(c, &struct{}{})
	if !ok {
		return refusal
	}
	o, refusal, ok := s.findXpay(c, in)
	if !ok {
		return refusal
	}
	if o == nil {
		return c.ok(plainOK{ErrMsg: "ok"})
	}
	return c.ok(struct {
		plainOK
		Order map[string]any `json:"order"`
	}{plainOK{ErrMsg: "ok"}, o.asAnswer()})
}

// asAnswer is the order as query_order has it.
func (o *xpayOrder) asAnswer() map[string]any {
	seconds := func(t *time.Time) int64 {
		if t == nil {
			return 0
		}
		return t.Unix()
	}
	status := o.Status
	if !o.isRefund() && o.Refunded > 0 {
		status = xpayRefunded
	}
	left := o.Fee - o.Asked
	if o.isRefund() {
		left = 0
	}
	refunded := o.Refunded
	if o.isRefund() {
		refunded = o.Fee
	}
	provided := o.DoneAt
	if o.isRefund() {
		provided = nil
	}
	return map[string]any{
		"order_id": o.OrderID, "wx_order_id": o.WxOrderID, "status": status, "order_type": o.Kind, "env_type": o.Env + 1,
		"biz_type": 0, "order_fee": o.Fee, "coupon_fee": 0, "paid_fee": o.Fee, "refund_fee": refunded, "left_fee": left,
		"create_time": o.MadeAt.Unix(), "update_time": later(o.MadeAt, timeOr(o.DoneAt)).Unix(), "paid_time": seconds(o.PaidAt), "provide_time": seconds(provided),
		"biz_meta": o.BizMeta, "channel_order_id": "", "wxpay_order_id": o.WxpayOrderID, "sett_state": 0, "sett_time": 0,
	}
}

func timeOr(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// xpayProvide is POST /xpay/notify_provide_goods.
func (s *Sim) xpayProvide(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	in, refusal, ok := s.openXpay(c, &struct{}{})
	if !ok {
		return refusal
	}
	o, refusal, ok := s.findXpay(c, in)
	switch {
	case !ok:
		return refusal
	case o == nil || o.isRefund():
		return c.refuse(268490002, "no such order")
	case o.DoneAt != nil:
		return c.refuse(268490004, "the order was delivered before")
	}
	if err := s.provideXpay(o, c.now); err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(plainOK{ErrMsg: "ok"})
}

// provideXpay notes that an order was delivered. The caller holds s.mu.
func (s *Sim) provideXpay(o *xpayOrder, now time.Time) error {
	done := *o
	done.Status, done.DoneAt = xpayDelivered, &now
	if err := s.save(done); err != nil {
		return err
	}
	*o = done
	return nil
}

// xpayRefundRequest is the body of refund_order. Reason and source are text at some places of the document and numbers at others.
type xpayRefundRequest struct {
	RefundOrderID string      `json:"refund_order_id"`
	LeftFee       int64       `json:"left_fee"`
	RefundFee     int64       `json:"refund_fee"`
	BizMeta       string      `json:"biz_meta"`
	Reason        json.Number `json:"refund_reason"`
	From          json.Number `json:"req_from"`
}

// refundXpay is POST /xpay/refund_order.
func (s *Sim) refundXpay(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	var form xpayRefundRequest
	in, refusal, ok := s.openXpay(c, &form)
	if !ok {
		return refusal
	}
	o, refusal, ok := s.findXpay(c, in)
	if !ok {
		return refusal
	}
	if code, reason := s.checkXpayRefund(o, form, c.now); code != 0 {
		return c.refuse(code, reason)
	}
	r, err := s.makeXpayRefund(o, form.RefundOrderID, form.BizMeta, form.RefundFee, c.now)
	if err != nil {
		return c.refuse(-1, err.Error())
	}
	return c.ok(struct {
		plainOK
		RefundOrderID string `json:"refund_order_id"`
		WxRefundID    string `json:"refund_wx_order_id"`
		PayOrderID    string `json:"pay_order_id"`
		PayWxOrderID  string `json:"pay_wx_order_id"`
	}{plainOK{ErrMsg: "ok"}, r.OrderID, r.WxOrderID, o.OrderID, o.WxOrderID})
}

// checkXpayRefund tells why a refund is refused.
func (s *Sim) checkXpayRefund(o *xpayOrder, form xpayRefundRequest, now time.Time) (errcode int, reason string) {
	reasons, froms := []string{"0", "1", "2", "3", "4", "5"}, []string{"1", "2", "3"}
	switch {
	case o == nil || o.isRefund():
		return 268490002, "no such order"
	case !refundOrderShape.MatchString(form.RefundOrderID):
		return 268490002, "refund_order_id must be 8 to 32 of 0-9 A-Z a-z _ -"
	case len(form.BizMeta) > 1024:
		return 268490002, "biz_meta is longer than 1024 bytes"
	case !slices.Contains(reasons, form.Reason.String()) || !slices.Contains(froms, form.From.String()):
		return 268490002, "refund_reason must be 0 to 5, req_from 1 to 3"
	case o.isApple():
		return 268490002, "the order was paid through Apple, which alone gives back"
	case o.PaidAt == nil || now.Sub(*o.PaidAt) > 365*24*time.Hour:
		return 268490002, "the order is not paid, or was paid more than 365 days ago"
	}
	if had := s.state.xpayOrders[xpayKey(o.AppID, o.Env, form.RefundOrderID)]; had != nil {
		if had.Of != o.OrderID || had.Fee != form.RefundFee {
			return 268490002, "refund_order_id was used for another refund"
		}
		return 268490004, "this refund was taken on before"
	}
	switch {
	case form.LeftFee != o.Fee-o.Asked:
		return 268490016, "left_fee is not what is left of the order"
	case form.RefundFee < 1 || form.RefundFee > form.LeftFee:
		return 268490002, "refund_fee must be above 0 and at most left_fee"
	}
	return 0, ""
}

// xpayRefundTakes is how long a refund is under way.
const xpayRefundTakes = 2 * time.Second

// makeXpayRefund takes a refund on. The caller holds s.mu.
func (s *Sim) makeXpayRefund(o *xpayOrder, number, bizMeta string, fee int64, now time.Time) (*xpayOrder, error) {
	kind := xpayRefund
	if o.isApple() {
		kind = xpayAppleRefund
	}
	r := &xpayOrder{
		AppID: o.AppID, Env: o.Env, OrderID: number, WxOrderID: wire.NewTransactionID(now), OpenID: o.OpenID, Kind: kind, Status: xpayInitial,
		Fee: fee, BizMeta: bizMeta, Of: o.OrderID, MadeAt: now, SettleAt: now.Add(xpayRefundTakes),
	}
	asked := *o
	asked.Asked += fee
	if err := s.saveWith([]book.Row{asked, *r}); err != nil {
		return nil, err
	}
	*o = asked
	s.state.xpayOrders[r.key()], s.state.xpayByWx[xpayKey(r.AppID, r.Env, r.WxOrderID)] = r, r
	s.state.agenda.enter(r.SettleAt, r)
	return r, nil
}

// begin is for the agenda: a refund is settled.
func (o *xpayOrder) begin(s *Sim, now time.Time) errand {
	if o.DoneAt != nil || s.state.xpayOrders[o.key()] != o {
		return nil
	}
	if err := s.settleXpayRefund(o, s.faults.take(onXpayRefund) == nil, now); err != nil {
		s.note("xpay_refund", "the journal could not keep a refund: "+err.Error())
		s.state.agenda.enter(now.Add(longestNap), o)
	}
	return nil
}

// settleXpayRefund ends a refund and tells of it. The caller holds s.mu.
func (s *Sim) settleXpayRefund(r *xpayOrder, good bool, now time.Time) error {
	of := s.state.xpayOrders[xpayKey(r.AppID, r.Env, r.Of)]
	done, payment := *r, *of
	done.DoneAt, done.Status = &now, xpayRefundDone
	if good {
		payment.Refunded += r.Fee
	} else {
		done.Status = xpayRefundFail
		payment.Asked -= r.Fee
	}
	if err := s.saveWith([]book.Row{done, payment}, s.xpayRefundPush(&done, &payment)); err != nil {
		return err
	}
	*r, *of = done, payment
	return nil
}

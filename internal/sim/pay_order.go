package sim

import (
	"slices"
	"time"

	"wxbase/internal/sim/book"
	"wxbase/internal/sim/wire"
)

const (
	stateNotPay  = "NOTPAY"
	stateSuccess = "SUCCESS"
	stateRefund  = "REFUND"
	stateClosed  = "CLOSED"

	prepayLife    = 2 * time.Hour
	orderLife     = 7 * 24 * time.Hour
	leastToExpiry = time.Minute
)

// order is one out_trade_no of a merchant. Amounts are fen.
type order struct {
	AppID         string        `json:"appid"`
	MchID         string        `json:"mchid"`
	OutTradeNo    string        `json:"out_trade_no"`
	Description   string        `json:"description"`
	Attach        string        `json:"attach,omitempty"`
	NotifyURL     string        `json:"notify_url"`
	OpenID        string        `json:"openid"`
	DeviceID      string        `json:"device_id,omitempty"`
	Total         int64         `json:"total"`
	State         string        `json:"trade_state"`
	Hash          string        `json:"hash"` // of the first request's parameters, to compare repeats
	ByKey         bool          `json:"by_key"`
	API           string        `json:"api"` // v3 or v2, which made it
	TradeType     string        `json:"trade_type,omitempty"`
	SignType      string        `json:"sign_type,omitempty"` // of v2: MD5 or HMAC-SHA256
	Sharing       bool          `json:"profit_sharing,omitempty"`
	Prepays       []prepayGrant `json:"prepays"`
	MadeAt        time.Time     `json:"made_at"`
	PayableUntil  time.Time     `json:"payable_until"`
	TransactionID string        `json:"transaction_id,omitempty"`
	PaidAt        *time.Time    `json:"paid_at,omitempty"`
	Shipment      *shipment     `json:"shipment,omitempty"`
	Reminded      bool          `json:"reminded,omitempty"` // of confirming the receipt
	DelayTo       *time.Time    `json:"delay_to,omitempty"` // when goods of a pre-sale will be shipped, as it was reported
	Test          bool          `json:"test,omitempty"`     // reported as a test, which needs no shipping
	ReceivedAt    *time.Time    `json:"received_at,omitempty"`
	Coupon        int64         `json:"coupon,omitempty"`   // the part of Total that a coupon paid
	Refunded      int64         `json:"refunded,omitempty"` // sum of the refunds that are not CLOSED
	ClosedAt      *time.Time    `json:"closed_at,omitempty"`
}

// prepayGrant is one prepay_id, valid for two hours regardless of time_expire.
type prepayGrant struct {
	ID     string    `json:"id"`
	URL    string    `json:"url,omitempty"` // code_url or h5_url
	MadeAt time.Time `json:"made_at"`
}

func (o order) Entity() (kind, id string) { return "order", o.MchID + "/" + o.OutTradeNo }

// orderTable holds the orders, and indexes so that a call finds one without a scan.
type orderTable struct {
	orders        map[string]*order
	byPrepay      map[string]*order
	byTransaction map[string]*order
	paidShelf     []*order            // in the order of payment
	paidBefore    int                 // how many at the front of paidShelf are forgotten
	paidOn        map[string][]*order // by the day in Beijing
	orderShelf    book.Shelf[order]
}

func (t *orderTable) register(r *registry) {
	t.byPrepay, t.byTransaction, t.paidOn = map[string]*order{}, map[string]*order{}, map[string][]*order{}
	remember(r, "order", &t.orders, nil)
	r.indexes = append(r.indexes, t.reindex)
}

// reindex is index for all that the journal gave. What is on its way to a buyer goes on the agenda.
func (t *orderTable) reindex(at restart) {
	t.orderShelf.Restock(t.orders, func(o *order) time.Time { return o.MadeAt })
	for _, o := range t.orderShelf.Rows {
		o.API = or(o.API, apiV3)
		t.index(o)
		if o.onItsWay() {
			at.agenda.enter(later(o.settlesAt(), at.now), o)
		}
	}
	slices.SortStableFunc(t.paidShelf, func(a, b *order) int { return a.PaidAt.Compare(*b.PaidAt) })
}

// addOrder stores an order, new or changed.
func (t *orderTable) addOrder(o *order) {
	_, id := o.Entity()
	t.orders[id] = o
	t.orderShelf.Put(id, o)
	t.index(o)
}

// index adds an order to the indexes by prepay id, transaction and day.
func (t *orderTable) index(o *order) {
	for _, p := range o.Prepays {
		t.byPrepay[p.ID] = o
		if p.URL != "" {
			t.byPrepay[p.URL] = o
		}
	}
	if o.TransactionID == "" || t.byTransaction[o.TransactionID] != nil {
		return
	}
	t.byTransaction[o.TransactionID] = o
	day := billDay(*o.PaidAt)
	t.paidOn[day] = append(t.paidOn[day], o)
	t.paidShelf = append(t.paidShelf, o)
}

// paid stays true after a payment: a refund, even of a part, only renames the state.
func (o *order) paid() bool { return o.State == stateSuccess || o.State == stateRefund }

// payerTotal is what came out of the payer's own pocket.
func (o *order) payerTotal() int64 { return o.Total - o.Coupon }

// alive is false from the second hour.
func (p prepayGrant) alive(now time.Time) bool { return now.Sub(p.MadeAt) < prepayLife }

// ripen closes an order that stayed unpaid for seven days and tells whether it did.
func (o *order) ripen(now time.Time) bool {
	if o.State != stateNotPay || now.Sub(o.MadeAt) < orderLife {
		return false
	}
	closed := o.MadeAt.Add(orderLife)
	o.State, o.ClosedAt = stateClosed, &closed
	return true
}

// findOrder returns a merchant's order in its state at now; nil without one. The caller holds s.mu.
func (s *Sim) findOrder(mchID, number string, now time.Time) (*order, error) {
	return s.ripened(s.state.orders[mchID+"/"+number], now)
}

// ripened closes an order whose time has come. The caller holds s.mu.
func (s *Sim) ripened(o *order, now time.Time) (*order, error) {
	if o != nil && o.ripen(now) {
		return o, s.save(o)
	}
	return o, nil
}

// transaction is the order as a query or a notification returns it.
type transaction struct {
	AppID          string            `json:"appid"`
	MchID          string            `json:"mchid"`
	OutTradeNo     string            `json:"out_trade_no"`
	TransactionID  string            `json:"transaction_id,omitempty"`
	TradeType      string            `json:"trade_type,omitempty"`
	TradeState     string            `json:"trade_state"`
	TradeStateDesc string            `json:"trade_state_desc"`
	BankType       string            `json:"bank_type,omitempty"`
	Attach         string            `json:"attach,omitempty"`
	SuccessTime    string            `json:"success_time,omitempty"`
	Payer          transactionPayer  `json:"payer"`
	Amount         transactionAmount `json:"amount"`
	SceneInfo      *transactionScene `json:"scene_info,omitempty"`
	Promotion      []promotion       `json:"promotion_detail,omitempty"`
}

// promotion is a coupon that paid a part. Amounts are fen.
type promotion struct {
	CouponID   string `json:"coupon_id"`
	Name       string `json:"name"`
	Scope      string `json:"scope"`
	Type       string `json:"type"`
	Amount     int64  `json:"amount"`
	StockID    string `json:"stock_id"`
	Wechatpay  int64  `json:"wechatpay_contribute"`
	Merchant   int64  `json:"merchant_contribute"`
	Other      int64  `json:"other_contribute"`
	CurrencyID string `json:"currency"`
}

// transactionPayer is empty until the order is paid.
type transactionPayer struct {
	OpenID string `json:"openid,omitempty"`
}

// transactionAmount is in fen; the payer's amounts exist only after the payment.
type transactionAmount struct {
	Total         int64  `json:"total"`
	PayerTotal    *int64 `json:"payer_total,omitempty"`
	Currency      string `json:"currency"`
	PayerCurrency string `json:"payer_currency,omitempty"`
}

// transactionScene echoes the device of the order.
type transactionScene struct {
	DeviceID string `json:"device_id"`
}

// transaction returns only what WeChat Pay returns in that state: an unpaid order lacks payer, time and transaction.
func (o *order) transaction() transaction {
	t := transaction{
		AppID: o.AppID, MchID: o.MchID, OutTradeNo: o.OutTradeNo, TradeState: o.State, TradeStateDesc: stateText(o.State),
		Amount: transactionAmount{Total: o.Total, Currency: "CNY"},
	}
	if !o.paid() || o.PaidAt == nil {
		return t
	}
	paid := o.payerTotal()
	t.TransactionID, t.TradeType, t.BankType, t.Attach = o.TransactionID, o.tradeType(), "OTHERS", o.Attach
	t.SuccessTime, t.Payer.OpenID = wire.Stamp(*o.PaidAt), o.OpenID
	t.Amount.PayerTotal, t.Amount.PayerCurrency = &paid, "CNY"
	if o.DeviceID != "" {
		t.SceneInfo = &transactionScene{o.DeviceID}
	}
	if o.Coupon > 0 {
		t.Promotion = []promotion{{
			CouponID: couponID, Name: "模拟代金券", Scope: "GLOBAL", Type: "CASH", Amount: o.Coupon, StockID: "10000000",
			Wechatpay: o.Coupon, CurrencyID: "CNY",
		}}
	}
	return t
}

// couponID is the id of the only coupon.
const couponID = "1095190000"

// stateText is trade_state_desc.
func stateText(state string) string {
	switch state {
	case stateSuccess:
		return "支付成功"
	case stateRefund:
		return "转入退款"
	case stateClosed:
		return "订单已关闭"
	}
	return "订单未支付"
}

package sim

import "time"

const (
	stateNotPay  = "NOTPAY"
	stateSuccess = "SUCCESS"
	stateClosed  = "CLOSED"

	prepayLife    = 2 * time.Hour
	orderLife     = 7 * 24 * time.Hour
	leastToExpiry = time.Minute
)

// order is one out_trade_no of the merchant. Amounts are fen.
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
	Hash          string        `json:"hash"` // of the first request's parameters, for the re-entry rule
	ByKey         bool          `json:"by_key"`
	Prepays       []prepayGrant `json:"prepays"`
	MadeAt        time.Time     `json:"made_at"`
	PayableUntil  time.Time     `json:"payable_until"`
	TransactionID string        `json:"transaction_id,omitempty"`
	PaidAt        *time.Time    `json:"paid_at,omitempty"`
	ClosedAt      *time.Time    `json:"closed_at,omitempty"`
}

// prepayGrant is one prepay_id, good for two hours whatever time_expire says.
type prepayGrant struct {
	ID     string    `json:"id"`
	MadeAt time.Time `json:"made_at"`
}

func (o order) key() (kind, id string) { return "order", o.MchID + "/" + o.OutTradeNo }

// alive is false from the second hour on.
func (p prepayGrant) alive(now time.Time) bool { return now.Sub(p.MadeAt) < prepayLife }

// ripen closes an order that nobody paid for seven days and tells whether it did.
func (o *order) ripen(now time.Time) bool {
	if o.State != stateNotPay || now.Sub(o.MadeAt) < orderLife {
		return false
	}
	closed := o.MadeAt.Add(orderLife)
	o.State, o.ClosedAt = stateClosed, &closed
	return true
}

// findOrder gives an order as it stands at now, nil when there is none. The caller holds s.mu.
func (s *Sim) findOrder(number string, now time.Time) (*order, error) {
	return s.ripened(s.state.orders[s.keys.MchID+"/"+number], now)
}

// ripened closes an order that is due for it. The caller holds s.mu.
func (s *Sim) ripened(o *order, now time.Time) (*order, error) {
	if o != nil && o.ripen(now) {
		return o, s.save(o)
	}
	return o, nil
}

// transaction is the order as a query or a notification tells it.
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
}

// transactionPayer is empty until somebody paid.
type transactionPayer struct {
	OpenID string `json:"openid,omitempty"`
}

// transactionAmount is in fen; what the payer gave is there once they gave it.
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

// transaction tells only what WeChat Pay tells at that state: an unpaid order has no payer, no time, no transaction.
func (o *order) transaction() transaction {
	t := transaction{
		AppID: o.AppID, MchID: o.MchID, OutTradeNo: o.OutTradeNo, TradeState: o.State, TradeStateDesc: stateText(o.State),
		Amount: transactionAmount{Total: o.Total, Currency: "CNY"},
	}
	if o.State != stateSuccess || o.PaidAt == nil {
		return t
	}
	paid := o.Total
	t.TransactionID, t.TradeType, t.BankType, t.Attach = o.TransactionID, "JSAPI", "OTHERS", o.Attach
	t.SuccessTime, t.Payer.OpenID = stamp(*o.PaidAt), o.OpenID
	t.Amount.PayerTotal, t.Amount.PayerCurrency = &paid, "CNY"
	if o.DeviceID != "" {
		t.SceneInfo = &transactionScene{o.DeviceID}
	}
	return t
}

// stateText is trade_state_desc.
func stateText(state string) string {
	switch state {
	case stateSuccess:
		return "支付成功"
	case stateClosed:
		return "订单已关闭"
	}
	return "订单未支付"
}

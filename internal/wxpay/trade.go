package wxpay

import "time"

// TradeState is WeChat's trade_state. An unknown word is kept unchanged.
type TradeState string

// The states that WeChat documents.
const (
	StateSuccess    TradeState = "SUCCESS"    // paid
	StateRefund     TradeState = "REFUND"     // paid, then refunded in whole or in part
	StateNotPay     TradeState = "NOTPAY"     // not paid yet, also after a failed attempt
	StateClosed     TradeState = "CLOSED"     // closed by us, or by WeChat after seven days
	StateRevoked    TradeState = "REVOKED"    // 付款码 only
	StateUserPaying TradeState = "USERPAYING" // 付款码 only
	StatePayError   TradeState = "PAYERROR"   // 付款码 only
)

// IsPaid is true for SUCCESS and REFUND: the smallest partial refund already shows REFUND.
func (s TradeState) IsPaid() bool { return s == StateSuccess || s == StateRefund }

// Trade is one order as WeChat knows it. Fields that WeChat left out are zero.
type Trade struct {
	AppID, MchID, OutTradeNo string
	TransactionID            string // WeChat's number, set once paid
	State                    TradeState
	StateDesc                string
	BankType, Attach, OpenID string
	SuccessAt                time.Time
	Total                    Fen // what the order costs: compare this one
	PayerTotal               Fen // what the payer paid, less than Total when a coupon paid a part
	Currency                 string
	TradeType                string // the way it was paid: JSAPI, Native, H5 or another of WeChat's; set once paid
	Raw                      []byte // the verified JSON it was read from, to keep as evidence

	// of virtual payment only
	Refunded Fen  // what has gone back, or 0 where the gateway does not know
	Apple    bool // paid through Apple, which alone gives the money back
}

// Notification is a verified and decrypted 支付结果通知. WeChat repeats it until it is answered, possibly with another ID: be
// idempotent by Trade.TransactionID.
type Notification struct {
	ID, EventType, Summary string
	CreateTime             time.Time
	Trade                  Trade
	Plaintext              []byte // the decrypted resource, the same bytes as Trade.Raw
}

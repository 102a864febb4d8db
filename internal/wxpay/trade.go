package wxpay

import "time"

// TradeState is WeChat's trade_state. A word that we do not know is kept as it came.
type TradeState string

// The states that WeChat documents.
const (
	StateSuccess    TradeState = "SUCCESS"    // paid
	StateRefund     TradeState = "REFUND"     // paid, then refunded in whole or in part
	StateNotPay     TradeState = "NOTPAY"     // not paid yet; a failed attempt stays here
	StateClosed     TradeState = "CLOSED"     // closed by us or after seven days
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
	PayerTotal               Fen // what the payer gave, less when a coupon helped
	Currency                 string
	Raw                      []byte // the verified JSON it was read from, to keep as evidence

	// of virtual payment only
	Refunded Fen  // what has gone back, or 0 where the gateway does not know
	Apple    bool // paid through Apple, which alone gives the money back
}

// Notification is a verified and decrypted 支付结果通知. WeChat sends it again until it is answered, and
// need not keep the ID then: be idempotent by Trade.TransactionID.
type Notification struct {
	ID, EventType, Summary string
	CreateTime             time.Time
	Trade                  Trade
	Plaintext              []byte // the decrypted resource, the same bytes as Trade.Raw
}

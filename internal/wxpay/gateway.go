package wxpay

import (
	"context"
	"net/http"
)

// Gateway is what a payment needs of WeChat Pay, whichever version of the API speaks it. Every failed
// call returns an [*Error]; a refused notification wraps one of the ErrNotify sentinels.
type Gateway interface {
	// Prepay makes, or finds again, the order at WeChat and returns its prepay_id, good for two hours.
	// The same number with the same parameters may be sent again as often as need be; with any other
	// parameter it is KindReused.
	Prepay(ctx context.Context, req PrepayRequest) (prepayID string, err error)

	// RequestPayment signs what the mini program hands to wx.requestPayment. No network.
	RequestPayment(appID, prepayID string) (RequestPayment, error)

	// Query asks for a trade by our number. It works in every state; an order that WeChat does not
	// have is KindNotFound.
	Query(ctx context.Context, outTradeNo string) (Trade, error)

	// QueryTransaction asks for a paid trade by WeChat's number.
	QueryTransaction(ctx context.Context, transactionID string) (Trade, error)

	// Close closes an unpaid order, and may be repeated. KindPaid means: query, the payer was faster.
	// KindClosed means that it is closed already.
	Close(ctx context.Context, outTradeNo string) error

	// ParsePayNotification verifies, decrypts and reads what WeChat posted to notify_url. The body must
	// be the raw bytes as received. The amounts are not compared with anything.
	ParsePayNotification(header http.Header, body []byte) (Notification, error)
}

// RequestPayment is the argument of wx.requestPayment, as the phone wants it. It is no secret, but it
// lets its holder pay this order.
type RequestPayment struct {
	TimeStamp string `json:"timeStamp"` // seconds, as text
	NonceStr  string `json:"nonceStr"`
	Package   string `json:"package"` // "prepay_id=..."
	SignType  string `json:"signType"`
	PaySign   string `json:"paySign"`
}

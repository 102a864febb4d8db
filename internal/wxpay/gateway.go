package wxpay

import (
	"context"
	"net/http"
	"time"
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

	// Refund asks for money back. That it is accepted says nothing about the money: look at Refund.State. After
	// every failure whose outcome is unknown, a 429 included, QueryRefund comes first; KindNotFound there
	// means: the same number with the same amounts again. Never take a new number unless a refund is
	// RefundClosed or was refused for good.
	Refund(ctx context.Context, req RefundRequest) (Refund, error)

	// QueryRefund asks for a refund by our number. KindNotFound: WeChat never took it on.
	QueryRefund(ctx context.Context, outRefundNo string) (Refund, error)

	// ParseRefundNotification reads what WeChat posted to the notify_url of a refund. The body must be the raw
	// bytes as received, and decides between v3 and v2. The amounts are not compared with anything.
	//
	// NB! when Signed is false, anybody may have sent it: call QueryRefund before anything moves.
	ParseRefundNotification(header http.Header, body []byte) (RefundNotification, error)

	// TradeBill fetches the bill of the day in Beijing that holds the instant day: not today's, at best after
	// ten the next morning, and at most three months back. KindNotReady: ask again in half an hour. A day on
	// which nothing happened is an empty bill and no error. It may take minutes.
	TradeBill(ctx context.Context, day time.Time) (Bill, error)
}

// RefundLister is a gateway that can name every refund of an order, also those that somebody made on the merchant platform.
//
// note: only API v2 has such a call; API v3 finds a refund by its number alone. The APIv2 key is enough for it, and orders that
// were placed over v3 are in the same books.
type RefundLister interface {
	// RefundsOf lists the refunds of an order by our number of it; none is an empty list and no error.
	RefundsOf(ctx context.Context, outTradeNo string) ([]Refund, error)
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

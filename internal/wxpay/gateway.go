package wxpay

import (
	"context"
	"net/http"
	"time"
)

// Gateway is what a payment needs of WeChat Pay, over either version of the API. A failed call returns an [*Error]; a
// refused notification wraps one of the ErrNotify sentinels.
type Gateway interface {
	// Prepay makes the order at WeChat, or finds it again, and returns what it is paid by: for JSAPI a prepay_id and for
	// Native the text of a code, both valid for two hours, for H5 the address of a page, valid for five minutes. A call
	// with the same number and the same parameters may be repeated, which ends the code or the page of before; any
	// changed parameter is KindReused.
	Prepay(ctx context.Context, req PrepayRequest) (handle string, err error)

	// RequestPayment signs the argument of wx.requestPayment. It does not use the network.
	RequestPayment(appID, prepayID string) (RequestPayment, error)

	// Query asks for a trade by our number. It works in every state; an unknown order is KindNotFound.
	Query(ctx context.Context, outTradeNo string) (Trade, error)

	// QueryTransaction asks for a paid trade by WeChat's number.
	QueryTransaction(ctx context.Context, transactionID string) (Trade, error)

	// Close closes an unpaid order, and may be repeated. KindPaid: the payer was faster, query it. KindClosed: it is
	// closed already.
	Close(ctx context.Context, outTradeNo string) error

	// ParsePayNotification verifies, decrypts and reads what WeChat posted to notify_url. It needs the raw body as
	// received, and does not compare the amounts.
	ParsePayNotification(header http.Header, body []byte) (Notification, error)

	// Refund asks for money back. Acceptance does not mean that the money moved: look at Refund.State. After a failure
	// with unknown outcome, including 429, call QueryRefund first; on KindNotFound repeat with the same number and
	// amounts. Take a new number only when a refund is RefundClosed or finally refused.
	Refund(ctx context.Context, req RefundRequest) (Refund, error)

	// QueryRefund asks for a refund by our number. KindNotFound: WeChat never accepted it.
	QueryRefund(ctx context.Context, outRefundNo string) (Refund, error)

	// ParseRefundNotification reads what WeChat posted to the notify_url of a refund. It needs the raw body as
	// received, which also tells v3 from v2, and does not compare the amounts.
	//
	// NB! when Signed is false, the sender is unproven: call QueryRefund before anything moves.
	ParseRefundNotification(header http.Header, body []byte) (RefundNotification, error)

	// TradeBill fetches the bill of the Beijing day that contains the instant day. Bills exist from about ten the next
	// morning, for three months. KindNotReady: ask again in half an hour. A day without trade is an empty bill, not an
	// error. It may take minutes.
	TradeBill(ctx context.Context, day time.Time) (Bill, error)
}

// RefundLister is a gateway that lists every refund of an order, including those made on the merchant platform.
//
// note: only API v2 has this call; API v3 finds a refund by its number alone. The call needs only the APIv2 key, and
// also finds orders that were placed over v3.
type RefundLister interface {
	// RefundsOf lists the refunds of an order by our number of it; without refunds the list is empty.
	RefundsOf(ctx context.Context, outTradeNo string) ([]Refund, error)
}

// RequestPayment is the argument of wx.requestPayment. It is not secret, but its holder can pay this order.
type RequestPayment struct {
	TimeStamp string `json:"timeStamp"` // seconds, as text
	NonceStr  string `json:"nonceStr"`
	Package   string `json:"package"` // "prepay_id=..."
	SignType  string `json:"signType"`
	PaySign   string `json:"paySign"`
}

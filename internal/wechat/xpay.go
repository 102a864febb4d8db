package wechat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Virtual payment (虚拟支付, /xpay/): what is no parcel, such as a membership or a course, is paid by it. There is no call that places an order:
// the server signs, the phone calls wx.requestVirtualPayment, and WeChat makes the order when its owner confirms.
//
// https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/virtual-payment.html (虚拟支付)

// XpayMode is what wx.requestVirtualPayment sells.
type XpayMode string

// The modes.
const (
	XpayGoods XpayMode = "short_series_goods" // an item
	XpayCoins XpayMode = "short_series_coin"  // coins, topped up
)

// XpaySignData is the argument signData of wx.requestVirtualPayment for an item, in WeChat's names. NB! its text is signed and handed over as it
// is: encode it once, keep the text, and sign that.
type XpaySignData struct {
	OfferID      string `json:"offerId"` // text: a number is refused with -15016
	BuyQuantity  int    `json:"buyQuantity"`
	Env          int    `json:"env"` // 0 live, 1 sandbox
	CurrencyType string `json:"currencyType"`
	ProductID    string `json:"productId,omitempty"`
	GoodsPrice   int64  `json:"goodsPrice,omitempty"` // fen, of one piece, as the item was published
	OutTradeNo   string `json:"outTradeNo"`
	Attach       string `json:"attach"`
}

// Text encodes it.
func (d XpaySignData) Text() (string, error) {
	text, err := encode(d)
	return string(text), err
}

// xpayClientCall is what the phone's signature names in place of a path.
const xpayClientCall = "requestVirtualPayment"

// XpayClientSig is paySig of wx.requestVirtualPayment.
func XpayClientSig(appKey, signData string) string {
	return xpaySig(appKey, xpayClientCall, []byte(signData))
}

// XpayUserSig is signature of wx.requestVirtualPayment, and of the calls about a user's coins. The key is the text of session_key as it came.
func XpayUserSig(key SessionKey, body string) string {
	return hmacHex(key.Reveal(), []byte(body))
}

// xpaySig is pay_sig: keyed with the AppKey of the environment, over the path and the body as it goes out.
func xpaySig(appKey, uri string, body []byte) string {
	return hmacHex(appKey, append([]byte(uri+"&"), body...))
}

func hmacHex(key string, text []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(text)
	return hex.EncodeToString(mac.Sum(nil))
}

// Xpay makes the calls of one environment of virtual payment.
type Xpay struct {
	client  *Client
	appKey  string
	Sandbox bool
}

// Xpay opens an environment. appKey is the live or the sandbox AppKey, which are two.
func (c *Client) Xpay(appKey string, sandbox bool) Xpay {
	return Xpay{client: c, appKey: appKey, Sandbox: sandbox}
}

// String names no key.
func (x Xpay) String() string { return "virtual payment of " + x.client.AppID() }

// GoString is String: %#v shows no key either.
func (x Xpay) GoString() string { return x.String() }

// Env is WeChat's number of the environment.
func (x Xpay) Env() int {
	if x.Sandbox {
		return 1
	}
	return 0
}

// xpayBody is the body of a call, to which the environment is added.
type xpayBody map[string]any

// call makes POST /xpay/{name}. A user's session_key signs too where the call is about that user's coins; it is empty otherwise.
func (x Xpay) call(ctx context.Context, name string, body xpayBody, user SessionKey, repeatable bool, read func([]byte) error) error {
	path := "/xpay/" + name
	body["env"] = x.Env()
	_, err := x.client.do(ctx, call{
		op: "xpay." + name, method: http.MethodPost, path: path, body: body, needsToken: true, repeatable: repeatable, read: read,
		sign: func(raw []byte, query url.Values) {
			query.Set("pay_sig", xpaySig(x.appKey, path, raw))
			if user != "" {
				query.Set("signature", XpayUserSig(user, string(raw)))
			}
		},
	})
	return err
}

// XpayStatus is how far WeChat sees an order.
type XpayStatus int

// The states. Orders about advertising money have two more, which no buyer's order gets into.
const (
	XpayNew          XpayStatus = 0
	XpayCreated      XpayStatus = 1
	XpayPaid         XpayStatus = 2 // deliver it
	XpayDelivering   XpayStatus = 3
	XpayDelivered    XpayStatus = 4
	XpayRefunded     XpayStatus = 5
	XpayClosed       XpayStatus = 6
	XpayRefundFailed XpayStatus = 7
	XpayRefundDone   XpayStatus = 8
)

// Kinds of orders, as XpayOrder.Type has them.
const (
	xpayTypeRefund      = 1
	xpayTypeApple       = 7
	xpayTypeAppleRefund = 8
)

// XpayOrder is a payment or a refund as WeChat knows it. Amounts are in fen.
type XpayOrder struct {
	OrderID     string // ours
	WxOrderID   string // WeChat's
	Status      XpayStatus
	Type        int
	EnvType     int   // 1 live, 2 sandbox; not the numbers of env
	OrderFee    int64 // what it costs
	PaidFee     int64
	CouponFee   int64
	RefundFee   int64 // what has gone back of a payment; of a refund its amount
	LeftFee     int64 // what may still be refunded
	PaidAt      time.Time
	ProvidedAt  time.Time
	CreatedAt   time.Time
	UpdatedAt   time.Time
	BizMeta     string // what refund_order was given
	PlatformFee int64  // of the platform; once it is settled
	Raw         json.RawMessage
}

// IsRefund tells whether it is a refund and no payment.
func (o XpayOrder) IsRefund() bool { return o.Type == xpayTypeRefund || o.Type == xpayTypeAppleRefund }

// IsApple tells whether the buyer paid Apple, which alone can give the money back.
func (o XpayOrder) IsApple() bool { return o.Type == xpayTypeApple || o.Type == xpayTypeAppleRefund }

type xpayOrderWire struct {
	OrderID     word   `json:"order_id"`
	WxOrderID   word   `json:"wx_order_id"`
	Status      number `json:"status"`
	Type        number `json:"order_type"`
	EnvType     number `json:"env_type"`
	OrderFee    number `json:"order_fee"`
	PaidFee     number `json:"paid_fee"`
	CouponFee   number `json:"coupon_fee"`
	RefundFee   number `json:"refund_fee"`
	LeftFee     number `json:"left_fee"`
	PaidTime    number `json:"paid_time"`
	ProvideTime number `json:"provide_time"`
	CreateTime  number `json:"create_time"`
	UpdateTime  number `json:"update_time"`
	BizMeta     word   `json:"biz_meta"`
	PlatformFee number `json:"platform_fee_fen"`
}

func readXpayOrder(raw json.RawMessage) (XpayOrder, error) {
	var w xpayOrderWire
	if err := decode(raw, &w); err != nil {
		return XpayOrder{}, err
	}
	return XpayOrder{
		OrderID: string(w.OrderID), WxOrderID: string(w.WxOrderID), Status: XpayStatus(w.Status), Type: int(w.Type), EnvType: int(w.EnvType),
		OrderFee: int64(w.OrderFee), PaidFee: int64(w.PaidFee), CouponFee: int64(w.CouponFee), RefundFee: int64(w.RefundFee), LeftFee: int64(w.LeftFee),
		PaidAt: moment(w.PaidTime), ProvidedAt: moment(w.ProvideTime), CreatedAt: moment(w.CreateTime), UpdatedAt: moment(w.UpdateTime),
		BizMeta: string(w.BizMeta), PlatformFee: int64(w.PlatformFee), Raw: raw,
	}, nil
}

// XpayKey names an order by one of its two numbers; both are refused.
type XpayKey struct {
	OrderID   string // ours
	WxOrderID string // WeChat's
}

func (k XpayKey) body() xpayBody {
	if k.OrderID != "" {
		return xpayBody{"order_id": k.OrderID}
	}
	return xpayBody{"wx_order_id": k.WxOrderID}
}

// Order asks for a payment or a refund: POST /xpay/query_order. found is false for a number that WeChat does not know, which is no error: an
// order is made when its buyer confirms.
func (x Xpay) Order(ctx context.Context, key XpayKey) (order XpayOrder, found bool, err error) {
	err = x.call(ctx, "query_order", key.body(), "", true, func(body []byte) error {
		var wire struct {
			Order json.RawMessage `json:"order"`
		}
		if err := decode(body, &wire); err != nil {
			return err
		}
		if len(wire.Order) == 0 || string(wire.Order) == "null" || string(wire.Order) == "{}" {
			return nil
		}
		if order, err = readXpayOrder(wire.Order); err != nil {
			return err
		}
		if key.OrderID != "" && order.OrderID != key.OrderID || key.WxOrderID != "" && order.WxOrderID != key.WxOrderID {
			return errOtherOrder
		}
		found = true
		return nil
	})
	return order, found, err
}

// Provided tells WeChat that an order was delivered: POST /xpay/notify_provide_goods. It is for orders whose push was not answered; to answer it
// says the same. A repeat is errcode [XpayDone].
func (x Xpay) Provided(ctx context.Context, key XpayKey) error {
	return x.call(ctx, "notify_provide_goods", key.body(), "", true, nil)
}

// Errcodes of virtual payment that decide something.
const (
	XpayBadSignature   = 268490003
	XpayDone           = 268490004 // it was done before, and counts as done
	XpayNotReady       = 268490011
	XpayTaskRuns       = 268490012
	XpayVerified       = 268490013 // what was verified cannot be refunded
	XpayRefundRunning  = 268490014
	XpayTooOften       = 268490015
	XpayLeftFeeDiffers = 268490016
)

// ErrcodeOf is WeChat's errcode of an error, 0 for none.
func ErrcodeOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Errcode
	}
	return 0
}

// XpayRefund asks for money back.
type XpayRefund struct {
	OrderID       string // our number of the payment
	RefundOrderID string // our number of the refund: 8 to 32 of 0-9 A-Z a-z _ -
	LeftFee       int64  // fen; exactly what is left of the payment now, by Order
	Fee           int64  // fen that go back
	BizMeta       string // comes back with the refund; at most 1024 bytes
	Reason        int    // 0 none, 1 product, 2 after-sale, 3 changed mind, 4 price, 5 other
	From          int    // 1 staff, 2 user, 3 other
}

// Refund gives money back: POST /xpay/refund_order. The answer only says that WeChat takes it on. Not for what was paid through Apple.
func (x Xpay) Refund(ctx context.Context, r XpayRefund) (wxRefundID string, err error) {
	body := xpayBody{
		"order_id": r.OrderID, "refund_order_id": r.RefundOrderID, "left_fee": r.LeftFee, "refund_fee": r.Fee,
		"biz_meta": r.BizMeta, "refund_reason": strconv.Itoa(r.Reason), "req_from": strconv.Itoa(r.From),
	}
	err = x.call(ctx, "refund_order", body, "", false, func(answer []byte) error {
		var wire struct {
			RefundOrderID word `json:"refund_order_id"`
			WxRefundID    word `json:"refund_wx_order_id"`
		}
		if err := decode(answer, &wire); err != nil {
			return err
		}
		if string(wire.RefundOrderID) != r.RefundOrderID {
			return errOtherOrder
		}
		wxRefundID = string(wire.WxRefundID)
		return nil
	})
	return wxRefundID, err
}

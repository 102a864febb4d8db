package wechat

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// errOtherOrder reports an answer about another order.
var errOtherOrder = errors.New("answer is about another order")

// OrderState is an order's progress at WeChat.
type OrderState int

// The states.
const (
	OrderToShip    OrderState = 1
	OrderShipped   OrderState = 2
	OrderReceived  OrderState = 3
	OrderDone      OrderState = 4
	OrderRefunded  OrderState = 5
	OrderSettling  OrderState = 6 // the money is on its way to the merchant
	lastOrderState            = OrderSettling
)

// OrderShipping is a paid order on WeChat's shipping side.
type OrderShipping struct {
	TransactionID string
	MchID         string
	OutTradeNo    string
	Description   string
	OpenID        string
	PaidAmount    int64 // fen
	PaidAt        time.Time
	State         OrderState
	InComplaint   bool
	// LogisticsType and DeliveryMode are 0 before the first upload.
	LogisticsType LogisticsType
	DeliveryMode  DeliveryMode
	// Finished says that all parcels are reported; FinishedCount is 0 before that, then 1, and 2 after a correction.
	Finished      bool
	FinishedCount int
	// GoodsDesc joins the descriptions of all parcels by ";" and is cut at 120 characters.
	GoodsDesc string
	Parcels   []SentParcel
}

// SentParcel is a reported parcel. ItemDesc may be empty: older answers have it for the whole order only.
type SentParcel struct {
	Parcel
	UploadedAt time.Time
}

// orderWire is the order in get_order's answer. note: it says merchant_id and merchant_trade_no where an upload says
// mchid and out_trade_no.
type orderWire struct {
	TransactionID   string       `json:"transaction_id"`
	MerchantID      word         `json:"merchant_id"`
	MerchantTradeNo string       `json:"merchant_trade_no"`
	Description     string       `json:"description"`
	PaidAmount      number       `json:"paid_amount"`
	OpenID          string       `json:"openid"`
	PayTime         number       `json:"pay_time"`
	OrderState      number       `json:"order_state"`
	InComplaint     bool         `json:"in_complaint"`
	Shipping        shippingWire `json:"shipping"`
}

// shippingWire is {} before the first upload.
type shippingWire struct {
	DeliveryMode  number     `json:"delivery_mode"`
	LogisticsType number     `json:"logistics_type"`
	Finished      bool       `json:"finish_shipping"`
	FinishedCount number     `json:"finish_shipping_count"`
	GoodsDesc     string     `json:"goods_desc"`
	List          []sentWire `json:"shipping_list"`
}

type sentWire struct {
	TrackingNo     string  `json:"tracking_no"`
	ExpressCompany string  `json:"express_company"`
	GoodsDesc      string  `json:"goods_desc"`
	UploadTime     number  `json:"upload_time"`
	Contact        Contact `json:"contact"`
}

// ShippingOf asks for the shipping of a paid order: POST /wxa/sec/order/get_order
// (server/API/order_shipping/api_getorder.html, 查询订单发货状态). Errors: KindArgs for an empty key; KindState for 10060001,
// as in [Client.UploadShipping]; KindBadAnswer with [ErrMissingField] when the answer lacks an order, or a known state.
func (c *Client) ShippingOf(ctx context.Context, key OrderKey) (OrderShipping, error) {
	body := map[string]string{"transaction_id": key.TransactionID}
	if key.TransactionID == "" {
		if key.MchID == "" || key.OutTradeNo == "" {
			return OrderShipping{}, fieldError(opOrder, "transaction_id", "or merchant_id and merchant_trade_no must not be empty")
		}
		body = map[string]string{"merchant_id": key.MchID, "merchant_trade_no": key.OutTradeNo}
	}
	var order OrderShipping
	_, err := c.do(ctx, call{
		op: opOrder, method: http.MethodPost, path: "/wxa/sec/order/get_order", body: body, needsToken: true, repeatable: true,
		read: func(body []byte) (err error) {
			var wire struct {
				Order orderWire `json:"order"`
			}
			if err := decode(body, &wire); err != nil {
				return err
			}
			order, err = wire.Order.order(key)
			return err
		},
	})
	return order, err
}

// order checks that it is the requested one.
func (w orderWire) order(key OrderKey) (OrderShipping, error) {
	state := OrderState(w.OrderState)
	switch {
	case state < OrderToShip || state > lastOrderState:
		return OrderShipping{}, ErrMissingField
	case key.TransactionID != "" && w.TransactionID != key.TransactionID,
		key.TransactionID == "" && (string(w.MerchantID) != key.MchID || w.MerchantTradeNo != key.OutTradeNo):
		return OrderShipping{}, errOtherOrder
	}
	o := OrderShipping{
		TransactionID: w.TransactionID, MchID: string(w.MerchantID), OutTradeNo: w.MerchantTradeNo,
		Description: w.Description, OpenID: w.OpenID, PaidAmount: int64(w.PaidAmount), PaidAt: unix(w.PayTime),
		State: state, InComplaint: w.InComplaint,
		LogisticsType: LogisticsType(w.Shipping.LogisticsType), DeliveryMode: DeliveryMode(w.Shipping.DeliveryMode),
		Finished: w.Shipping.Finished, FinishedCount: int(w.Shipping.FinishedCount), GoodsDesc: w.Shipping.GoodsDesc,
	}
	for _, p := range w.Shipping.List {
		o.Parcels = append(o.Parcels, SentParcel{
			Parcel:     Parcel{TrackingNo: p.TrackingNo, ExpressCompany: p.ExpressCompany, ItemDesc: p.GoodsDesc, Contact: p.Contact},
			UploadedAt: unix(p.UploadTime),
		})
	}
	return o, nil
}

func unix(seconds number) time.Time { return time.Unix(int64(seconds), 0).UTC() }

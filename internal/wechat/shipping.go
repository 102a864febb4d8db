package wechat

import (
	"context"
	"net/http"
	"time"
)

const (
	opUpload  = "uploadShippingInfo"
	opOrder   = "getOrder"
	opManaged = "isTradeManaged"
)

// uploadLayout is upload_time's format: RFC 3339 with milliseconds and zone.
const uploadLayout = "2006-01-02T15:04:05.000Z07:00"

// LogisticsType is how goods reach the buyer.
type LogisticsType int

// The ways goods travel.
const (
	ByExpress LogisticsType = 1 // with a company and a tracking number
	ByCourier LogisticsType = 2 // within the city
	Virtual   LogisticsType = 3 // nothing travels
	PickedUp  LogisticsType = 4 // the buyer fetches it
)

// DeliveryMode says whether goods travel in one or several parcels.
type DeliveryMode int

// The modes. Only express can be split.
const (
	Unified DeliveryMode = 1
	Split   DeliveryMode = 2
)

// OrderKey names a paid order: by WeChat's transaction id if set, else by the merchant and its own number.
type OrderKey struct {
	TransactionID string
	MchID         string
	OutTradeNo    string
}

// Shipping is the report about an order's goods.
type Shipping struct {
	Key           OrderKey
	LogisticsType LogisticsType
	DeliveryMode  DeliveryMode
	// IsAllDelivered says that this is the last upload. Split needs it; Unified does not send it.
	IsAllDelivered *bool
	// Parcels is exactly one for Unified, 1 to 15 for Split.
	Parcels []Parcel
	// UploadTime must be later than the order's last upload. It is sent in Beijing time, to the millisecond.
	UploadTime time.Time
	// OpenID is the payer's under this app.
	OpenID string
}

// Parcel is one entry of a Shipping.
type Parcel struct {
	// TrackingNo and ExpressCompany have 1 to 128 bytes, and only express needs them. The company is a code of
	// get_delivery_list, such as STO.
	TrackingNo     string
	ExpressCompany string
	// ItemDesc is 1 to 120 characters, such as 微信气泡狗集线器*1.
	ItemDesc string
	// Contact is required by SF (顺丰).
	Contact Contact
}

// Contact holds telephone numbers that show only the last four digits, such as 189****1234 or +86-177****1234.
type Contact struct {
	Consignor string `json:"consignor_contact,omitempty"`
	Receiver  string `json:"receiver_contact,omitempty"`
}

// uploadWire is the body of upload_shipping_info.
type uploadWire struct {
	OrderKey       keyWire       `json:"order_key"`
	LogisticsType  LogisticsType `json:"logistics_type"`
	DeliveryMode   DeliveryMode  `json:"delivery_mode"`
	IsAllDelivered *bool         `json:"is_all_delivered,omitempty"`
	ShippingList   []parcelWire  `json:"shipping_list"`
	UploadTime     string        `json:"upload_time"`
	Payer          payerWire     `json:"payer"`
}

type keyWire struct {
	Type          int    `json:"order_number_type"` // 1 mchid and out_trade_no, 2 transaction_id
	TransactionID string `json:"transaction_id,omitempty"`
	MchID         string `json:"mchid,omitempty"`
	OutTradeNo    string `json:"out_trade_no,omitempty"`
}

type parcelWire struct {
	TrackingNo     string   `json:"tracking_no,omitempty"`
	ExpressCompany string   `json:"express_company,omitempty"`
	ItemDesc       string   `json:"item_desc"`
	Contact        *Contact `json:"contact,omitempty"`
}

type payerWire struct {
	OpenID string `json:"openid"`
}

// UploadShipping reports how an order's goods travel: POST /wxa/sec/order/upload_shipping_info
// (platform-capabilities/business-capabilities/order-shipping/order-shipping.html, 发货信息录入).
//
// In a split, uploads before the one with IsAllDelivered add parcels. An upload to a finished order, or one that
// changes mode or type, is the only correction that WeChat allows. So it is not repeated after a lost answer: see
// [Error.MaybeDone], and ask [Client.ShippingOf].
//
// Errors: KindArgs before any call (see [ValidateShipping]) or by WeChat (10060031: not this openid's); KindState for
// 10060001 (order unknown; one paid a moment ago is known some seconds later), 10060002 (shipped whole already), 10060003
// (the correction is used), 10060004 (refunded) and 10060023 (nothing new).
func (c *Client) UploadShipping(ctx context.Context, s Shipping) error {
	if err := ValidateShipping(s); err != nil {
		return err
	}
	_, err := c.do(ctx, call{
		op: opUpload, method: http.MethodPost, path: "/wxa/sec/order/upload_shipping_info", body: s.wire(), needsToken: true,
	})
	return err
}

func (s Shipping) wire() uploadWire {
	w := uploadWire{
		OrderKey:      keyWire{Type: 2, TransactionID: s.Key.TransactionID},
		LogisticsType: s.LogisticsType, DeliveryMode: s.DeliveryMode,
		UploadTime: s.UploadTime.In(beijing()).Format(uploadLayout), Payer: payerWire{s.OpenID},
	}
	if s.Key.TransactionID == "" {
		w.OrderKey = keyWire{Type: 1, MchID: s.Key.MchID, OutTradeNo: s.Key.OutTradeNo}
	}
	if s.DeliveryMode == Split {
		w.IsAllDelivered = s.IsAllDelivered
	}
	for _, p := range s.Parcels {
		parcel := parcelWire{TrackingNo: p.TrackingNo, ExpressCompany: p.ExpressCompany, ItemDesc: p.ItemDesc}
		if p.Contact != (Contact{}) {
			parcel.Contact = &p.Contact
		}
		w.ShippingList = append(w.ShippingList, parcel)
	}
	return w
}

// beijing is WeChat's time zone; it has no summer time.
func beijing() *time.Location { return time.FixedZone("CST", 8*60*60) }

// TradeManaged asks whether this mini program must report its shipping before it is paid out: POST
// /wxa/sec/order/is_trade_managed (server/API/order_shipping/api_istrademanaged.html, 查询小程序是否已开通发货信息管理服务). Errors:
// KindConfig, KindRate; KindBadAnswer with [ErrMissingField] when WeChat does not say.
func (c *Client) TradeManaged(ctx context.Context) (bool, error) {
	var managed bool
	_, err := c.do(ctx, call{
		op: opManaged, method: http.MethodPost, path: "/wxa/sec/order/is_trade_managed",
		body: map[string]string{"appid": c.app.AppID}, needsToken: true, repeatable: true,
		read: func(body []byte) error {
			var wire struct {
				Managed *bool `json:"is_trade_managed"`
			}
			if err := decode(body, &wire); err != nil {
				return err
			}
			if wire.Managed == nil {
				return ErrMissingField
			}
			managed = *wire.Managed
			return nil
		},
	})
	return managed, err
}

package sim

import (
	"slices"
	"sort"
	"strconv"
	"time"

	"wxbase/internal/sim/book"
)

// knownAfter is how long after a payment the shipping side knows the order.
const knownAfter = 2 * time.Second

// The values of order_state that occur here.
const (
	toShip       = 1
	shipped      = 2
	received     = 3
	refundedShip = 5
)

// shipment is what was reported about an order's goods. It may be corrected once.
type shipment struct {
	LogisticsType int       `json:"logistics_type"`
	DeliveryMode  int       `json:"delivery_mode"`
	Parcels       []parcel  `json:"parcels"`
	Finished      int       `json:"finished"` // 0 open, 1 all shipped, 2 corrected
	UploadedAt    time.Time `json:"uploaded_at"`
}

// parcel is one entry of shipping_list.
type parcel struct {
	TrackingNo     string        `json:"tracking_no,omitempty"`
	ExpressCompany string        `json:"express_company,omitempty"`
	ItemDesc       string        `json:"item_desc"`
	Contact        parcelContact `json:"contact"`
	UploadTime     time.Time     `json:"upload_time"`
}

// parcelContact holds masked phone numbers.
type parcelContact struct {
	Consignor string `json:"consignor_contact,omitempty"`
	Receiver  string `json:"receiver_contact,omitempty"`
}

// uploadShipping is POST /wxa/sec/order/upload_shipping_info.
// https://developers.weixin.qq.com/miniprogram/dev/platform-capabilities/business-capabilities/order-shipping/order-shipping.html (发货信息录入)
func (s *Sim) uploadShipping(c *call) reply {
	var in shippingRequest
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	at, code, reason := in.check()
	if code != 0 {
		return c.refuse(code, reason)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.shippable(c, in.OrderKey.TransactionID, in.OrderKey.MchID, in.OrderKey.OutTradeNo)
	switch {
	case o == nil:
		return c.refuse(10060001, "no such paid order of this mini program, or it was paid a moment ago")
	case o.OpenID != in.Payer.OpenID:
		return c.refuse(10060031, "the order is not of this openid")
	case o.orderState() == refundedShip:
		return c.refuse(10060004, "the order is refunded")
	}
	next, code, reason := in.apply(o.Shipment, at)
	if code != 0 {
		return c.refuse(code, reason)
	}
	sent := *o
	sent.Shipment = next
	var note *notification
	leaves := next.Finished > 0 && (o.Shipment == nil || o.Shipment.Finished == 0)
	if leaves {
		note = s.newEvent(o.AppID, "", eventSettlement, sent.settlement())
	}
	if err := s.saveWith([]book.Row{sent}, note); err != nil {
		return c.refuse(-1, err.Error())
	}
	*o = sent
	if leaves {
		s.state.agenda.enter(o.settlesAt(), o)
	}
	return c.ok(plainOK{ErrMsg: "ok"})
}

// settlement is the event that follows when all is shipped.
func (o *order) settlement() pushFields {
	fields := o.tradeIDs()
	fields["shipped_time"], fields["estimated_settlement_time"] = o.Shipment.UploadedAt.Unix(), o.settlesAt().Unix()
	return fields
}

// tradeIDs are the fields by which an event names an order.
func (o *order) tradeIDs() pushFields {
	return pushFields{
		"transaction_id": o.TransactionID, "merchant_id": o.MchID, "sub_merchant_id": "", "merchant_trade_no": o.OutTradeNo, "pay_time": o.PaidAt.Unix(),
	}
}

// shippable finds a paid order of the calling mini program that the shipping side knows. The caller holds s.mu.
func (s *Sim) shippable(c *call, transactionID, mchID, outTradeNo string) *order {
	o := s.state.byTransaction[transactionID]
	if transactionID == "" {
		o = s.state.orders[mchID+"/"+outTradeNo]
	}
	if o == nil || !o.shipsAt(c.appid, c.now) {
		return nil
	}
	s.ripenReceipt(o, c.now)
	return o
}

// shipsAt tells whether the shipping side of a mini program knows the order.
func (o *order) shipsAt(appid string, now time.Time) bool {
	return o.AppID == appid && o.paid() && now.Sub(*o.PaidAt) >= knownAfter
}

// apply returns the shipment after a request, or the errcode that refuses it.
func (in shippingRequest) apply(old *shipment, at time.Time) (next *shipment, errcode int, reason string) {
	next = &shipment{
		LogisticsType: in.LogisticsType, DeliveryMode: in.DeliveryMode, Parcels: in.parcels(at), UploadedAt: at,
	}
	done := in.DeliveryMode == deliverUnified || *in.IsAllDelivered
	if done {
		next.Finished = 1
	}
	if old == nil {
		return next, 0, ""
	}
	if !at.After(old.UploadedAt) {
		return nil, 10060014, "upload_time must be later than that of the last upload"
	}
	if old.Finished == 0 && old.DeliveryMode == in.DeliveryMode && old.LogisticsType == in.LogisticsType { // further parcels of a split
		next.Parcels = append(slices.Clone(old.Parcels), next.Parcels...)
		if len(next.Parcels) > mostParcels {
			return nil, 10060024, "more than 15 parcels"
		}
		return next, 0, ""
	}
	switch {
	case old.Finished == 2:
		return nil, 10060003, "the one correction was made"
	case old.Finished == 1 && !done:
		return nil, 10060002, "the order is shipped whole; a correction has to be whole too"
	case next.same(old):
		return nil, 10060023, "nothing is different"
	}
	next.Finished = 2
	return next, 0, ""
}

// same tells whether two shipments are equal except for their time.
func (x *shipment) same(y *shipment) bool {
	return x.LogisticsType == y.LogisticsType && x.DeliveryMode == y.DeliveryMode && slices.EqualFunc(x.Parcels, y.Parcels, func(a, b parcel) bool {
		a.UploadTime = b.UploadTime
		return a == b
	})
}

// orderState is order_state.
func (o *order) orderState() int {
	switch {
	case o.Refunded >= o.Total:
		return refundedShip
	case o.ReceivedAt != nil:
		return received
	case o.Shipment != nil && o.Shipment.Finished > 0:
		return shipped
	}
	return toShip
}

// shippedOrder is an order on the shipping side. note: the query calls say merchant_trade_no where the upload says
// out_trade_no.
type shippedOrder struct {
	TransactionID   string `json:"transaction_id"`
	MerchantID      string `json:"merchant_id"`
	SubMerchantID   string `json:"sub_merchant_id"`
	MerchantTradeNo string `json:"merchant_trade_no"`
	Description     string `json:"description"`
	PaidAmount      int64  `json:"paid_amount"` // fen
	OpenID          string `json:"openid"`
	TradeCreateTime int64  `json:"trade_create_time"` // Unix seconds, as all times here
	PayTime         int64  `json:"pay_time"`
	OrderState      int    `json:"order_state"`
	InComplaint     bool   `json:"in_complaint"`
	Shipping        any    `json:"shipping"`
}

// shippingTold is the content of shipping; before the first upload it is {}.
type shippingTold struct {
	DeliveryMode  int          `json:"delivery_mode"`
	LogisticsType int          `json:"logistics_type"`
	Finished      bool         `json:"finish_shipping"`
	FinishedCount int          `json:"finish_shipping_count"`
	GoodsDesc     string       `json:"goods_desc"`
	List          []parcelTold `json:"shipping_list"`
}

type parcelTold struct {
	TrackingNo     string        `json:"tracking_no"`
	ExpressCompany string        `json:"express_company"`
	GoodsDesc      string        `json:"goods_desc"`
	UploadTime     int64         `json:"upload_time"`
	Contact        parcelContact `json:"contact"`
}

// asAnswer is the order in get_order's answer.
func (o *order) asAnswer() shippedOrder {
	return shippedOrder{
		TransactionID: o.TransactionID, MerchantID: o.MchID, MerchantTradeNo: o.OutTradeNo, Description: shorten(o.Description),
		PaidAmount: o.Total, OpenID: o.OpenID, TradeCreateTime: o.MadeAt.Unix(), PayTime: o.PaidAt.Unix(), OrderState: o.orderState(),
		Shipping: o.Shipment.asAnswer(),
	}
}

// asAnswer is shipping; a nil shipment is {}.
func (x *shipment) asAnswer() any {
	if x == nil {
		return struct{}{}
	}
	t := shippingTold{DeliveryMode: x.DeliveryMode, LogisticsType: x.LogisticsType, Finished: x.Finished > 0, FinishedCount: x.Finished}
	for i, p := range x.Parcels {
		if i > 0 {
			t.GoodsDesc += ";"
		}
		t.GoodsDesc += p.ItemDesc
		t.List = append(t.List, parcelTold{p.TrackingNo, p.ExpressCompany, p.ItemDesc, p.UploadTime.Unix(), p.Contact})
	}
	t.GoodsDesc = shorten(t.GoodsDesc)
	return t
}

// shorten cuts a description at 120 characters.
func shorten(text string) string {
	runes := []rune(text)
	if len(runes) <= longestItem {
		return text
	}
	return string(runes[:longestItem]) + "..."
}

// shippingOrder is POST /wxa/sec/order/get_order.
func (s *Sim) shippingOrder(c *call) reply {
	var in struct {
		TransactionID   string `json:"transaction_id"`
		MerchantID      string `json:"merchant_id"`
		MerchantTradeNo string `json:"merchant_trade_no"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	if in.TransactionID == "" && (in.MerchantID == "" || in.MerchantTradeNo == "") {
		return c.refuse(10060014, "transaction_id, or merchant_id and merchant_trade_no, are needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.shippable(c, in.TransactionID, in.MerchantID, in.MerchantTradeNo)
	if o == nil {
		return c.refuse(10060001, "no such paid order of this mini program, or it was paid a moment ago")
	}
	return c.ok(struct {
		plainOK
		Order shippedOrder `json:"order"`
	}{plainOK{ErrMsg: "ok"}, o.asAnswer()})
}

// shippingListRequest is the body of get_order_list; times are Unix seconds.
type shippingListRequest struct {
	PayTimeRange struct {
		Begin int64 `json:"begin_time"`
		End   int64 `json:"end_time"`
	} `json:"pay_time_range"`
	OrderState int    `json:"order_state"`
	OpenID     string `json:"openid"`
	LastIndex  string `json:"last_index"`
	PageSize   int    `json:"page_size"`
}

const shippingPage = 100

// shippingOrders is POST /wxa/sec/order/get_order_list: in the order of payment, page by page.
func (s *Sim) shippingOrders(c *call) reply {
	in := shippingListRequest{PageSize: shippingPage}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	if in.PageSize < 1 || in.PageSize > shippingPage {
		return c.refuse(10060014, "page_size must be 1 to 100")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at := 0
	if in.LastIndex != "" {
		n, err := strconv.Atoi(in.LastIndex)
		if n -= s.state.paidBefore; err != nil || n+s.state.paidBefore < 1 || n > len(s.state.paidShelf) {
			return c.refuse(10060011, "last_index is not one that was given")
		}
		at = max(n, 0)
	}
	list := []shippedOrder{}
	begin, end := in.window(s.state.paidShelf)
	for at = max(at, begin); at < end && len(list) < in.PageSize; at++ {
		if o := s.state.paidShelf[at]; o.shipsAt(c.appid, c.now) && in.wants(o) {
			list = append(list, o.asAnswer())
		}
	}
	more := at < end && slices.ContainsFunc(s.state.paidShelf[at:end], func(o *order) bool { return o.shipsAt(c.appid, c.now) && in.wants(o) })
	return c.ok(struct {
		plainOK
		LastIndex string         `json:"last_index"`
		HasMore   bool           `json:"has_more"`
		List      []shippedOrder `json:"order_list"`
	}{plainOK{ErrMsg: "ok"}, strconv.Itoa(at + s.state.paidBefore), more, list})
}

// window returns the paid orders within the requested time.
func (in shippingListRequest) window(paid []*order) (begin, end int) {
	from := func(seconds int64) int {
		return sort.Search(len(paid), func(i int) bool { return paid[i].PaidAt.Unix() >= seconds })
	}
	begin, end = from(in.PayTimeRange.Begin), len(paid)
	if in.PayTimeRange.End > 0 {
		end = from(in.PayTimeRange.End + 1)
	}
	return begin, end
}

// wants tells whether an order matches the request.
func (in shippingListRequest) wants(o *order) bool {
	return (in.OrderState == 0 || o.orderState() == in.OrderState) && (in.OpenID == "" || o.OpenID == in.OpenID)
}

// isTradeManaged is POST /wxa/sec/order/is_trade_managed: every mini program here must report its shipping.
func (s *Sim) isTradeManaged(c *call) reply {
	var in struct {
		AppID string `json:"appid"`
	}
	if refusal, ok := c.decodeOr(47001, &in); !ok {
		return refusal
	}
	switch in.AppID {
	case "":
		return c.refuse(40097, "appid is missing")
	case c.appid:
		return c.ok(struct {
			plainOK
			Managed bool `json:"is_trade_managed"`
		}{plainOK{ErrMsg: "ok"}, true})
	}
	return c.refuse(40013, "appid is not that of the access_token")
}

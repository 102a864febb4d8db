package sim

import (
	"regexp"
	"time"
	"unicode/utf8"
)

// The words and limits of a shipping report.
const (
	byExpress      = 1
	deliverUnified = 1
	deliverSplit   = 2
	mostParcels    = 15
	longestItem    = 120
	longestName    = 128
	longestContact = 1024
)

// shippingRequest is the body of upload_shipping_info.
type shippingRequest struct {
	OrderKey struct {
		Type          int    `json:"order_number_type"` // 1 mchid and out_trade_no, 2 transaction_id
		TransactionID string `json:"transaction_id"`
		MchID         string `json:"mchid"`
		OutTradeNo    string `json:"out_trade_no"`
	} `json:"order_key"`
	LogisticsType  int             `json:"logistics_type"` // 1 express, 2 within the city, 3 virtual, 4 fetched
	DeliveryMode   int             `json:"delivery_mode"`  // 1 unified, 2 split
	IsAllDelivered *bool           `json:"is_all_delivered"`
	ShippingList   []parcelRequest `json:"shipping_list"`
	UploadTime     string          `json:"upload_time"` // RFC 3339
	Payer          struct {
		OpenID string `json:"openid"`
	} `json:"payer"`
}

// parcelRequest is one entry of shipping_list.
type parcelRequest struct {
	TrackingNo     string        `json:"tracking_no"`
	ExpressCompany string        `json:"express_company"`
	ItemDesc       *string       `json:"item_desc"`
	Contact        parcelContact `json:"contact"`
}

// maskedContact is 189****1234 or +86-177****1234.
var maskedContact = regexp.MustCompile(`^(\+?[0-9]{1,4}-)?[0-9-]*\*{3,}[0-9]{4}$`)

// check returns the time of a report, or the errcode that refuses it.
func (in *shippingRequest) check() (at time.Time, errcode int, reason string) {
	if errcode, reason = in.checkKey(); errcode != 0 {
		return at, errcode, reason
	}
	if errcode, reason = in.checkModes(); errcode != 0 {
		return at, errcode, reason
	}
	if errcode, reason = in.checkParcels(); errcode != 0 {
		return at, errcode, reason
	}
	at, err := time.Parse(time.RFC3339, in.UploadTime)
	switch {
	case err != nil:
		return at, 268485216, "upload_time must be RFC 3339, such as 2022-12-15T13:29:35.120+08:00"
	case in.Payer.OpenID == "" || len(in.Payer.OpenID) > longestName:
		return at, 10060014, "payer.openid must be 1 to 128 characters"
	}
	return at, 0, ""
}

// checkKey demands one of the two ways to name the order. A type 2 key ignores the other names.
func (in *shippingRequest) checkKey() (errcode int, reason string) {
	k := &in.OrderKey
	switch {
	case k.Type != 1 && k.Type != 2:
		return 268485194, "order_number_type must be 1 or 2"
	case k.Type == 2 && k.TransactionID == "":
		return 268485195, "transaction_id is missing"
	case k.Type == 1 && k.MchID == "":
		return 268485196, "mchid is missing"
	case k.Type == 1 && k.OutTradeNo == "":
		return 268485197, "out_trade_no is missing"
	}
	if k.Type == 1 {
		k.TransactionID = ""
	}
	return 0, ""
}

// checkModes checks how the goods travel.
func (in *shippingRequest) checkModes() (errcode int, reason string) {
	switch n := len(in.ShippingList); {
	case in.LogisticsType < 1 || in.LogisticsType > 4:
		return 10060005, "logistics_type must be 1 to 4"
	case in.DeliveryMode != deliverUnified && in.DeliveryMode != deliverSplit:
		return 268485224, "delivery_mode must be 1 or 2"
	case in.DeliveryMode == deliverSplit && in.LogisticsType != byExpress:
		return 10060006, "only express can be split"
	case in.DeliveryMode == deliverSplit && in.IsAllDelivered == nil:
		return 10060007, "a split needs is_all_delivered"
	case in.DeliveryMode == deliverUnified && n != 1:
		return 268485228, "unified delivery needs exactly one entry"
	case n == 0:
		return 10060014, "shipping_list is empty"
	case n > mostParcels:
		return 10060024, "more than 15 parcels"
	}
	return 0, ""
}

// checkParcels looks at each entry.
func (in *shippingRequest) checkParcels() (errcode int, reason string) {
	described := false
	for _, p := range in.ShippingList {
		described = described || p.ItemDesc != nil
	}
	if !described {
		return 10060020, "no entry has item_desc"
	}
	for _, p := range in.ShippingList {
		if errcode, reason = p.check(in.LogisticsType == byExpress); errcode != 0 {
			return errcode, reason
		}
	}
	return 0, ""
}

// check looks at one entry.
func (p parcelRequest) check(express bool) (errcode int, reason string) {
	switch {
	case express && p.TrackingNo == "":
		return 268485226, "tracking_no is missing"
	case express && p.ExpressCompany == "":
		return 268485227, "express_company is missing"
	case len(p.ExpressCompany) > longestName:
		return 10060025, "express_company is longer than 128"
	case len(p.TrackingNo) > longestName:
		return 10060026, "tracking_no is longer than 128"
	case p.ItemDesc == nil || *p.ItemDesc == "":
		return 10060008, "item_desc is empty"
	case utf8.RuneCountInString(*p.ItemDesc) > longestItem:
		return 10060009, "item_desc is longer than 120 characters"
	case express && p.ExpressCompany == "SF" && p.Contact == parcelContact{}:
		return 10060014, "SF needs a contact"
	}
	for _, contact := range []string{p.Contact.Consignor, p.Contact.Receiver} {
		if contact != "" && (len(contact) > longestContact || !maskedContact.MatchString(contact)) {
			return 10060014, "a contact must be masked with its last four digits clear, such as 189****1234"
		}
	}
	return 0, ""
}

// parcels are the entries for storage.
func (in *shippingRequest) parcels(at time.Time) []parcel {
	list := make([]parcel, len(in.ShippingList))
	for i, p := range in.ShippingList {
		list[i] = parcel{p.TrackingNo, p.ExpressCompany, *p.ItemDesc, p.Contact, at}
	}
	return list
}

package wechat

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// The limits of a shipping report.
const (
	maxParcels  = 15
	maxItemDesc = 120  // characters
	maxName     = 128  // bytes, of a tracking number, a company and an openid
	maxContact  = 1024 // bytes
	sf          = "SF" // the company that demands contacts
)

// ValidateShipping checks a report against the documented limits, as [Client.UploadShipping] does before it calls. The
// error is an [*Error] of KindArgs that holds a [*FieldError].
func ValidateShipping(s Shipping) error {
	for _, check := range []func() error{s.checkKey, s.checkModes, s.checkParcels} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (s Shipping) checkKey() error {
	switch {
	case s.Key.TransactionID == "" && s.Key.MchID == "":
		return fieldError(opUpload, "order_key.mchid", "must not be empty where there is no transaction_id")
	case s.Key.TransactionID == "" && s.Key.OutTradeNo == "":
		return fieldError(opUpload, "order_key.out_trade_no", "must not be empty where there is no transaction_id")
	case s.OpenID == "" || len(s.OpenID) > maxName:
		return fieldError(opUpload, "payer.openid", "must have 1 to 128 bytes")
	case s.UploadTime.IsZero():
		return fieldError(opUpload, "upload_time", "must be set")
	}
	return nil
}

func (s Shipping) checkModes() error {
	switch n := len(s.Parcels); {
	case s.LogisticsType < ByExpress || s.LogisticsType > PickedUp:
		return fieldError(opUpload, "logistics_type", "must be 1 express, 2 within the city, 3 virtual or 4 picked up")
	case s.DeliveryMode != Unified && s.DeliveryMode != Split:
		return fieldError(opUpload, "delivery_mode", "must be 1 unified or 2 split")
	case s.DeliveryMode == Split && s.LogisticsType != ByExpress:
		return fieldError(opUpload, "delivery_mode", "must be 1 unified for everything but express")
	case s.DeliveryMode == Split && s.IsAllDelivered == nil:
		return fieldError(opUpload, "is_all_delivered", "must be set for a split delivery")
	case s.DeliveryMode == Unified && n != 1:
		return fieldError(opUpload, "shipping_list", "must have exactly one entry for a unified delivery")
	case n < 1 || n > maxParcels:
		return fieldError(opUpload, "shipping_list", "must have 1 to 15 entries")
	}
	return nil
}

func (s Shipping) checkParcels() error {
	for i, p := range s.Parcels {
		if field, reason := p.check(s.LogisticsType == ByExpress); field != "" {
			return fieldError(opUpload, fmt.Sprintf("shipping_list[%d].%s", i, field), reason)
		}
	}
	return nil
}

// check returns the first wrong field, and why.
func (p Parcel) check(express bool) (field, reason string) {
	switch {
	case express && p.TrackingNo == "":
		return "tracking_no", "must not be empty for express"
	case express && p.ExpressCompany == "":
		return "express_company", "must not be empty for express"
	case len(p.TrackingNo) > maxName:
		return "tracking_no", "must have at most 128 bytes"
	case len(p.ExpressCompany) > maxName:
		return "express_company", "must have at most 128 bytes"
	case p.ItemDesc == "":
		return "item_desc", "must not be empty"
	case utf8.RuneCountInString(p.ItemDesc) > maxItemDesc:
		return "item_desc", "must have at most 120 characters"
	case express && p.ExpressCompany == sf && p.Contact == (Contact{}):
		return "contact", "must have consignor_contact or receiver_contact for SF"
	case !masked(p.Contact.Consignor):
		return "contact.consignor_contact", maskReason
	case !masked(p.Contact.Receiver):
		return "contact.receiver_contact", maskReason
	}
	return "", ""
}

const maskReason = "must be masked up to its last four digits, such as 189****1234, in at most 1024 bytes"

// masked says whether a number may be sent: it is empty, or ends in four digits after a star. NB! an unmasked number is
// a person's telephone number and must not leave this server.
func masked(number string) bool {
	if number == "" {
		return true
	}
	const clear = 4
	digits := len(number) - clear
	if len(number) > maxContact || digits < 1 || number[digits-1] != '*' {
		return false
	}
	return strings.Trim(number[digits:], "0123456789") == "" && strings.Trim(number, "0123456789+-*") == ""
}

package v2

import (
	"errors"
	"time"

	"wxbase/internal/wxpay"
)

// maxText is the length of body and attach in bytes, as WeChat counts.
const maxText = 127

// checkPrepay adds v2's own rules to PrepayRequest.Validate.
func checkPrepay(r wxpay.PrepayRequest) error {
	switch {
	case len(r.Attach) > maxText:
		return errors.New("attach must be UTF-8 text of at most 127 bytes")
	case hidesField(r.Attach):
		// NB! it comes back in notifications, and verify would refuse it there.
		return errors.New("attach must not have &name= in it")
	case r.Way() == wxpay.H5 && len(sceneOf(r)) > 256:
		return errors.New("scene_info must have at most 256 bytes: the host of notify_url is too long")
	}
	return nil
}

func checkOutTradeNo(number string) error {
	if !isMadeOf(number, 6, 32, func(c byte) bool { return isTokenByte(c) || c == '|' || c == '*' }) {
		return errors.New("out_trade_no must be 6 to 32 of 0-9 A-Z a-z _ - | *")
	}
	return nil
}

func checkTransactionID(number string) error {
	if !isToken(number, 32) {
		return errors.New("transaction_id must be 1 to 32 of 0-9 A-Z a-z _ -")
	}
	return nil
}

func checkOutRefundNo(number string) error {
	if !isMadeOf(number, 1, 64, func(c byte) bool { return isTokenByte(c) || c == '|' || c == '*' || c == '@' }) {
		return errors.New("out_refund_no must be 1 to 64 of 0-9 A-Z a-z _ - | * @")
	}
	return nil
}

// checkBillDay has no lower limit: WeChat decides how old is too old.
func checkBillDay(day, now time.Time) error {
	if day.IsZero() || day.In(beijing).Format(time.DateOnly) >= now.In(beijing).Format(time.DateOnly) {
		return errors.New("bill_date must be a day before today in Beijing")
	}
	return nil
}

// isPrepayID only refuses an id that could pass for more than one field: the id is WeChat's.
func isPrepayID(id string) bool {
	return isMadeOf(id, 1, 64, func(c byte) bool { return isVisible(c) && c != '&' })
}

func isVisible(c byte) bool { return c > ' ' && c <= '~' }

// isToken checks an id that WeChat issued.
func isToken(text string, most int) bool { return isMadeOf(text, 1, most, isTokenByte) }

func isTokenByte(c byte) bool { return isAlphanumeric(c) || c == '_' || c == '-' }

func isAlphanumeric(c byte) bool {
	return isDigit(c) || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isMadeOf tells whether text has least to most bytes and ok accepts each.
func isMadeOf(text string, least, most int, ok func(byte) bool) bool {
	if len(text) < least || len(text) > most {
		return false
	}
	for i := range len(text) {
		if !ok(text[i]) {
			return false
		}
	}
	return true
}

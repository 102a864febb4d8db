package order

import (
	"crypto/sha256"
	"encoding/base32"
	"strconv"
	"strings"
)

// NewOutTradeNo makes WeChat's out_trade_no from our payment's id and a counter that starts at 1: 6 to 32 characters of
// [0-9A-Za-z_-]. The same input gives the same number, other input another one. A record id stays readable ("k3x…-1");
// an id that does not fit is hashed.
func NewOutTradeNo(id string, attempt int) string {
	readable := len(id) >= 4 && len(id) <= 24 && attempt >= 1 && attempt <= 9_999_999 && isNumberText(id)
	if readable {
		return id + "-" + strconv.Itoa(attempt)
	}
	sum := sha256.Sum256([]byte(strconv.Itoa(attempt) + ":" + id))
	// note: without a dash, so that it cannot be mistaken for a readable one.
	return "h" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// NewOutRefundNo makes WeChat's out_refund_no (at most 64 characters) from our refund's id. A new try after CLOSED is a
// new row, hence a new number.
func NewOutRefundNo(id string) string { return "r-" + NewOutTradeNo(id, 1) }

// AutoRefundNo is the number of the only automatic refund of a payment. It is fixed, so that doing it twice refunds
// once.
func AutoRefundNo(paymentID string) string { return "auto-" + NewOutTradeNo(paymentID, 1) }

// GiveBackNo is the number under which a person gives a disputed payment back. The first is AutoRefundNo, so that both
// ways together refund once; the next is used after WeChat refused or closed the one before.
func GiveBackNo(paymentID string, try int) string { return "auto-" + NewOutTradeNo(paymentID, try) }

// isNumberText reports whether both API versions accept every character.
func isNumberText(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// MayBeOutTradeNo tells whether NewOutTradeNo may have made the number from a record's id.
func MayBeOutTradeNo(number string) bool {
	id, counter, found := strings.Cut(number, "-")
	if !found {
		return len(number) == 27 && number[0] == 'h' && isNumberText(number)
	}
	_, err := strconv.ParseUint(counter, 10, 32)
	return err == nil && len(id) == 15 && strings.ToLower(id) == id && isNumberText(id)
}

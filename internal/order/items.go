package order

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of an order.
const (
	MaxLines       = 100         // lines of one order
	MaxQuantity    = 999         // pieces of one line
	MaxTotal       = 100_000_000 // fen, one million yuan
	MaxDescription = 127         // bytes of the text that the payer sees
)

// Why an order is invalid; test with errors.Is.
var (
	ErrItemsCount = errors.New("order needs 1 to 100 lines")
	ErrQuantity   = errors.New("quantity is not between 1 and 999")
	ErrPrice      = errors.New("price is not between 0 and 100000000 fen")
	ErrTotal      = errors.New("total is not between 1 and 100000000 fen")
)

// Item is one line of an order as it was sold, stored in orders.items.
type Item struct {
	Product  string `json:"product"` // record id
	Name     string `json:"name"`
	Price    int64  `json:"price"` // fen, of one piece
	Quantity int    `json:"quantity"`

	Variant     string `json:"variant,omitempty"` // record id of the specification; empty for a product without any
	VariantName string `json:"variantName,omitempty"`
}

// Title is the line's name: the product with its specification.
func (i Item) Title() string {
	if i.VariantName == "" {
		return i.Name
	}
	return i.Name + " " + i.VariantName
}

// Total returns the sum of the items, in fen. It checks every limit, so the sum cannot overflow.
func Total(items []Item) (int64, error) {
	if len(items) < 1 || len(items) > MaxLines {
		return 0, fmt.Errorf("add up %d lines: %w", len(items), ErrItemsCount)
	}
	var total int64
	for i, item := range items {
		switch {
		case item.Quantity < 1 || item.Quantity > MaxQuantity:
			return 0, fmt.Errorf("add up line %d: %w", i+1, ErrQuantity)
		case item.Price < 0 || item.Price > MaxTotal:
			return 0, fmt.Errorf("add up line %d: %w", i+1, ErrPrice)
		}
		total += item.Price * int64(item.Quantity) // at most 100 * 999 * 1e8 < 2^63
	}
	if total < 1 || total > MaxTotal {
		return 0, fmt.Errorf("add up %d lines: %w", len(items), ErrTotal)
	}
	return total, nil
}

// FitDescription cuts a foreign description to WeChat's limit, without splitting a character.
func FitDescription(text string) string { return cutBytes(text, MaxDescription) }

// Description describes the goods in at most 127 bytes: "三鲜面", "三鲜面 x2", or "三鲜面等3件" for several products. It is never
// empty and never splits a character.
func Description(items []Item) string {
	if len(items) == 0 {
		return "商品"
	}
	pieces := 0
	for _, item := range items {
		pieces += item.Quantity
	}
	name := cleanText(items[0].Title())
	if name == "" {
		name = "商品"
	}
	suffix := ""
	switch {
	case len(items) > 1:
		suffix = fmt.Sprintf("等%d件", pieces)
	case pieces > 1:
		suffix = fmt.Sprintf(" x%d", pieces)
	}
	return cutBytes(name, MaxDescription-len(suffix)) + suffix
}

// cleanText removes characters that a cashier's page or an XML document cannot contain.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError || unicode.IsControl(r) || isBidi(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// isBidi reports the marks that reorder text: in a name they could make a line read differently.
func isBidi(r rune) bool {
	return r == 0x061C || r == 0x200E || r == 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069
}

// cutBytes cuts valid UTF-8 to at most limit bytes, between two characters.
func cutBytes(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

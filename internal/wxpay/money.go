package wxpay

import (
	"errors"
	"fmt"
	"strings"
)

// maxYuanDigits is how many digits the whole yuan of an amount may have.
const maxYuanDigits = 8

var errYuan = errors.New("amount is not yuan like 12 or 12.34")

// Fen is an amount of money in fen (分), a hundredth of a yuan.
type Fen int64

// String gives the amount in yuan with two decimals, such as "12.34" or "-0.05".
func (f Fen) String() string {
	// note: the smallest int64 has no positive twin, so the magnitude is unsigned.
	sign, magnitude := "", uint64(f) //nolint:gosec // two's complement is what the next line undoes
	if f < 0 {
		sign, magnitude = "-", -magnitude
	}
	return fmt.Sprintf("%s%d.%02d", sign, magnitude/100, magnitude%100)
}

// ParseYuan reads yuan as WeChat's bills and people write them: up to eight digits, optionally a dot and one or two
// digits. It refuses signs, spaces, grouping, exponents and a third decimal.
//
// NB! digits go straight into an integer: int64(0.29*100) is 28.
func ParseYuan(text string) (Fen, error) {
	fen, err := parseDecimal(text, maxYuanDigits, 2)
	return Fen(fen), err
}

// parseDecimal reads yuan with at most so many digits and decimals, and returns the number of units of the last
// decimal. Eighteen digits in all fit an int64.
func parseDecimal(text string, digits, decimals int) (int64, error) {
	yuan, rest, dotted := strings.Cut(text, ".")
	if !areDigits(yuan, digits) || dotted && !areDigits(rest, decimals) {
		return 0, errYuan
	}
	return parseDigits(yuan + rest + strings.Repeat("0", decimals-len(rest))), nil
}

// parseDigits reads a text that areDigits accepts.
func parseDigits(text string) (n int64) {
	for _, digit := range []byte(text) {
		n = n*10 + int64(digit-'0')
	}
	return n
}

// areDigits tells whether text is 1 to limit ASCII digits.
func areDigits(text string, limit int) bool {
	if text == "" || len(text) > limit {
		return false
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

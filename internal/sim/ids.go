package sim

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"
)

const (
	digits    = "0123456789"
	letters   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	alnum     = digits + letters
	urlAlnum  = alnum + "_-"
	beijingUT = 8 * 60 * 60
)

// beijing is the zone in which WeChat writes its times.
func beijing() *time.Location { return time.FixedZone("CST", beijingUT) }

// stamp writes t as WeChat Pay does: RFC 3339, seconds, +08:00.
func stamp(t time.Time) string { return t.In(beijing()).Format("2006-01-02T15:04:05-07:00") }

// pick makes n random characters out of alphabet.
func pick(alphabet string, n int) string {
	out := make([]byte, 0, n)
	limit := 256 - 256%len(alphabet) // note: larger bytes are thrown away, or the first letters would come more often
	for len(out) < n {
		for _, b := range random(n) {
			if int(b) < limit && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// random gives n bytes from the system.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // note: never returns an error since Go 1.24
	return b
}

func hexID(bytes int) string { return hex.EncodeToString(random(bytes)) }

// chance is true with probability p.
func chance(p float64) bool {
	b := random(4)
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return float64(n)/float64(1<<32) < p
}

// The shapes are those seen in the wild: see facts on identifier shapes.
func newAppID() string      { return "wx" + hexID(8) }
func newSessionKey() string { return base64.StdEncoding.EncodeToString(random(16)) }
func newLoginCode() string  { return "0" + pick(alnum, 31) }
func newPhoneCode() string  { return hexID(32) }
func newToken() string      { return "9" + pick(digits, 1) + "_" + pick(urlAlnum, 149) }

// newOpenID never begins as the magic ones do.
func newOpenID() string {
	for {
		if id := "o" + pick(urlAlnum, 27); id[:5] != magicOpenID {
			return id
		}
	}
}

// newPrepayID is wx, the time in Beijing and 20 hex digits: 36 characters.
func newPrepayID(now time.Time) string {
	return "wx" + now.In(beijing()).Format("20060102150405") + hexID(10)
}

// newRefundNumber is the out_refund_no that the platform makes up for a refund by hand.
func newRefundNumber(now time.Time) string {
	return now.In(beijing()).Format("20060102150405") + pick(digits, 14)
}

// newTransactionID is 28 digits with the day in the middle.
func newTransactionID(now time.Time) string {
	return "4200" + pick(digits, 6) + now.In(beijing()).Format("20060102") + pick(digits, 10)
}

// newRefundID is 28 digits with the day in the middle.
func newRefundID(now time.Time) string {
	return "50300" + pick(digits, 5) + now.In(beijing()).Format("20060102") + pick(digits, 10)
}

// rid is WeChat's request id: three groups of eight hex digits, the first is the Unix time.
func rid(now time.Time) string {
	return fmt.Sprintf("%08x-%s-%s", now.Unix(), hexID(4), hexID(4))
}

// newUUID is a random UUID (version 4).
func newUUID() string {
	b := random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

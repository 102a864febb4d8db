package wire

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"
)

// The alphabets of Pick, and Beijing's offset.
const (
	Digits    = "0123456789"
	letters   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	Alnum     = Digits + letters
	URLAlnum  = Alnum + "_-"
	beijingUT = 8 * 60 * 60
)

// Beijing is the zone in which WeChat writes its times.
func Beijing() *time.Location { return time.FixedZone("CST", beijingUT) }

// Stamp writes t as WeChat Pay does: RFC 3339, seconds, +08:00.
func Stamp(t time.Time) string { return t.In(Beijing()).Format("2006-01-02T15:04:05-07:00") }

// Pick makes n random characters out of alphabet.
func Pick(alphabet string, n int) string {
	out := make([]byte, 0, n)
	limit := 256 - 256%len(alphabet) // note: larger bytes are dropped, or the first letters would be more frequent
	for len(out) < n {
		for _, b := range Random(n) {
			if int(b) < limit && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// Random gives n bytes from the system.
func Random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // note: never returns an error since Go 1.24
	return b
}

// HexID is so many random bytes in hex.
func HexID(bytes int) string { return hex.EncodeToString(Random(bytes)) }

// Chance is true with probability p.
func Chance(p float64) bool {
	b := Random(4)
	n := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	return float64(n)/float64(1<<32) < p
}

// NewAppID is an appid. The shapes from here on are those observed: see the facts on identifier shapes.
func NewAppID() string { return "wx" + HexID(8) }

// NewSessionKey is a session_key: 16 bytes in base64.
func NewSessionKey() string { return base64.StdEncoding.EncodeToString(Random(16)) }

// NewLoginCode is a code of wx.login.
func NewLoginCode() string { return "0" + Pick(Alnum, 31) }

// NewPhoneCode is a code of the phone number button.
func NewPhoneCode() string { return HexID(32) }

// NewToken is an access_token.
func NewToken() string { return "9" + Pick(Digits, 1) + "_" + Pick(URLAlnum, 149) }

// MagicOpenID is the beginning of openids that contain an errcode (api.weixin.qq.com) or a fault of prepay: oSIM-43101.
const MagicOpenID = "oSIM-"

// NewOpenID never begins like the magic ones.
func NewOpenID() string {
	for {
		if id := "o" + Pick(URLAlnum, 27); id[:5] != MagicOpenID {
			return id
		}
	}
}

// NewPrepayID is wx, the time in Beijing and 20 hex digits: 36 characters.
func NewPrepayID(now time.Time) string {
	return "wx" + now.In(Beijing()).Format("20060102150405") + HexID(10)
}

// NewRefundNumber is the platform's out_refund_no of a refund by hand.
func NewRefundNumber(now time.Time) string {
	return now.In(Beijing()).Format("20060102150405") + Pick(Digits, 14)
}

// NewTransactionID is 28 digits with the day in the middle.
func NewTransactionID(now time.Time) string {
	return "4200" + Pick(Digits, 6) + now.In(Beijing()).Format("20060102") + Pick(Digits, 10)
}

// NewRefundID is 28 digits with the day in the middle.
func NewRefundID(now time.Time) string {
	return "50300" + Pick(Digits, 5) + now.In(Beijing()).Format("20060102") + Pick(Digits, 10)
}

// RID is WeChat's request id: three groups of eight hex digits, the first is the Unix time.
func RID(now time.Time) string {
	return fmt.Sprintf("%08x-%s-%s", now.Unix(), HexID(4), HexID(4))
}

// NewUUID is a random UUID (version 4).
func NewUUID() string {
	b := Random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

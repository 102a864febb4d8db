package v2

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"

	"wxbase/internal/wxpay"
)

// How documents are signed, the values of Merchant.SignType.
const (
	SignMD5        = "MD5"         // what WeChat takes when nothing is said
	SignHMACSHA256 = "HMAC-SHA256" // ours when nothing is set
)

const (
	fieldSign     = "sign"
	fieldSignType = "sign_type"
)

// fields is one flat document. Amounts are text too: text is what is signed.
type fields map[string]string

// signer signs and verifies with the APIv2 key, in one sign type only.
//
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3 (安全规范, 签名算法).
type signer struct{ signType, key string }

// text is what is signed: every field that is not empty, known or not, in the order of the bytes of the names.
func (s signer) text(f fields) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if name != fieldSign && f[name] != "" {
			b.WriteString(name + "=" + f[name] + "&")
		}
	}
	return b.String() + "key=" + s.key
}

// sign gives upper-case hex: 32 digits of MD5, 64 of HMAC-SHA256.
func (s signer) sign(f fields) string {
	var sum hash.Hash
	if s.signType == SignMD5 {
		sum = md5.New()
	} else {
		sum = hmac.New(sha256.New, []byte(s.key))
	}
	sum.Write([]byte(s.text(f)))
	return strings.ToUpper(hex.EncodeToString(sum.Sum(nil)))
}

// verify wraps wxpay.ErrNotifySignature, which here speaks of answers too.
func (s signer) verify(f fields) error {
	switch {
	case f[fieldSign] == "":
		return fmt.Errorf("%w: it has none", wxpay.ErrNotifySignature)
	case f[fieldSignType] != "" && f[fieldSignType] != s.signType:
		// NB! the type is ours to choose: who could choose MD5 for us would only have to break MD5.
		return fmt.Errorf("%w: its type is not %s", wxpay.ErrNotifySignature, s.signType)
	case !hmac.Equal([]byte(s.sign(f)), []byte(f[fieldSign])):
		return wxpay.ErrNotifySignature
	}
	for name, value := range f {
		// NB! attach=a&total_fee=1 is signed just like attach=a and total_fee=1.
		if hidesField(value) {
			return fmt.Errorf("%w: %s can be read as several fields", wxpay.ErrNotifySignature, name)
		}
	}
	return nil
}

// hidesField tells whether a value holds &name=, and so may be a part of the signed line put in one value.
func hidesField(value string) bool {
	for {
		_, rest, found := strings.Cut(value, "&")
		if !found {
			return false
		}
		if n := strings.IndexFunc(rest, isNotName); n > 0 && rest[n] == '=' {
			return true
		}
		value = rest
	}
}

func isNotName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

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
	SignMD5        = "MD5"         // WeChat's default
	SignHMACSHA256 = "HMAC-SHA256" // our default
)

const (
	fieldSign     = "sign"
	fieldSignType = "sign_type"
)

// fields is one flat document. Amounts are text too, because the signature covers text.
type fields map[string]string

// signer signs and verifies with the APIv2 key, in one sign type only.
//
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3 (安全规范, 签名算法).
type signer struct{ signType, key string }

// text is the signed line: every non-empty field, known or not, sorted by the bytes of its name.
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

// verify wraps wxpay.ErrNotifySignature, for answers too.
func (s signer) verify(f fields) error {
	switch {
	case f[fieldSign] == "":
		return fmt.Errorf("%w: it has none", wxpay.ErrNotifySignature)
	case f[fieldSignType] != "" && f[fieldSignType] != s.signType:
		// NB! we choose the type: a message that could choose MD5 would be only as strong as MD5.
		return fmt.Errorf("%w: its type is not %s", wxpay.ErrNotifySignature, s.signType)
	case !hmac.Equal([]byte(s.sign(f)), []byte(f[fieldSign])):
		return wxpay.ErrNotifySignature
	}
	for name, value := range f {
		// NB! attach=a&total_fee=1 is signed just like attach=a and total_fee=1.
		if name == fieldPage {
			// note: the page of an H5 payment has &package= in it. No two fields read like that: nonce_str, which every message
			// has, is signed between them.
			value = strings.Replace(value, "&package=", "", 1)
		}
		if hidesField(value) {
			return fmt.Errorf("%w: %s can be read as several fields", wxpay.ErrNotifySignature, name)
		}
	}
	return nil
}

// fieldPage is the page of an H5 payment.
const fieldPage = "mweb_url"

// hidesField tells whether a value contains &name=, and so could contain another field of the signed line.
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

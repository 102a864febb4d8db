package wire

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The two sign types of API v2.
const (
	SignMD5  = "MD5"
	SignHMAC = "HMAC-SHA256"
)

// SignV2 signs every non-empty field except sign: sorted by name, joined, with the APIv2 key at the end.
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3 (签名算法)
func SignV2(fields map[string]string, apiV2Key, signType string) string {
	return HashLineV2(LineV2(fields, apiV2Key), apiV2Key, signType)
}

// HashLineV2 is the hash of a complete signed line, in capitals.
func HashLineV2(line, apiV2Key, signType string) string {
	if signType == SignHMAC {
		mac := hmac.New(sha256.New, []byte(apiV2Key))
		mac.Write([]byte(line))
		return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
	}
	sum := md5.Sum([]byte(line))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// VerifyV2 checks sign over all fields received, known or not.
func VerifyV2(fields map[string]string, apiV2Key, signType string) bool {
	return hmac.Equal([]byte(fields["sign"]), []byte(SignV2(fields, apiV2Key, signType)))
}

// SealReqInfo encrypts a refund as v2 does: AES-256-ECB with PKCS#7 under the lower-case hex MD5 of the APIv2 key, in
// base64.
//
// note: ECB is WeChat's choice; it does not prove who wrote the text.
func SealReqInfo(apiV2Key string, plain []byte) (string, error) {
	sum := md5.Sum([]byte(apiV2Key))
	block, err := aes.NewCipher([]byte(hex.EncodeToString(sum[:])))
	if err != nil {
		return "", fmt.Errorf("use the APIv2 key: %w", err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	sealed := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(pad)}, pad)...)
	for at := 0; at < len(sealed); at += aes.BlockSize {
		block.Encrypt(sealed[at:at+aes.BlockSize], sealed[at:at+aes.BlockSize])
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// LineV2 is the text that v2 signs, with any key.
func LineV2(fields map[string]string, key string) string {
	var line strings.Builder
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "sign" && fields[name] != "" {
			line.WriteString(name + "=" + fields[name] + "&")
		}
	}
	return line.String() + "key=" + key
}

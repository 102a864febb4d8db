package sim

import (
	"bytes"
	"crypto/aes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// The two ways of API v2 to sign.
const (
	signMD5  = "MD5"
	signHMAC = "HMAC-SHA256"
)

// signV2 signs every field that has a value, except sign: sorted by name, joined, with the APIv2 key at the end.
// https://pay.weixin.qq.com/wiki/doc/api/jsapi.php?chapter=4_3 (签名算法)
func signV2(fields map[string]string, apiV2Key, signType string) string {
	return hashLineV2(lineV2(fields, apiV2Key), apiV2Key, signType)
}

// hashLineV2 is the hash of a text that is ready to be signed, in capitals.
func hashLineV2(line, apiV2Key, signType string) string {
	if signType == signHMAC {
		mac := hmac.New(sha256.New, []byte(apiV2Key))
		mac.Write([]byte(line))
		return strings.ToUpper(hex.EncodeToString(mac.Sum(nil)))
	}
	sum := md5.Sum([]byte(line))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// verifyV2 checks sign over all fields received, known or not.
func verifyV2(fields map[string]string, apiV2Key, signType string) bool {
	return hmac.Equal([]byte(fields["sign"]), []byte(signV2(fields, apiV2Key, signType)))
}

// sealReqInfo is how v2 hides a refund: AES-256-ECB with PKCS#7 under the lower-case hex MD5 of the APIv2 key, in base64.
//
// note: ECB is WeChat's choice; it proves nothing about who wrote the text.
func sealReqInfo(apiV2Key string, plain []byte) (string, error) {
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

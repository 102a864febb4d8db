package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// SignRawData is the signature of open data: lowercase hex of SHA1(rawData + session_key), with the key as base64 text.
// https://developers.weixin.qq.com/miniprogram/dev/framework/open-ability/signature.html (开放数据校验与解密)
func SignRawData(rawData, sessionKey string) string {
	// note: WeChat signs open data with SHA-1; the secret session_key protects it
	sum := sha1.Sum([]byte(rawData + sessionKey))
	return hex.EncodeToString(sum[:])
}

// EncryptOpenData is AES-128-CBC with PKCS#7 under session_key; all three texts are base64.
func EncryptOpenData(plain []byte, sessionKey, iv string) (string, error) {
	key, err := base64.StdEncoding.DecodeString(sessionKey)
	if err != nil {
		return "", fmt.Errorf("decode session_key: %w", err)
	}
	start, err := base64.StdEncoding.DecodeString(iv)
	if err != nil || len(start) != aes.BlockSize {
		return "", fmt.Errorf("decode iv of %d bytes: want %d", len(start), aes.BlockSize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("use session_key: %w", err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	padded := make([]byte, len(plain)+pad)
	copy(padded, plain)
	for i := len(plain); i < len(padded); i++ {
		padded[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, start).CryptBlocks(padded, padded)
	return base64.StdEncoding.EncodeToString(padded), nil
}

// SealOpenData encrypts plain under sessionKey with a new iv.
func SealOpenData(plain []byte, sessionKey string) (encryptedData, iv string, err error) {
	iv = base64.StdEncoding.EncodeToString(Random(aes.BlockSize))
	encryptedData, err = EncryptOpenData(plain, sessionKey, iv)
	return encryptedData, iv, err
}

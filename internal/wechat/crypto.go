package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" // WeChat's choice
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// opOpenData names an operation that is not a call, in errors.
const opOpenData = "decryptOpenData"

// openDataLimit limits encryptedData in base64 characters; real ones have a few thousand.
const openDataLimit = 256 << 10

var (
	// ErrDecrypt means: this session_key does not decrypt the data. The key is probably stale: the phone calls wx.login
	// first and then fetches the data anew. All faults of the content look the same, so that the error is not an
	// oracle.
	ErrDecrypt = errors.New("open data does not decrypt under this session key")
	// ErrMalformed means: with no key can the data be WeChat's, because it is not base64, or has a wrong length. It
	// matches ErrDecrypt too, so check for it first.
	ErrMalformed = errors.New("open data is malformed")
	// ErrWatermark means: the data is for another mini program, or lacks the appid.
	ErrWatermark = errors.New("watermark is not of this mini program")
)

// VerifySignature checks the signature that wx.getUserInfo returns with rawData: sha1(rawData + session_key) in lower
// case (framework/open-ability/signature.html, 开放数据校验与解密). rawData must be the phone's exact string.
func VerifySignature(rawData string, key SessionKey, signature string) bool {
	if key == "" {
		return false
	}
	sum := sha1.Sum([]byte(rawData + key.Reveal()))
	want := hex.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(signature)) == 1
}

// OpenData is the content of a phone's encryptedData: a user's profile, number, steps or group.
type OpenData struct {
	// JSON is the whole object.
	JSON json.RawMessage
	// AppID is the watermark's, already checked.
	AppID string
	// Timestamp is when WeChat made it. note: old data decrypts too; the caller decides about freshness.
	Timestamp time.Time
}

// Phone reads the number of the old getPhoneNumber button, which has no code.
func (d OpenData) Phone() (Phone, error) {
	var wire phoneWire
	if err := decode(d.JSON, &wire); err != nil {
		return Phone{}, badAnswer(opOpenData, err)
	}
	phone, err := wire.phone(d.AppID)
	if err != nil {
		return Phone{}, badAnswer(opOpenData, err)
	}
	return phone, nil
}

// DecryptOpenData opens encryptedData: AES-128-CBC with PKCS#7 under session_key and iv, all base64, at most 256 KiB
// (framework/open-ability/signature.html, 加密数据解密算法). The watermark must name appID.
// Errors: ErrMalformed, ErrDecrypt, ErrWatermark.
func DecryptOpenData(key SessionKey, encryptedData, iv, appID string) (OpenData, error) {
	plain, err := decryptCBC(key, encryptedData, iv)
	if err != nil {
		return OpenData{}, err
	}
	var wire struct {
		Watermark watermarkWire `json:"watermark"`
	}
	// note: encoding/json silently repairs bad UTF-8, which a wrong key produces.
	if !utf8.Valid(plain) || len(plain) == 0 || plain[0] != '{' || json.Unmarshal(plain, &wire) != nil {
		return OpenData{}, ErrDecrypt
	}
	if appID == "" || wire.Watermark.AppID != appID {
		return OpenData{}, ErrWatermark
	}
	mark := wire.Watermark.watermark()
	return OpenData{JSON: plain, AppID: mark.AppID, Timestamp: mark.Timestamp}, nil
}

// decryptCBC checks every length before decryption: CryptBlocks panics on an incomplete block.
func decryptCBC(key SessionKey, encryptedData, iv string) ([]byte, error) {
	if len(encryptedData) > openDataLimit || len(iv) > 64 {
		return nil, malformed("too long")
	}
	data, err := base64.StdEncoding.DecodeString(encryptedData)
	if err != nil {
		return nil, malformed("encryptedData is not base64")
	}
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, malformed("encryptedData is not whole blocks")
	}
	vector, err := base64.StdEncoding.DecodeString(iv)
	if err != nil || len(vector) != aes.BlockSize {
		return nil, malformed("iv is not 16 bytes of base64")
	}
	secret, err := base64.StdEncoding.DecodeString(key.Reveal())
	if err != nil || len(secret) != 16 {
		return nil, ErrDecrypt
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, ErrDecrypt
	}
	cipher.NewCBCDecrypter(block, vector).CryptBlocks(data, data)
	return unpad(data)
}

// unpad removes PKCS#7 padding of blocks of 16; message push pads to 32 instead.
func unpad(data []byte) ([]byte, error) {
	n := int(data[len(data)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, ErrDecrypt
	}
	for _, b := range data[len(data)-n:] {
		if int(b) != n {
			return nil, ErrDecrypt
		}
	}
	return data[:len(data)-n], nil
}

func malformed(why string) error { return fmt.Errorf("%w: %s: %w", ErrMalformed, why, ErrDecrypt) }

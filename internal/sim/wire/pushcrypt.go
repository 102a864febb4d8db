package wire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pushBlock is the block size of the padding. note: it is 32, not AES's 16, so the padding has 1 to 32 bytes.
const pushBlock = 32

// SignPush is lowercase hex of SHA1 over the parts, sorted and joined: token, timestamp and nonce, and for msg_signature
// the encrypted text too.
// https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html (消息推送)
func SignPush(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) // note: SHA-1 is WeChat's choice; the secret token protects it
	return hex.EncodeToString(sum[:])
}

// pushCipher is AES-256-CBC with the console's key, whose first 16 bytes are the iv.
func pushCipher(aesKey string) (block cipher.Block, iv []byte, err error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=") // note: not strict, the last character may have spare bits
	if err != nil || len(key) != 32 {
		return nil, nil, errors.New("the key is not 43 characters of base64")
	}
	block, err = aes.NewCipher(key)
	return block, key[:aes.BlockSize], err
}

// SealPush encrypts start (16 random bytes) + length + message + appid, in base64. pad is a parameter so that a fault
// can pad wrongly.
func SealPush(aesKey, appid string, start, message []byte, pad func([]byte) []byte) (string, error) {
	block, iv, err := pushCipher(aesKey)
	if err != nil {
		return "", fmt.Errorf("use pushAesKey: %w", err)
	}
	plain := slices.Concat(start, binary.BigEndian.AppendUint32(nil, uint32(len(message))), message, []byte(appid)) //nolint:gosec // a message is far below 4 GiB
	plain = pad(plain)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

// PadPush pads to whole blocks of 32 bytes.
func PadPush(plain []byte) []byte {
	n := pushBlock - len(plain)%pushBlock
	return append(plain, slices.Repeat([]byte{byte(n)}, n)...)
}

// PadPushWrongly ends in 0, which is not a valid padding.
func PadPushWrongly(plain []byte) []byte {
	return append(plain, make([]byte, pushBlock-len(plain)%pushBlock)...)
}

// ErrPushSeal says that an envelope cannot be decrypted.
var ErrPushSeal = errors.New("the encrypted text cannot be opened")

// OpenPush undoes SealPush and demands the same appid.
func OpenPush(aesKey, appid, sealed string) ([]byte, error) {
	block, iv, err := pushCipher(aesKey)
	if err != nil {
		return nil, fmt.Errorf("use pushAesKey: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(raw) == 0 || len(raw)%aes.BlockSize != 0 {
		return nil, ErrPushSeal
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(raw, raw)
	pad := int(raw[len(raw)-1])
	if pad < 1 || pad > pushBlock || len(raw)-pad < 20 {
		return nil, ErrPushSeal
	}
	raw = raw[:len(raw)-pad]
	size := int(binary.BigEndian.Uint32(raw[16:20]))
	if size > len(raw)-20 || string(raw[20+size:]) != appid {
		return nil, ErrPushSeal
	}
	return raw[20 : 20+size], nil
}

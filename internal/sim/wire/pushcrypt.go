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

// pushBlock is the block of the padding. note: not that of AES; it is 32 here, so a pad is 1 to 32 bytes.
const pushBlock = 32

// SignPush is lowercase hex of SHA1 over the parts, sorted and joined: token, timestamp and nonce, and for msg_signature
// the encrypted text too.
// https://developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push.html (消息推送)
func SignPush(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) // note: SHA-1 is WeChat's choice; the token keeps it from being forged
	return hex.EncodeToString(sum[:])
}

// pushCipher is AES-256-CBC with the key of the console; its first 16 bytes are the iv.
func pushCipher(aesKey string) (block cipher.Block, iv []byte, err error) {
	key, err := base64.StdEncoding.DecodeString(aesKey + "=") // note: not strict, the last character may hold spare bits
	if err != nil || len(key) != 32 {
		return nil, nil, errors.New("the key is not 43 characters of base64")
	}
	block, err = aes.NewCipher(key)
	return block, key[:aes.BlockSize], err
}

// SealPush encrypts start (16 random bytes) + length + message + appid, in base64. The padding is apart, so that a fault
// can make it wrong.
func SealPush(aesKey, appid string, start, message []byte, pad func([]byte) []byte) (string, error) {
	block, iv, err := pushCipher(aesKey)
	if err != nil {
		return "", fmt.Errorf("use pushAesKey: %w", err)
	}
	plain := slices.Concat(start, binary.BigEndian.AppendUint32(nil, uint32(len(message))), message, []byte(appid)) //nolint:gosec // a message is far from 4 GiB
	plain = pad(plain)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

// PadPush fills up to whole blocks of 32 bytes.
func PadPush(plain []byte) []byte {
	n := pushBlock - len(plain)%pushBlock
	return append(plain, slices.Repeat([]byte{byte(n)}, n)...)
}

// PadPushWrongly ends in a pad of 0, which there is none of.
func PadPushWrongly(plain []byte) []byte {
	return append(plain, make([]byte, pushBlock-len(plain)%pushBlock)...)
}

// ErrPushSeal says that an envelope does not open.
var ErrPushSeal = errors.New("the encrypted text cannot be opened")

// OpenPush undoes sealPush and wants the same appid.
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

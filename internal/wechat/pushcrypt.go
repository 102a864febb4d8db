package wechat

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" // WeChat's choice
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	aesKeyChars = 43
	// pushBlock is the block size of the padding. note: AES has blocks of 16, so the usual check refuses valid padding.
	pushBlock  = 32
	saltBytes  = 16
	lenBytes   = 4
	queryLimit = 512 // characters of one parameter
)

// pushKey decodes EncodingAESKey. note: its last character may have spare bits, so the decoding is lenient.
func pushKey(text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	key, err := base64.StdEncoding.DecodeString(text + "=")
	if len(text) != aesKeyChars || err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%w: EncodingAESKey is not 43 characters of base64", ErrPushConfig)
	}
	return key, nil
}

// onlyParam returns a parameter that must occur exactly once. NB! of two signatures one program checks the first and
// another the last.
func onlyParam(query url.Values, name string) (string, error) {
	values := query[name]
	if len(values) != 1 || values[0] == "" || len(values[0]) > queryLimit {
		return "", fmt.Errorf("%w: %s", ErrPushQuery, name)
	}
	return values[0], nil
}

// verify checks the named signature over token, time, nonce and the sealed part, if any, and then the time.
func (p *PushCodec) verify(query url.Values, name, sealed string, now time.Time) error {
	var values [3]string
	for i, parameter := range []string{name, "timestamp", "nonce"} {
		var err error
		if values[i], err = onlyParam(query, parameter); err != nil {
			return err
		}
	}
	want := p.sign(values[1], values[2], sealed)
	if subtle.ConstantTimeCompare([]byte(want), []byte(values[0])) != 1 {
		return ErrPushSignature
	}
	return p.fresh(values[1], now)
}

// sign is sha1 over the sorted parts, in lower case.
func (p *PushCodec) sign(timestamp, nonce, sealed string) string {
	parts := []string{p.config.Token, timestamp, nonce}
	if sealed != "" {
		parts = append(parts, sealed)
	}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// fresh refuses a push that is too old or from the future.
func (p *PushCodec) fresh(timestamp string, now time.Time) error {
	if len(timestamp) > 11 || strings.Trim(timestamp, "0123456789") != "" {
		return fmt.Errorf("%w: timestamp", ErrPushQuery)
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%w: timestamp", ErrPushQuery)
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > p.config.Window || age < -p.config.Window {
		return ErrPushStale
	}
	return nil
}

// isSealed says whether a push is encrypted. Any sign of it is enough, so that an incomplete one is refused and does
// not get the weaker check.
func isSealed(query url.Values, fields map[string]any) (bool, error) {
	kind := query["encrypt_type"]
	if len(kind) > 1 || len(kind) == 1 && kind[0] != "" && kind[0] != "raw" && kind[0] != "aes" {
		return false, fmt.Errorf("%w: encrypt_type", ErrPushQuery)
	}
	sealed, has := fields["Encrypt"]
	isSealed := has || query.Has("msg_signature") || slices.Contains(kind, "aes")
	if text, _ := sealed.(string); isSealed && text == "" {
		return false, fmt.Errorf("%w: it has no Encrypt", ErrPushMalformed)
	}
	return isSealed, nil
}

func (p *PushCodec) openPlain(query url.Values, now time.Time) error {
	if err := p.verify(query, "signature", "", now); err != nil {
		return err
	}
	if p.key != nil && !p.config.AllowPlain {
		return ErrPushPlain
	}
	return nil
}

// openSealed checks the signature before it decrypts, so that a forged push reveals nothing.
func (p *PushCodec) openSealed(query url.Values, fields map[string]any, now time.Time) ([]byte, error) {
	sealed, _ := fields["Encrypt"].(string)
	if err := p.verify(query, "msg_signature", sealed, now); err != nil {
		return nil, err
	}
	if p.key == nil {
		return nil, ErrPushNoKey
	}
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil || len(data) == 0 || len(data)%pushBlock != 0 {
		return nil, ErrPushDecrypt
	}
	block, err := aes.NewCipher(p.key)
	if err != nil {
		return nil, ErrPushDecrypt
	}
	cipher.NewCBCDecrypter(block, p.key[:aes.BlockSize]).CryptBlocks(data, data)
	return p.unwrap(data)
}

// unwrap takes the message out of 16 bytes of salt, its length, the message, the appid, and padding of 1 to 32 bytes.
func (p *PushCodec) unwrap(data []byte) ([]byte, error) {
	n := int(data[len(data)-1])
	if n == 0 || n > pushBlock { // data has at least 32 bytes
		return nil, ErrPushDecrypt
	}
	padding := data[len(data)-n:]
	data = data[:len(data)-n]
	if !bytes.Equal(padding, bytes.Repeat([]byte{byte(n)}, n)) || len(data) < saltBytes+lenBytes {
		return nil, ErrPushDecrypt
	}
	length, rest := binary.BigEndian.Uint32(data[saltBytes:]), data[saltBytes+lenBytes:]
	if uint64(length) > uint64(len(rest)) {
		return nil, ErrPushDecrypt
	}
	if string(rest[length:]) != p.config.AppID {
		return nil, ErrPushAppID
	}
	return rest[:length], nil
}

// seal encrypts an answer, signs it, and puts both into the envelope. The nonce is the push's.
func (p *PushCodec) seal(m PushMessage, reply []byte, now time.Time) ([]byte, error) {
	if p.key == nil {
		return nil, ErrPushNoKey
	}
	sealed, err := p.encrypt(reply)
	if err != nil {
		return nil, err
	}
	seconds := now.Unix()
	signature := p.sign(strconv.FormatInt(seconds, 10), m.nonce, sealed)
	if m.Format == PushXML {
		var nonce bytes.Buffer
		if err := xml.EscapeText(&nonce, []byte(m.nonce)); err != nil {
			return nil, fmt.Errorf("write nonce: %w", err)
		}
		return fmt.Appendf(nil, "<xml><Encrypt><![CDATA[%s]]></Encrypt><MsgSignature><![CDATA[%s]]></MsgSignature>"+
			"<TimeStamp>%d</TimeStamp><Nonce>%s</Nonce></xml>", sealed, signature, seconds, nonce.Bytes()), nil
	}
	return encode(struct {
		Encrypt, MsgSignature string
		TimeStamp             int64
		Nonce                 string
	}{sealed, signature, seconds, m.nonce})
}

// encrypt wraps, pads and encrypts a message, and returns base64.
func (p *PushCodec) encrypt(message []byte) (string, error) {
	if len(message) > PushLimit {
		return "", ErrPushTooLarge
	}
	data := make([]byte, saltBytes+lenBytes, saltBytes+lenBytes+len(message)+len(p.config.AppID)+pushBlock)
	if _, err := io.ReadFull(p.config.Rand, data[:saltBytes]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	binary.BigEndian.PutUint32(data[saltBytes:], uint32(len(message))) //nolint:gosec // at most PushLimit
	data = append(append(data, message...), p.config.AppID...)
	n := pushBlock - len(data)%pushBlock
	data = append(data, bytes.Repeat([]byte{byte(n)}, n)...)
	block, err := aes.NewCipher(p.key)
	if err != nil {
		return "", fmt.Errorf("make cipher: %w", err)
	}
	cipher.NewCBCEncrypter(block, p.key[:aes.BlockSize]).CryptBlocks(data, data)
	return base64.StdEncoding.EncodeToString(data), nil
}

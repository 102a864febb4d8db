package wechat_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" // WeChat's choice
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/wechat"
)

// pushVectors are the official samples of testdata/push.json.
type pushVectors struct {
	Token, AESKey, AppID string
	Verify               struct{ Timestamp, Nonce, Signature, Echostr string }
	Plain                struct{ Timestamp, Nonce, Signature string }
	Safe                 struct {
		Timestamp, Nonce, Signature, MsgSignature, Encrypt, Random, Message string
	}
	Reply struct {
		Timestamp                                     int64
		Nonce, Random, Message, Encrypt, MsgSignature string
	}
}

var loadPushVectors = sync.OnceValues(func() (v pushVectors, err error) {
	b, err := os.ReadFile("testdata/push.json")
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	return v, err
})

func pushGolden(tb testing.TB) pushVectors {
	tb.Helper()
	v, err := loadPushVectors()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

const (
	pushToken = "token-of-the-test"
	// pushAESKey is the base64 of 32 bytes, without its last character.
	pushAESKey = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
	pushNonce  = "n0nce"
)

var pushTime = time.Unix(1714112445, 0)

func pushConfig() wechat.PushConfig {
	return wechat.PushConfig{AppID: appID, Token: pushToken, AESKey: pushAESKey}
}

func codec(tb testing.TB, config wechat.PushConfig) *wechat.PushCodec {
	tb.Helper()
	c, err := wechat.NewPushCodec(config)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// signPush signs as WeChat does, written from the document.
func signPush(parts ...string) string {
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, "")))
	return hex.EncodeToString(sum[:])
}

// padPush pads to blocks of 32.
func padPush(data []byte) []byte {
	n := 32 - len(data)%32
	return append(data, strings.Repeat(string([]byte{byte(n)}), n)...)
}

// framePush is the plain text before padding.
func framePush(message, appID string) []byte {
	frame := binary.BigEndian.AppendUint32([]byte("0123456789abcdef"), uint32(len(message)))
	return append(append(frame, message...), appID...)
}

// cryptPush encrypts as WeChat does, in blocks of 16, without padding.
func cryptPush(tb testing.TB, padded []byte) string {
	tb.Helper()
	key, err := base64.StdEncoding.DecodeString(pushAESKey + "=")
	if err != nil {
		tb.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		tb.Fatal(err)
	}
	out := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, key[:16]).CryptBlocks(out, padded)
	return base64.StdEncoding.EncodeToString(out)
}

// plainQuery is the address of a plain push.
func plainQuery() url.Values {
	return url.Values{
		"signature": {signPush(pushToken, "1714112445", pushNonce)}, "timestamp": {"1714112445"}, "nonce": {pushNonce}, "openid": {openID},
	}
}

// sealedQuery is the address of an encrypted push.
func sealedQuery(sealed string) url.Values {
	query := plainQuery()
	query.Set("encrypt_type", "aes")
	query.Set("msg_signature", signPush(pushToken, "1714112445", pushNonce, sealed))
	return query
}

// sealPush makes an encrypted push of a message.
func sealPush(tb testing.TB, message string) (query url.Values, sealed string) {
	tb.Helper()
	sealed = cryptPush(tb, padPush(framePush(message, appID)))
	return sealedQuery(sealed), sealed
}

const (
	textJSON = `{"ToUserName":"gh_97417a04a28d","FromUserName":"` + openID + `","CreateTime":1714112445,"MsgType":"text","Content":"你好 <b>","MsgId":23456789012345678}`
	textXML  = `<xml><ToUserName><![CDATA[gh_97417a04a28d]]></ToUserName><FromUserName><![CDATA[` + openID + `]]></FromUserName>` +
		`<CreateTime>1714112445</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好 <b>]]></Content><MsgId>23456789012345678</MsgId></xml>`
)

package wechat

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"
)

const (
	// PushLimit is the largest body of a push, in bytes.
	PushLimit = 64 << 10
	// PushWindow is the default of [PushConfig.Window].
	PushWindow = 5 * time.Minute
)

// Why a push is refused.
var (
	// ErrPushConfig means: the token or the key in the app's push settings is invalid.
	ErrPushConfig = errors.New("push settings are not usable")
	// ErrPushQuery means: a parameter in the address is missing, repeated or invalid.
	ErrPushQuery = errors.New("push address lacks a parameter")
	// ErrPushStale means: its time is too far from ours. Check the clock; WeChat's pushes are seconds old.
	ErrPushStale = errors.New("push is not of this time")
	// ErrPushSignature means: the signature is wrong: the token differs from WeChat's, or the sender is not WeChat.
	ErrPushSignature = errors.New("push signature is wrong")
	// ErrPushTooLarge means: the body is over PushLimit.
	ErrPushTooLarge = errors.New("push is too large")
	// ErrPushMalformed means: the body is neither the JSON nor the XML of a push.
	ErrPushMalformed = errors.New("push is malformed")
	// ErrPushNoKey means: the push is encrypted and the settings have no EncodingAESKey.
	ErrPushNoKey = errors.New("push is encrypted, and there is no key")
	// ErrPushPlain means: the push is plain, and the settings demand encryption.
	ErrPushPlain = errors.New("push is not encrypted")
	// ErrPushDecrypt means: decryption failed: EncodingAESKey differs from WeChat's.
	ErrPushDecrypt = errors.New("push does not decrypt")
	// ErrPushAppID means: the push is for another app.
	ErrPushAppID = errors.New("push is for another app")
	// ErrPushEvent means: the message is another event than expected.
	ErrPushEvent = errors.New("push is another event")
)

// PushConfig is an app's settings of 消息推送 in WeChat's console.
type PushConfig struct {
	AppID string
	// Token is 3 to 32 letters and digits, and never empty. NB! It prints as a mask.
	Token string
	// AESKey is EncodingAESKey, 43 characters of base64; empty for an app with plain pushes. With a key only encrypted
	// pushes are accepted. NB! It prints as a mask.
	AESKey string
	// AllowPlain accepts plain pushes although there is a key, for 明文模式. NB! Their signature does not cover the body:
	// with one address an attacker can send any message for a while.
	AllowPlain bool
	// Window is the allowed difference between a push's time and ours, in both directions; 0 is [PushWindow].
	Window time.Duration
	// Rand is the source of nonces and salts; nil is crypto/rand.
	Rand io.Reader
}

// PushFormat is the encoding of a message.
type PushFormat string

// The formats.
const (
	PushJSON PushFormat = "json"
	PushXML  PushFormat = "xml"
)

// PushCodec checks and decrypts WeChat's pushes to one app, and encrypts the answers. It is safe for concurrent use.
type PushCodec struct {
	config PushConfig
	key    []byte // nil for an app without one
}

// NewPushCodec checks the settings; the error is [ErrPushConfig] with the reason.
func NewPushCodec(config PushConfig) (*PushCodec, error) {
	if config.AppID == "" {
		return nil, fmt.Errorf("%w: appid is not set", ErrPushConfig)
	}
	if config.Token == "" {
		// NB! without a token anybody can sign.
		return nil, fmt.Errorf("%w: token is not set", ErrPushConfig)
	}
	if config.Window < 0 {
		return nil, fmt.Errorf("%w: window is negative", ErrPushConfig)
	}
	if config.Window == 0 {
		config.Window = PushWindow
	}
	if config.Rand == nil {
		config.Rand = rand.Reader
	}
	key, err := pushKey(config.AESKey)
	if err != nil {
		return nil, err
	}
	return &PushCodec{config: config, key: key}, nil
}

// VerifyURL checks the GET with which WeChat verifies a new address, and returns the echostr, which is the whole
// answer, as text/plain (framework/server-ability/message-push.html, 消息推送).
// Errors: ErrPushQuery, ErrPushStale, ErrPushSignature.
func (p *PushCodec) VerifyURL(query url.Values, now time.Time) (echostr string, err error) {
	echostr, err = onlyParam(query, "echostr")
	if err != nil {
		return "", err
	}
	if err := p.verify(query, "signature", "", now); err != nil {
		return "", err
	}
	return echostr, nil
}

// Open checks a POST and reads its message: XML or JSON, plain, encrypted, or both (兼容模式, of which it reads the
// encrypted part). It always checks a signature and the time, and the appid of an encrypted message. body is the raw
// one. Answer with "success", or with the result of [PushCodec.Seal].
//
// note: WeChat repeats a push that was not answered within 5 s; see [PushMessage.DedupeKey].
//
// Errors: all of this file except ErrPushConfig and ErrPushEvent.
func (p *PushCodec) Open(query url.Values, body []byte, now time.Time) (PushMessage, error) {
	if len(body) > PushLimit {
		return PushMessage{}, ErrPushTooLarge
	}
	fields, format, err := parsePush(body)
	if err != nil {
		return PushMessage{}, err
	}
	m := PushMessage{AppID: p.config.AppID, Format: format, Fields: fields}
	if m.Encrypted, err = isSealed(query, fields); err != nil {
		return PushMessage{}, err
	}
	plain := body
	if m.Encrypted {
		if plain, err = p.openSealed(query, fields, now); err != nil {
			return PushMessage{}, err
		}
		if m.Fields, _, err = parsePush(plain); err != nil {
			return PushMessage{}, err
		}
	} else if err := p.openPlain(query, now); err != nil {
		return PushMessage{}, err
	}
	return m.fill(query, plain)
}

// Seal turns reply, in the format of m, into the answer to m: encrypted if m was, else unchanged. An empty reply is the
// empty answer. Most pushes are answered with a plain "success", which is not sealed.
func (p *PushCodec) Seal(m PushMessage, reply []byte, now time.Time) ([]byte, error) {
	if !m.Encrypted || len(reply) == 0 {
		return bytes.Clone(reply), nil
	}
	return p.seal(m, reply, now)
}

// PushMessage is a message that WeChat pushed.
type PushMessage struct {
	// AppID is the codec's app.
	AppID string
	// ToUserName is the app's original id, such as gh_97417a04a28d; FromUserName is the user's openid, or WeChat itself.
	ToUserName   string
	FromUserName string
	CreateTime   time.Time
	// MsgType is event, or text, image, miniprogrampage from a customer chat.
	MsgType string
	// Event is the event's name; empty for other messages.
	Event string
	// MsgID is the message's number; empty for most events.
	MsgID string
	// Fields are all fields, in the shape of the JSON format: text as strings, numbers as json.Number or, from XML and
	// in some events, as strings. List is always a list, also with one entry.
	Fields map[string]any
	// Raw is the message as JSON: unchanged, or converted from XML.
	Raw json.RawMessage
	// Format is the format of the body, Encrypted whether it was encrypted.
	Format    PushFormat
	Encrypted bool

	nonce string
}

// DedupeKey is equal for all repetitions of a message, and different for every other message: a hash of the app, the
// sender and the number or, without a number, of all fields. It has at most 64 letters, digits, colons.
//
// note: WeChat's own rule for events, sender and second, is too coarse: two pictures of one user can be judged in the
// same second.
func (m PushMessage) DedupeKey() string { return m.dedupeKey() }

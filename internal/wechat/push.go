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
	// PushLimit is the largest body of a push that is looked at, in bytes.
	PushLimit = 64 << 10
	// PushWindow is how old, or how far ahead of us, a push may be if a [PushConfig] says nothing else.
	PushWindow = 5 * time.Minute
)

// Why a push is refused.
var (
	// ErrPushConfig means: the token or the key of the app's push settings cannot be used.
	ErrPushConfig = errors.New("push settings are not usable")
	// ErrPushQuery means: the address lacks a parameter, has one twice, or one that cannot be.
	ErrPushQuery = errors.New("push address lacks a parameter")
	// ErrPushStale means: its time is too far from ours. Check the clock; WeChat's own are seconds old.
	ErrPushStale = errors.New("push is not of this time")
	// ErrPushSignature means: the signature is wrong: another token here than at WeChat, or somebody else sent it.
	ErrPushSignature = errors.New("push signature is wrong")
	// ErrPushTooLarge means: the body is over PushLimit.
	ErrPushTooLarge = errors.New("push is too large")
	// ErrPushMalformed means: the body is neither the JSON nor the XML of a push.
	ErrPushMalformed = errors.New("push is malformed")
	// ErrPushNoKey means: the push is encrypted and the settings have no EncodingAESKey.
	ErrPushNoKey = errors.New("push is encrypted, and there is no key")
	// ErrPushPlain means: the push is in the clear, and the settings demand encryption.
	ErrPushPlain = errors.New("push is not encrypted")
	// ErrPushDecrypt means: the push does not open: another EncodingAESKey here than at WeChat.
	ErrPushDecrypt = errors.New("push does not decrypt")
	// ErrPushAppID means: the push was made for another app.
	ErrPushAppID = errors.New("push is for another app")
	// ErrPushEvent means: the message is not the event that was asked for.
	ErrPushEvent = errors.New("push is another event")
)

// PushConfig is an app's settings of 消息推送, as they stand in WeChat's console.
type PushConfig struct {
	AppID string
	// Token is 3 to 32 letters and digits, and never empty. NB! It prints as nothing.
	Token string
	// AESKey is EncodingAESKey, 43 characters of base64; empty for an app whose pushes come in the clear. With a key only
	// encrypted pushes are taken. NB! It prints as nothing.
	AESKey string
	// AllowPlain takes pushes in the clear though there is a key, for 明文模式. NB! Their signature does not cover the body:
	// who saw one address can send any message for a while.
	AllowPlain bool
	// Window is how old, or how far ahead of us, a push may be; 0 is [PushWindow].
	Window time.Duration
	// Rand is where nonces and salts come from; nil is crypto/rand.
	Rand io.Reader
}

// PushFormat is how a message is written.
type PushFormat string

// The formats.
const (
	PushJSON PushFormat = "json"
	PushXML  PushFormat = "xml"
)

// PushCodec checks and opens what WeChat pushes to one app, and seals what it is answered. It is safe for concurrent use.
type PushCodec struct {
	config PushConfig
	key    []byte // nil for an app without one
}

// NewPushCodec checks the settings; the error is [ErrPushConfig] with what is wrong.
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

// VerifyURL checks the GET with which WeChat tries an address when it is saved, and returns the echostr: the answer, as
// text/plain and with nothing around it (framework/server-ability/message-push.html, 消息推送).
// Errors: ErrPushQuery, ErrPushStale, ErrPushSignature.
func (p *PushCodec) VerifyURL(query url.Values, now time.Time) (echostr string, err error) {
	echostr, err = one(query, "echostr")
	if err != nil {
		return "", err
	}
	if err := p.verify(query, "signature", "", now); err != nil {
		return "", err
	}
	return echostr, nil
}

// Open checks a POST and reads its message, in XML or JSON, in the clear, encrypted, or both at once (兼容模式, of which the
// encrypted part counts). Whatever the body, a signature and the time are checked, and the appid where it is sealed in.
// The body is the raw one. Answer with "success", or with what [PushCodec.Seal] makes.
//
// note: WeChat repeats a push that was not answered within 5 s; see [PushMessage.DedupeKey].
//
// Errors: all of this file's but ErrPushConfig and ErrPushEvent.
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

// Seal makes the answer to m out of reply, which is JSON or XML as m was: encrypted if m was, else reply itself. An empty
// reply is the empty answer. Most pushes want "success" and nothing else, which is not sealed.
func (p *PushCodec) Seal(m PushMessage, reply []byte, now time.Time) ([]byte, error) {
	if !m.Encrypted || len(reply) == 0 {
		return bytes.Clone(reply), nil
	}
	return p.seal(m, reply, now)
}

// PushMessage is a message that WeChat pushed.
type PushMessage struct {
	// AppID is the app the codec is for.
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
	// Fields are all there is, in the shape of the JSON format: text as strings, numbers as json.Number or, from XML and in
	// some events, as strings. List is always a list, also of one.
	Fields map[string]any
	// Raw is the message as JSON: as it came, or written anew from XML.
	Raw json.RawMessage
	// Format is how the body came, Encrypted whether it was.
	Format    PushFormat
	Encrypted bool

	nonce string
}

// DedupeKey is the same for every repetition of a message, and different for every other message: a hash of the app and
// the sender and the number or, where there is none, of everything in it. It is at most 64 letters, digits, colons.
//
// note: WeChat's own rule for events, sender and second, is too coarse: two pictures of one user can be judged in one second.
func (m PushMessage) DedupeKey() string { return m.dedupeKey() }

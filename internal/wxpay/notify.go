package wxpay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// MaxNotificationBytes limits a notification: 1 MiB of ciphertext and its envelope. Limit the request's body with it.
const MaxNotificationBytes = 1<<20 + 64<<10

// Why a notification is refused. Each is final for these bytes; WeChat repeats a notification after a 4xx or 5xx
// answer.
var (
	ErrNotifySignature   = errors.New("signature does not verify")
	ErrNotifyStale       = errors.New("time stamp is five minutes off or more")
	ErrNotifySerial      = errors.New("serial is not of a key we know")
	ErrNotifyProbe       = errors.New("signature probe") // 签名探测流量: WeChat tests that we verify; it is not an attack
	ErrNotifyMalformed   = errors.New("notification is malformed")
	ErrNotifyDecrypt     = errors.New("notification cannot be decrypted")
	ErrNotifyUnsupported = errors.New("notification is of another kind")
	ErrNotifyNotPaid     = errors.New("notification tells of no payment") // signed by API v2; it wraps ErrNotifyUnsupported too
	ErrNotifyMerchant    = errors.New("notification is for another merchant")
)

// note: the event's name and the resource's type must agree; the signature covers both.
const (
	eventPaid          = "TRANSACTION.SUCCESS"
	eventRefund        = "REFUND." // and a RefundState
	originalTypePaid   = "transaction"
	originalTypeRefund = "refund"
)

// ParsePayNotification implements [Gateway].
//
// https://pay.weixin.qq.com/doc/v3/merchant/4012791861 (支付成功回调通知).
func (v *V3) ParsePayNotification(header http.Header, body []byte) (Notification, error) {
	note, err := v.openNotification(header, body, envelope.isPaid)
	if err != nil {
		return Notification{}, fmt.Errorf("check notification: %w", err)
	}
	trade, err := parseTrade(note.plain)
	if err != nil {
		return Notification{}, fmt.Errorf("read notification: %w: %w", ErrNotifyMalformed, err)
	}
	// NB! the signature proves that WeChat wrote it, not that it is meant for this merchant.
	if trade.MchID != v.mchID {
		return Notification{}, fmt.Errorf("read notification: %w", ErrNotifyMerchant)
	}
	return Notification{
		ID: note.ID, EventType: note.EventType, Summary: note.Summary, CreateTime: note.createdAt,
		Trade: trade, Plaintext: note.plain,
	}, nil
}

// envelope is a notification with its ciphertext.
type envelope struct {
	ID         string      `json:"id"`
	CreateTime string      `json:"create_time"`
	EventType  string      `json:"event_type"`
	Summary    string      `json:"summary"`
	Resource   *sealedText `json:"resource"`

	createdAt time.Time
	plain     []byte
}

// openNotification does the cheap checks first: length, headers, signature, JSON, kind, ciphertext.
func (v *V3) openNotification(header http.Header, body []byte, isWanted func(envelope) bool) (envelope, error) {
	if len(body) > MaxNotificationBytes {
		return envelope{}, fmt.Errorf("%w: longer than %d bytes", ErrNotifyMalformed, MaxNotificationBytes)
	}
	if err := v.verify.check(context.Background(), header, body); err != nil {
		return envelope{}, err
	}
	note, err := readEnvelope(body)
	if err != nil {
		return envelope{}, err
	}
	if !isWanted(note) {
		return envelope{}, ErrNotifyUnsupported
	}
	if note.plain, err = note.Resource.open(v.aead); err != nil {
		return envelope{}, fmt.Errorf("%w: %w", ErrNotifyDecrypt, err)
	}
	return note, nil
}

func (e envelope) isPaid() bool {
	return e.EventType == eventPaid && e.Resource.OriginalType == originalTypePaid
}

func (e envelope) isRefund() bool {
	state, ok := strings.CutPrefix(e.EventType, eventRefund)
	return ok && e.Resource.OriginalType == originalTypeRefund &&
		(state == string(RefundSuccess) || state == string(RefundAbnormal) || state == string(RefundClosed))
}

// readEnvelope is our own because the SDK's panics on a signed body without a resource.
func readEnvelope(body []byte) (note envelope, err error) {
	if err := json.Unmarshal(body, &note); err != nil {
		return envelope{}, fmt.Errorf("%w: not the JSON we know", ErrNotifyMalformed)
	}
	if note.ID == "" || note.EventType == "" || note.Resource == nil {
		return envelope{}, fmt.Errorf("%w: id, event_type or resource is missing", ErrNotifyMalformed)
	}
	if note.createdAt, err = readTime(note.CreateTime); err != nil {
		return envelope{}, fmt.Errorf("%w: create_time is not a time", ErrNotifyMalformed)
	}
	return note, nil
}

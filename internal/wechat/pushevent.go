package wechat

import (
	"bytes"
	"encoding/json"
	"time"
)

// The events of a shop's app (framework/server-ability/message-push.html, 消息推送).
const (
	EventChatEntered     = "user_enter_tempsession"
	EventMediaChecked    = "wxa_media_check"
	EventSubscribePopup  = "subscribe_msg_popup_event"
	EventSubscribeChange = "subscribe_msg_change_event"
	EventSubscribeSent   = "subscribe_msg_sent_event"
	EventRemindAccess    = "trade_manage_remind_access_api"
	EventRemindShipping  = "trade_manage_remind_shipping"
	EventOrderSettlement = "trade_manage_order_settlement"
	EventTradeControlled = "wxa_trade_controlled"
	EventPrivacyApplied  = "wxa_privacy_apply"
)

// oneOrMany is a list that may also be written as its only entry or be absent.
type oneOrMany[T any] []T

// UnmarshalJSON accepts a list, an object, and null.
func (l *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	switch {
	case bytes.HasPrefix(b, []byte("[")):
		return json.Unmarshal(b, (*[]T)(l))
	case bytes.HasPrefix(b, []byte("{")):
		*l = make([]T, 1)
		return json.Unmarshal(b, &(*l)[0])
	case string(b) == "null":
		*l = nil
		return nil
	}
	return ErrNotJSON
}

// wantEvent returns an error unless the message is one of these events.
func (m PushMessage) wantEvent(events ...string) error {
	for _, event := range events {
		if m.MsgType == "event" && m.Event == event {
			return nil
		}
	}
	return ErrPushEvent
}

// read decodes a message that is one of these events into out.
func (m PushMessage) read(out any, events ...string) error {
	if err := m.wantEvent(events...); err != nil {
		return err
	}
	return m.into(out)
}

// SubscribeAnswer is a user's answer about one template.
type SubscribeAnswer struct {
	TemplateID string
	// Status is accept or reject; a change in the settings is pushed for reject only.
	Status string
	// PopupScene is WeChat's number for the place of the dialog, such as 0 or 2; empty for a change.
	PopupScene string
}

// Accepted reports a consent.
func (a SubscribeAnswer) Accepted() bool { return a.Status == "accept" }

// SubscribeAnswers reads EventSubscribePopup, a user's answers in the dialog, and EventSubscribeChange, what a user
// turned off later. The user is FromUserName. Errors: ErrPushEvent; ErrMissingField when an entry lacks its template or
// its status; ErrNotJSON.
func (m PushMessage) SubscribeAnswers() ([]SubscribeAnswer, error) {
	var wire struct {
		List oneOrMany[struct {
			TemplateID word `json:"TemplateId"`
			Status     word `json:"SubscribeStatusString"`
			PopupScene word `json:"PopupScene"`
		}] `json:"List"`
	}
	if err := m.read(&wire, EventSubscribePopup, EventSubscribeChange); err != nil {
		return nil, err
	}
	var answers []SubscribeAnswer
	for _, e := range wire.List {
		if e.TemplateID == "" || e.Status == "" {
			return nil, ErrMissingField
		}
		answers = append(answers, SubscribeAnswer{string(e.TemplateID), string(e.Status), string(e.PopupScene)})
	}
	if answers == nil {
		return nil, ErrMissingField
	}
	return answers, nil
}

// SentReport is the result of one subscribe message.
type SentReport struct {
	TemplateID string
	// MsgID is what [Client.SendMessage] returned.
	MsgID string
	// ErrorCode is 0 for a delivered message; ErrorStatus is WeChat's word, such as success.
	ErrorCode   int
	ErrorStatus string
}

// SentReports reads EventSubscribeSent. The user is FromUserName. Errors: ErrPushEvent; ErrMissingField when an entry
// lacks its template or its code, so that a missing code does not count as delivered; ErrNotJSON.
func (m PushMessage) SentReports() ([]SentReport, error) {
	var wire struct {
		List oneOrMany[struct {
			TemplateID  word    `json:"TemplateId"`
			MsgID       word    `json:"MsgID"`
			ErrorCode   *number `json:"ErrorCode"`
			ErrorStatus word    `json:"ErrorStatus"`
		}] `json:"List"`
	}
	if err := m.read(&wire, EventSubscribeSent); err != nil {
		return nil, err
	}
	var reports []SentReport
	for _, e := range wire.List {
		if e.TemplateID == "" || e.ErrorCode == nil {
			return nil, ErrMissingField
		}
		reports = append(reports, SentReport{string(e.TemplateID), string(e.MsgID), int(*e.ErrorCode), string(e.ErrorStatus)})
	}
	if reports == nil {
		return nil, ErrMissingField
	}
	return reports, nil
}

// MediaResult is the outcome of [Client.CheckMedia].
type MediaResult struct {
	// CheckResult has only its TraceID when there is an Errcode.
	CheckResult
	// Errcode is 0, or why the file was not judged, such as -1008: WeChat could not fetch it.
	Errcode int
}

// MediaResult reads EventMediaChecked. NB! A file that was not judged has not passed.
// Errors: ErrPushEvent; ErrMissingField when there is no trace id or no suggestion; ErrPushAppID for another app's; ErrNotJSON.
func (m PushMessage) MediaResult() (MediaResult, error) {
	var wire struct {
		checkWire
		AppID   word   `json:"appid"`
		Errcode number `json:"errcode"`
	}
	if err := m.read(&wire, EventMediaChecked); err != nil {
		return MediaResult{}, err
	}
	switch {
	case wire.AppID != "" && string(wire.AppID) != m.AppID:
		return MediaResult{}, ErrPushAppID
	case wire.TraceID == "":
		return MediaResult{}, ErrMissingField
	case wire.Errcode != 0:
		return MediaResult{CheckResult: CheckResult{TraceID: wire.TraceID}, Errcode: int(wire.Errcode)}, nil
	}
	result, err := wire.result()
	if err != nil {
		return MediaResult{}, err
	}
	return MediaResult{CheckResult: result}, nil
}

// tradeWire is the order in the events of shipping management (发货信息管理).
type tradeWire struct {
	TransactionID   word   `json:"transaction_id"`
	MerchantID      word   `json:"merchant_id"`
	SubMerchantID   word   `json:"sub_merchant_id"`
	MerchantTradeNo word   `json:"merchant_trade_no"`
	PayTime         number `json:"pay_time"`
	Msg             word   `json:"msg"`

	ShippedTime             number `json:"shipped_time"`
	EstimatedSettlementTime number `json:"estimated_settlement_time"`
	ConfirmReceiveMethod    number `json:"confirm_receive_method"`
	ConfirmReceiveTime      number `json:"confirm_receive_time"`
	SettlementTime          number `json:"settlement_time"`
}

// key names the order, in both ways if both are there.
func (w tradeWire) key() (OrderKey, error) {
	key := OrderKey{TransactionID: string(w.TransactionID), MchID: string(w.MerchantID), OutTradeNo: string(w.MerchantTradeNo)}
	if key.TransactionID == "" && (key.MchID == "" || key.OutTradeNo == "") {
		return OrderKey{}, ErrMissingField
	}
	return key, nil
}

// Settlement is the content of EventOrderSettlement: one push when an order was shipped, another when it was settled.
type Settlement struct {
	// Key usually has all three fields.
	Key      OrderKey
	SubMchID string
	PaidAt   time.Time
	// ShippedAt and EstimatedAt, the expected settlement, are in the first push; the second may lack the latter.
	ShippedAt   time.Time
	EstimatedAt time.Time
	// ReceivedAt and SettledAt are zero in the first push.
	ReceivedAt time.Time
	SettledAt  time.Time
	// ReceiveMethod is 1 (automatic) or 2 (by the buyer). NB! Users report the two swapped: ask [Client.ShippingOf].
	ReceiveMethod int
}

// Settled reports the second of the two pushes.
func (s Settlement) Settled() bool { return !s.SettledAt.IsZero() }

// Settlement reads EventOrderSettlement. Errors: ErrPushEvent, ErrMissingField when it names no order, ErrNotJSON.
func (m PushMessage) Settlement() (Settlement, error) {
	var wire tradeWire
	if err := m.read(&wire, EventOrderSettlement); err != nil {
		return Settlement{}, err
	}
	key, err := wire.key()
	if err != nil {
		return Settlement{}, err
	}
	return Settlement{
		Key: key, SubMchID: string(wire.SubMerchantID), PaidAt: moment(wire.PayTime), ShippedAt: moment(wire.ShippedTime),
		EstimatedAt: moment(wire.EstimatedSettlementTime), ReceivedAt: moment(wire.ConfirmReceiveTime),
		SettledAt: moment(wire.SettlementTime), ReceiveMethod: int(wire.ConfirmReceiveMethod),
	}, nil
}

// ShippingReminder says that a paid order was not shipped for 48 hours.
type ShippingReminder struct {
	Key      OrderKey
	SubMchID string
	PaidAt   time.Time
	Text     string // for people
}

// ShippingReminder reads EventRemindShipping. Errors: ErrPushEvent, ErrMissingField without an order, ErrNotJSON.
func (m PushMessage) ShippingReminder() (ShippingReminder, error) {
	var wire tradeWire
	if err := m.read(&wire, EventRemindShipping); err != nil {
		return ShippingReminder{}, err
	}
	key, err := wire.key()
	if err != nil {
		return ShippingReminder{}, err
	}
	return ShippingReminder{
		Key: key, SubMchID: string(wire.SubMerchantID), PaidAt: moment(wire.PayTime), Text: string(wire.Msg),
	}, nil
}

// Notice reads the text of EventRemindAccess and EventTradeControlled, which is for the owner: the app must report its
// shipping. Errors: ErrPushEvent, ErrNotJSON.
func (m PushMessage) Notice() (string, error) {
	var wire tradeWire
	err := m.read(&wire, EventRemindAccess, EventTradeControlled)
	return string(wire.Msg), err
}

// PrivacyResult is the result of an application for an API with private data.
type PrivacyResult struct {
	APIName   string
	AppliedAt time.Time
	AuditID   string
	AuditedAt time.Time
	Reason    string
	Status    string // WeChat's number or word
}

// PrivacyResult reads EventPrivacyApplied. Errors: ErrPushEvent, ErrMissingField without an API, ErrNotJSON.
func (m PushMessage) PrivacyResult() (PrivacyResult, error) {
	var wire struct {
		Info struct {
			APIName   word   `json:"api_name"`
			ApplyTime number `json:"apply_time"`
			AuditID   word   `json:"audit_id"`
			AuditTime number `json:"audit_time"`
			Reason    word   `json:"reason"`
			Status    word   `json:"status"`
		} `json:"result_info"`
	}
	if err := m.read(&wire, EventPrivacyApplied); err != nil {
		return PrivacyResult{}, err
	}
	info := wire.Info
	if info.APIName == "" {
		return PrivacyResult{}, ErrMissingField
	}
	return PrivacyResult{
		APIName: string(info.APIName), AppliedAt: moment(info.ApplyTime), AuditID: string(info.AuditID),
		AuditedAt: moment(info.AuditTime), Reason: string(info.Reason), Status: string(info.Status),
	}, nil
}

// moment returns the zero time for an absent one.
func moment(seconds number) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return unix(seconds)
}

// Package events has the types of the events that wxbase reports to a program that embeds it. Package hooks gives these
// types their public names.
package events

import (
	"encoding/json"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/hook"
)

// PushEvent is a message or an event that WeChat pushed, after it was checked and kept. It is delivered at least once, and again when a
// handler returns an error. Of the fields for single kinds of events only those of this one are set.
type PushEvent struct {
	hook.Event
	App     core.App
	AppID   string
	OpenID  string       // who it is about; may be WeChat itself
	User    *core.Record // nil when nobody here has this openid
	MsgType string       // event, or text, image, miniprogrampage from a customer chat
	Name    string       // of an event, such as subscribe_msg_popup_event
	MsgID   string       // empty for most events
	At      time.Time
	Fields  map[string]any // everything, in the shape of WeChat's JSON; numbers may be text

	Answers []SubscribeAnswer // subscribe_msg_popup_event, subscribe_msg_change_event
	Reports []MessageReport   // subscribe_msg_sent_event
	Media   *MediaVerdict     // wxa_media_check
	Trade   *TradeNotice      // trade_manage_order_settlement, trade_manage_remind_shipping
}

// CustomerMessageEvent is what a person wrote to the mini program in its customer chat, after it was kept. It is delivered at least once, and
// again when a handler returns an error.
type CustomerMessageEvent struct {
	hook.Event
	App     core.App
	AppID   string
	OpenID  string
	User    *core.Record // nil when nobody here has this openid
	Chat    *core.Record // of wx_chats
	Message *core.Record // of wx_chat_messages; the picture of one may come later
	Kind    string       // text, image, card, other; enter: the chat was opened, and nothing is said yet
	Text    string
	From    string // of enter: the session-from of the button
	At      time.Time
}

// SubscribeAnswer is what a person said to a template of subscribe messages.
type SubscribeAnswer struct {
	Template string
	Accepted bool
}

// MessageReport is what became of a subscribe message.
type MessageReport struct {
	Template  string
	MsgID     string
	ErrorCode int // 0 for one that was delivered
	Status    string
}

// MediaVerdict is what WeChat found in an image.
type MediaVerdict struct {
	TraceID string
	Suggest string // pass, review or risky; empty with an Errcode
	Label   int
	Errcode int // why it could not be looked at
	Check   *core.Record
}

// TradeNotice is what WeChat's shipping management says about an order.
type TradeNotice struct {
	Order         *core.Record // nil when it is not one of ours
	TransactionID string
	OutTradeNo    string
	PaidAt        time.Time
	ShippedAt     time.Time
	ReceivedAt    time.Time
	SettledAt     time.Time // zero until the money is the shop's
}

// LoginEvent is a login that WeChat has confirmed, before the answer goes out. Returning an error instead of e.Next() refuses it.
type LoginEvent struct {
	hook.Event
	App     core.App
	Request *core.RequestEvent
	User    *core.Record
	AppID   string
	OpenID  string
	UnionID string // empty when the mini program is not bound to an open platform account
	IsNew   bool   // the user was made by this login
}

// ProfileEvent is a name or an avatar that a user has typed or uploaded, before it is stored. Returning an error instead of e.Next()
// refuses it: this is the place for a check of the content.
type ProfileEvent struct {
	hook.Event
	App    core.App
	User   *core.Record     // with the new values set
	Avatar *filesystem.File // nil when it stays
}

// OrderEvent is an order on its way into the database: items, total and stock are settled, the row is not written yet.
// It runs inside the transaction: use its App and nothing else, and do not call out.
type OrderEvent struct {
	hook.Event
	App   core.App
	Order *core.Record
}

// PaidEvent is an order that has turned paid, after the commit. It is delivered at least once per order, and again when a handler
// returns an error.
type PaidEvent struct {
	hook.Event
	App   core.App
	Order *core.Record
}

// RefundEvent is a refund that has reached the payer, after the commit. Like PaidEvent it is delivered at least once.
type RefundEvent struct {
	hook.Event
	App    core.App
	Order  *core.Record
	Refund *core.Record
}

// PayoutEvent is a payout that has ended, after the commit: its money has reached the receiver, or will not. Like PaidEvent it is delivered
// at least once.
type PayoutEvent struct {
	hook.Event
	App    core.App
	Payout *core.Record
}

// ScanEvent is a mini-program code that was resolved.
type ScanEvent struct {
	hook.Event
	App  core.App
	Code *core.Record
	User *core.Record // who scanned; nil for a guest

	Invited bool // the scan has made the code's owner the inviter of User
}

// RoomMessageEvent is a message on its way into a room, from whomever, before it is numbered and before anybody gets it. Returning an
// error instead of e.Next() refuses it; the payload may be changed. It runs in every publish, so it should be quick. What does not pass here:
// messages that an edge process takes for a room without history, and an exchange with WXBASE_EXCHANGE_SCOPE=namespace.
type RoomMessageEvent struct {
	hook.Event
	App     core.App
	Room    string
	Name    string // of the event
	Payload json.RawMessage
	Sender  string // id of a user, "guest:<label>", or empty for the server and superusers
}

// UserForgetEvent is a person who is being forgotten: identities are deleted and sessions ended, rows and fields not yet. This is the place to
// delete what the operator keeps elsewhere. It is delivered at least once, and nothing more is erased as long as a handler returns an error.
type UserForgetEvent struct {
	hook.Event
	App      core.App
	User     *core.Record // as it was, but for a repeat after an interruption, when it may be empty already
	OpenIDs  []string
	UnionIDs []string
	Phone    string
	Email    string
}

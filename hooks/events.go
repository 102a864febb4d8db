package hooks

import (
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/events"
)

// OnLogin is triggered for every confirmed login.
func (p *Plugin) OnLogin() *hook.Hook[*events.LoginEvent] { return p.people.OnLogin }

// OnProfile is triggered when a user changes name or avatar.
func (p *Plugin) OnProfile() *hook.Hook[*events.ProfileEvent] { return p.people.OnProfile }

// OnOrderCreate is triggered for every new order, inside its transaction.
func (p *Plugin) OnOrderCreate() *hook.Hook[*events.OrderEvent] { return p.till.Orders.OnCreate }

// OnOrderPaid is triggered once an order is paid and committed.
func (p *Plugin) OnOrderPaid() *hook.Hook[*events.PaidEvent] { return p.till.OnPaid }

// OnRefundSucceeded is triggered once a refund has reached the payer and is committed.
func (p *Plugin) OnRefundSucceeded() *hook.Hook[*events.RefundEvent] { return p.till.OnRefunded }

// OnCodeScanned is triggered when a scene is resolved.
func (p *Plugin) OnCodeScanned() *hook.Hook[*events.ScanEvent] { return p.codes.OnCodeScanned }

// OnRoomMessage is triggered for every message to a room.
func (p *Plugin) OnRoomMessage() *hook.Hook[*events.RoomMessageEvent] { return p.rooms.OnRoomMessage }

// OnPush is triggered for everything that WeChat pushes, after wxbase has done its own part.
func (p *Plugin) OnPush() *hook.Hook[*events.PushEvent] { return p.subscribe.OnPush }

// OnUserForget is triggered for a person who is being forgotten, before their rows go.
func (p *Plugin) OnUserForget() *hook.Hook[*events.UserForgetEvent] { return p.privacy.OnUserForget }

type (
	// LoginEvent is a login that WeChat has confirmed; see package events.
	LoginEvent = events.LoginEvent
	// ProfileEvent is a name or an avatar on its way into the database; see package events.
	ProfileEvent = events.ProfileEvent
	// OrderEvent is a new order inside its transaction; see package events.
	OrderEvent = events.OrderEvent
	// PaidEvent is an order that has turned paid; see package events.
	PaidEvent = events.PaidEvent
	// RefundEvent is a refund that has reached the payer; see package events.
	RefundEvent = events.RefundEvent
	// PayoutEvent is a payout that has ended; see package events.
	PayoutEvent = events.PayoutEvent
	// ScanEvent is a mini-program code that was opened; see package events.
	ScanEvent = events.ScanEvent
	// RoomMessageEvent is a message on its way into a room; see package events.
	RoomMessageEvent = events.RoomMessageEvent
	// PushEvent is what WeChat has pushed; see package events.
	PushEvent = events.PushEvent
	// UserForgetEvent is a person who is being forgotten; see package events.
	UserForgetEvent = events.UserForgetEvent
	// SubscribeAnswer is what a person said to a template of subscribe messages; see package events.
	SubscribeAnswer = events.SubscribeAnswer
	// MessageReport is what became of a subscribe message; see package events.
	MessageReport = events.MessageReport
	// MediaVerdict is what WeChat found in an image; see package events.
	MediaVerdict = events.MediaVerdict
	// TradeNotice is what shipping management says about an order; see package events.
	TradeNotice = events.TradeNotice
)

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
func (p *Plugin) OnOrderCreate() *hook.Hook[*events.OrderEvent] { return p.till.OnOrderCreate }

// OnOrderPaid is triggered once an order is paid and committed.
func (p *Plugin) OnOrderPaid() *hook.Hook[*events.PaidEvent] { return p.till.OnOrderPaid }

// OnRefundSucceeded is triggered once a refund has reached the payer and is committed.
func (p *Plugin) OnRefundSucceeded() *hook.Hook[*events.RefundEvent] { return p.till.OnRefundSucceeded }

// OnCodeScanned is triggered when a scene is resolved.
func (p *Plugin) OnCodeScanned() *hook.Hook[*events.ScanEvent] { return p.codes.OnCodeScanned }

// OnRoomMessage is triggered for every message to a room.
func (p *Plugin) OnRoomMessage() *hook.Hook[*events.RoomMessageEvent] { return p.rooms.OnRoomMessage }

// OnPush is triggered for everything that WeChat pushes, after wxbase has done its own part.
func (p *Plugin) OnPush() *hook.Hook[*events.PushEvent] { return p.subscribe.OnPush }

// The events, as programs outside this module name them.
type (
	LoginEvent       = events.LoginEvent
	ProfileEvent     = events.ProfileEvent
	OrderEvent       = events.OrderEvent
	PaidEvent        = events.PaidEvent
	RefundEvent      = events.RefundEvent
	ScanEvent        = events.ScanEvent
	RoomMessageEvent = events.RoomMessageEvent
	PushEvent        = events.PushEvent
	SubscribeAnswer  = events.SubscribeAnswer
	MessageReport    = events.MessageReport
	MediaVerdict     = events.MediaVerdict
	TradeNotice      = events.TradeNotice
)

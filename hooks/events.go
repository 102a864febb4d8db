package hooks

import (
	"github.com/pocketbase/pocketbase/tools/hook"
)

// OnLogin is triggered for every confirmed login.
func (p *Plugin) OnLogin() *hook.Hook[*LoginEvent] { return p.people.onLogin }

// OnProfile is triggered when a user changes name or avatar.
func (p *Plugin) OnProfile() *hook.Hook[*ProfileEvent] { return p.people.onProfile }

// OnOrderCreate is triggered for every new order, inside its transaction.
func (p *Plugin) OnOrderCreate() *hook.Hook[*OrderEvent] { return p.till.onOrderCreate }

// OnOrderPaid is triggered once an order is paid and committed.
func (p *Plugin) OnOrderPaid() *hook.Hook[*PaidEvent] { return p.till.onOrderPaid }

// OnRefundSucceeded is triggered once a refund has reached the payer and is committed.
func (p *Plugin) OnRefundSucceeded() *hook.Hook[*RefundEvent] { return p.till.onRefundSucceeded }

// OnCodeScanned is triggered when a scene is resolved.
func (p *Plugin) OnCodeScanned() *hook.Hook[*ScanEvent] { return p.codes.onCodeScanned }

// OnRoomMessage is triggered for every message to a room.
func (p *Plugin) OnRoomMessage() *hook.Hook[*RoomMessageEvent] { return p.rooms.onRoomMessage }

// OnPush is triggered for everything that WeChat pushes, after wxbase has done its own part.
func (p *Plugin) OnPush() *hook.Hook[*PushEvent] { return p.subscribe.onPush }

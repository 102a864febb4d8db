package hooks

import (
	"encoding/json"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/filesystem"
	"github.com/pocketbase/pocketbase/tools/hook"
)

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

// Package rooms connects the realtime hub with the app: the rules for joining and publishing, the history that a room
// keeps, its routes and sockets, and the notice of paid orders.
package rooms

import (
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/events"
	"wxbase/internal/limit"
	"wxbase/internal/metrics"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/sse"
)

// Rooms are the rooms of one app. The exported fields are set before Open.
type Rooms struct {
	App     core.App
	Now     func() time.Time
	Limits  limit.Limits
	Metrics *metrics.Metrics

	Env       func(string) string
	Notice    string // NoticeOn, NoticeTotal or NoticeOff
	Simulated bool   // everyone may publish in the room notice

	Hub        *realtime.Hub
	front      *sse.Front
	sockets    *gateway.Gateway // nil until the app serves
	roomBook   *roomBook
	RoomMinute limit.Minute
	once       *onceSaid

	OnRoomMessage *hook.Hook[*events.RoomMessageEvent]
}

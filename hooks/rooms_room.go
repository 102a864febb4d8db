package hooks

import (
	"time"
	"wxbase/internal/limit"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/sse"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"
)

type rooms struct {
	app     core.App
	now     func() time.Time
	limits  limit.Limits
	metrics *metrics

	env       func(string) string
	notice    string // noticeOn, noticeTotal or noticeOff
	simulated bool   // everybody may speak in the room notice

	hub        *realtime.Hub
	front      *sse.Front
	sockets    *gateway.Gateway // nil until the app serves
	roomBook   *roomBook
	roomMinute limit.Minute

	onRoomMessage *hook.Hook[*RoomMessageEvent]
}

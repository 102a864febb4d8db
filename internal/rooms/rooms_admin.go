package rooms

import (
	"net/http"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/sse"
	"wxbase/internal/sockets"
)

// topRooms is how many rooms the dashboard sees.
const topRooms = 100

func transportOfFront(s sse.Stats) sockets.Transport {
	return sockets.Transport{Connections: s.Clients, Queued: s.Queued, Sent: s.Sent, Drops: s.Drops}
}

// ShowRealtime handles GET /api/wx/admin/realtime for superusers: the numbers of this process.
func (r *Rooms) ShowRealtime(e *core.RequestEvent) error {
	hub, front := r.Hub.Stats(), r.front.Stats()
	viaSockets, webSockets, polling, open := sockets.TransportOf(r.sockets)
	return e.JSON(http.StatusOK, map[string]any{
		"connections": map[string]any{"sse": front.Clients, "websocket": webSockets, "polling": polling},
		"sockets":     open,
		"parked":      front.Parked,
		"members":     hub.Members,
		"rooms":       hub.Rooms,
		"top":         r.Hub.TopRooms(topRooms),
		"messages": map[string]any{
			"in": hub.Published, "fromProcesses": hub.Received, "out": hub.Delivered, "replayed": hub.Replayed,
			"unkept": hub.Unkept, "committing": hub.Committing,
		},
		"transports": map[string]sockets.Transport{"sse": transportOfFront(front), "socketio": viaSockets},
		"fanout": map[string]any{
			"count": hub.FanoutCount, "seconds": hub.FanoutTime.Seconds(), "bounds": realtime.FanoutBounds, "buckets": hub.Fanout,
		},
		"bus": map[string]any{"configured": hub.HasBus, "up": hub.BusUp, "garbage": hub.Garbage, "resyncs": hub.Resyncs},
	})
}

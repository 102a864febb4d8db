package realtime

import (
	"regexp"
	"strings"
	"time"
)

// Limits limits what one connection, one user and one address may do.
type Limits struct {
	MessageBytes      int // of a message on the wire
	ExchangeBytes     int // of an exchange's payload
	EventsPerSecond   int // from one socket
	EventsBurst       int
	SocketsPerUser    int
	SocketsPerAddress int
	Sockets           int // in all
	RoomsPerSocket    int
	QueueMessages     int // that wait for a client before it is closed
	QueueBytes        int
	WriteTimeout      time.Duration // of one write to a client
	ConnectTimeout    time.Duration // from the handshake to the first room or namespace
}

// DefaultLimits is right for a shop.
func DefaultLimits() Limits {
	return Limits{
		MessageBytes: 64 << 10, ExchangeBytes: 8 << 10, EventsPerSecond: 10, EventsBurst: 20,
		SocketsPerUser: 5, SocketsPerAddress: 50, Sockets: 20_000, RoomsPerSocket: 20,
		QueueMessages: 512, QueueBytes: 1 << 20, WriteTimeout: 10 * time.Second, ConnectTimeout: 10 * time.Second,
	}
}

// GapEvent is the event of the first frame of a replay that begins later than requested. Its payload is
// {"after":<number asked for>,"first":<first number that is kept>}; it has no number itself.
const GapEvent = "history.gap"

var (
	roomName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	eventName = regexp.MustCompile(`^[\w:.\-]{1,64}$`)
)

// IsRoomName tells whether people may give a room this name. It is false for the reserved names `user:<id>` and
// `*<namespace>`.
func IsRoomName(name string) bool { return roomName.MatchString(name) }

// IsEventName tells whether a message may have this event: it refuses names with a meaning in Socket.IO or the gateway.
func IsEventName(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
		"join", "leave", "publish", MembersEvent, "exchange", "error", GapEvent:
		return false
	}
	return eventName.MatchString(name)
}

// isReserved tells whether a room belongs to the system: it has no settings, no history and no record.
func isReserved(room string) bool {
	return strings.HasPrefix(room, "user:") || strings.HasPrefix(room, "*")
}

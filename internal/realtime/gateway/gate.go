package gateway

import (
	"context"
	"time"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/socketio"
)

// Gate decides about connections. Its *realtime.Errors reach the client; others are logged.
type Gate interface {
	// Identify names the user of a connection, by a token in Query "token", Auth "token" or the Authorization header
	// (Token finds it), or a guest by the label Query "userId". An invalid token is realtime.ErrTokenInvalid, never a
	// guest. Keep nothing of the handshake except what a later rule needs.
	Identify(ctx context.Context, h socketio.Handshake) (Session, error)
}

// Session is one socket's access to the rules, from Identify to its end. Its methods are not called concurrently, nor
// after the socket is gone.
type Session interface {
	Identity() realtime.Identity
	// Room returns the settings of a room that this socket may join, by its join rule; else realtime.ErrRoomUnknown or
	// ErrRoomForbidden.
	Room(ctx context.Context, name string) (realtime.Room, error)
	// MayPublish returns nil, realtime.ErrRoomUnknown or ErrPublishForbidden.
	MayPublish(ctx context.Context, name string) error
	// Expires is when the token ends and the socket must be closed; the zero time for never.
	Expires() time.Time
}

// The refusals of this package, in addition to those of realtime.
var (
	ErrReplaced     = &realtime.Error{Code: "connection_replaced", Message: "A newer connection of yours took this place."}
	ErrRoomLimit    = &realtime.Error{Code: "room_limit", Message: "You are in too many rooms."}
	ErrTarget       = &realtime.Error{Code: "target_forbidden", Message: "You may not send to this target."}
	ErrExpired      = &realtime.Error{Code: "token_expired", Message: "The token has expired; connect with a new one."}
	ErrPresence     = &realtime.Error{Code: "presence_forbidden", Message: "This room does not tell who is in it."}
	ErrArguments    = &realtime.Error{Code: "arguments_invalid", Message: "The event's arguments are not what it takes."}
	ErrEventUnknown = &realtime.Error{Code: "event_unknown", Message: "There is no such event."}
	errInternal     = &realtime.Error{Code: "internal_error", Message: "Something went wrong."}
)

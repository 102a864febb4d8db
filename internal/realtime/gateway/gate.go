package gateway

import (
	"context"
	"time"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/socketio"
)

// Gate knows who may come in. Its errors reach the client if they are a *realtime.Error, and are logged otherwise.
type Gate interface {
	// Identify says who asks for a connection, by a token in Query "token", Auth "token" or the Authorization header (Token finds it),
	// or as a guest by the label Query "userId". A token that does not hold is realtime.ErrTokenInvalid; there is no falling back to a guest.
	// Nothing of the handshake may be kept but what a later rule needs.
	Identify(ctx context.Context, h socketio.Handshake) (Session, error)
}

// Session is one socket's way through the rules, from Identify to its end. Its methods are not called after the socket has gone, and
// not at the same time.
type Session interface {
	Identity() realtime.Identity
	// Room is the settings of a room that this socket may join, by its join rule; else realtime.ErrRoomUnknown or ErrRoomForbidden.
	Room(ctx context.Context, name string) (realtime.Room, error)
	// MayPublish is nil, realtime.ErrRoomUnknown or ErrPublishForbidden.
	MayPublish(ctx context.Context, name string) error
	// Expires is when the socket must be closed, as its token ends then; the zero time for never.
	Expires() time.Time
}

// The refusals of this package, beside those of realtime.
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

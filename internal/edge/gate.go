package edge

import (
	"context"
	"errors"
	"sync"
	"time"

	"wxbase/internal/answer"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/socketio"
	"wxbase/internal/realtime/ticket"
	"wxbase/internal/sockets"
)

// The refusals of an edge.
var (
	errTicket      = &realtime.Error{Code: answer.TicketInvalid.Code, Message: answer.TicketInvalid.EN}
	errTicketCheck = &realtime.Error{Code: answer.PrimaryAway.Code, Message: "The main server cannot be reached, so that the ticket cannot be checked. Try again."}
)

// gate admits by ticket alone: the Gate of a process without a database.
type gate struct {
	keys *ticket.Keyring
	now  func() time.Time

	mu     sync.Mutex
	rooms  map[string]realtime.Room // as the newest ticket says
	kicked map[string]time.Time     // when a user was last kicked
}

var _ gateway.Gate = (*gate)(nil)

func newGate(keys *ticket.Keyring, now func() time.Time) *gate {
	return &gate{keys: keys, now: now, rooms: map[string]realtime.Room{}, kicked: map[string]time.Time{}}
}

// Identify implements gateway.Gate by the ticket in Query "ticket" or Auth "ticket".
func (g *gate) Identify(ctx context.Context, h socketio.Handshake) (gateway.Session, error) {
	t, err := g.keys.Verify(ctx, sockets.Ticket(h))
	switch {
	case errors.Is(err, ticket.ErrInvalid), errors.Is(err, ticket.ErrExpired):
		return nil, errTicket
	case err != nil:
		return nil, errTicketCheck
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	// NB! a blocked user may hold a ticket from a moment before; the clocks may differ
	if at, ok := g.kicked[t.User]; ok && !t.IssuedAt.After(at.Add(ticket.Skew)) {
		return nil, errTicket
	}
	for name, r := range t.Rooms {
		g.rooms[name] = realtime.Room{Name: name, History: r.History, Presence: r.Presence}
	}
	return session(t), nil
}

// room is what the hub asks at every publish.
func (g *gate) room(_ context.Context, name string) (realtime.Room, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	r, ok := g.rooms[name]
	if !ok {
		return realtime.Room{}, realtime.ErrRoomUnknown
	}
	return r, nil
}

// kick makes the tickets that a user may still hold worthless. They are forgotten once they would have expired.
func (g *gate) kick(user, _ string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	for other, at := range g.kicked {
		if now.Sub(at) > ticket.Life+2*ticket.Skew {
			delete(g.kicked, other)
		}
	}
	g.kicked[user] = now
}

// session is what a ticket allows.
type session ticket.Ticket

// Identity implements gateway.Session.
func (s session) Identity() realtime.Identity {
	return realtime.Identity{User: s.User, Verified: s.Verified}
}

// Room implements gateway.Session: a room that is in the ticket.
func (s session) Room(_ context.Context, name string) (realtime.Room, error) {
	r, ok := s.Rooms[name]
	if !ok {
		return realtime.Room{}, realtime.ErrRoomForbidden
	}
	return realtime.Room{Name: name, History: r.History, Presence: r.Presence}, nil
}

// MayPublish implements gateway.Session.
func (s session) MayPublish(_ context.Context, name string) error {
	if !s.Rooms[name].Publish {
		return realtime.ErrPublishForbidden
	}
	return nil
}

// Expires implements gateway.Session: the end of the login, not that of the ticket, which is for the handshake only.
func (s session) Expires() time.Time { return s.Until }

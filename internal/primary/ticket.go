package primary

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/answer"
	"wxbase/internal/limit"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/ticket"
	"wxbase/internal/rooms"
)

// ticketForm is the body of POST /api/wx/rooms/tickets.
type ticketForm struct {
	Rooms  []string `json:"rooms"`
	UserID string   `json:"userId"` // a guest's label, as in a handshake
}

// CreateTicket handles POST /api/wx/rooms/tickets: what lets a client into rooms of an edge, which has no database to ask. Anyone may ask;
// every room is checked by its join rule, and the ticket says in which of them the client may speak. expiresIn is in seconds, edges are
// the public addresses in a random order.
func (p *Primary) CreateTicket(e *core.RequestEvent) error {
	var form ticketForm
	if err := answer.ReadBody(e, &form); err != nil {
		return err
	}
	if len(form.Rooms) == 0 {
		return answer.Fail(answer.RoomUnknown, nil)
	}
	if len(form.Rooms) > min(ticket.MaxRooms, p.Rooms.Hub.Limits().RoomsPerSocket) {
		return answer.Fail(answer.RoomLimit, nil)
	}
	holder, until, err := ticketHolder(e, form.UserID)
	if err != nil {
		return rooms.FailRoom(err)
	}
	// as many as an address may have connections, twice a minute
	if !e.HasSuperuserAuth() && !p.Rooms.RoomMinute.Allow("ticket "+limit.Sender(e), 2*p.Rooms.Hub.Limits().SocketsPerAddress, p.Now()) {
		return answer.Fail(answer.Rate, nil)
	}
	granted, err := p.ticketRooms(e, form.Rooms)
	if err != nil {
		return rooms.FailRoom(err)
	}
	signer, err := p.Signer()
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	// note: by the wall clock, which edges go by, even where the simulator's has been moved
	token, life, err := signer.Sign(ticket.Ticket{User: holder.User, Verified: holder.Verified, Rooms: granted, Until: until}, time.Now())
	if errors.Is(err, ticket.ErrExpired) {
		return answer.Fail(answer.TokenInvalid, err)
	}
	if err != nil {
		return answer.Fail(answer.Busy, err)
	}
	edges := slices.Clone(p.edges)
	rand.Shuffle(len(edges), func(i, j int) { edges[i], edges[j] = edges[j], edges[i] }) //nolint:gosec // only to spread clients
	e.Response.Header().Set("Cache-Control", "no-store")
	return e.JSON(http.StatusOK, map[string]any{"ticket": token, "expiresIn": int(life.Seconds()), "edges": edges})
}

// ticketHolder returns the caller, and the end of the login. An invalid token is refused, not treated as a guest.
func ticketHolder(e *core.RequestEvent, label string) (who realtime.Identity, until time.Time, err error) {
	token := strings.TrimSpace(e.Request.Header.Get("Authorization"))
	if len(token) > 7 && strings.EqualFold(token[:7], "bearer ") {
		token = strings.TrimSpace(token[7:])
	}
	if token == "" {
		return rooms.Guest(label), time.Time{}, nil
	}
	if e.Auth == nil || !e.Auth.IsSuperuser() && (e.Auth.Collection().Name != "users" || e.Auth.GetBool("blocked")) {
		return realtime.Identity{}, time.Time{}, realtime.ErrTokenInvalid
	}
	return realtime.Identity{User: e.Auth.Id, Verified: true}, rooms.TokenEnd(token), nil
}

// ticketRooms asks the rules of every room. One that is refused refuses the ticket.
func (p *Primary) ticketRooms(e *core.RequestEvent, names []string) (map[string]ticket.Room, error) {
	info, err := e.RequestInfo()
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	granted := map[string]ticket.Room{}
	for _, name := range names {
		room, err := p.Rooms.MayJoin(name, info)
		if err != nil {
			return nil, err
		}
		granted[room.Name] = ticket.Room{History: room.History, Presence: room.Presence, Publish: p.Rooms.MayPublish(name, info) == nil}
	}
	return granted, nil
}

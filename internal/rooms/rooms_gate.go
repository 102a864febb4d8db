package rooms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/security"
	"github.com/spf13/cast"

	"wxbase/internal/answer"
	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/socketio"
	"wxbase/internal/sockets"
)

// roomGate lets sockets in by PocketBase's tokens and the rooms' rules.
type roomGate struct{ Rooms *Rooms }

// Identify makes a session. It refuses an invalid token, and a ticket, which only edges accept; neither counts as a
// guest.
func (g roomGate) Identify(_ context.Context, h socketio.Handshake) (gateway.Session, error) {
	s := &roomSession{Rooms: g.Rooms, info: core.RequestInfo{
		Context: core.RequestInfoContextRealtime, Method: http.MethodGet, Query: map[string]string{}, Headers: map[string]string{}, Body: map[string]any{},
	}}
	for key, values := range h.Query {
		if key != "token" && len(values) > 0 {
			s.info.Query[key] = values[0]
		}
	}
	token := gateway.Token(h)
	if token == "" && sockets.Ticket(h) != "" {
		return nil, &realtime.Error{Code: answer.TicketElsewhere.Code, Message: answer.TicketElsewhere.EN}
	}
	if token == "" {
		s.identity = Guest(h.Query.Get("userId"))
		return s, nil
	}
	auth, err := g.Rooms.authByToken(token)
	if err != nil {
		return nil, err
	}
	s.info.Auth, s.identity = auth, realtime.Identity{User: auth.Id, Verified: true}
	s.expires = TokenEnd(token)
	return s, nil
}

// authByToken fails with realtime.ErrTokenInvalid.
func (r *Rooms) authByToken(token string) (*core.Record, error) {
	auth, err := r.App.FindAuthRecordByToken(token, core.TokenTypeAuth)
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", realtime.ErrTokenInvalid, err)
	}
	if !auth.IsSuperuser() && (auth.Collection().Name != "users" || auth.GetBool("blocked")) {
		return nil, realtime.ErrTokenInvalid
	}
	return auth, nil
}

// TokenEnd reads when a token that was verified expires.
func TokenEnd(token string) time.Time {
	claims, err := security.ParseUnverifiedJWT(token)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(cast.ToInt64(claims["exp"]), 0)
}

// roomSession is one socket's way through the rules.
type roomSession struct {
	Rooms    *Rooms
	identity realtime.Identity
	info     core.RequestInfo
	expires  time.Time
}

// Identity is who it is.
func (s *roomSession) Identity() realtime.Identity { return s.identity }

// Expires is when the token does.
func (s *roomSession) Expires() time.Time { return s.expires }

// Room asks the join rule.
func (s *roomSession) Room(_ context.Context, name string) (realtime.Room, error) {
	if err := s.refresh(); err != nil {
		return realtime.Room{}, err
	}
	return s.Rooms.MayJoin(name, &s.info)
}

// MayPublish asks the publish rule.
func (s *roomSession) MayPublish(_ context.Context, name string) error {
	if err := s.refresh(); err != nil {
		return err
	}
	return s.Rooms.MayPublish(name, &s.info)
}

// refresh reads the user again: a socket lives for hours, and a rule may ask for what the owner has changed since.
func (s *roomSession) refresh() error {
	if s.info.Auth == nil {
		return nil
	}
	now, err := s.Rooms.App.FindRecordById(s.info.Auth.Collection(), s.info.Auth.Id)
	if err != nil || now.TokenKey() != s.info.Auth.TokenKey() {
		return errors.Join(realtime.ErrTokenInvalid, err)
	}
	s.info.Auth = now
	return nil
}

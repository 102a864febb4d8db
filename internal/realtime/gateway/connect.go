package gateway

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/socketio"
)

// Token finds the token of a handshake: auth.token, then the query, then the Authorization header, with or without "Bearer".
func Token(h socketio.Handshake) string {
	if t := field(h, "token"); t != "" {
		return t
	}
	t := strings.TrimSpace(h.Header.Get("Authorization"))
	if len(t) > 7 && strings.EqualFold(t[:7], "bearer ") {
		t = strings.TrimSpace(t[7:])
	}
	return t
}

// field is a value of the handshake: from the auth object if there is one, else from the query.
func field(h socketio.Handshake, name string) string {
	var auth map[string]json.RawMessage
	if len(h.Auth) > 0 && json.Unmarshal(h.Auth, &auth) == nil {
		if raw, ok := auth[name]; ok {
			var text string
			if json.Unmarshal(raw, &text) == nil {
				return text
			}
			return string(raw) // a number
		}
	}
	return h.Query.Get(name)
}

// connect admits a socket, or refuses it. It takes no seat: if the connection broke now, the seat would never be left.
func (g *Gateway) connect(ctx context.Context, s *socketio.Socket, h socketio.Handshake) error {
	m, err := g.admit(ctx, s, h)
	if err != nil {
		g.denied.Add(1)
		e := g.clientError("connect", err)
		return &socketio.ConnectError{Message: e.Message, Data: e}
	}
	s.SetValue(m)
	return nil
}

func (g *Gateway) admit(ctx context.Context, s *socketio.Socket, h socketio.Handshake) (*member, error) {
	kicks := g.kicks.Load()
	session, err := g.gate.Identify(ctx, h)
	if err != nil {
		return nil, err
	}
	m := &member{socket: s, session: session, identity: session.Identity()}
	m.again = func(ctx context.Context) error {
		if g.kicks.Load() == kicks {
			return nil
		}
		_, err := g.gate.Identify(ctx, h)
		return err
	}
	if m.first, err = g.places(ctx, session, h); err != nil {
		return nil, err
	}
	return m, g.count(m)
}

// count takes one of a user's places, which disconnect returns. If all are taken, it closes the user's oldest socket,
// which is often one that a phone left silently and that would keep its place until the heartbeat ends it. note: a
// guest's label proves nothing, so only a guest's address is limited.
func (g *Gateway) count(m *member) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	sockets := g.users[m.identity]
	if limit := g.opt.Limits.SocketsPerUser; m.identity.Verified && limit > 0 && len(sockets) >= limit {
		if !g.turn.Allow(m.identity.User, limit) {
			return realtime.ErrConnectionLimit
		}
		go sockets[0].drop(ErrReplaced) // not under mu, because it ends in disconnect
		sockets = sockets[1:]
	}
	g.users[m.identity] = append(sockets, m)
	return nil
}

// uncount returns a place, unless the socket was replaced.
func (g *Gateway) uncount(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(g.users[m.identity]), func(other *member) bool { return other == m })
	if g.users[m.identity] = left; len(left) == 0 {
		delete(g.users, m.identity)
	}
}

// places are the rooms of a handshake, each checked by its rule. One refused room refuses the connection.
func (g *Gateway) places(ctx context.Context, session Session, h socketio.Handshake) ([]place, error) {
	names := split(field(h, "room"))
	afters := split(field(h, "after"))
	if len(names) > g.opt.Limits.RoomsPerSocket {
		return nil, ErrRoomLimit
	}
	list := make([]place, 0, len(names))
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		p := place{after: -1}
		var err error
		if i < len(afters) {
			if p.after, err = strconv.ParseInt(afters[i], 10, 64); err != nil || p.after < 0 {
				return nil, ErrArguments
			}
		}
		if p.room, err = roomOf(ctx, session, name); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// roomOf asks the join rule, for names that people may give.
func roomOf(ctx context.Context, session Session, name string) (realtime.Room, error) {
	if !realtime.IsRoomName(name) {
		return realtime.Room{}, realtime.ErrRoomUnknown
	}
	return session.Room(ctx, name)
}

func split(list string) []string {
	var parts []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// connected seats a socket: silently in the room of its namespace and of its user, and in the handshake's rooms.
func (g *Gateway) connected(s *socketio.Socket) {
	m, ok := s.Value().(*member)
	if !ok {
		return
	}
	if err := g.seat(m); err != nil {
		m.drop(g.clientError("join the handshake's rooms", err))
	}
	m.again = nil
}

func (g *Gateway) seat(m *member) error {
	if err := g.hub.Join(g.ctx, realtime.Room{Name: "*" + m.socket.Namespace()}, m, -1); err != nil {
		return err
	}
	if m.identity.Verified {
		if err := g.hub.Join(g.ctx, realtime.Room{Name: "user:" + m.identity.User}, m, -1); err != nil {
			return err
		}
	}
	// from here on a kick finds the socket; asking again reveals one that came before
	ctx, cancel := context.WithTimeout(g.ctx, gateTime)
	defer cancel()
	if err := m.again(ctx); err != nil {
		return err
	}
	g.watch(m)
	for _, p := range m.first {
		if err := g.join(m, p); err != nil {
			return err
		}
	}
	return nil
}

// watch closes the socket when its token ends.
func (g *Gateway) watch(m *member) {
	if end := m.session.Expires(); !end.IsZero() {
		m.expiry = time.AfterFunc(end.Sub(g.opt.Now()), func() { m.drop(ErrExpired) })
	}
}

// join takes as long as the client needs to read what it missed; if it stops reading, the transport ends it.
func (g *Gateway) join(m *member, p place) error {
	if err := g.hub.Join(g.ctx, p.room, m, p.after); err != nil {
		return err
	}
	if !m.has(p.room.Name) {
		m.rooms = append(m.rooms, p.room.Name)
	}
	return nil
}

// disconnect is the only place where a socket leaves everything.
func (g *Gateway) disconnect(s *socketio.Socket, _ string) {
	m, ok := s.Value().(*member)
	if !ok {
		return
	}
	if m.expiry != nil {
		m.expiry.Stop()
	}
	g.hub.LeaveAll(m)
	g.uncount(m)
}

func (g *Gateway) hasNamespace(name string) bool { return slices.Contains(g.opt.Namespaces, name) }

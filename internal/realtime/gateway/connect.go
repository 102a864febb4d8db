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

// field is a value of the handshake: of the auth object if it is there, else of the query.
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

// connect lets a socket in, or not. It seats nobody: a socket whose connection breaks now would never leave.
func (g *Gateway) connect(ctx context.Context, s *socketio.Socket, h socketio.Handshake) error {
	m, err := g.admit(ctx, s, h)
	if err != nil {
		g.denied.Add(1)
		e := g.told("connect", err)
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

// count takes one of a user's places, which disconnect gives back. Where there is none, the user's oldest socket is closed: it is often one
// that a phone has left without saying so, and which would keep its place for as long as the heartbeat takes.
// note: a guest's label says nothing of who he is, so that only his address is limited.
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

// uncount gives a place back; a socket that was replaced has none.
func (g *Gateway) uncount(m *member) {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(g.users[m.identity]), func(other *member) bool { return other == m })
	if g.users[m.identity] = left; len(left) == 0 {
		delete(g.users, m.identity)
	}
}

// places are the rooms that a handshake asks for, each by its rule. One that is refused refuses the connection.
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

// roomOf asks the join rule, for names that people may use.
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

// connected seats a socket: silently with everybody of its namespace, with its own user's sockets, and in the handshake's rooms.
func (g *Gateway) connected(s *socketio.Socket) {
	m, ok := s.Value().(*member)
	if !ok {
		return
	}
	if err := g.seat(m); err != nil {
		m.drop(g.told("join the handshake's rooms", err))
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
	// from here on a kick finds the socket; one that came between is found out by asking again
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

// join takes as long as the client needs to read what it missed; if it stops reading the transport ends it.
func (g *Gateway) join(m *member, p place) error {
	if err := g.hub.Join(g.ctx, p.room, m, p.after); err != nil {
		return err
	}
	if !m.has(p.room.Name) {
		m.rooms = append(m.rooms, p.room.Name)
	}
	return nil
}

// disconnect is the one place where a socket leaves everything.
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

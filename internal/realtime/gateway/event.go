package gateway

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/socketio"
)

// request is the one argument of every event that a client may send.
type request struct {
	Room    string          `json:"room"`
	After   *int64          `json:"after"`
	Event   string          `json:"event"`
	Target  string          `json:"target"`
	Payload json.RawMessage `json:"payload"`
}

// done is the answer to a successful event.
type done struct {
	OK  bool  `json:"ok"`
	Seq int64 `json:"seq,omitempty"`
}

// joined is the answer to a join.
type joined struct {
	OK  bool   `json:"ok"`
	Seq *int64 `json:"seq,omitempty"` // of the newest message in a room with history, to resume after
}

// event answers one event of a client.
func (g *Gateway) event(s *socketio.Socket, event string, args []json.RawMessage, ack func(...any)) {
	m, ok := s.Value().(*member)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(g.ctx, gateTime)
	defer cancel()
	answer, err := g.handle(ctx, m, event, args)
	switch {
	case err == nil && ack != nil:
		ack(answer)
	case err != nil && ack != nil:
		ack(map[string]any{"error": g.clientError(event, err)})
	case err != nil:
		_ = s.Emit("error", g.clientError(event, err)) // the socket is gone
	}
}

func (g *Gateway) handle(ctx context.Context, m *member, event string, args []json.RawMessage) (any, error) {
	var r request
	if len(args) > 0 && json.Unmarshal(args[0], &r) != nil {
		return nil, ErrArguments
	}
	switch event {
	case "exchange":
		return g.exchange(ctx, m, r)
	case "join":
		return g.joinLater(ctx, m, r)
	case "leave":
		return g.leave(m, r)
	case "publish":
		return g.publish(ctx, m, r)
	case "members":
		return g.members(ctx, m, r)
	}
	return nil, ErrEventUnknown
}

// meta and the fields around it are the article's wire format, byte for byte.
type meta struct {
	Timestamp int64  `json:"timestamp"` // milliseconds since 1970
	Client    string `json:"client"`    // the sender's socket id
	Target    string `json:"target"`
}

type exchanged struct {
	Meta meta `json:"meta"`
	Data struct {
		Action  string          `json:"action"`
		Payload json.RawMessage `json:"payload"`
	} `json:"data"`
}

// exchange raises an event at all members of the client's rooms, including itself. NB! in the article any client could
// raise any event at everyone: hence the list of targets, the scope and the limit.
func (g *Gateway) exchange(ctx context.Context, m *member, r request) (any, error) {
	if !realtime.IsEventName(r.Target) || !g.mayTarget(r.Target) {
		return nil, ErrTarget
	}
	if len(r.Payload) > g.opt.Limits.ExchangeBytes {
		return nil, realtime.ErrTooBig
	}
	rooms, err := g.scope(ctx, m)
	if err != nil {
		return nil, err
	}
	x := exchanged{Meta: meta{g.opt.Now().UnixMilli(), m.socket.ID(), r.Target}}
	x.Data.Action, x.Data.Payload = "exchange", r.Payload
	payload, err := json.Marshal(x)
	if err != nil {
		return nil, err
	}
	var last realtime.Message
	for _, room := range rooms {
		if last, _, err = g.hub.Publish(ctx, realtime.Message{Room: room, Event: r.Target, Payload: payload, Sender: m.identity.User}); err != nil {
			return nil, err
		}
	}
	if len(rooms) > 1 {
		last.Seq = 0 // a number of one room does not fit several
	}
	return done{OK: true, Seq: last.Seq}, nil
}

func (g *Gateway) mayTarget(target string) bool {
	return slices.Contains(g.opt.Targets, target) || slices.Contains(g.opt.Targets, "*")
}

// scope is the target of an exchange: the handshake's rooms in which the client may publish, at least one.
func (g *Gateway) scope(ctx context.Context, m *member) ([]string, error) {
	var rooms []string
	var refusal error = realtime.ErrRoomUnknown
	for _, name := range m.handshakeRooms() {
		if err := m.session.MayPublish(ctx, name); err != nil {
			refusal = err
			continue
		}
		rooms = append(rooms, name)
	}
	switch {
	case len(rooms) == 0:
		return nil, refusal
	case g.opt.NamespaceScope:
		return []string{"*" + m.socket.Namespace()}, nil
	}
	return rooms, nil
}

func (g *Gateway) joinLater(ctx context.Context, m *member, r request) (any, error) {
	p := place{after: -1}
	if r.After != nil {
		if p.after = *r.After; p.after < 0 {
			return nil, ErrArguments
		}
	}
	if !m.has(r.Room) && len(m.rooms) >= g.opt.Limits.RoomsPerSocket {
		return nil, ErrRoomLimit
	}
	var err error
	if p.room, err = roomOf(ctx, m.session, r.Room); err != nil {
		return nil, err
	}
	answer := joined{OK: true}
	if p.room.History > 0 {
		if seq, known := g.hub.Newest(ctx, p.room); known { // before the join, so that the number is not too new
			answer.Seq = &seq
		}
	}
	return answer, g.join(m, p)
}

func (g *Gateway) leave(m *member, r request) (any, error) {
	if !m.has(r.Room) {
		return nil, realtime.ErrRoomUnknown
	}
	g.hub.Leave(r.Room, m)
	m.rooms = slices.DeleteFunc(m.rooms, func(name string) bool { return name == r.Room })
	return done{OK: true}, nil
}

func (g *Gateway) publish(ctx context.Context, m *member, r request) (any, error) {
	if !realtime.IsRoomName(r.Room) {
		return nil, realtime.ErrRoomUnknown
	}
	if err := m.session.MayPublish(ctx, r.Room); err != nil {
		return nil, err
	}
	if r.Payload == nil {
		r.Payload = json.RawMessage("null")
	}
	sent, _, err := g.hub.Publish(ctx, realtime.Message{Room: r.Room, Event: r.Event, Payload: r.Payload, Sender: m.identity.User})
	return done{OK: true, Seq: sent.Seq}, err
}

func (g *Gateway) members(ctx context.Context, m *member, r request) (any, error) {
	room, err := roomOf(ctx, m.session, r.Room)
	if err != nil {
		return nil, err
	}
	if !room.Presence {
		return nil, ErrPresence
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	return g.hub.Presence(ctx, room.Name)
}

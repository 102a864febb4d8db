package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/socketio"
)

// member is a socket in the hub. Only the socket's callbacks, one at a time, use the fields after the blank line.
type member struct {
	socket   *socketio.Socket
	session  Session
	identity realtime.Identity
	expiry   *time.Timer

	first []place // the handshake's rooms
	rooms []string
	again func(context.Context) error // asks the gate once more, if there was a kick meanwhile
}

// place is a room of the handshake, and the number after which to begin.
type place struct {
	room  realtime.Room
	after int64
}

// wire is the key of our encoding in a frame.
type wire struct{}

// Identity is the gate's answer.
func (m *member) Identity() realtime.Identity { return m.identity }

// Deliver queues a frame and never blocks; if the queue is full, the transport cuts the socket off.
func (m *member) Deliver(f *realtime.Frame) {
	if p := packet(f); p != nil {
		_ = m.socket.Send(p) // a socket that is gone leaves its rooms by itself
	}
}

// Replay queues frames at the client's speed.
func (m *member) Replay(ctx context.Context, frames []*realtime.Frame) error {
	packets := make([]*socketio.Packet, 0, len(frames))
	for _, f := range frames {
		if p := packet(f); p != nil {
			packets = append(packets, p)
		}
	}
	return m.socket.SendWait(ctx, packets)
}

// Close tells the client why, and closes its connection.
func (m *member) Close(reason string) {
	m.drop(&realtime.Error{Code: "connection_closed", Message: reason})
}

func (m *member) drop(e *realtime.Error) {
	_ = m.socket.Emit("error", e) // the socket is closing
	m.socket.Close(e.Code)
}

// packet is a frame in our encoding, made once for all sockets.
func packet(f *realtime.Frame) *socketio.Packet {
	p, _ := f.Encoded(wire{}, encode).(*socketio.Packet)
	return p
}

// info is the second argument of every event; clients written for the article ignore it.
type info struct {
	Room   string    `json:"room"`
	Seq    int64     `json:"seq,omitempty"`
	At     time.Time `json:"at"`
	Sender string    `json:"sender,omitempty"`
}

func encode(m realtime.Message) any {
	about, err := json.Marshal(info{m.Room, m.Seq, m.At, m.Sender})
	if err != nil {
		return nil // a time beyond the year 9999
	}
	return socketio.NewPacket(m.Event, m.Payload, about)
}

// has says whether the socket has joined a room by its name.
func (m *member) has(room string) bool { return slices.Contains(m.rooms, room) }

// handshakeRooms lists the rooms of the handshake that the socket has not left.
func (m *member) handshakeRooms() []string {
	var names []string
	for _, p := range m.first {
		if m.has(p.room.Name) {
			names = append(names, p.room.Name)
		}
	}
	return names
}

// clientError returns the error that a client may read, and logs any other.
func (g *Gateway) clientError(doing string, err error) *realtime.Error {
	if own, ok := errors.AsType[*realtime.Error](err); ok {
		return own
	}
	if !errors.Is(err, socketio.ErrClosed) && !errors.Is(err, context.Canceled) {
		g.opt.Logger.Error("realtime gateway", "doing", doing, "error", err)
	}
	return errInternal
}

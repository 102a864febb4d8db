package socketio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"

	"wxbase/internal/realtime/socketio/engineio"
)

// The errors of sending.
var (
	ErrClosed = engineio.ErrClosed // the connection has ended, or the socket is not connected yet
	ErrSlow   = engineio.ErrSlow   // the client's queue was full; its connection has been cut off
)

// Socket is one client in one namespace. It is safe for concurrent use.
type Socket struct {
	client    *client
	id        string
	namespace string
	connected atomic.Bool

	mu      sync.Mutex // guards what follows
	value   any
	lastAck uint64
	waiting map[uint64]chan []json.RawMessage
}

func newSocket(c *client, namespace string) *Socket {
	s := &Socket{client: c, namespace: namespace, id: rand.Text()}
	if c.sess.Protocol() == 3 {
		// note: these clients derive their id from the session's
		if s.id = c.sess.ID(); namespace != "/" {
			s.id = namespace + "#" + s.id
		}
	}
	return s
}

// ID is what the client knows as its socket.id.
func (s *Socket) ID() string { return s.id }

// Namespace is "/" or a name that begins with it.
func (s *Socket) Namespace() string { return s.namespace }

// Protocol is that of Engine.IO: 4 or 3.
func (s *Socket) Protocol() int { return s.client.sess.Protocol() }

// Value returns the value of SetValue, or nil.
func (s *Socket) Value() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

// SetValue stores a value of the layer above.
func (s *Socket) SetValue(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value = v
}

// Emit sends an event to this client only.
func (s *Socket) Emit(event string, args ...any) error {
	p, err := newPacketOf(event, args)
	if err != nil {
		return err
	}
	return s.Send(p)
}

// Send queues an event. It never blocks: a full queue cuts the connection off and returns ErrSlow.
func (s *Socket) Send(p *Packet) error {
	if !s.connected.Load() {
		return ErrClosed
	}
	return s.client.sess.Send(p.frame(s.namespace))
}

// SendWait queues events with back-pressure, and returns when half of the queue is free again.
func (s *Socket) SendWait(ctx context.Context, packets []*Packet) error {
	if !s.connected.Load() {
		return ErrClosed
	}
	frames := make([]engineio.Frame, len(packets))
	for i, p := range packets {
		frames[i] = p.frame(s.namespace)
	}
	return s.client.sess.SendWait(ctx, frames)
}

// EmitAck sends an event and returns the client's answer: the arguments of its acknowledgement. It must not be called
// from a callback of the same connection, during which the answer cannot be read.
func (s *Socket) EmitAck(ctx context.Context, event string, args ...any) ([]json.RawMessage, error) {
	p, err := newPacketOf(event, args)
	if err != nil {
		return nil, err
	}
	id, answer, err := s.expectAck()
	if err != nil {
		return nil, err
	}
	defer s.forgetAck(id)
	if err := s.client.sess.Send(encode(typeEvent, s.namespace, strconv.FormatUint(id, 10), p.list)); err != nil {
		return nil, err
	}
	select {
	case got, ok := <-answer:
		if !ok {
			return nil, ErrClosed
		}
		return got, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Socket) expectAck() (uint64, chan []json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.connected.Load() {
		return 0, nil, ErrClosed
	}
	if s.waiting == nil {
		s.waiting = map[uint64]chan []json.RawMessage{}
	}
	s.lastAck++
	answer := make(chan []json.RawMessage, 1)
	s.waiting[s.lastAck] = answer
	return s.lastAck, answer, nil
}

func (s *Socket) forgetAck(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
}

// acknowledge hands a client's answer to the caller that waits for it; false without one.
func (s *Socket) acknowledge(p incoming) bool {
	id, err := strconv.ParseUint(p.id, 10, 64)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	answer, ok := s.waiting[id]
	if ok {
		delete(s.waiting, id)
		answer <- p.args
	}
	return ok
}

// acker returns the function that answers an event, or nil if the client does not wait. Only the first answer counts.
func (s *Socket) acker(id string) func(...any) {
	if id == "" {
		return nil
	}
	var done atomic.Bool
	return func(args ...any) {
		if done.Swap(true) || !s.connected.Load() {
			return
		}
		if args == nil {
			args = []any{}
		}
		list, err := json.Marshal(args)
		if err != nil {
			s.client.srv.cfg.Logger.Error("encode acknowledgement", "error", err)
			list = []byte("[]")
		}
		_ = s.client.sess.Send(encode(typeAck, s.namespace, id, list)) // the client may be gone
	}
}

// Close ends the socket's connection with all its namespaces, after the queue is sent. The client sees a lost
// transport.
func (s *Socket) Close(reason string) {
	s.client.sess.Close(1008, reason)
}

// end makes the socket refuse to send, and ends the waits for answers.
func (s *Socket) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connected.Store(false)
	for id, answer := range s.waiting {
		delete(s.waiting, id)
		close(answer)
	}
}

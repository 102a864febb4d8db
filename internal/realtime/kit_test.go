package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"wxbase/internal/realtime"
)

// member records what it gets.
type member struct {
	who realtime.Identity

	mu     sync.Mutex
	seqs   []int64
	events []string
	texts  []string
	queue  int // how many may be delivered, 0 for any number
	closed string
	hold   chan struct{} // Replay waits for it, when set
	taken  chan int      // Replay sends the number of frames here, when set
}

func newMember(user string) *member {
	return &member{who: realtime.Identity{User: user, Verified: user != "" && user[0] == 'u'}}
}

func (m *member) Identity() realtime.Identity { return m.who }

func (m *member) Deliver(f *realtime.Frame) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seqs = append(m.seqs, f.Seq)
	m.events = append(m.events, f.Event)
	m.texts = append(m.texts, string(f.Payload))
	if m.queue > 0 && len(m.seqs) > m.queue {
		m.closed = "slow"
	}
}

func (m *member) Replay(ctx context.Context, frames []*realtime.Frame) error {
	if m.taken != nil {
		m.taken <- len(frames)
	}
	if m.hold != nil {
		select {
		case <-m.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for _, f := range frames {
		m.Deliver(f)
	}
	if m.reason() != "" {
		return errors.New("closed")
	}
	return nil
}

func (m *member) Close(reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = reason
}

func (m *member) reason() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

func (m *member) got() []int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.seqs)
}

func (m *member) heard() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.texts)
}

// wantSeqs expects exactly from … to, in order.
func (m *member) wantSeqs(tb testing.TB, from, to int64) {
	tb.Helper()
	got := m.got()
	want := make([]int64, 0, max(to-from+1, 0))
	for n := from; n <= to; n++ {
		want = append(want, n)
	}
	if !slices.Equal(got, want) {
		tb.Errorf("%s: got %d numbers %s, want %d … %d once each, in order", m.who.User, len(got), ends(got), from, to)
	}
}

func ends(list []int64) string {
	if len(list) > 12 {
		return fmt.Sprintf("%v … %v", list[:6], list[len(list)-6:])
	}
	return fmt.Sprint(list)
}

// memory is a store that survives its hub, as a database does.
type memory struct {
	mu       sync.Mutex
	rows     map[string][]realtime.Message
	reserved map[string]int64
	appends  []int // messages per commit
	trims    int
	fail     func([]realtime.Message) error
	gate     chan struct{} // Append waits for it, when set
	onAfter  func()
}

func newMemory() *memory {
	return &memory{rows: map[string][]realtime.Message{}, reserved: map[string]int64{}}
}

func (s *memory) Append(_ context.Context, list []realtime.Message) error {
	if s.gate != nil {
		<-s.gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(list); err != nil {
			return err
		}
	}
	s.appends = append(s.appends, len(list))
	for _, m := range list {
		s.rows[m.Room] = append(s.rows[m.Room], m)
	}
	return nil
}

func (s *memory) After(_ context.Context, room string, seq int64, limit int) ([]realtime.Message, error) {
	if s.onAfter != nil {
		s.onAfter()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []realtime.Message
	for _, m := range s.rows[room] {
		if m.Seq > seq && len(out) < limit {
			out = append(out, m)
		}
	}
	return out, nil
}

func (s *memory) Reserve(_ context.Context, room string, block int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.reserved[room] + 1
	s.reserved[room] += block
	return next, nil
}

func (s *memory) Trim(_ context.Context, room string, keep int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trims++
	rows := s.rows[room]
	s.rows[room] = slices.Clone(rows[max(0, len(rows)-keep):])
	return nil
}

func (s *memory) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows["k"])
}

const kept = 10_000

// rooms returns settings with history for every room whose name begins with k.
func rooms(_ context.Context, name string) (realtime.Room, error) {
	if name == "nowhere" {
		return realtime.Room{}, realtime.ErrRoomUnknown
	}
	return room(name), nil
}

func room(name string) realtime.Room {
	r := realtime.Room{Name: name, Presence: name == "present"}
	if name[0] == 'k' {
		r.History = kept
	}
	return r
}

func join(tb testing.TB, h *realtime.Hub, name string, m realtime.Member, after int64) {
	tb.Helper()
	if err := h.Join(tb.Context(), room(name), m, after); err != nil {
		tb.Fatalf("join %s: %v", name, err)
	}
}

func say(tb testing.TB, h *realtime.Hub, name string, texts ...string) {
	tb.Helper()
	for _, text := range texts {
		if _, _, err := h.Publish(tb.Context(), message(name, text)); err != nil {
			tb.Fatalf("publish in %s: %v", name, err)
		}
	}
}

// count publishes n messages in the room k.
func count(tb testing.TB, h *realtime.Hub, n int) {
	tb.Helper()
	for i := range n {
		say(tb, h, "k", fmt.Sprint(i))
	}
}

func message(name string, payload any) realtime.Message {
	raw, err := json.Marshal(payload)
	if err != nil {
		panic(err)
	}
	return realtime.Message{Room: name, Event: "said", Payload: raw, Sender: "u1"}
}

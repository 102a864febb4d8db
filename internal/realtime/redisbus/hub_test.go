package redisbus_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/realtime/redisbus/redistest"
)

var _ realtime.Bus = (*redisbus.Bus)(nil)

// shelf is a Store in memory.
type shelf struct {
	mu   sync.Mutex
	rows []realtime.Message
	next int64
}

func (s *shelf) Append(_ context.Context, m []realtime.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows = append(s.rows, m...)
	slices.SortFunc(s.rows, func(a, b realtime.Message) int { return cmp.Compare(a.Seq, b.Seq) })
	return nil
}

func (s *shelf) After(_ context.Context, room string, seq int64, limit int) ([]realtime.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []realtime.Message
	for _, m := range s.rows {
		if m.Room == room && m.Seq > seq && len(found) < limit {
			found = append(found, m)
		}
	}
	return found, nil
}

func (s *shelf) Reserve(_ context.Context, _ string, block int64) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.next + 1
	s.next += block
	return next, nil
}

func (s *shelf) Trim(context.Context, string, int) error { return nil }

// guest is a member that records what it gets.
type guest struct {
	inbox
	user   string
	closed chan string
}

func newGuest(user string) *guest { return &guest{user: user, closed: make(chan string, 8)} }

func (g *guest) Identity() realtime.Identity { return realtime.Identity{User: g.user} }

func (g *guest) Deliver(f *realtime.Frame) { g.take(f.Payload) }

func (g *guest) Replay(_ context.Context, frames []*realtime.Frame) error {
	for _, f := range frames {
		g.take(f.Payload)
	}
	return nil
}

func (g *guest) Close(reason string) { g.closed <- reason }

// rooms that all hubs of the tests know.
var (
	kept  = realtime.Room{Name: "kept", History: 10_000}
	plain = realtime.Room{Name: "plain"}
)

func settings(_ context.Context, name string) (realtime.Room, error) {
	for _, r := range []realtime.Room{kept, plain} {
		if r.Name == name {
			return r, nil
		}
	}
	return realtime.Room{}, realtime.ErrRoomUnknown
}

// town is a primary and two edges at one Redis, with a guest in both rooms of each.
type town struct {
	tb     testing.TB
	server *redistest.Server
	buses  []*redisbus.Bus
	hubs   []*realtime.Hub
	kept   []*guest
	plain  []*guest
}

func newTown(tb testing.TB) *town {
	tb.Helper()
	w := &town{tb: tb, server: redistest.Start(tb)}
	for i, name := range []string{"primary", "edge1", "edge2"} {
		bus := join(tb, w.server.URL(), name)
		config := realtime.Config{Bus: bus, Rooms: settings}
		if i == 0 {
			config.Store = &shelf{}
		}
		hub := realtime.New(config)
		tb.Cleanup(func() { _ = hub.Close(context.Background()) })
		k, p := newGuest(name), newGuest(name)
		w.buses, w.hubs, w.kept, w.plain = append(w.buses, bus), append(w.hubs, hub), append(w.kept, k), append(w.plain, p)
		w.join(i, kept, k, -1)
		w.join(i, plain, p, -1)
	}
	w.settle()
	return w
}

func (w *town) join(i int, room realtime.Room, m realtime.Member, after int64) {
	w.tb.Helper()
	if err := w.hubs[i].Join(w.tb.Context(), room, m, after); err != nil {
		w.tb.Fatal(err)
	}
}

func (w *town) settle() {
	w.tb.Helper()
	for _, b := range w.buses {
		settle(w.tb, b)
	}
}

// say publishes from one process.
func (w *town) say(i int, room realtime.Room, text string) error {
	_, _, err := w.hubs[i].Publish(w.tb.Context(), realtime.Message{Room: room.Name, Event: "e", Payload: []byte(text)})
	return err
}

func (w *town) mustSay(i int, room realtime.Room, text string) {
	w.tb.Helper()
	if err := w.say(i, room, text); err != nil {
		w.tb.Fatalf("process %d: %v", i, err)
	}
}

func (w *town) up() {
	w.tb.Helper()
	for _, b := range w.buses {
		eventually(w.tb, "up", b.Up)
	}
	w.settle()
}

func (w *town) down() {
	w.tb.Helper()
	for _, b := range w.buses {
		eventually(w.tb, "down", func() bool { return !b.Up() })
	}
}

// numbers are n payloads from first on.
func numbers(first, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(first + i)
	}
	return list
}

// TestRoomSpansProcesses: all guests hear everything; in a room with history, in the same order.
func TestRoomSpansProcesses(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const each = 100
	var speakers sync.WaitGroup
	for i := range w.hubs {
		speakers.Go(func() {
			for j := range each {
				w.mustSay(i, kept, fmt.Sprint(1000*i+j))
				w.mustSay(i, plain, fmt.Sprint(1000*i+j))
			}
		})
	}
	speakers.Wait()
	want := slices.Concat(numbers(0, each), numbers(1000, each), numbers(2000, each))
	slices.Sort(want)
	order := w.kept[0].waitFor(t, len(want))
	for i := range w.hubs {
		if got := w.kept[i].waitFor(t, len(want)); !slices.Equal(got, order) {
			t.Errorf("process %d: got another order than the primary", i)
		}
		got := w.plain[i].waitFor(t, len(want))
		for from := range w.hubs { // one process's messages are in order
			said := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !slices.Contains(numbers(1000*from, each), s) })
			if !slices.Equal(said, numbers(1000*from, each)) {
				t.Errorf("process %d: what %d said is out of order", i, from)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("process %d: got %d messages, want each of %d once", i, len(got), len(want))
		}
	}
}

// TestRedisKilled: guests keep hearing their own process. What the primary publishes meanwhile in a room with history
// reaches the edges once, in order, when Redis is back; and a user kicked meanwhile is gone.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.mustSay(0, kept, "0")
	for i := range w.hubs {
		w.kept[i].waitFor(t, 1)
	}
	w.server.Kill()
	w.down()
	const missed = 700 // more than the primary has in memory, more than a page
	for n := 1; n <= missed; n++ {
		w.mustSay(0, kept, fmt.Sprint(n))
	}
	for i := range w.hubs {
		w.mustSay(i, plain, fmt.Sprint(i))
		if got := w.plain[i].waitFor(t, 1); !slices.Equal(got, []string{fmt.Sprint(i)}) {
			t.Errorf("process %d: got %v, want its own message", i, got)
		}
	}
	if err := w.say(1, kept, "-1"); !errors.Is(err, realtime.ErrPrimaryAway) {
		t.Errorf("an edge in a room with history: got %v, want ErrPrimaryAway", err)
	}
	if p, err := w.hubs[1].Presence(t.Context(), kept.Name); err != nil || p.Complete || p.Count != 1 {
		t.Errorf("presence: got %+v, %v, want its own guest and incomplete", p, err)
	}
	if s := w.hubs[1].Stats(); s.BusUp || !s.HasBus {
		t.Errorf("stats: got %+v, want a bus that is down", s)
	}
	w.hubs[0].Kick("edge2", "blocked")
	w.server.Start()
	for i := range w.hubs {
		if got := w.kept[i].waitFor(t, missed+1); !slices.Equal(got, numbers(0, missed+1)) {
			t.Errorf("process %d: got %d messages, want %d, each once and in order", i, len(got), missed+1)
		}
	}
	if got := <-w.kept[2].closed; got != "blocked" {
		t.Errorf("kicked: got %q", got)
	}
	w.up()
	w.mustSay(1, kept, fmt.Sprint(missed+1))
	for i := range w.hubs {
		if got := w.kept[i].waitFor(t, missed+2); !slices.Equal(got, numbers(0, missed+2)) {
			t.Errorf("process %d, after: got %d messages, want %d", i, len(got), missed+2)
		}
	}
}

// TestFlapping: connections are cut again and again while the primary publishes. Every edge ends with everything, once,
// in order.
func TestFlapping(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	tap := wiretap(t, w.server)
	const n = 600
	for i := range n {
		w.mustSay(0, kept, fmt.Sprint(i))
		if i%50 == 25 {
			if err := tap.Do(t.Context(), "client", "kill", "type", "pubsub").Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range w.hubs {
		if got := w.kept[i].waitFor(t, n); !slices.Equal(got, numbers(0, n)) {
			t.Errorf("process %d: got %d messages that are not the %d said, in order", i, len(got), n)
		}
	}
}

// TestJoinAtAnEdgeWithHistory: a guest that returns to another process gets what it missed, and then live messages,
// without a gap.
func TestJoinAtAnEdgeWithHistory(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	const n = 400
	said := make(chan struct{})
	go func() {
		defer close(said)
		for i := range n {
			if err := w.say(0, kept, fmt.Sprint(i)); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	w.kept[0].waitFor(t, n/4)
	late := newGuest("late")
	w.join(2, kept, late, 50) // has the numbers 1 to 50, which say 0 to 49
	<-said
	if got := late.waitFor(t, n-50); !slices.Equal(got, numbers(50, n-50)) {
		t.Errorf("got %d messages from %s on, want %d from 50 on", len(got), got[0], n-50)
	}
}

// TestPresenceSpansProcesses: users are counted over all processes, and only present ones.
func TestPresenceSpansProcesses(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	twice := newGuest("edge1")
	w.join(2, kept, twice, -1)
	for i, hub := range w.hubs {
		p, err := hub.Presence(t.Context(), kept.Name)
		if err != nil || !p.Complete || p.Count != 3 || p.Members[0].User != "edge1" || p.Members[0].Connections != 2 {
			t.Errorf("process %d: got %+v, %v, want three users, edge1 with two connections", i, p, err)
		}
	}
	_ = w.buses[2].Close()
	eventually(t, "two users and complete", func() bool {
		p, err := w.hubs[0].Presence(t.Context(), kept.Name)
		return err == nil && p.Complete && p.Count == 2 && p.Members[0].Connections == 1
	})
}

package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wxbase/internal/realtime"
)

func TestPublishReachesMembersOnly(t *testing.T) {
	t.Parallel()
	h := realtime.New(realtime.Config{Rooms: rooms})
	here, both, there := newMember("u1"), newMember("u2"), newMember("guest:x")
	join(t, h, "a", here, -1)
	join(t, h, "a", both, -1)
	join(t, h, "b", both, -1)
	join(t, h, "b", there, -1)
	join(t, h, "b", there, -1) // again
	m, n, err := h.Publish(t.Context(), message("a", "hello"))
	if err != nil || n != 2 || m.Seq != 0 || time.Since(m.At) > time.Minute || m.At.Nanosecond()%1e6 != 0 {
		t.Errorf("got %+v to %d, %v, want 2 members, no number and the time in milliseconds", m, n, err)
	}
	say(t, h, "b", "x")
	h.Leave("b", both)
	say(t, h, "b", "y")
	h.LeaveAll(there)
	h.LeaveAll(both)
	say(t, h, "b", "z")
	for name, c := range map[string]struct {
		m    *member
		want string
	}{"here": {here, `"hello"`}, "both": {both, `"hello" "x"`}, "there": {there, `"x" "y"`}} {
		if got := strings.Join(c.m.heard(), " "); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
	if s := h.Stats(); s.Members != 1 || s.Rooms != 1 || s.Published != 4 || s.Delivered != 5 || s.FanoutCount == 0 {
		t.Errorf("got %+v, want 1 member, 1 room, 4 published, 5 delivered", s)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	refusal := errors.New("no swearing")
	h := realtime.New(realtime.Config{Rooms: rooms, Check: func(_ context.Context, m *realtime.Message) error {
		if string(m.Payload) == `"swear"` {
			return refusal
		}
		m.Sender = "checked"
		return nil
	}})
	scenarios := []struct {
		name                 string
		room, event, payload string
		want                 error
	}{
		{"fine", "a", "said", `{}`, nil},
		{"any JSON value", "a", "said.it:now-1_2", `null`, nil},
		{"unknown room", "nowhere", "said", `{}`, realtime.ErrRoomUnknown},
		{"a name that is no name", "a b", "said", `{}`, realtime.ErrRoomUnknown},
		{"a long name", strings.Repeat("a", 65), "said", `{}`, realtime.ErrRoomUnknown},
		{"no name", "", "said", `{}`, realtime.ErrRoomUnknown},
		{"reserved event", "a", "disconnect", `{}`, realtime.ErrEventName},
		{"the gap event", "a", realtime.GapEvent, `{}`, realtime.ErrEventName},
		{"no event", "a", "", `{}`, realtime.ErrEventName},
		{"long event", "a", strings.Repeat("a", 65), `{}`, realtime.ErrEventName},
		{"an event with a space", "a", "x y", `{}`, realtime.ErrEventName},
		{"no JSON", "a", "said", `{`, realtime.ErrPayload},
		{"nothing", "a", "said", ``, realtime.ErrPayload},
		{"64 KiB", "a", "said", `"` + strings.Repeat("x", 65_534) + `"`, nil},
		{"more than 64 KiB", "a", "said", `"` + strings.Repeat("x", 65_535) + `"`, realtime.ErrTooBig},
		{"refused by the program", "a", "said", `"swear"`, refusal},
		{"rooms of the system are not checked", "*/", "said", `"swear"`, nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			m, _, err := h.Publish(t.Context(), realtime.Message{Room: s.room, Event: s.event, Payload: json.RawMessage(s.payload)})
			if !errors.Is(err, s.want) {
				t.Errorf("got %v, want %v", err, s.want)
			}
			if err == nil && s.room == "a" && m.Sender != "checked" {
				t.Errorf("got sender %q, want what Check made of it", m.Sender)
			}
		})
	}
}

func TestFrameIsEncodedOncePerWire(t *testing.T) {
	t.Parallel()
	f := realtime.NewFrame(message("a", 1))
	var mu sync.Mutex
	calls := map[string]int{}
	var wg sync.WaitGroup
	for range 16 {
		for _, wire := range []string{"sse", "eio4", "eio3"} {
			wg.Go(func() {
				got := f.Encoded(wire, func(m realtime.Message) any {
					mu.Lock()
					defer mu.Unlock()
					calls[wire]++
					return wire + string(m.Payload)
				})
				if got != wire+"1" {
					t.Errorf("got %v, want %s1", got, wire)
				}
			})
		}
	}
	wg.Wait()
	for wire, n := range calls {
		if n != 1 {
			t.Errorf("%s: encoded %d times, want once", wire, n)
		}
	}
}

func TestPresence(t *testing.T) {
	t.Parallel()
	h := realtime.New(realtime.Config{Rooms: rooms})
	tab, other, guest := newMember("u1"), newMember("u1"), newMember("guest:7")
	for _, m := range []*member{tab, other, guest} {
		join(t, h, "a", m, -1)
	}
	p, err := h.Presence(t.Context(), "a")
	want := []realtime.Present{{User: "guest:7", Connections: 1}, {User: "u1", Verified: true, Connections: 2}}
	if err != nil || !slices.Equal(p.Members, want) || p.Count != 2 || !p.Complete {
		t.Errorf("got %+v, %v, want two tabs as one user", p, err)
	}
	h.LeaveAll(tab)
	h.LeaveAll(guest)
	if p, _ := h.Presence(t.Context(), "a"); p.Count != 1 || p.Members[0].Connections != 1 {
		t.Errorf("after one tab and the guest left: got %+v", p)
	}
	h.LeaveAll(other)
	raw, _ := json.Marshal(must(h.Presence(t.Context(), "a")))
	if string(raw) != `{"members":[],"count":0,"complete":true}` {
		t.Errorf("an empty room: got %s", raw)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// shared is a connection with two seats.
type shared struct {
	*member
	connection any
}

func (s *shared) Connection() any { return s.connection }

func TestOneConnectionThatSitsTwiceCountsOnce(t *testing.T) {
	t.Parallel()
	h := realtime.New(realtime.Config{})
	line := new(int)
	join(t, h, "a", &shared{newMember("u1"), line}, -1)
	join(t, h, "a", &shared{newMember("u1"), line}, -1)
	join(t, h, "a", &shared{newMember("u1"), new(int)}, -1)
	if p := must(h.Presence(t.Context(), "a")); p.Members[0].Connections != 2 {
		t.Errorf("got %+v, want 2 connections", p.Members)
	}
}

func TestKickClosesAllOfAUser(t *testing.T) {
	t.Parallel()
	h := realtime.New(realtime.Config{})
	var told []string
	h.OnKick(func(user, reason string) { told = append(told, user+" "+reason) })
	one, two, other := newMember("u1"), newMember("u1"), newMember("u2")
	join(t, h, "a", one, -1)
	join(t, h, "b", two, -1)
	join(t, h, "b", other, -1)
	h.Kick("u1", "blocked")
	h.Kick("", "nobody")
	h.Kick("u9", "unknown")
	if one.reason() != "blocked" || two.reason() != "blocked" || other.reason() != "" {
		t.Errorf("got %q %q %q, want the first two closed", one.reason(), two.reason(), other.reason())
	}
	if want := []string{"u1 blocked", "u9 unknown"}; !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
	h.Evict("b", "rule changed")
	if other.reason() != "rule changed" || one.reason() != "blocked" {
		t.Errorf("evict: got %q, %q, want those of the room closed", other.reason(), one.reason())
	}
}

// TestOrderIsTheNumbers: with many concurrent publishers, every member hears 1, 2, 3 … and everything is kept.
func TestOrderIsTheNumbers(t *testing.T) {
	t.Parallel()
	const publishers, each = 8, 100
	store := newMemory()
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	members := []*member{newMember("u1"), newMember("u2"), newMember("u3")}
	for _, m := range members {
		join(t, h, "k", m, -1)
	}
	var wg sync.WaitGroup
	for range publishers {
		wg.Go(func() { count(t, h, each) })
	}
	wg.Wait()
	for _, m := range members {
		m.wantSeqs(t, 1, publishers*each)
	}
	if got := store.count(); got != publishers*each {
		t.Errorf("kept: got %d, want %d", got, publishers*each)
	}
	last := int64(0)
	for _, m := range store.rows["k"] {
		if m.Seq != last+1 {
			t.Fatalf("stored: got %d after %d, want them in order", m.Seq, last)
		}
		last = m.Seq
	}
}

// TestChurn is for the race detector: rooms are made, filled, emptied and forgotten while others publish. All rooms
// end, and a member hears everything that is published after its join.
func TestChurn(t *testing.T) {
	t.Parallel()
	h := realtime.New(realtime.Config{Store: newMemory(), Rooms: rooms})
	var wg sync.WaitGroup
	for w := range 8 {
		name := []string{"a", "k"}[w%2]
		wg.Go(func() {
			for range 200 {
				m := newMember("u1")
				join(t, h, name, m, int64(w%4-1))
				join(t, h, "other", m, -1)
				before := len(m.got())
				say(t, h, name, "x")
				if len(m.got()) == before {
					t.Error("joined, and did not hear what it said itself")
				}
				if w%3 == 0 {
					h.Leave(name, m)
				}
				h.LeaveAll(m)
			}
		})
	}
	wg.Wait()
	if s := h.Stats(); s.Members != 0 || s.Rooms != 0 || s.Committing != 0 {
		t.Errorf("got %+v, want nobody and nothing left", s)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	store := newMemory()
	store.gate = make(chan struct{})
	h := realtime.New(realtime.Config{Store: store, Rooms: rooms})
	done := make(chan error, 1)
	m := newMember("u1")
	heard := make(chan struct{})
	join(t, h, "k", &listening{m, heard}, -1)
	go func() {
		_, _, err := h.Publish(context.Background(), message("k", 1))
		done <- err
	}()
	<-heard
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Close(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("close while the store hangs: got %v, want that it gave up", err)
	}
	if _, _, err := h.Publish(t.Context(), message("k", 2)); !errors.Is(err, realtime.ErrClosed) {
		t.Errorf("publish: got %v, want %v", err, realtime.ErrClosed)
	}
	if err := h.Join(t.Context(), room("k"), newMember("u2"), -1); !errors.Is(err, realtime.ErrClosed) {
		t.Errorf("join: got %v, want %v", err, realtime.ErrClosed)
	}
	close(store.gate)
	if err := h.Close(t.Context()); err != nil || store.count() != 1 {
		t.Errorf("close: got %v and %d kept, want what was said before kept", err, store.count())
	}
	if err := <-done; err != nil {
		t.Errorf("the publisher: got %v, want its commit", err)
	}
}

// listening signals its first frame.
type listening struct {
	*member
	heard chan struct{}
}

func (l *listening) Deliver(f *realtime.Frame) {
	l.member.Deliver(f)
	close(l.heard)
}

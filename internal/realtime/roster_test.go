package realtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"wxbase/internal/realtime"
)

// seen lists the users in each MembersEvent that a member got.
func (m *member) seen(tb testing.TB) []string {
	tb.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for i, event := range m.events {
		if event != realtime.MembersEvent {
			continue
		}
		var p realtime.Presence
		if err := json.Unmarshal([]byte(m.texts[i]), &p); err != nil || m.seqs[i] != 0 {
			tb.Errorf("got %s with number %d, %v", m.texts[i], m.seqs[i], err)
		}
		names := make([]string, len(p.Members))
		for j, one := range p.Members {
			names[j] = one.User
			if one.Connections > 1 {
				names[j] += fmt.Sprint("*", one.Connections)
			}
		}
		all = append(all, strings.Join(names, " "))
	}
	return all
}

func (m *member) wantSeen(tb testing.TB, want ...string) {
	tb.Helper()
	if got := m.seen(tb); !slices.Equal(got, want) {
		tb.Errorf("%s: got %q, want %q", m.who.User, got, want)
	}
}

func present(name string) realtime.Room { return realtime.Room{Name: name, Presence: true} }

func sit(tb testing.TB, h *realtime.Hub, m realtime.Member) {
	tb.Helper()
	if err := h.Join(tb.Context(), present("present"), m, -1); err != nil {
		tb.Fatal(err)
	}
}

// pass lets time pass in the bubble.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestMembersAreTold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := realtime.New(realtime.Config{})
		first, second, third := newMember("u1"), newMember("u2"), newMember("u3")
		sit(t, h, first)
		sit(t, h, second)
		first.wantSeen(t)
		pass(100 * time.Millisecond)
		first.wantSeen(t, "u1 u2")
		second.wantSeen(t, "u1 u2")

		sit(t, h, third)
		pass(900 * time.Millisecond)
		first.wantSeen(t, "u1 u2") // not more often than once a second
		pass(time.Second)
		first.wantSeen(t, "u1 u2", "u1 u2 u3")
		third.wantSeen(t, "u1 u2 u3")

		pass(time.Minute)
		h.LeaveAll(second)
		pass(1900 * time.Millisecond)
		first.wantSeen(t, "u1 u2", "u1 u2 u3")
		pass(200 * time.Millisecond)
		first.wantSeen(t, "u1 u2", "u1 u2 u3", "u1 u3")
		second.wantSeen(t, "u1 u2", "u1 u2 u3")
		pass(time.Hour)
		first.wantSeen(t, "u1 u2", "u1 u2 u3", "u1 u3")
	})
}

func TestWhoComesBackSoonWasNeverAway(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := realtime.New(realtime.Config{})
		stays, cut, back := newMember("u1"), newMember("u2"), newMember("u2")
		sit(t, h, stays)
		sit(t, h, cut)
		pass(time.Minute)
		h.LeaveAll(cut)
		pass(300 * time.Millisecond)
		sit(t, h, back)
		pass(time.Minute)
		stays.wantSeen(t, "u1 u2")
		back.wantSeen(t, "u1 u2")
	})
}

func TestAGuestWhoSignsInIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := realtime.New(realtime.Config{})
		first, guest := newMember("u1"), newMember("guest:7")
		sit(t, h, first)
		sit(t, h, guest)
		pass(time.Minute)
		h.Identify(func() { guest.who.User = "u2" }, guest)
		pass(time.Minute)
		first.wantSeen(t, "guest:7 u1", "u1 u2")
	})
}

func TestMembersAreNotTold(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name string
		room realtime.Room
		set  func(context.Context, string) (realtime.Room, error)
	}{
		{"in a room without presence", realtime.Room{Name: "present"}, nil},
		{"in the server's own rooms", realtime.Room{Name: "user:u1"}, nil},
		{"in a room that shows its members no more", present("present"), func(context.Context, string) (realtime.Room, error) { return realtime.Room{Name: "a"}, nil }},
		{"in a room that was deleted", present("present"), func(context.Context, string) (realtime.Room, error) { return realtime.Room{}, realtime.ErrRoomUnknown }},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				h := realtime.New(realtime.Config{Rooms: s.set})
				m := newMember("u1")
				if err := h.Join(t.Context(), s.room, m, -1); err != nil {
					t.Fatal(err)
				}
				pass(time.Minute)
				m.wantSeen(t)
			})
		})
	}
}

func TestNobodyMaySpeakAsTheMembersEvent(t *testing.T) {
	h := realtime.New(realtime.Config{})
	if _, _, err := h.Publish(t.Context(), realtime.Message{Room: "a", Event: realtime.MembersEvent, Payload: []byte(`{}`)}); err != realtime.ErrEventName { //nolint:errorlint // it is returned unchanged
		t.Errorf("got %v, want %v", err, realtime.ErrEventName)
	}
}

func TestAFullHouseIsCountedOnly(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		h := realtime.New(realtime.Config{})
		first := newMember("u0")
		sit(t, h, first)
		for i := range 200 {
			sit(t, h, newMember(fmt.Sprint("u", i+1)))
		}
		pass(time.Second)
		got := first.heard()
		if want := []string{`{"members":[],"count":201,"complete":true}`}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		h.LeaveAll(first)
		sit(t, h, newMember("u202"))
		pass(2 * time.Second) // 201 seats lengthen the pause to 3 s
		if got := first.heard(); len(got) != 1 {
			t.Errorf("got %q, want nothing for one who has gone", got)
		}
	})
}

func TestAllProcessesTellTheirMembers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newCluster(2)
		here, there, second := newMember("u1"), newMember("u2"), newMember("u3")
		sit(t, c.primary, here)
		pass(10 * time.Second)
		sit(t, c.edges[0], there)
		pass(10 * time.Second)
		here.wantSeen(t, "u1", "u1 u2")
		there.wantSeen(t, "u1 u2")
		sit(t, c.edges[1], second)
		pass(10 * time.Second)
		c.edges[1].LeaveAll(second) // the last of its process
		pass(10 * time.Second)
		here.wantSeen(t, "u1", "u1 u2", "u1 u2 u3", "u1 u2")
		there.wantSeen(t, "u1 u2", "u1 u2 u3", "u1 u2")
		c.edgeNodes[0].cut() // a process dies silently
		pass(2 * time.Minute)
		if got := here.seen(t); got[len(got)-1] != "u1" {
			t.Errorf("got %q, want the dead process's people gone after a while", got)
		}
		c.edgeNodes[0].heal()
		pass(10 * time.Second)
		if got := here.seen(t); got[len(got)-1] != "u1 u2" {
			t.Errorf("got %q, want them back once the bus is up", got)
		}
	})
}

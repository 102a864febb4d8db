package realtime

import (
	"context"
	"slices"
	"strings"
	"time"
)

// presence knows which users are in a room, in all processes, and informs the members of rooms that want it.
type presence struct {
	rooms    *directory
	people   *people
	link     *link
	settings func(ctx context.Context, name string) (Room, error) // nil: those of the latest Join
	now      func() time.Time
}

// Presence lists the users in a room, on every process. It is not stored, so it lists nobody who has left.
func (h *Hub) Presence(ctx context.Context, name string) (Presence, error) {
	return h.presence.ask(ctx, name)
}

// ask asks every process for the users in a room.
func (p *presence) ask(ctx context.Context, name string) (Presence, error) {
	all := map[string]Present{}
	p.here(name, all)
	complete := true
	if p.link.bus != nil {
		complete = p.link.askPresent(ctx, name, all)
	}
	list := Presence{Members: make([]Present, 0, len(all)), Count: len(all), Complete: complete}
	for _, one := range all {
		list.Members = append(list.Members, one)
	}
	slices.SortFunc(list.Members, func(a, b Present) int { return strings.Compare(a.User, b.User) })
	return list, ctx.Err()
}

// Members counts the members of a room in this process.
func (h *Hub) Members(name string) int {
	r := h.rooms.peek(name)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seats)
}

// Shared is for transports whose connection may have several seats in a room: members with the same connection count as
// one.
type Shared interface{ Connection() any }

func merge(all map[string]Present, one Present) {
	sum := all[one.User]
	all[one.User] = Present{User: one.User, Verified: sum.Verified || one.Verified, Connections: sum.Connections + one.Connections}
}

// here adds the members of this process.
func (p *presence) here(name string, all map[string]Present) {
	r := p.rooms.peek(name)
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[any]bool{}
	for _, s := range r.seats {
		if shared, ok := s.member.(Shared); ok {
			if seen[shared.Connection()] {
				continue
			}
			seen[shared.Connection()] = true
		}
		who := s.member.Identity()
		merge(all, Present{User: who.User, Verified: who.Verified, Connections: 1})
	}
}

func (p *presence) answer(data []byte) ([]byte, bool) {
	here := map[string]Present{}
	p.here(string(data), here)
	if len(here) == 0 {
		return nil, false
	}
	list := make([]Present, 0, len(here))
	for _, one := range here {
		list = append(list, one)
	}
	return encode(list), true
}

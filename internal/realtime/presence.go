package realtime

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
)

// Presence asks every process who is in a room. Nothing is stored, so nobody is listed who is not there.
func (h *Hub) Presence(ctx context.Context, name string) (Presence, error) {
	all := map[string]Present{}
	h.present(name, all)
	complete := true
	if h.bus != nil {
		complete = h.askPresent(ctx, name, all)
	}
	p := Presence{Members: make([]Present, 0, len(all)), Count: len(all), Complete: complete}
	for _, one := range all {
		p.Members = append(p.Members, one)
	}
	slices.SortFunc(p.Members, func(a, b Present) int { return strings.Compare(a.User, b.User) })
	return p, ctx.Err()
}

// Members counts the members of a room in this process.
func (h *Hub) Members(name string) int {
	r := h.peek(name)
	if r == nil {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.seats)
}

// Shared is for transports whose connection may sit in a room more than once: members with the same connection count as one.
type Shared interface{ Connection() any }

// present adds the members of this process.
func (h *Hub) present(name string, all map[string]Present) {
	r := h.peek(name)
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

func merge(all map[string]Present, one Present) {
	sum := all[one.User]
	all[one.User] = Present{User: one.User, Verified: sum.Verified || one.Verified, Connections: sum.Connections + one.Connections}
}

// askPresent adds the members of the other processes, and tells whether all have answered.
func (h *Hub) askPresent(ctx context.Context, name string, all map[string]Present) bool {
	answers, complete, err := h.bus.Request(ctx, subjectPresence, []byte(name))
	for _, data := range answers {
		var there []Present
		if json.Unmarshal(data, &there) != nil {
			complete = false
			continue
		}
		for _, one := range there {
			merge(all, one)
		}
	}
	return complete && err == nil
}

func (h *Hub) answerPresence(data []byte) ([]byte, bool) {
	here := map[string]Present{}
	h.present(string(data), here)
	if len(here) == 0 {
		return nil, false
	}
	list := make([]Present, 0, len(here))
	for _, one := range here {
		list = append(list, one)
	}
	return encode(list), true
}

package realtime

import (
	"slices"
	"sync"
)

// people knows the rooms of every member and the members of every user.
type people struct {
	mu    sync.Mutex // locked after a room's lock
	rooms map[Member][]*room
	users map[string][]Member
}

func (p *people) enter(m Member, r *room) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rooms, known := p.rooms[m]
	p.rooms[m] = append(rooms, r)
	if user := m.Identity().User; !known {
		p.users[user] = append(p.users[user], m)
	}
}

func (p *people) leave(m Member, r *room) {
	p.mu.Lock()
	defer p.mu.Unlock()
	rooms := slices.DeleteFunc(p.rooms[m], func(other *room) bool { return other == r })
	if len(rooms) > 0 {
		p.rooms[m] = rooms
		return
	}
	delete(p.rooms, m)
	p.strike(m)
}

func (p *people) identify(change func(), members []Member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	members = slices.DeleteFunc(members, func(m Member) bool { return p.rooms[m] == nil })
	for _, m := range members {
		p.strike(m)
	}
	change()
	for _, m := range members {
		p.users[m.Identity().User] = append(p.users[m.Identity().User], m)
	}
}

// strike removes a member from its user's list.
func (p *people) strike(m Member) {
	user := m.Identity().User
	left := slices.DeleteFunc(p.users[user], func(other Member) bool { return other == m })
	if len(left) > 0 {
		p.users[user] = left
		return
	}
	delete(p.users, user)
}

func (p *people) roomsOf(m Member) []*room {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.rooms[m])
}

func (p *people) membersOf(user string) []Member {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.users[user])
}

func (p *people) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.rooms)
}

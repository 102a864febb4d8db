package realtime

import (
	"context"
	"errors"
)

// Join seats m in a room. With after >= 0, in a room with history, it first replays the messages with a greater number
// and then continues with live ones, without a gap or a double; -1 starts with live ones. It returns once the member is
// up to date. If the history begins later, the first frame is a GapEvent. A number beyond the room's newest (the server
// was restored from an older backup) counts as the newest.
//
// On an edge whose primary is away it returns at once, and the replay follows when the primary is back. For a member of
// the room it does nothing.
func (h *Hub) Join(ctx context.Context, set Room, m Member, after int64) error {
	if !isReserved(set.Name) && !IsRoomName(set.Name) {
		return ErrRoomUnknown
	}
	if h.rooms.isClosed() {
		return ErrClosed
	}
	if set.History <= 0 || isReserved(set.Name) {
		after = -1
	}
	r := h.rooms.acquire(set.Name)
	defer h.rooms.release(r)
	h.enter(ctx, r, set)
	s := h.seat(r, m, set, after)
	if s == nil || after < 0 {
		return nil
	}
	err := h.feeder.catchUp(ctx, r, s)
	if errors.Is(err, ErrPrimaryAway) {
		go h.feeder.catchUpLater(r, s) //nolint:gosec // it deliberately outlives the request
		return nil
	}
	if err != nil {
		h.Leave(set.Name, m)
	}
	return err
}

// seat returns nil when m sits there already.
func (h *Hub) seat(r *room, m Member, set Room, after int64) *seat {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history, r.roster.presence = set.History, set.Presence
	s, isNew := r.add(m, after)
	if !isNew {
		return nil
	}
	h.people.enter(m, r)
	h.presence.stir(r, rosterIn, true)
	return s
}

// Leave takes m out of a room.
func (h *Hub) Leave(name string, m Member) {
	if r := h.rooms.peek(name); r != nil {
		r.mu.Lock()
		if r.remove(m) {
			h.people.leave(m, r)
			h.presence.stir(r, rosterOut, true)
		}
		h.rooms.forget(r)
	}
}

// LeaveAll takes m out of every room. The owner of a connection calls it when the connection has ended.
func (h *Hub) LeaveAll(m Member) {
	for _, r := range h.people.roomsOf(m) {
		r.mu.Lock()
		if r.remove(m) {
			h.people.leave(m, r)
			h.presence.stir(r, rosterOut, true)
		}
		h.rooms.forget(r)
	}
}

// Identify lets change give members another identity, for a connection that signs in while it has seats.
func (h *Hub) Identify(change func(), members ...Member) {
	h.people.identify(change, members)
	for _, m := range members {
		h.presence.stirRooms(m)
	}
}

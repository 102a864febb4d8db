package realtime

import (
	"context"
	"errors"
	"slices"
	"time"
)

var errGone = errors.New("the member has left")

// Join seats m in a room. With after >= 0, in a room with history, it first replays what has a greater number and then goes over to
// what comes now without a gap or a double; -1 is only what comes now. It returns once the member is up to date. Where history does
// not go back that far, the first frame is a GapEvent. A number that the room has not reached (the server was restored from an
// older backup) counts as its newest.
//
// On an edge whose primary is away it returns at once, and the replay follows when the primary is back.
// A member that is in the room already stays as it is.
func (h *Hub) Join(ctx context.Context, set Room, m Member, after int64) error {
	if !isReserved(set.Name) && !IsRoomName(set.Name) {
		return ErrRoomUnknown
	}
	if h.isClosed() {
		return ErrClosed
	}
	if set.History <= 0 || isReserved(set.Name) {
		after = -1
	}
	r := h.acquire(set.Name)
	defer h.release(r)
	h.enter(ctx, r, set)
	s := h.seat(r, m, set, after)
	if s == nil || after < 0 {
		return nil
	}
	err := h.catchUp(ctx, r, s)
	if errors.Is(err, ErrPrimaryAway) {
		go h.catchUpLater(r, s) //nolint:gosec // it outlives the request on purpose
		return nil
	}
	if err != nil {
		h.Leave(set.Name, m)
	}
	return err
}

// seat is nil when m sat there already.
func (h *Hub) seat(r *room, m Member, set Room, after int64) *seat {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.history = set.History
	s, isNew := r.add(m, after)
	if !isNew {
		return nil
	}
	h.people.enter(m, r)
	return s
}

// Leave takes m out of a room.
func (h *Hub) Leave(name string, m Member) {
	if r := h.peek(name); r != nil {
		r.mu.Lock()
		if r.remove(m) {
			h.people.leave(m, r)
		}
		h.forget(r)
	}
}

// LeaveAll takes m out of every room. The owner of a connection calls it at its end.
func (h *Hub) LeaveAll(m Member) {
	for _, r := range h.people.roomsOf(m) {
		r.mu.Lock()
		if r.remove(m) {
			h.people.leave(m, r)
		}
		h.forget(r)
	}
}

// Identify lets change give members another identity, for a connection that signs in while it sits in rooms.
func (h *Hub) Identify(change func(), members ...Member) { h.people.identify(change, members) }

// catchUp feeds a lagging member until it is up to date. It fails with ErrPrimaryAway on an edge, and with what Replay fails with.
func (h *Hub) catchUp(ctx context.Context, r *room, s *seat) error {
	for {
		frames, floor, state := r.step(s)
		if state == seatGone {
			return errGone
		}
		if state == seatLive {
			return nil
		}
		if state == seatBehind {
			var err error
			if frames, err = h.read(ctx, r, s, floor); err != nil {
				return err
			}
		}
		if len(frames) == 0 {
			continue
		}
		if err := s.member.Replay(ctx, frames); err != nil {
			return err
		}
		h.counts.replayed.Add(uint64(len(frames)))
		r.replayed(s, frames)
	}
}

// catchUpLater tries again until the primary answers or the member has gone.
func (h *Hub) catchUpLater(r *room, s *seat) {
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		time.Sleep(wait)
		if h.isClosed() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := h.catchUp(ctx, r, s)
		cancel()
		if errors.Is(err, ErrPrimaryAway) {
			continue
		}
		if err != nil && !errors.Is(err, errGone) {
			s.member.Close("history could not be sent")
		}
		return
	}
}

type seatState int

const (
	seatMore   seatState = iota // frames are to be replayed
	seatBehind                  // the tape does not reach back so far
	seatLive
	seatGone
)

// step gives a lagging member's next frames, or makes it live.
func (r *room) step(s *seat) (frames []*Frame, floor int64, state seatState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case s.gone:
		return nil, 0, seatGone
	case !s.lagging:
		return nil, 0, seatLive
	case !r.known && s.drained:
		// nothing was numbered since the primary started, and every number to come is greater than what the store has
		s.lagging, s.cursor = false, 0
		return nil, 0, seatLive
	case !r.covers(s):
		return nil, r.floor, seatBehind
	}
	frames = r.after(s.cursor)
	if len(frames) == 0 || s.primed && len(frames) <= jumpFrames {
		r.goLive(s, frames)
		return nil, 0, seatLive
	}
	return slices.Clone(frames[:min(len(frames), stepFrames)]), 0, seatMore
}

// covers tells whether the tape has everything that the member lacks.
// note: an edge may not have heard yet of what the primary has told this member, so only the primary knows of numbers that are too big.
func (r *room) covers(s *seat) bool {
	return r.known && s.cursor >= r.floor && (s.cursor <= r.last || r.primary || s.drained)
}

// goLive runs under the room's lock.
func (r *room) goLive(s *seat, rest []*Frame) {
	for _, f := range rest {
		s.member.Deliver(f)
		s.cursor = f.Seq
	}
	if r.primary {
		s.cursor = min(s.cursor, r.last)
	}
	s.lagging = false
}

// replayed moves a member's cursor.
func (r *room) replayed(s *seat, frames []*Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.primed = true
	s.cursor = max(s.cursor, frames[len(frames)-1].Seq)
}

// read gets a page of older messages. floor is where the tape began before.
func (h *Hub) read(ctx context.Context, r *room, s *seat, floor int64) ([]*Frame, error) {
	r.mu.Lock()
	after, warned := s.cursor, s.warned
	r.mu.Unlock()
	p, err := h.page(ctx, r, after, pageSize)
	if err != nil {
		return nil, err
	}
	var frames []*Frame
	if p.First > 0 && !warned {
		frames = append(frames, gapFrame(r.name, after, p.First, h.now()))
	}
	for _, m := range p.Messages {
		frames = append(frames, NewFrame(m))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s.warned = true
	if !p.More {
		s.drained = true
		if len(p.Messages) == 0 {
			s.cursor = max(min(s.cursor, p.Last), floor)
		}
	}
	return frames, nil
}

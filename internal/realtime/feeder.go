package realtime

import (
	"context"
	"errors"
	"slices"
	"time"
)

var errGone = errors.New("the member has left")

// feeder brings members that lag, and rooms of an edge that missed messages, up to the newest message.
type feeder struct {
	archive *archive
	rooms   *directory
	counts  *counts
	now     func() time.Time
}

// catchUp feeds a lagging member until it is up to date. It fails with ErrPrimaryAway on an edge, and with Replay's
// errors.
func (f *feeder) catchUp(ctx context.Context, r *room, s *seat) error {
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
			if frames, err = f.read(ctx, r, s, floor); err != nil {
				return err
			}
		}
		if len(frames) == 0 {
			continue
		}
		if err := s.member.Replay(ctx, frames); err != nil {
			return err
		}
		f.counts.replayed.Add(uint64(len(frames)))
		r.replayed(s, frames)
	}
}

// catchUpLater repeats catchUp until the primary answers or the member has left.
func (f *feeder) catchUpLater(r *room, s *seat) {
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		time.Sleep(wait)
		if f.rooms.isClosed() {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		err := f.catchUp(ctx, r, s)
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
	seatMore   seatState = iota // there are frames to replay
	seatBehind                  // the tape begins too late
	seatLive
	seatGone
)

// step returns a lagging member's next frames, or makes it live.
func (r *room) step(s *seat) (frames []*Frame, floor int64, state seatState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case s.gone:
		return nil, 0, seatGone
	case !s.lagging:
		return nil, 0, seatLive
	case !r.known && s.drained:
		// the primary numbered nothing since it started, and every future number exceeds those in the store
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

// covers tells whether the tape has everything that the member lacks. note: the member may have heard more from the
// primary than this edge, so only the primary can tell that a number is too big.
func (r *room) covers(s *seat) bool {
	return r.known && s.cursor >= r.floor && (s.cursor <= r.last || r.primary || s.drained)
}

// goLive ends the replay of a member. The caller holds the room's lock.
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

// replayed moves a member's cursor past the frames.
func (r *room) replayed(s *seat, frames []*Frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.primed = true
	s.cursor = max(s.cursor, frames[len(frames)-1].Seq)
}

// read reads a page of older messages. floor is where the tape began before.
func (f *feeder) read(ctx context.Context, r *room, s *seat, floor int64) ([]*Frame, error) {
	r.mu.Lock()
	after, warned := s.cursor, s.warned
	r.mu.Unlock()
	p, err := f.archive.page(ctx, r, after, pageSize)
	if err != nil {
		return nil, err
	}
	var frames []*Frame
	if p.First > 0 && !warned {
		frames = append(frames, gapFrame(r.name, after, p.First, f.now()))
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

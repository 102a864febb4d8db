package realtime

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	heldFrames    = 256              // that may arrive while an edge reads what it missed
	spreadTimeout = 30 * time.Second // for the slowest member to take a page
)

// missed is the state of an edge's room while it reads missed messages from the primary. Newer messages wait meanwhile.
type missed struct {
	busy  bool
	again bool // more may have been missed since
	epoch string
	held  []*Frame
}

// follow takes the next numbered frame on an edge, and returns true when frames before it are missing and sync must
// run.
func (r *room) follow(f *Frame, epoch string) (startSync bool) {
	restored := r.epoch != "" && r.epoch != epoch && f.Seq <= r.last
	r.epoch = epoch
	switch {
	case r.busy:
		r.hold(f)
	case !r.known || restored: // a new process of the primary with lower numbers was restored from a backup
		r.begin(f.Seq - 1)
		r.accept(f)
	case f.Seq == r.last+1:
		r.accept(f)
	case f.Seq > r.last:
		r.hold(f)
		r.busy = true
		return true
	}
	return false
}

// hold keeps a frame; an excess one is dropped and read from the primary again.
func (r *room) hold(f *Frame) {
	if len(r.held) == heldFrames {
		r.held = nil
	}
	r.held = append(r.held, f)
}

// giveUp ends a sync without success, if now or if nothing needs it.
func (r *room) giveUp(now bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now || r.dead {
		r.busy, r.held = false, nil
	}
	return !r.busy
}

// settle delivers the held frames, and reports whether the room is complete, which it is after an empty page.
func (r *room) settle(isAll bool) bool {
	for i, f := range r.held {
		switch {
		case f.Seq <= r.last:
		case f.Seq == r.last+1 || isAll:
			r.accept(f)
		default:
			r.held = r.held[i:]
			return false
		}
	}
	r.held = nil
	r.busy = r.again
	return !r.busy
}

// resync lets every room of an edge read what it missed.
func (f *feeder) resync() {
	for _, r := range f.rooms.all() {
		r.mu.Lock()
		start := r.history > 0 && !r.dead && !r.busy
		r.again = r.busy
		r.busy = r.busy || start
		r.mu.Unlock()
		if start {
			go f.sync(r)
		}
	}
}

// sync brings an edge's room to the primary's newest number. It ends when the room is up to date or forgotten, or when
// the bus is down: then it runs again once the bus is up.
func (f *feeder) sync(r *room) {
	f.counts.resyncs.Add(1)
	for wait := time.Duration(0); ; wait = min(2*wait+100*time.Millisecond, 5*time.Second) {
		time.Sleep(wait)
		for {
			done, err := f.syncStep(r)
			if done {
				return
			}
			if err != nil {
				break
			}
		}
		if r.giveUp(!f.archive.link.bus.Up() || f.rooms.isClosed()) {
			return
		}
	}
}

func (f *feeder) syncStep(r *room) (done bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	if err := f.archive.learnHead(ctx, r); err != nil {
		return false, err
	}
	r.mu.Lock()
	after := r.last
	r.again = false
	r.mu.Unlock()
	p, err := f.archive.page(ctx, r, after, pageSize)
	if err != nil {
		return false, err
	}
	if len(p.Messages) > jumpFrames {
		f.spread(r, p.Messages)
		return false, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.Last != unnumbered && p.Last < r.last { // restored from an older backup
		r.begin(p.Last)
	}
	for _, m := range p.Messages {
		if m.Seq > r.last {
			r.accept(NewFrame(m))
		}
	}
	return !p.More && r.settle(len(p.Messages) == 0), nil
}

// spread puts many messages on the tape and feeds them to all members, each at its own speed. It waits for all.
func (f *feeder) spread(r *room, messages []Message) {
	var lagging []*seat
	r.mu.Lock()
	for _, s := range r.seats {
		if !s.lagging {
			s.lagging, s.primed, s.cursor = true, false, max(s.cursor, r.last)
			lagging = append(lagging, s)
		}
	}
	for _, m := range messages {
		if m.Seq > r.last {
			r.push(NewFrame(m))
		}
	}
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), spreadTimeout)
	defer cancel()
	var wg sync.WaitGroup
	for _, s := range lagging {
		wg.Go(func() {
			if err := f.catchUp(ctx, r, s); err != nil && !errors.Is(err, errGone) {
				s.member.Close("history could not be sent")
			}
		})
	}
	wg.Wait()
}

package realtime

import (
	"math"
	"slices"
	"sync"
	"time"
)

const (
	ringFrames = 256     // kept in memory for members who come back
	ringBytes  = 1 << 20 // of their payloads
	pageSize   = 200     // messages read from the store at once
	stepFrames = 64      // frames of one step of a replay; half of a client's smallest sensible queue
	jumpFrames = 16      // few enough for a member that has just caught up
	maxSeq     = math.MaxInt64
)

// room is this process's state of one room, while it has members or pending messages.
type room struct {
	name    string
	primary bool
	counts  *counts

	entering  sync.Mutex // held while the first member subscribes to the bus; before mu
	numbering sync.Mutex // held while numbers are reserved; before mu

	mu          sync.Mutex
	dead        bool // removed from the map; look again
	pins        int
	history     int
	unsubscribe func()
	seats       []*seat
	index       map[Member]*seat
	sequence    *sequence // nil on edges
	roster      roster
	tape
	missed
}

// seat is a member in a room.
type seat struct {
	member    Member
	place     int   // index in room.seats
	cursor    int64 // the last number that it has; live frames up to it are skipped
	lagging   bool  // fed by catchUp, skipped by walk
	gone      bool
	warned    bool // it has had a GapEvent
	drained   bool // the store has been read to its end
	primed    bool // something was replayed, so half of its queue is free
	hasRoster bool // it has had a MembersEvent
}

// sequence is a reserved block of numbers: next … limit-1.
type sequence struct{ next, limit int64 }

// tape is the end of a room's history: all frames with floor < number <= last, once the numbers are known.
type tape struct {
	known  bool
	floor  int64
	last   int64
	safe   int64 // up to here everything is stored, or never will be
	frames []*Frame
	bytes  int
}

// begin sets the number after which the tape has every frame.
func (t *tape) begin(last int64) {
	t.known, t.floor, t.last, t.frames, t.bytes = true, last, last, nil, 0
}

func (t *tape) push(f *Frame) {
	t.frames = append(t.frames, f)
	t.bytes += len(f.Payload)
	t.last = f.Seq
	t.shrink()
}

// shrink drops the oldest frames, but keeps those that are not stored yet.
func (t *tape) shrink() {
	drop := 0
	for ; drop < len(t.frames) && (len(t.frames)-drop > ringFrames || t.bytes > ringBytes); drop++ {
		f := t.frames[drop]
		if f.Seq > t.safe {
			break
		}
		t.floor, t.bytes = f.Seq, t.bytes-len(f.Payload)
		t.frames[drop] = nil // note: the array stays until append makes a new one
	}
	t.frames = t.frames[drop:]
}

// after returns the frames with a greater number.
func (t *tape) after(seq int64) []*Frame {
	i, _ := slices.BinarySearchFunc(t.frames, seq+1, func(f *Frame, want int64) int { return int(min(max(f.Seq-want, -1), 1)) })
	return t.frames[i:]
}

// add seats a member. It reports false if the member sits there already.
func (r *room) add(m Member, after int64) (*seat, bool) {
	if s := r.index[m]; s != nil {
		return s, false
	}
	s := &seat{member: m, place: len(r.seats), lagging: after >= 0, cursor: max(after, 0)}
	r.seats = append(r.seats, s)
	r.index[m] = s
	return s, true
}

func (r *room) remove(m Member) bool {
	s := r.index[m]
	if s == nil {
		return false
	}
	end := len(r.seats) - 1
	r.seats[s.place] = r.seats[end]
	r.seats[s.place].place = s.place
	r.seats[end] = nil
	r.seats = r.seats[:end]
	delete(r.index, m)
	s.gone = true
	return true
}

// accept puts the next numbered frame on the tape and delivers it.
func (r *room) accept(f *Frame) int {
	r.push(f)
	return r.walk(f)
}

// walk delivers to all members that are up to date, without allocating.
func (r *room) walk(f *Frame) int {
	began, n := time.Now(), 0
	for _, s := range r.seats {
		if f.Seq > 0 && (s.lagging || f.Seq <= s.cursor) {
			continue
		}
		s.member.Deliver(f)
		n++
	}
	r.counts.walked(n, time.Since(began))
	return n
}

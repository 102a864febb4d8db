package sim

import (
	"strconv"
	"sync"
	"time"
)

// clock is the base clock plus an offset, which only grows unless another state is loaded.
//
// note: there are two clocks on the wire. WeChat's calendar (expiry, schedules, success_time) is the moved one; the
// five-minute windows of signatures accept either clock, because a backend under test usually runs on the machine's
// time.
type clock struct {
	mu     sync.Mutex
	base   func() time.Time
	offset time.Duration
}

// now is WeChat's calendar.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset)
}

// advance moves the calendar forward and returns the total offset.
func (c *clock) advance(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.offset += d
	}
	return c.offset
}

// set moves the calendar to the offset of a loaded state.
func (c *clock) set(offset time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset = offset
}

// near returns the clock (base or moved) that lies within wireWindow of t.
func (c *clock) near(t time.Time) (now time.Time, moved, ok bool) {
	base, shifted := c.base(), c.now()
	onBase, onMoved := within(t, base, wireWindow), within(t, shifted, wireWindow)
	switch {
	case onBase && onMoved: // the nearer one: a calendar moved by minutes is as likely as the machine's time
		if moved = shifted.Sub(t).Abs() < base.Sub(t).Abs(); moved {
			return shifted, true, true
		}
		return base, false, true
	case onBase:
		return base, false, true
	case onMoved:
		return shifted, true, true
	}
	return shifted, false, false
}

// within tells whether two times are at most window apart. NB! it compares and never subtracts: a Duration holds at
// most 292 years, so times further apart (a time stamp in milliseconds) would count as near.
func within(a, b time.Time, window time.Duration) bool {
	return !a.Before(b.Add(-window)) && !a.After(b.Add(window))
}

// fromSeconds reads a caller's Unix seconds; ok is false beyond the year 9999, as for milliseconds.
func fromSeconds(text string) (t time.Time, ok bool) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || seconds > lastSecond {
		return time.Time{}, false
	}
	return time.Unix(seconds, 0), true
}

// lastSecond is the end of the year 9999.
const lastSecond = 253_402_300_799

// clockRow keeps the offset across restarts.
type clockRow struct {
	Offset time.Duration `json:"offset"`
}

func (clockRow) Entity() (kind, id string) { return "clock", "clock" }

// clockTable holds the clock's offset.
type clockTable struct{ moved clockRow }

func (t *clockTable) register(r *registry) { rememberOne(r, &t.moved) }

// Now is the simulator's time: the base clock plus everything that Advance added.
func (s *Sim) Now() time.Time { return s.clock.now() }

// Advance moves the simulator's clock forward by d and returns the new time; due notifications are sent at once. It
// ignores a negative d.
func (s *Sim) Advance(d time.Duration) time.Time {
	s.mu.Lock()
	offset := s.clock.advance(d)
	s.state.moved.Offset = offset // note: the journal is rewritten from this
	if err := s.save(s.state.moved); err != nil {
		s.note("clock", "the journal could not keep the clock: "+err.Error())
	}
	s.mu.Unlock()
	s.wakeWorker()
	return s.clock.now()
}

package sim

import (
	"sync"
	"time"
)

// clock is the base clock plus an offset that only grows.
//
// note: two clocks meet on the wire. WeChat's calendar (expiry, schedules, success_time) is the moved one; the five-minute
// windows of signatures accept a caller on either clock, because a backend under test mostly keeps the laptop's time.
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

// advance moves the calendar forward and tells by how much it is moved in all.
func (c *clock) advance(d time.Duration) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.offset += d
	}
	return c.offset
}

// near gives the clock (base or moved) that lies within window of t.
func (c *clock) near(t time.Time, window time.Duration) (now time.Time, moved, ok bool) {
	base, shifted := c.base(), c.now()
	switch {
	case absDuration(base.Sub(t)) <= window:
		return base, false, true
	case absDuration(shifted.Sub(t)) <= window:
		return shifted, true, true
	}
	return shifted, false, false
}

func absDuration(d time.Duration) time.Duration {
	if d < 0 {
		return -d
	}
	return d
}

// clockRow keeps the offset over a restart.
type clockRow struct {
	Offset time.Duration `json:"offset"`
}

func (clockRow) key() (kind, id string) { return "clock", "clock" }

// Now is the simulator's time: the base clock plus everything that Advance added.
func (s *Sim) Now() time.Time { return s.clock.now() }

// Advance moves the simulator's clock forward by d and returns the new time; due notifications go out at once.
// A negative d is ignored: time does not run backwards.
func (s *Sim) Advance(d time.Duration) time.Time {
	offset := s.clock.advance(d)
	s.mu.Lock()
	if err := s.save(clockRow{Offset: offset}); err != nil {
		s.note("clock", "the journal could not keep the clock: "+err.Error())
	}
	s.mu.Unlock()
	s.rouse()
	return s.clock.now()
}

package redisbus

import "sync/atomic"

// Stats are the numbers of a bus since it was made.
type Stats struct {
	Up          bool
	Published   uint64 // messages that Redis took
	Received    uint64 // of other processes
	Dropped     uint64 // publishes lost because the bus was down or the queue full
	Overflowed  uint64 // of other processes, lost because a handler was too slow
	Unreadable  uint64 // arrivals that are not from this program
	Refused     uint64 // questions not answered because too many were being answered
	Connections uint64 // how often the bus came up
	Queued      int    // publishes that wait
	QueuedBytes int
	Subjects    int // subjects subscribed to
}

type counters struct {
	published, received, dropped, overflowed, unreadable, refused, connections atomic.Uint64
}

// Stats returns the present numbers.
func (b *Bus) Stats() Stats {
	c := &b.counters
	s := Stats{
		Published: c.published.Load(), Received: c.received.Load(), Dropped: c.dropped.Load(), Overflowed: c.overflowed.Load(),
		Unreadable: c.unreadable.Load(), Refused: c.refused.Load(), Connections: c.connections.Load(),
	}
	s.Queued, s.QueuedBytes = b.out.depth()
	b.mu.RLock()
	defer b.mu.RUnlock()
	s.Up, s.Subjects = b.session != nil, len(b.topics)
	return s
}

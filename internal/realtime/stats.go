package realtime

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// FanoutBounds are the upper bounds of Stats.Fanout, in seconds; one more bucket holds the rest.
var FanoutBounds = [...]float64{.0001, .0003, .001, .003, .01, .03, .1}

// Stats is what a hub has done since it was made, and its present state.
type Stats struct {
	Members    int    // connections with a seat
	Rooms      int    // with members
	Published  uint64 // by this process
	Received   uint64 // from other processes
	Delivered  uint64 // to members, live
	Replayed   uint64 // to members, from history
	Unkept     uint64 // delivered but not stored
	Garbage    uint64 // unreadable data on the bus
	Resyncs    uint64 // how often a room of this edge read missed messages
	Committing int    // messages that wait for the store

	Fanout      [len(FanoutBounds) + 1]uint64 // walks over a room's members by their time
	FanoutTime  time.Duration                 // of all walks together
	FanoutCount uint64

	HasBus, BusUp bool
}

// RoomStats is one room.
type RoomStats struct {
	Name    string `json:"name"`
	Members int    `json:"members"`
}

// counts are the hub's counters.
type counts struct {
	published, received, delivered, replayed, unkept, garbage, resyncs atomic.Uint64

	fanout [len(FanoutBounds) + 1]atomic.Uint64
	nanos  atomic.Int64
}

func (c *counts) walked(members int, took time.Duration) {
	c.delivered.Add(uint64(members)) //nolint:gosec // a length
	c.nanos.Add(int64(took))
	bucket := 0
	for bucket < len(FanoutBounds) && took.Seconds() > FanoutBounds[bucket] {
		bucket++
	}
	c.fanout[bucket].Add(1)
}

// Stats reads the counters.
func (h *Hub) Stats() Stats {
	c := &h.counts
	s := Stats{
		Members: h.people.count(), Rooms: len(h.TopRooms(-1)),
		Published: c.published.Load(), Received: c.received.Load(), Delivered: c.delivered.Load(), Replayed: c.replayed.Load(),
		Unkept: c.unkept.Load(), Garbage: c.garbage.Load(), Resyncs: c.resyncs.Load(), Committing: h.writer.waiting(),
		FanoutTime: time.Duration(c.nanos.Load()), HasBus: h.link.bus != nil, BusUp: h.link.bus != nil && h.link.bus.Up(),
	}
	for i := range c.fanout {
		s.Fanout[i] = c.fanout[i].Load()
		s.FanoutCount += s.Fanout[i]
	}
	return s
}

// TopRooms lists the rooms with the most members of this process, at most n of them, all when n is negative. It skips
// the system's own rooms.
func (h *Hub) TopRooms(n int) []RoomStats {
	list := []RoomStats{}
	for _, r := range h.rooms.all() {
		r.mu.Lock()
		members := len(r.seats)
		r.mu.Unlock()
		if members > 0 && !isReserved(r.name) {
			list = append(list, RoomStats{r.name, members})
		}
	}
	slices.SortFunc(list, func(a, b RoomStats) int {
		return cmp.Or(cmp.Compare(b.Members, a.Members), cmp.Compare(a.Name, b.Name))
	})
	if n >= 0 {
		list = list[:min(n, len(list))]
	}
	return list
}

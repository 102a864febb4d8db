// Package realtime carries messages to the members of rooms, over any transport and any number of processes.
//
// A Hub is the middle: transports put their connections into rooms as Members, anybody publishes. In front of it are packages sse and
// gateway, behind it a Store (history, on the primary alone) and a Bus (the other processes). It needs no PocketBase.
//
// A room that keeps history numbers its messages. The number is given, and the members are delivered to, under one lock per room, so
// everybody hears one order; nothing under that lock waits. The primary numbers, for the edges too: an edge hands its messages to the
// primary and delivers what comes back over the bus. A room without history needs no primary.
package realtime

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"
)

// Config configures New. The zero value is one process without history.
type Config struct {
	Store  Store                                                // nil: this process keeps no history
	Bus    Bus                                                  // nil: this is the only process, unless UseBus is called
	Rooms  func(ctx context.Context, name string) (Room, error) // a room's settings, asked at every publish; nil: as said at the latest Join
	Check  func(ctx context.Context, m *Message) error          // may refuse or change a message of a room that people can name, before it is numbered
	Limits Limits                                               // DefaultLimits when zero
	Now    func() time.Time                                     // time.Now when nil
	Logger *slog.Logger                                         // silent when nil
}

// Hub knows who is in which room. Safe for concurrent use.
type Hub struct {
	cfg    Config
	bus    Bus
	epoch  string   // of this process, on the bus
	stops  []func() // of what UseBus has begun
	people people
	writer writer
	kicks  kicks
	counts counts

	mu        sync.RWMutex // never held while a room's lock is waited for
	rooms     map[string]*room
	sequences map[string]*sequence // guarded by the lock of their room; the map by mu
	onKick    []func(user, reason string)
	closed    bool
}

// New makes a hub.
func New(config Config) *Hub {
	config.Limits = cmp.Or(config.Limits, DefaultLimits())
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Hub{
		cfg: config, rooms: map[string]*room{}, sequences: map[string]*sequence{},
		people: people{rooms: map[Member][]*room{}, users: map[string][]Member{}},
	}
	h.writer.trims = map[string]int{}
	if config.Bus != nil {
		h.UseBus(config.Bus)
	}
	return h
}

// Limits are those of the configuration.
func (h *Hub) Limits() Limits { return h.cfg.Limits }

// Close takes no more messages, waits until the history is written or ctx ends, and lets go of the bus, which it does not close.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	stops := h.stops
	h.stops = nil
	h.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	return h.writer.wait(ctx)
}

// isPrimary tells whether the numbers are given here.
func (h *Hub) isPrimary() bool { return h.cfg.Store != nil }

func (h *Hub) isClosed() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.closed
}

// acquire finds or makes a room and keeps it from being forgotten until release.
func (h *Hub) acquire(name string) *room {
	for {
		h.mu.Lock()
		r := h.rooms[name]
		if r == nil {
			r = h.makeRoom(name)
			h.rooms[name] = r
		}
		h.mu.Unlock()
		r.mu.Lock()
		if !r.dead { // a dead one has left the map by now
			r.pins++
			r.mu.Unlock()
			return r
		}
		r.mu.Unlock()
	}
}

// makeRoom runs under mu.
func (h *Hub) makeRoom(name string) *room {
	r := &room{name: name, primary: h.isPrimary(), counts: &h.counts, index: map[Member]*seat{}}
	if !r.primary || isReserved(name) {
		r.safe = maxSeq
		return r
	}
	if h.sequences[name] == nil {
		h.sequences[name] = &sequence{}
	}
	r.sequence = h.sequences[name]
	if r.sequence.next > 0 {
		r.begin(r.sequence.next - 1)
	}
	return r
}

// release ends an acquire.
func (h *Hub) release(r *room) {
	r.mu.Lock()
	r.pins--
	h.forget(r)
}

// forget drops a room that nobody needs. It runs with the room's lock held and lets go of it.
func (h *Hub) forget(r *room) {
	if r.dead || r.pins > 0 || len(r.seats) > 0 {
		r.mu.Unlock()
		return
	}
	h.mu.Lock()
	r.dead = true
	delete(h.rooms, r.name)
	h.mu.Unlock()
	stop := r.unsubscribe
	r.unsubscribe = nil
	r.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// peek finds a room that has members or is in use, or nil.
func (h *Hub) peek(name string) *room {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.rooms[name]
}

// all lists the rooms of this moment.
func (h *Hub) all() []*room {
	h.mu.RLock()
	defer h.mu.RUnlock()
	list := make([]*room, 0, len(h.rooms))
	for _, r := range h.rooms {
		list = append(list, r)
	}
	return list
}

// settings answers what a room is, for a publish.
func (h *Hub) settings(ctx context.Context, name string) (Room, error) {
	if isReserved(name) {
		return Room{Name: name}, nil
	}
	if !IsRoomName(name) {
		return Room{}, ErrRoomUnknown
	}
	if h.cfg.Rooms != nil {
		return h.cfg.Rooms(ctx, name)
	}
	set := Room{Name: name}
	if r := h.peek(name); r != nil {
		r.mu.Lock()
		set.History = r.history
		r.mu.Unlock()
	}
	return set, nil
}

// Package realtime carries messages to the members of rooms, over any transport and any number of processes. It needs no PocketBase.
//
// Ten words to read it with:
//
//   - A room has a name, members, and a history if its setting says so.
//   - A member is one connection in a room. Its seat says how far it has heard.
//   - A Hub is the middle: transports put their connections into rooms as Members, anybody publishes.
//   - A front lets clients in: package sse for server-sent events, package gateway for Socket.IO.
//   - A gate is what a front asks whether somebody may join or speak.
//   - The Store keeps history. The process that has it is the primary; all others are edges.
//   - The Bus joins the processes, see package redisbus.
//   - A frame is a message that is encoded once for each transport, not once for each client.
//   - A tape is the newest part of a room's history, in memory, for members who come back.
//   - A kick closes all connections of a user, on all processes.
//
// A room with history numbers its messages. The number is given, and the members are delivered to, under one lock per room, so
// everybody hears one order; nothing waits under that lock. The primary numbers for the edges too: an edge hands its messages to the
// primary and delivers what comes back over the bus. A room without history needs no primary.
//
// A Hub has parts, each in a file of its own: directory (the rooms in use), people (whose members these are), link (the other processes),
// archive (numbers and what is kept), writer (the way into the store), feeder (what members have missed), presence and kicks.
package realtime

import (
	"cmp"
	"context"
	"log/slog"
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

// Hub knows who is in which room. Safe for concurrent use. Each of its parts does one thing and is told of the others it needs.
type Hub struct {
	cfg      Config
	now      func() time.Time // UTC, whole milliseconds
	stops    []func()         // of what UseBus has begun; guarded by the lock of rooms
	counts   counts
	rooms    directory // the rooms that are in use here
	people   people    // whose members these are
	link     link      // the other processes
	archive  archive   // numbers, and what is kept
	writer   writer    // the way into the store
	feeder   feeder    // what members have missed
	presence presence  // who is there
	kicks    kicks     // who has to go
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
	h := &Hub{cfg: config, now: func() time.Time { return config.Now().UTC().Truncate(time.Millisecond) }}
	h.connectParts()
	if config.Bus != nil {
		h.UseBus(config.Bus)
	}
	return h
}

// connectParts tells each part of the hub which others it needs.
func (h *Hub) connectParts() {
	h.rooms = directory{primary: h.cfg.Store != nil, counts: &h.counts, rooms: map[string]*room{}, sequences: map[string]*sequence{}}
	h.people = people{rooms: map[Member][]*room{}, users: map[string][]Member{}}
	h.archive = archive{store: h.cfg.Store, link: &h.link}
	h.writer = writer{store: h.cfg.Store, rooms: &h.rooms, counts: &h.counts, log: h.cfg.Logger, trims: map[string]int{}}
	h.feeder = feeder{archive: &h.archive, rooms: &h.rooms, counts: &h.counts, now: h.now}
	h.presence = presence{rooms: &h.rooms, people: &h.people, link: &h.link, settings: h.cfg.Rooms, now: h.now}
	h.kicks = kicks{rooms: &h.rooms, people: &h.people, link: &h.link, counts: &h.counts}
}

// Limits are those of the configuration.
func (h *Hub) Limits() Limits { return h.cfg.Limits }

// Close takes no more messages, waits until the history is written or ctx ends, and lets go of the bus, which it does not close.
func (h *Hub) Close(ctx context.Context) error {
	h.rooms.mu.Lock()
	h.rooms.closed = true
	stops := h.stops
	h.stops = nil
	h.rooms.mu.Unlock()
	for _, stop := range stops {
		stop()
	}
	return h.writer.wait(ctx)
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
	if r := h.rooms.peek(name); r != nil {
		r.mu.Lock()
		set.History = r.history
		r.mu.Unlock()
	}
	return set, nil
}

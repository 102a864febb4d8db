// Package realtime carries messages to the members of rooms, over any transport and any number of processes. It needs no PocketBase.
//
// Ten words to know:
//
//   - A room has a name, members, and a history if its setting says so.
//   - A member is one connection in a room. Its seat says how far it has heard.
//   - A Hub is the middle: transports put their connections into rooms as Members, and any code publishes.
//   - A front admits clients: package sse for server-sent events, package gateway for Socket.IO.
//   - A gate decides, for a front, whether a client may join or publish.
//   - The Store keeps history. The process that has it is the primary; all others are edges.
//   - The Bus connects the processes, see package redisbus.
//   - A frame is a message that is encoded once for each transport, not once for each client.
//   - A tape is the newest part of a room's history, in memory, for members who come back.
//   - A kick closes all connections of a user, on all processes.
//
// A room with history numbers its messages. A message is numbered and delivered under one lock per room, so all members
// hear the same order; nothing waits under that lock. The primary numbers for the edges too: an edge hands its messages
// to the primary and delivers what comes back over the bus. A room without history needs no primary.
//
// A Hub has parts, each in its own file: directory (the rooms in use), people (users and their members), link (the
// other processes), archive (numbers and kept messages), writer (the queue in front of the store), feeder (what members
// missed), presence and kicks.
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
	Rooms  func(ctx context.Context, name string) (Room, error) // a room's settings, read at every publish; nil: those of the latest Join
	Check  func(ctx context.Context, m *Message) error          // may refuse or change a message before it is numbered, except in the system's own rooms
	Limits Limits                                               // DefaultLimits when zero
	Now    func() time.Time                                     // time.Now when nil
	Logger *slog.Logger                                         // silent when nil
}

// Hub knows which members are in which room. It is safe for concurrent use. Each of its parts does one thing and gets
// the other parts that it needs.
type Hub struct {
	cfg      Config
	now      func() time.Time // UTC, whole milliseconds
	stops    []func()         // undo what UseBus began; guarded by the lock of rooms
	counts   counts
	rooms    directory // the rooms in use in this process
	people   people    // the users and their members
	link     link      // the other processes
	archive  archive   // numbers and kept messages
	writer   writer    // the queue in front of the store
	feeder   feeder    // what members missed
	presence presence  // which users are in a room
	kicks    kicks     // closing users' connections
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

// connectParts gives each part of the hub the others that it needs.
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

// Close refuses further messages, waits until the history is written or ctx ends, and unsubscribes from the bus, which
// it does not close.
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

// settings returns a room's settings, for a publish.
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

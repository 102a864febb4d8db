package realtime

import (
	"context"
	"encoding/json"
	"time"
)

// Identity is the user of a connection.
type Identity struct {
	User     string // record id of a user; "guest:<label>" or "guest:<random>" for others; empty only for the server
	Verified bool   // a token proved it
}

// Room is a room's settings.
type Room struct {
	Name     string
	History  int  // messages to keep; 0 keeps none
	Presence bool // members may see who else is there
}

// Message is one publish.
type Message struct {
	Room, Event string
	Payload     json.RawMessage // any JSON value
	Sender      string          // Identity.User; empty for the server
	Seq         int64           // 1, 2, 3 … in a room with history, else 0. Never reused; gaps are possible, as after a restart
	At          time.Time       // UTC, milliseconds
	ID          string          // of its row, for a message that may be published again; empty: the store makes one. It stays in this process
}

// Member is one connection: a Socket.IO socket or a client of server-sent events. Members are compared by ==, so use pointers.
//
// note: Deliver and Identity are called under a room's lock and must not call the Hub. The owner of the connection
// calls Hub.LeaveAll once it has ended, and after its last Join has returned.
type Member interface {
	Identity() Identity
	Deliver(f *Frame)                                  // never blocks; a full queue closes the member
	Replay(ctx context.Context, frames []*Frame) error // blocks until all are queued and half of the queue is free; fails once closed
	Close(reason string)                               // may be called more than once; queued frames need not be sent
}

// Store keeps history. A process without one (an edge) asks the one that has it (the primary) over the bus.
type Store interface {
	Append(ctx context.Context, m []Message) error                                   // one commit for all
	After(ctx context.Context, room string, seq int64, limit int) ([]Message, error) // with a greater number, ascending
	Reserve(ctx context.Context, room string, block int64) (next int64, err error)   // reserves the numbers next … next+block-1, which are never used again
	Trim(ctx context.Context, room string, keep int) error                           // deletes all but the newest
}

// Bus connects processes. Without one there is one process. The publishes of one process arrive at the others in order.
type Bus interface {
	Publish(subject string, data []byte)                                // queued, ordered, never blocks; lost (and counted) while the bus is down
	Subscribe(subject string, f func(data []byte)) (unsubscribe func()) // survives reconnects; the calls of one subject are in order; skips our own Publish; a subject may be subscribed more than once
	// Request asks every other process that responds to the subject, and waits until all have answered, or until some
	// were silent for too long: then complete is false.
	Request(ctx context.Context, subject string, data []byte) (answers [][]byte, complete bool, err error)
	// Respond answers requests. f returns false for no answer; the asker then does not wait for this process. f may
	// wait for a disk and is called concurrently.
	Respond(subject string, f func(data []byte) ([]byte, bool)) (stop func())
	Up() bool
	OnUp(f func()) // called after each (re)connection, when the subscriptions are in place again
	Close() error
}

// Present is one user in a room, with all connections of all processes.
type Present struct {
	User        string `json:"user"`
	Verified    bool   `json:"verified"`
	Connections int    `json:"connections"`
}

// Presence lists the users in a room, ordered by user.
type Presence struct {
	Members  []Present `json:"members"`
	Count    int       `json:"count"`    // users, not connections
	Complete bool      `json:"complete"` // false: a process did not answer, so there may be more
}

// Package redisbus joins processes over Redis publish and subscribe: it implements realtime.Bus.
//
// A process is one node with a name of its own. It subscribes to one channel for each subject it listens to, one for each subject it answers
// questions on, and one where answers to its own questions arrive. Redis stores nothing, so that nothing of a dead process remains.
//
// One session is one life of the connection: while it lasts the bus is up, and its first error ends it. In between, publishes are lost and
// counted, never queued, because a banner of five minutes ago is worse than none; whoever needs them asks again in OnUp.
//
// The messages are not encrypted: whoever can write to that Redis can speak to every client. Give it a password, and TLS between machines.
package redisbus

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Bounds in time.
const (
	dialTimeout  = 2 * time.Second
	ioTimeout    = 3 * time.Second        // one command, and the confirmation of subscriptions
	pingEvery    = 2 * time.Second        // on a connection that says nothing
	silentAfter  = 6 * time.Second        // and then it is dead
	firstWait    = 100 * time.Millisecond // before the second attempt to connect; doubled with each
	longestWait  = 2 * time.Second
	busyAfter    = 100 * time.Millisecond // a responder says that it is at work
	longestReply = 10 * time.Second       // a question without a deadline of its own
	lastWords    = time.Second            // Close sends what is queued
)

// ErrDown means that Redis is not there now.
var ErrDown = errors.New("the bus is down")

// Bus is one process's place on the bus. Safe for concurrent use.
type Bus struct {
	options  Options
	redis    *redis.Options
	node     string
	log      *slog.Logger
	counters counters

	ctx     context.Context //nolint:containedctx // the life of the bus: ends with Close
	cancel  context.CancelFunc
	tried   chan struct{} // closed after the first attempt to connect
	working sync.WaitGroup

	mu      sync.RWMutex
	session *session              // nil: down
	newest  *session              // the one that keeps the subscriptions; it may not be in force yet, or not any more
	topics  map[string]*topic     // by channel
	asked   map[string]*responder // by channel
	changed map[string]struct{}   // channels whose subscription may be out of date
	version uint64                // grows with every change
	onUp    []*upCall
	ups     chan struct{} // wakes the announcer

	out       outbox
	backlog   atomic.Int64 // bytes that wait for handlers
	waiting   sync.Map     // id of a question -> *asking
	questions atomic.Uint64
	answering chan struct{} // one place per question being answered
}

// quiet makes go-redis write nothing: it would say each failed attempt to connect on standard error, past our log.
var quiet = sync.OnceFunc(func() { redis.SetLogger(&logging.VoidLogger{}) })

// New joins the bus. An address that cannot be one is an error; a Redis that is not there is not: the bus is then down, and comes up by
// itself. New waits for the end of the first attempt to connect, at most until ctx ends, which has no meaning after that.
func New(ctx context.Context, o Options) (*Bus, error) {
	quiet()
	o = o.withDefaults()
	parsed, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	name := make([]byte, 8)
	if _, err := rand.Read(name); err != nil {
		return nil, fmt.Errorf("name this node: %w", err)
	}
	b := &Bus{
		options: o, redis: parsed, node: o.Node + "." + hex.EncodeToString(name), log: o.Logger.With("redis", parsed.Addr),
		tried: make(chan struct{}), topics: map[string]*topic{}, asked: map[string]*responder{}, changed: map[string]struct{}{},
		ups: make(chan struct{}, 1), answering: make(chan struct{}, maxAnswering),
	}
	b.out.wake = make(chan struct{}, 1)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.working.Go(b.connectForEver)
	b.working.Go(b.publishForEver)
	b.working.Go(b.announceForEver)
	select {
	case <-b.tried:
	case <-ctx.Done():
	}
	return b, nil
}

// Node is the name of this process on the bus.
func (b *Bus) Node() string { return b.node }

// String names the bus and shows no password.
func (b *Bus) String() string { return "redis bus " + b.redis.Addr }

// GoString redacts like String, so that %#v gives nothing away.
func (b *Bus) GoString() string { return b.String() }

// Up tells whether Redis is there and all subscriptions are in place.
func (b *Bus) Up() bool { return b.live() != nil }

// live is the session in force, nil while the bus is down.
func (b *Bus) live() *session {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.session
}

// OnUp registers what is called, one call after the other, after each connection, when all subscriptions are in place again; once soon, if
// the bus is up already; and when messages had to be dropped because a handler or Redis was too slow for them, for then something was
// missed, too.
func (b *Bus) OnUp(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.onUp = append(b.onUp, &upCall{call: f, due: b.session != nil})
	b.wakeAnnouncer()
}

// upCall is what OnUp registered.
type upCall struct {
	call func()
	due  bool
}

// announce makes every OnUp due.
func (b *Bus) announce() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.onUp {
		u.due = true
	}
	b.wakeAnnouncer()
}

func (b *Bus) wakeAnnouncer() {
	select {
	case b.ups <- struct{}{}:
	default:
	}
}

// announceForEver has a goroutine of its own, so that an OnUp may ask questions.
func (b *Bus) announceForEver() {
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.ups:
		}
		for _, f := range b.dueCalls() {
			f()
		}
	}
}

func (b *Bus) dueCalls() (calls []func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range b.onUp {
		if u.due {
			calls = append(calls, u.call)
		}
		u.due = false
	}
	return calls
}

// Close leaves the bus: what is queued is sent first, for at most a second. Handlers that are being called may still end after it.
// It must not be called from an OnUp.
func (b *Bus) Close() error {
	b.out.close()
	if s := b.live(); s != nil {
		select {
		case <-b.out.empty():
		case <-s.done:
		case <-time.After(lastWords):
		}
	}
	b.cancel()
	b.working.Wait()
	return nil
}

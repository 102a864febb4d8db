// Package redisbus connects processes over Redis publish and subscribe: it implements realtime.Bus.
//
// A process is one *node* with its own name. It subscribes to one *channel* for each subject that it listens to, one
// for each subject whose questions it answers, and one for the answers to its own questions. Redis stores nothing, so a
// dead process leaves nothing behind.
//
// A *session* is one life of the connection: while it lasts the bus is up, and its first error ends it. In between,
// publishes are lost and counted, never queued, because an old message is worse than none; a caller that needs them
// asks again in OnUp.
//
// The messages are not encrypted: anyone who can write to that Redis can send to every client. Give it a password, and
// TLS between machines.
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

// Limits of time.
const (
	dialTimeout  = 2 * time.Second
	ioTimeout    = 3 * time.Second        // one command, and the confirmation of subscriptions
	pingEvery    = 2 * time.Second        // on a silent connection
	silentAfter  = 6 * time.Second        // then the connection counts as dead
	firstWait    = 100 * time.Millisecond // before the second attempt to connect; doubled with each
	longestWait  = 2 * time.Second
	busyAfter    = 100 * time.Millisecond // a slow responder says that it is working
	longestReply = 10 * time.Second       // for a question without its own deadline
	lastWords    = time.Second            // in which Close sends the queue
)

// ErrDown means that Redis cannot be reached.
var ErrDown = errors.New("the bus is down")

// Bus is one process's connection to the bus. It is safe for concurrent use.
type Bus struct {
	options  Options
	redis    *redis.Options
	node     string
	log      *slog.Logger
	counters counters

	ctx     context.Context //nolint:containedctx // ends with Close
	cancel  context.CancelFunc
	tried   chan struct{} // closed after the first attempt to connect
	working sync.WaitGroup

	mu      sync.RWMutex
	session *session              // nil: down
	newest  *session              // the session that keeps the subscriptions; it may not be up yet, or may have ended
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
	answering chan struct{} // one place per question that is being answered
}

// quiet silences go-redis, which would write each failed attempt to standard error, past our log.
var quiet = sync.OnceFunc(func() { redis.SetLogger(&logging.VoidLogger{}) })

// New connects to the bus. An invalid address is an error; an unreachable Redis is not: the bus is then down, and comes
// up by itself. New waits for the first attempt, at most until ctx ends; later ctx has no effect.
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

// GoString equals String, so that %#v shows no password either.
func (b *Bus) GoString() string { return b.String() }

// Up tells whether Redis is connected and all subscriptions are in place.
func (b *Bus) Up() bool { return b.live() != nil }

// live is the session in force, nil while the bus is down.
func (b *Bus) live() *session {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.session
}

// OnUp registers a function, called in sequence: after each connection, when all subscriptions are in place again; once
// soon, if the bus is up; and when messages were dropped because a handler or Redis was too slow, because then
// something was missed too.
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

// announceForEver has its own goroutine, so that an OnUp may ask questions.
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

// Close leaves the bus: it first sends the queue, for at most a second. Running handlers may end later. It must not be
// called from an OnUp.
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

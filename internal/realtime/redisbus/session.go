package redisbus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// session is one life of the connection. It has one connection for listening, which is never dialled again: go-redis
// would reconnect silently, and missed messages would go unnoticed.
type session struct {
	bus     *Bus
	client  *redis.Client // for publishing and asking
	sub     *redis.PubSub
	heard   atomic.Int64  // when something last arrived, in Unix milliseconds
	refused sync.Once     // a refusal has been logged
	changes chan struct{} // wakes its subscriber

	done   chan struct{} // closed by the first error
	ending sync.Once
	err    error // set before done is closed

	mu        sync.Mutex
	listening map[string]bool // channels asked for on this connection
	sent      int             // subscriptions and their ends asked for
	confirmed int             // and confirmed
	versions  []mark          // versions of the subscriptions that wait for confirmation
	version   uint64          // the confirmed version
	waiters   []waiter
}

// mark says that version is in place after so many confirmations.
type mark struct {
	version uint64
	sent    int
}

// waiter waits for a version to be in place.
type waiter struct {
	version uint64
	c       chan struct{}
}

// connectForEver keeps a session alive.
func (b *Bus) connectForEver() {
	down, wait := false, firstWait
	for b.ctx.Err() == nil {
		s, err := b.connect()
		if err == nil {
			b.begin(s, down)
			down, wait = false, firstWait
			b.attempted()
			<-s.done
			err = s.err
			b.finish()
		}
		if !down && b.ctx.Err() == nil {
			b.log.Warn("realtime bus is down: rooms go on within this process only", "error", describe(err, b.redis))
		}
		down = true
		b.attempted()
		b.pause(wait/2 + rand.N(wait/2)) //nolint:gosec // jitter
		wait = min(2*wait, longestWait)
	}
}

func (b *Bus) attempted() {
	select {
	case <-b.tried:
	default:
		close(b.tried)
	}
}

func (b *Bus) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-b.ctx.Done():
	}
}

// connect makes a session with all subscriptions in place.
func (b *Bus) connect() (*session, error) {
	ctx, cancel := context.WithTimeout(b.ctx, ioTimeout)
	defer cancel()
	client := redis.NewClient(b.clone())
	if word, err := client.Ping(ctx).Result(); err != nil || word != "PONG" {
		_ = client.Close()
		return nil, fmt.Errorf("ping redis: %w", cmpErr(err, errors.New("what answers is no redis")))
	}
	s := &session{bus: b, client: client, done: make(chan struct{}), changes: make(chan struct{}, 1), listening: map[string]bool{}}
	listener := redis.NewClient(onlyOnce(b.clone()))
	s.sub = listener.Subscribe(ctx)
	s.heard.Store(time.Now().UnixMilli())
	b.mu.Lock()
	b.newest = s
	b.changed = map[string]struct{}{b.channel(nodes, b.node): {}}
	for channel := range b.topics {
		b.changed[channel] = struct{}{}
	}
	for channel := range b.asked {
		b.changed[channel] = struct{}{}
	}
	b.version++
	version := b.version
	b.mu.Unlock()
	if err := s.flush(ctx); err != nil { // note: it also dials, so that the receiver finds a connection
		s.end(err)
	}
	b.working.Go(func() { <-s.done; _ = s.sub.Close(); _ = listener.Close(); _ = client.Close() })
	b.working.Go(s.receive)
	b.working.Go(s.subscribeForEver)
	b.working.Go(s.watch)
	if err := s.settled(ctx, version); err != nil {
		s.end(err)
		<-s.done
		return nil, fmt.Errorf("subscribe: %w", s.err)
	}
	return s, nil
}

func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// clone copies the options, because go-redis changes them.
func (b *Bus) clone() *redis.Options {
	o := *b.redis
	return &o
}

// onlyOnce limits a client to one connection.
func onlyOnce(o *redis.Options) *redis.Options {
	dial := redis.NewDialer(o)
	var dialled atomic.Bool
	o.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dialled.Swap(true) {
			return nil, errors.New("the connection has ended")
		}
		return dial(ctx, network, addr)
	}
	return o
}

func (b *Bus) begin(s *session, again bool) {
	b.mu.Lock()
	b.session = s
	b.mu.Unlock()
	b.counters.connections.Add(1)
	if again {
		b.log.Info("realtime bus is back", "dropped", b.counters.dropped.Load())
	}
	b.announce()
}

func (b *Bus) finish() {
	b.mu.Lock()
	b.session = nil
	b.mu.Unlock()
	b.counters.dropped.Add(uint64(b.out.discard())) //nolint:gosec // a count
}

// end is called with the first error, and with later ones, which do not matter.
func (s *session) end(err error) {
	s.ending.Do(func() {
		s.err = err
		close(s.done)
	})
}

// receive reads from Redis until the connection ends. go-redis panics at some answers that Redis never gives: that ends
// the session too.
func (s *session) receive() {
	defer func() {
		if r := recover(); r != nil {
			s.end(errors.New("what answers is no redis"))
		}
	}()
	for {
		got, err := s.sub.Receive(context.Background()) // note: a deadline here could cut a message in two; watch checks the time
		if err != nil {
			s.end(err)
			return
		}
		s.heard.Store(time.Now().UnixMilli())
		switch got := got.(type) {
		case *redis.Message:
			s.bus.receive(s, got.Channel, got.Payload)
		case *redis.Subscription:
			s.confirm()
		}
	}
}

// watch pings a silent connection, and ends the session when that fails, or with the bus.
func (s *session) watch() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-s.bus.ctx.Done():
			s.end(context.Canceled)
			return
		case <-tick.C:
		}
		silent := time.Since(time.UnixMilli(s.heard.Load()))
		if silent > silentAfter {
			s.end(errors.New("redis does not answer"))
			return
		}
		if silent > pingEvery/2 {
			if err := s.sub.Ping(s.bus.ctx); err != nil {
				s.end(err)
			}
		}
	}
}

package sse

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/realtime"
)

// ready is how many messages are in the channel that the connection reads; the rest wait in a slice. A channel
// allocates its memory even when empty, and there may be thousands of clients.
const ready = 16

// pingEvery is the interval of PB_PING on an idle connection: proxies and phones treat a silent minute as a lost
// connection, and a client without a ping for longer knows that it is cut off.
const pingEvery = 25 * time.Second

var errEnded = errors.New("the client has ended")

// client is PocketBase's client with a limited queue instead of an unbuffered channel and a goroutine per message. Send
// never blocks, and keeps the order.
type client struct {
	*subscriptions.DefaultClient

	front   *Front
	address string
	user    string // as counted; guarded by front.mu
	order   uint64 // sequence of admission; guarded by front.mu
	who     atomic.Pointer[realtime.Identity]
	done    chan struct{} // closed at the end

	mu      sync.Mutex
	queue   chan subscriptions.Message
	backlog []subscriptions.Message // what does not fit into queue, which is then full
	depth   int                     // messages in both
	bytes   int
	space   chan struct{} // signalled when half of the queue is free again, while Replay waits
	gone    bool

	placing  sync.Mutex // held while seats or the place in the broker change
	seats    map[string]*seat
	borrowed int  // running subscribe requests
	mass     bool // it has rooms only, so PocketBase need not visit it
	parked   bool // not in the broker
	loan     *loan
	ended    bool
}

func newClient(f *Front, address string) *client {
	c := &client{
		DefaultClient: subscriptions.NewDefaultClient(), front: f, address: address, mass: true,
		queue: make(chan subscriptions.Message, ready), done: make(chan struct{}), seats: map[string]*seat{},
	}
	c.loan = &loan{client: c}
	c.who.Store(&realtime.Identity{User: "guest:" + rand.Text()[:12]})
	return c
}

func (c *client) identity() realtime.Identity { return *c.who.Load() }

// Channel is what the connection's handler reads; it is closed when the client is discarded.
func (c *client) Channel() chan subscriptions.Message { return c.queue }

// Send queues m, or closes the client when its queue is full.
func (c *client) Send(m subscriptions.Message) {
	c.mu.Lock()
	full := !c.gone && !c.push(m)
	c.mu.Unlock()
	if full {
		c.front.drops.Add(1)
		c.Discard()
	}
}

// push appends m. The caller holds mu.
func (c *client) push(m subscriptions.Message) bool {
	limits := &c.front.limits
	if c.depth >= limits.QueueMessages || c.depth > 0 && c.bytes+len(m.Data) > limits.QueueBytes {
		return false
	}
	c.depth++
	c.bytes += len(m.Data)
	if len(c.backlog) == 0 {
		select {
		case c.queue <- m:
			return true
		default:
		}
	}
	c.backlog = append(c.backlog, m)
	return true
}

// taken is called when the connection has taken m from the channel, and refills the channel.
func (c *client) taken(m *subscriptions.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	c.depth--
	c.bytes -= len(m.Data)
	for len(c.backlog) > 0 && len(c.queue) < cap(c.queue) {
		c.queue <- c.backlog[0]
		c.backlog[0] = subscriptions.Message{}
		c.backlog = c.backlog[1:]
	}
	if len(c.backlog) == 0 {
		c.backlog = nil
	}
	if c.space != nil && c.hasSpace() {
		close(c.space)
		c.space = nil
	}
}

// hasSpace tells whether half of the queue is free.
func (c *client) hasSpace() bool {
	return c.depth < c.front.limits.QueueMessages/2 && c.bytes < c.front.limits.QueueBytes/2
}

// pushWait queues m once half of the queue is free. Only one goroutine may wait at a time.
func (c *client) pushWait(ctx context.Context, m subscriptions.Message) error {
	for {
		c.mu.Lock()
		if c.gone {
			c.mu.Unlock()
			return errEnded
		}
		if c.hasSpace() && c.push(m) {
			c.mu.Unlock()
			return nil
		}
		if c.space == nil {
			c.space = make(chan struct{})
		}
		space := c.space
		c.mu.Unlock()
		select {
		case <-space:
		case <-c.done:
			return errEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *client) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.depth
}

// Discard closes the queue once, which ends the connection. Its handler then leaves the rooms.
func (c *client) Discard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	c.gone = true
	c.backlog = nil
	close(c.queue)
	close(c.done)
	c.DefaultClient.Discard()
}

// keepAlive sends pings until stop is called. It uses a timer, not a goroutine, because there may be thousands of
// clients.
func (c *client) keepAlive() (stop func()) {
	var timer *time.Timer
	started := make(chan struct{})
	timer = time.AfterFunc(pingEvery, func() {
		<-started
		if c.IsDiscarded() {
			return // stop was called meanwhile
		}
		c.Send(subscriptions.Message{Name: "PB_PING", Data: []byte("{}")})
		timer.Reset(pingEvery)
	})
	close(started)
	return func() { timer.Stop() }
}

// send sets a deadline for one message and removes it again. note: it must not stay while the stream is idle: HTTP/2
// resets a stream whose deadline passes.
func (f *Front) send(e *core.RealtimeMessageEvent) error {
	c := clientOf(e.Client)
	switch {
	case c == nil:
	case e.Message.Name == "PB_CONNECT": // by now PocketBase has put it into its broker
		c.park()
	default:
		c.taken(e.Message)
	}
	controller := http.NewResponseController(e.Response)
	if err := unlessUnsupported(controller.SetWriteDeadline(time.Now().Add(f.limits.WriteTimeout))); err != nil {
		return err
	}
	if err := e.Next(); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			f.drops.Add(1)
		}
		return err
	}
	f.sent.Add(1)
	return unlessUnsupported(controller.SetWriteDeadline(time.Time{}))
}

// unlessUnsupported ignores the error of writers without deadlines, such as those of tests.
func unlessUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

var _ subscriptions.Client = (*loan)(nil)

package realtime

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"
)

// queueLength is how many messages a client may fall behind before it is closed. It reconnects and reads again what it missed.
const queueLength = 64

// writeTimeout bounds one write to a client; PocketBase itself sets none for server-sent events.
const writeTimeout = 5 * time.Second

// pingEvery is how often a client hears PB_PING when nothing else happens: proxies and phones take a minute of silence for death, and a
// client that hears nothing for longer than this knows that it is cut off.
const pingEvery = 25 * time.Second

// client is PocketBase's client with a bounded queue in place of an unbuffered channel and a goroutine per message.
// Send never blocks, and keeps the order.
type client struct {
	*subscriptions.DefaultClient

	hub   *Hub
	rooms []string // guarded by the hub

	mu    sync.Mutex
	queue chan subscriptions.Message
	gone  bool
}

func newClient(h *Hub) *client {
	return &client{
		DefaultClient: subscriptions.NewDefaultClient(), hub: h,
		queue: make(chan subscriptions.Message, queueLength),
	}
}

// Channel is where the connection's handler reads from; it is closed when the client is discarded.
func (c *client) Channel() chan subscriptions.Message { return c.queue }

// Send queues m, or closes the client when its queue is full.
func (c *client) Send(m subscriptions.Message) {
	c.mu.Lock()
	full := false
	if !c.gone {
		select {
		case c.queue <- m:
		default:
			full = true
		}
	}
	c.mu.Unlock()
	if full {
		c.Discard()
	}
}

// Discard closes the queue once, which ends the connection, and leaves all rooms.
func (c *client) Discard() {
	c.mu.Lock()
	if c.gone {
		c.mu.Unlock()
		return
	}
	c.gone = true
	close(c.queue)
	c.DefaultClient.Discard()
	c.mu.Unlock()
	c.hub.reindex(c)
}

// Subscribe adds topics that guardTopics has let through.
func (c *client) Subscribe(subs ...string) {
	c.DefaultClient.Subscribe(subs...)
	c.hub.reindex(c)
}

// Unsubscribe removes topics, all of them when none is named.
func (c *client) Unsubscribe(subs ...string) {
	c.DefaultClient.Unsubscribe(subs...)
	c.hub.reindex(c)
}

// connect swaps the client before PocketBase registers it. The check that later requests come from the same address is left
// out: a phone changes its address, and the client id is 40 random characters.
func (h *Hub) connect(e *core.RealtimeConnectRequestEvent) error {
	c := newClient(h)
	defer c.Discard()
	defer c.keepAlive()()
	e.Client = c
	return e.Next()
}

// keepAlive sends pings until stop is called. A timer instead of a goroutine, because there may be thousands of clients.
func (c *client) keepAlive() (stop func()) {
	var timer *time.Timer
	started := make(chan struct{})
	timer = time.AfterFunc(pingEvery, func() {
		<-started
		if c.IsDiscarded() {
			return // the end came while we were waking up
		}
		c.Send(subscriptions.Message{Name: "PB_PING", Data: []byte("{}")})
		timer.Reset(pingEvery)
	})
	close(started)
	return func() { timer.Stop() }
}

// setDeadline bounds the write of one message and lifts the bound again.
// note: it must not stay for the quiet time until the next message: HTTP/2 resets a stream whose deadline passes, even an idle one.
func setDeadline(e *core.RealtimeMessageEvent) error {
	controller := http.NewResponseController(e.Response)
	if err := unlessUnsupported(controller.SetWriteDeadline(time.Now().Add(writeTimeout))); err != nil {
		return err
	}
	if err := e.Next(); err != nil {
		return err
	}
	return unlessUnsupported(controller.SetWriteDeadline(time.Time{}))
}

// unlessUnsupported forgives writers that know no deadlines, such as those of tests.
func unlessUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}

var _ subscriptions.Client = (*client)(nil)

package engineio

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Why a session ended, as Config.Close gets it. The first three are the reference server's words.
const (
	ReasonTransportClose = "transport close"
	ReasonTransportError = "transport error"
	ReasonPingTimeout    = "ping timeout"
	ReasonParseError     = "parse error"
	ReasonSlow           = "slow consumer"   // the queue was full
	ReasonStuck          = "write timeout"   // a write made no progress
	ReasonOverlap        = "request overlap" // two polls or two posts at once
	ReasonTooBig         = "message_too_big"
	ReasonBinary         = "binary_unsupported"
	ReasonShutdown       = "server shutting down"
	ReasonInternal       = "internal error" // a callback panicked
)

// The errors of Send.
var (
	ErrClosed = errors.New("session is closed")
	ErrSlow   = errors.New("client is too slow: its queue is full")
)

type state uint8

const (
	open    state = iota
	closing       // Send fails; the queue is still sent
	closed
)

// Session is one client, over either transport.
type Session struct {
	srv      *Server
	id       string
	address  string
	protocol int
	run      func() // flush, bound once, so that starting a writer does not allocate
	quick    *quick // nil while polling, and for a connection that needs a goroutine; set with nc
	value    atomic.Value

	seen atomic.Int64 // when the last packet came, by Server.now
	busy atomic.Bool  // a callback runs, and nothing is read meanwhile

	in   sync.Mutex // held by one callback at a time
	once sync.Once  // Config.Close

	mu       sync.Mutex // guards what follows
	state    state
	reason   string
	queue    [][]byte // frames to write
	spare    [][]byte // the queue's second backing array
	queued   int      // frames that wait or are being written
	bytes    int      // their size
	writing  bool
	since    int64         // when the current write began, 0 without one
	closeBy  int64         // when a closing session is cut off
	deadline int64         // when an idle session is closed, 0 for never
	why      string        // the deadline's reason
	nextPing int64         // protocol 4
	pinged   bool          // a ping awaits its pong
	space    chan struct{} // closed when half of the queue is free, or the session has ended; nil without a waiter
	linger   bool          // wait for the client's close frame after ours

	nc   net.Conn // the WebSocket; nil while polling
	poll *poll    // nil for a session that began as a WebSocket
}

func (s *Server) newSession(protocol int, address string) *Session {
	x := &Session{srv: s, id: rand.Text(), address: address, protocol: protocol}
	x.run = x.flush
	now := s.now()
	x.seen.Store(now)
	x.nextPing = now + int64(s.cfg.PingInterval)
	return x
}

// ID is the session's name, 26 characters. With protocol 4 it is a secret of server and client: its holder can act as
// the client.
func (x *Session) ID() string { return x.id }

// Protocol is 4 or 3.
func (x *Session) Protocol() int { return x.protocol }

// Address is Config.Address's result at the handshake.
func (x *Session) Address() string { return x.address }

// Value returns the value of SetValue, or nil.
func (x *Session) Value() any { return x.value.Load() }

// SetValue stores a value of the layer above. All values must have the same type.
func (x *Session) SetValue(v any) { x.value.Store(v) }

// CloseAt closes the session with a reason at a time, to the precision of the heartbeat; the zero time cancels that.
func (x *Session) CloseAt(t time.Time, reason string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.deadline, x.why = 0, reason
	if !t.IsZero() {
		x.deadline = int64(t.Sub(x.srv.start))
	}
}

// mayUse protects a polling session of protocol 3 from others. NB! its clients reveal the session's id to everyone, as
// their socket's id; so the address must match too.
func (x *Session) mayUse(r *http.Request) bool {
	return x.protocol != 3 || x.srv.cfg.Address(r) == x.address
}

// Send queues a frame. It never blocks: a full queue cuts the session off and returns ErrSlow.
func (x *Session) Send(f Frame) error {
	x.mu.Lock()
	if x.state != open {
		x.mu.Unlock()
		return ErrClosed
	}
	if x.queued >= x.srv.cfg.QueueMessages || x.bytes+len(f) > x.srv.cfg.QueueBytes {
		x.mu.Unlock()
		x.srv.slow.Add(1)
		x.Abort(ReasonSlow)
		return ErrSlow
	}
	start := x.push(f)
	x.mu.Unlock()
	if start {
		x.start()
	}
	return nil
}

// SendWait queues frames with back-pressure: it waits while the queue is more than half full, and returns when it is half empty again.
func (x *Session) SendWait(ctx context.Context, frames []Frame) error {
	for i := 0; ; i++ {
		if err := x.waitForSpace(ctx); err != nil {
			return err
		}
		if i == len(frames) {
			return nil
		}
		if err := x.Send(frames[i]); err != nil {
			return err
		}
	}
}

func (x *Session) waitForSpace(ctx context.Context) error {
	for {
		x.mu.Lock()
		if x.state != open {
			x.mu.Unlock()
			return ErrClosed
		}
		if x.hasSpace() {
			x.mu.Unlock()
			return ctx.Err()
		}
		if x.space == nil {
			x.space = make(chan struct{})
		}
		space := x.space
		x.mu.Unlock()
		select {
		case <-space:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// hasSpace says whether half of the queue is free. An empty queue always has space, even for a single large frame.
func (x *Session) hasSpace() bool {
	return x.queued == 0 || (x.queued <= x.srv.cfg.QueueMessages/2 && x.bytes <= x.srv.cfg.QueueBytes/2)
}

// push appends a frame and returns true if the caller must start a writer. The caller holds the lock.
func (x *Session) push(f Frame) bool {
	x.queue = append(x.queue, f)
	x.queued++
	x.bytes += len(f)
	x.srv.out.Add(1)
	if x.nc == nil {
		x.poll.ring()
		return false
	}
	start := !x.writing
	x.writing = true
	return start
}

// sent subtracts written frames. The caller holds the lock.
func (x *Session) sent(frames, size int) {
	x.queued -= frames
	x.bytes -= size
	if x.space != nil && x.hasSpace() {
		x.letWaitersGo()
	}
}

func (x *Session) letWaitersGo() {
	if x.space != nil {
		close(x.space)
		x.space = nil
	}
}

// Close ends the session after the queue is sent: a WebSocket gets a close frame with the code and the reason, a poll
// the close packet. The client sees a lost transport, and reconnects by itself.
func (x *Session) Close(code int, reason string) {
	x.finish(reason, closeFrame(code, reason), newPacket(typeClose, ""), true)
}

// finish starts closing, with the last frame of either transport.
func (x *Session) finish(reason string, ws, polling Frame, linger bool) {
	x.mu.Lock()
	if x.state != open {
		x.mu.Unlock()
		return
	}
	x.state, x.reason, x.linger = closing, reason, linger
	x.closeBy = x.srv.now() + int64(x.srv.cfg.WriteTimeout)
	x.letWaitersGo()
	last := ws
	if x.nc == nil {
		last = polling
	}
	start := x.push(last)
	polled := x.nc == nil
	probe := x.poll.takeProbe()
	x.mu.Unlock()
	if probe != nil {
		_ = probe.Close()
	}
	if polled {
		go x.tearDown() // cleaning up must not wait for a poll that may never come
	}
	if start {
		x.start()
	}
}

// Abort ends the session at once; what is queued is lost.
func (x *Session) Abort(reason string) {
	x.mu.Lock()
	if x.state == closed {
		x.mu.Unlock()
		return
	}
	if x.state == open {
		x.reason = reason
	}
	x.state = closed
	x.queue, x.spare = nil, nil
	x.letWaitersGo()
	nc, probe := x.nc, x.poll.takeProbe()
	if nc == nil {
		x.poll.ring()
	}
	x.mu.Unlock()
	if probe != nil {
		_ = probe.Close()
	}
	if nc != nil {
		_ = nc.Close() // its reader notices and cleans up
		return
	}
	go x.retire()
}

// release ends the session for a shutdown. It does not wait for a polling session without a waiting poll.
func (x *Session) release() {
	x.mu.Lock()
	nobody := x.nc == nil && !x.poll.waiting
	x.mu.Unlock()
	if nobody {
		x.Abort(ReasonShutdown)
		return
	}
	x.Close(1001, ReasonShutdown)
}

// leave cuts off a session whose queue is sent.
func (x *Session) leave() {
	x.mu.Lock()
	told := !x.writing
	x.mu.Unlock()
	if told {
		x.Abort(ReasonShutdown)
	}
}

// retire cleans up a closed session. Its owner calls it.
func (x *Session) retire() {
	x.tearDown()
	x.srv.forget(x)
}

func (x *Session) tearDown() {
	x.once.Do(func() {
		x.call(func() {
			x.mu.Lock()
			reason := x.reason
			x.mu.Unlock()
			x.srv.cfg.Close(x, reason)
		})
	})
}

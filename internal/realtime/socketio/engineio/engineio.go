// Package engineio is the lower layer of Socket.IO: *sessions* over WebSocket and HTTP long-polling, with the upgrade
// from the second to the first, heartbeats, and a limited queue for each client. It speaks Engine.IO 4
// (socket.io-client 3 and 4, weapp.socket.io 3) and Engine.IO 3 (socket.io-client 2, weapp.socket.io 2), text only.
//
// Protocol: https://socket.io/docs/v4/engine-io-protocol/ and, for version 3, https://github.com/socketio/engine.io-protocol/tree/v3
//
// How it stays small and fast with many clients:
//   - a frame is encoded once and its bytes are shared by every session that sends it;
//   - a session at rest is one goroutine on a fresh stack, blocked in a read; the HTTP handler that accepted it has returned;
//   - a writer exists only while there is something to write, and writes its whole backlog in one system call;
//   - one goroutine looks after the heartbeats and deadlines of all.
//
// Every session has one owner that cleans up, and Config.Close is called exactly once for each, after the last
// Config.Message has returned. The owner is the goroutine that reads the WebSocket, or, for long-polling, a separate
// one.
//
// A client that answers pings but does not read is closed by the limit of its queue and the deadline of a write.
package engineio

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Config holds the limits of a Server and the callbacks of the layer above. Zero values mean the defaults named here.
type Config struct {
	PingInterval   time.Duration // 25 s
	PingTimeout    time.Duration // 20 s
	WriteTimeout   time.Duration // 10 s: how long one write may stall, and how long a closing session may take
	UpgradeTimeout time.Duration // 10 s: from the WebSocket's opening to the end of the upgrade
	MaxPayload     int           // 64 KiB: the largest message of a client, and the largest body of a POST
	QueueMessages  int           // 512: frames waiting for one client
	QueueBytes     int           // 1 MiB: their size
	MaxPerAddress  int           // 0: no limit
	MaxTotal       int           // 0: no limit

	CheckOrigin func(*http.Request) bool   // nil: only requests without an Origin, or from the same host
	Address     func(*http.Request) string // the client's address; nil: the host of RemoteAddr
	Logger      *slog.Logger               // for a callback that panics; nil: slog.Default()
	Now         func() time.Time           // nil: time.Now

	// Open is called once for each session, before anything else. The request must not be kept: for a WebSocket its handler has returned.
	Open func(*Session, *http.Request)
	// Message is called with each message, one at a time for a session. The callee owns the slice: valid UTF-8, not
	// empty, without the type byte. Meanwhile the session reads nothing else.
	Message func(*Session, []byte)
	// Close is called once for each session, after Open and the last Message.
	Close func(*Session, string)
}

// Stats counts what a Server did since it was made.
type Stats struct {
	Sessions, WebSockets, Polling int   // now
	Queued, QueuedBytes           int   // frames waiting for clients now
	Opened, Refused               int64 // sessions; handshakes over a limit or from a foreign origin
	Upgraded                      int64 // sessions that went from long-polling to WebSocket
	Slow, TimedOut                int64 // sessions closed for a full queue or a stuck write; for a missing heartbeat
	FramesIn, FramesOut           int64 // frames received, frames handed to clients' queues
}

// Server accepts Engine.IO sessions. Make it with New and end it with Shutdown; it is safe for concurrent use.
type Server struct {
	cfg      Config
	start    time.Time
	upgrader websocket.Upgrader
	buffers  sync.Pool // of *bytes.Buffer for reading: most clients are silent most of the time

	mu        sync.RWMutex // guards what follows; locked before a session's lock, never after
	sessions  map[string]*Session
	addresses map[string]int // sessions per address, including those being opened
	admitted  int
	stopping  bool

	writers writers

	live sync.WaitGroup // sessions that are registered
	stop chan struct{}
	beat chan struct{} // closed when the heartbeat goroutine has ended

	opened, refused, upgraded, slow, timedOut, in, out atomic.Int64
}

// New makes a server and starts its heartbeat goroutine, which Shutdown ends.
func New(cfg Config) *Server {
	s := &Server{
		cfg: cfg.withDefaults(), sessions: map[string]*Session{}, addresses: map[string]int{},
		stop: make(chan struct{}), beat: make(chan struct{}),
	}
	s.start = s.cfg.Now().Add(-1) // so that now is never 0
	s.writers.allow(runtime.GOMAXPROCS(0))
	s.buffers.New = func() any { return new(bytes.Buffer) }
	s.upgrader = websocket.Upgrader{
		ReadBufferSize:  512, // one per client, for its whole life
		WriteBufferPool: &sync.Pool{},
		CheckOrigin:     func(*http.Request) bool { return true }, // ServeHTTP has checked it
		Error:           refuseUpgrade,
	}
	go s.beats()
	return s
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		of   *time.Duration
		unit time.Duration
	}{{&c.PingInterval, 25 * time.Second}, {&c.PingTimeout, 20 * time.Second}, {&c.WriteTimeout, 10 * time.Second}, {&c.UpgradeTimeout, 10 * time.Second}} {
		if *d.of <= 0 {
			*d.of = d.unit
		}
	}
	for _, d := range []struct {
		of    *int
		value int
	}{{&c.MaxPayload, 64 << 10}, {&c.QueueMessages, 512}, {&c.QueueBytes, 1 << 20}} {
		if *d.of <= 0 {
			*d.of = d.value
		}
	}
	if c.CheckOrigin == nil {
		c.CheckOrigin = sameHost
	}
	if c.Address == nil {
		c.Address = remoteHost
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c.withCallbacks()
}

func (c Config) withCallbacks() Config {
	if c.Open == nil {
		c.Open = func(*Session, *http.Request) {}
	}
	if c.Message == nil {
		c.Message = func(*Session, []byte) {}
	}
	if c.Close == nil {
		c.Close = func(*Session, string) {}
	}
	return c
}

// now is the time since the start, in nanoseconds. Changes of the machine's clock do not affect it.
func (s *Server) now() int64 { return int64(s.cfg.Now().Sub(s.start)) }

// remoteHost is the peer's address without its port.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Stats reads the counters. It visits all sessions, so call it per scrape, not per message.
func (s *Server) Stats() Stats {
	st := Stats{
		Opened: s.opened.Load(), Refused: s.refused.Load(), Upgraded: s.upgraded.Load(), Slow: s.slow.Load(),
		TimedOut: s.timedOut.Load(), FramesIn: s.in.Load(), FramesOut: s.out.Load(),
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	st.Sessions = len(s.sessions)
	for _, x := range s.sessions {
		x.mu.Lock()
		if x.nc != nil {
			st.WebSockets++
		} else {
			st.Polling++
		}
		st.Queued += x.queued
		st.QueuedBytes += x.bytes
		x.mu.Unlock()
	}
	return st
}

// farewell is how long a client may take to answer the close frame of a shutdown. A sleeping phone would never answer.
const farewell = time.Second

// Shutdown refuses new sessions and ends every session: a WebSocket gets its queue and the close frame 1001, a waiting
// poll is answered. It returns when all are cleaned up. Silent clients delay that by a second; clients that do not
// read, until ctx ends: then they are cut off, and ctx's error is returned.
func (s *Server) Shutdown(ctx context.Context) error {
	for _, x := range s.halt() {
		x.release()
	}
	gone := make(chan struct{})
	go func() { s.live.Wait(); close(gone) }()
	enough := time.NewTimer(farewell)
	defer enough.Stop()
	for {
		select {
		case <-gone:
			return nil
		case <-enough.C:
			for _, x := range s.list() {
				x.leave()
			}
		case <-ctx.Done():
			for _, x := range s.list() {
				x.Abort(ReasonShutdown)
			}
			return fmt.Errorf("wait for the sessions: %w", ctx.Err())
		}
	}
}

// halt stops new sessions and the heartbeat, at the first call, and lists the present sessions.
func (s *Server) halt() []*Session {
	s.mu.Lock()
	first := !s.stopping
	s.stopping = true
	s.mu.Unlock()
	if first {
		close(s.stop)
	}
	<-s.beat
	return s.list()
}

func (s *Server) list() []*Session {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Session, 0, len(s.sessions))
	for _, x := range s.sessions {
		all = append(all, x)
	}
	return all
}

// Package socketio is a Socket.IO server: protocol 5 over Engine.IO 4 (socket.io-client 3 and 4, weapp.socket.io 3) and
// protocol 4 over Engine.IO 3 (socket.io-client 2, weapp.socket.io 2). Namespaces, events, acknowledgements in both
// directions and refused connections work as in the reference server; events are JSON only, binary ones are refused
// with an error. The layer below is package engineio.
//
// Protocol: https://socket.io/docs/v4/socket-io-protocol/ and, for Engine.IO 3,
// https://github.com/socketio/socket.io-protocol/tree/v4
//
// A *Server* has *sockets*, each one client in one *namespace*; they exchange *packets*. It knows neither rooms nor
// permissions: see package gateway.
//
// Deliberate differences from the reference server: a client that exceeds a limit gets an event "error" with {code,
// message}, and its connection is closed; the disconnect packet 41 is never sent, because clients then do not
// reconnect; a connection without a namespace is closed after ConnectTimeout even if it had one before.
package socketio

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"wxbase/internal/realtime/socketio/engineio"
)

// Config holds the limits and callbacks of a Server. Zero values mean the defaults named here.
//
// The callbacks of one connection never run concurrently, and while one runs nothing is read from that client. A call
// that waits for the same client (EmitAck) must therefore not be made in a callback. A panic in a callback ends its
// connection, not the process.
type Config struct {
	PingInterval    time.Duration // 25 s
	PingTimeout     time.Duration // 20 s
	ConnectTimeout  time.Duration // 10 s: without a namespace; also limits Connect and the upgrade
	WriteTimeout    time.Duration // 10 s
	MaxPayload      int           // 64 KiB: of one message of a client
	QueueMessages   int           // 512: waiting for one client
	QueueBytes      int           // 1 MiB
	EventsPerSecond float64       // 10: of one connection; a connect or disconnect packet counts too
	EventsBurst     int           // 20
	MaxPerAddress   int           // connections; 0: no limit
	MaxTotal        int           // connections; 0: no limit

	CheckOrigin func(*http.Request) bool   // nil: no Origin, or the same host
	Address     func(*http.Request) string // nil: the host of RemoteAddr
	Logger      *slog.Logger               // nil: slog.Default()
	Now         func() time.Time           // nil: time.Now

	Namespace func(name string) bool // which namespaces exist; nil: only "/"
	// Connect admits a socket or not. The client sees a *ConnectError; any other error is logged and shown as "internal
	// error". What is sent to the socket before Connected is lost. The context ends after ConnectTimeout, or with the
	// server.
	Connect func(ctx context.Context, s *Socket, h Handshake) error
	// Connected is called after the client was told that it is connected: the place to join rooms and to send.
	Connected func(s *Socket)
	// Event is called with each event. ack answers it, once; it is nil if the client did not ask for an answer.
	Event func(s *Socket, event string, args []json.RawMessage, ack func(...any))
	// Disconnect is called exactly once for each socket that Connect admitted, after the last of its callbacks.
	Disconnect func(s *Socket, reason string)
}

// Handshake is a client's request for a namespace.
type Handshake struct {
	Namespace string
	Query     url.Values      // of the connection's first request; protocol 3 adds the namespace's query
	Auth      json.RawMessage // the auth object, protocol 4 only; nil if there is none
	Header    http.Header     // of the connection's first request; read-only
	Address   string
	Protocol  int // of Engine.IO: 4 or 3
}

// ConnectError refuses a socket. The client sees Message, and Data as the error's data; protocol 3 has only one field,
// which is Data if set.
type ConnectError struct {
	Message string
	Data    any // JSON; nil for none
}

// Error is the message.
func (e *ConnectError) Error() string { return e.Message }

// Reasons of this layer, in addition to engineio's. The first is the reference server's word.
const (
	ReasonLeft           = "client namespace disconnect"
	ReasonConnectTimeout = "connect timeout"
	ReasonRefused        = "connect refused"
	ReasonRate           = "rate_limit"
	ReasonNamespaces     = "namespace_limit"
)

// Stats counts what a Server did since it was made.
type Stats struct {
	engineio.Stats
	Sockets  int64 // connected to a namespace now
	EventsIn int64
	Limited  int64 // connections closed for too many events
}

// Server is an http.Handler for everything below its path, usually /socket.io/. Make it with New and end it with
// Shutdown.
type Server struct {
	cfg    Config
	engine *engineio.Server
	ctx    context.Context
	cancel context.CancelFunc

	sockets, eventsIn, limited atomic.Int64
}

// New makes a server; it does not listen.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg.withDefaults()}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	c := s.cfg
	s.engine = engineio.New(engineio.Config{
		PingInterval: c.PingInterval, PingTimeout: c.PingTimeout, WriteTimeout: c.WriteTimeout, UpgradeTimeout: c.ConnectTimeout,
		MaxPayload: c.MaxPayload, QueueMessages: c.QueueMessages, QueueBytes: c.QueueBytes,
		MaxPerAddress: c.MaxPerAddress, MaxTotal: c.MaxTotal,
		CheckOrigin: c.CheckOrigin, Address: c.Address, Logger: c.Logger, Now: c.Now,
		Open: s.open, Message: s.message, Close: s.close,
	})
	return s
}

func (c Config) withDefaults() Config {
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	if c.EventsPerSecond <= 0 {
		c.EventsPerSecond = 10
	}
	if c.EventsBurst <= 0 {
		c.EventsBurst = 20
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Namespace == nil {
		c.Namespace = func(name string) bool { return name == "/" }
	}
	return c.withCallbacks()
}

func (c Config) withCallbacks() Config {
	if c.Connect == nil {
		c.Connect = func(context.Context, *Socket, Handshake) error { return nil }
	}
	if c.Connected == nil {
		c.Connected = func(*Socket) {}
	}
	if c.Event == nil {
		c.Event = func(*Socket, string, []json.RawMessage, func(...any)) {}
	}
	if c.Disconnect == nil {
		c.Disconnect = func(*Socket, string) {}
	}
	return c
}

// ServeHTTP serves polls, posts and WebSockets.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Shutdown refuses new connections, sends the queues and the close frame 1001, answers waiting polls, and returns when
// every socket's Disconnect has been called. Clients reconnect by themselves. When ctx ends earlier, the remaining
// connections are cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.cancel()
	return s.engine.Shutdown(ctx)
}

// Stats reads the counters; it visits all connections.
func (s *Server) Stats() Stats {
	return Stats{Stats: s.engine.Stats(), Sockets: s.sockets.Load(), EventsIn: s.eventsIn.Load(), Limited: s.limited.Load()}
}

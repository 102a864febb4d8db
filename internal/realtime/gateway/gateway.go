// Package gateway is rooms over Socket.IO: it lets sockets in through a Gate, seats them in a realtime.Hub, and answers their events.
//
// A client names its rooms and itself in the address it connects to:
//
//	io('https://host?room=notice&userId=1')          // a guest
//	io('https://host?room=notice,chat&token=…')      // a user; the token may also be in auth.token or in Authorization
//	io('https://host?room=chat&token=…&after=120')   // and what was said after message 120, in order, once
//
// With several rooms `after` is a list in their order. What the server publishes arrives as socket.on(event, (payload, info) => …), info
// being {room, at, seq?, sender?}. A client may send:
//
//	exchange {target, payload}         -> {ok}            everybody in its rooms gets the event `target`
//	join     {room, after?}            -> {ok}
//	leave    {room}                    -> {ok}
//	publish  {room, event, payload}    -> {ok, seq?}
//	members  {room}                    -> {members: [{user, verified, connections}], count, complete}
//
// Each is answered by acknowledgement, with {error: {code, message}} where it failed; without one an error arrives as the event "error".
package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/socketio"
)

// gateTime is how long a rule or a publish may take.
const gateTime = 10 * time.Second

// Options configure New. Zero values take the defaults named here.
type Options struct {
	Limits realtime.Limits // those of the hub
	// Targets are the events that exchange may raise at others: "res" if nil. "*" is every name that is not reserved.
	Targets []string
	// NamespaceScope sends an exchange to every socket of the namespace, as the article's server did, instead of the client's rooms.
	NamespaceScope bool
	Namespaces     []string // "/" if nil
	// Origins of web pages that may connect, beside those of the same host and of mini programs: "https://shop.example". "*" is all.
	Origins []string

	PingInterval time.Duration              // 25 s
	PingTimeout  time.Duration              // 20 s
	Address      func(*http.Request) string // a client's address; the host of RemoteAddr if nil
	Logger       *slog.Logger               // slog.Default() if nil
	Now          func() time.Time           // for the ends of tokens and the times in messages; time.Now if nil. Heartbeats keep their own
}

// Stats counts what a Gateway did since it was made.
type Stats struct {
	socketio.Stats
	Users  int   // users and guests' labels with a socket
	Denied int64 // handshakes that the gate or a limit refused
}

// Gateway is an http.Handler for everything below /socket.io/. End it with Shutdown, before the listener closes.
type Gateway struct {
	hub    *realtime.Hub
	gate   Gate
	opt    Options
	server *socketio.Server
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	users  map[realtime.Identity][]*member // sockets of each, the oldest first
	turn   realtime.Turnover
	kicks  atomic.Int64 // orders so far, to see whether one came between Identify and the first room
	denied atomic.Int64
}

// New makes a gateway. It must be made before the hub has members, since it listens to its kicks.
func New(hub *realtime.Hub, gate Gate, o Options) *Gateway {
	g := &Gateway{hub: hub, gate: gate, opt: o.withDefaults(hub), users: map[realtime.Identity][]*member{}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	hub.OnKick(func(string, string) { g.kicks.Add(1) })
	l := g.opt.Limits
	g.server = socketio.New(socketio.Config{
		PingInterval: g.opt.PingInterval, PingTimeout: g.opt.PingTimeout, ConnectTimeout: l.ConnectTimeout, WriteTimeout: l.WriteTimeout,
		MaxPayload: l.MessageBytes, QueueMessages: l.QueueMessages, QueueBytes: l.QueueBytes,
		EventsPerSecond: float64(l.EventsPerSecond), EventsBurst: l.EventsBurst,
		MaxPerAddress: l.SocketsPerAddress, MaxTotal: l.Sockets,
		CheckOrigin: origins(g.opt.Origins).allow, Address: g.opt.Address, Logger: g.opt.Logger,
		Namespace: g.hasNamespace, Connect: g.connect, Connected: g.connected, Event: g.event, Disconnect: g.disconnect,
	})
	return g
}

func (o Options) withDefaults(hub *realtime.Hub) Options {
	if o.Limits == (realtime.Limits{}) {
		o.Limits = hub.Limits()
	}
	if o.Targets == nil {
		o.Targets = []string{"res"}
	}
	if o.Namespaces == nil {
		o.Namespaces = []string{"/"}
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// ServeHTTP serves the whole of Socket.IO.
// note: tokens come in query strings here, so that requests must not be logged with theirs.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.server.ServeHTTP(w, r) }

// Shutdown refuses newcomers and closes every WebSocket with 1001; clients reconnect by themselves, to whoever listens then. It returns when all
// have left their rooms, or when ctx ends, having cut off the rest.
func (g *Gateway) Shutdown(ctx context.Context) error {
	defer g.cancel()
	return g.server.Shutdown(ctx)
}

// Stats reads the counters; it walks all connections.
func (g *Gateway) Stats() Stats {
	g.mu.Lock()
	users := len(g.users)
	g.mu.Unlock()
	return Stats{Stats: g.server.Stats(), Users: users, Denied: g.denied.Load()}
}

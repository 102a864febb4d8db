// Package gateway is the Socket.IO front of the hub: it admits *sockets* through a *Gate*, seats them in a
// realtime.Hub, and answers their events.
//
// A client names its rooms and itself in the address:
//
//	io('https://host?room=notice&userId=1')          // a guest
//	io('https://host?room=notice,chat&token=…')      // a user; the token may also be in auth.token or in Authorization
//	io('https://host?room=chat&token=…&after=120')   // and what was said after message 120, in order, once
//
// With several rooms `after` is a list in their order. Published messages arrive as socket.on(event, (payload, info) =>
// …), where info is {room, at, seq?, sender?}. A client may send:
//
//	exchange {target, payload}         -> {ok}            everybody in its rooms gets the event `target`
//	join     {room, after?}            -> {ok}
//	leave    {room}                    -> {ok}
//	publish  {room, event, payload}    -> {ok, seq?}
//	members  {room}                    -> {members: [{user, verified, connections}], count, complete}
//
// Each is answered by an acknowledgement, which is {error: {code, message}} on failure; a client that asks for no
// acknowledgement gets the event "error" instead.
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

// gateTime limits a rule or a publish.
const gateTime = 10 * time.Second

// Options configure New. Zero values take the defaults named here.
type Options struct {
	Limits realtime.Limits // those of the hub
	// Targets are the events that exchange may raise: "res" if nil. "*" is every name that is not reserved.
	Targets []string
	// NamespaceScope sends an exchange to every socket of the namespace, like the article's server, instead of the
	// client's rooms.
	NamespaceScope bool
	Namespaces     []string // "/" if nil
	// Origins of web pages that may connect, besides the same host and mini programs: "https://shop.example". "*" is
	// all.
	Origins []string

	PingInterval time.Duration              // 25 s
	PingTimeout  time.Duration              // 20 s
	Address      func(*http.Request) string // a client's address; the host of RemoteAddr if nil
	Logger       *slog.Logger               // slog.Default() if nil
	Now          func() time.Time           // for the ends of tokens and the times in messages; time.Now if nil. Heartbeats use the machine's clock
}

// Stats counts what a Gateway did since it was made.
type Stats struct {
	socketio.Stats
	Users  int   // users and guests' labels with a socket
	Denied int64 // handshakes refused by the gate or a limit
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
	kicks  atomic.Int64 // kicks so far, to detect one between Identify and the first seat
	denied atomic.Int64
}

// New makes a gateway. Make it before the hub has members, because it listens to the hub's kicks.
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

// ServeHTTP serves all of Socket.IO. note: query strings contain tokens here, so do not log them.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.server.ServeHTTP(w, r) }

// Shutdown refuses new connections and closes every WebSocket with 1001; clients reconnect by themselves. It returns
// when all have left their rooms, or cuts off the rest when ctx ends.
func (g *Gateway) Shutdown(ctx context.Context) error {
	defer g.cancel()
	return g.server.Shutdown(ctx)
}

// Stats reads the counters; it visits all connections.
func (g *Gateway) Stats() Stats {
	g.mu.Lock()
	users := len(g.users)
	g.mu.Unlock()
	return Stats{Stats: g.server.Stats(), Users: users, Denied: g.denied.Load()}
}

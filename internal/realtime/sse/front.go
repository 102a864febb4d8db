// Package sse is the *front* of the realtime hub for PocketBase's server-sent events.
//
// A room is a *topic* `rooms/{name}`; `rooms/{name}?options={"query":{"after":"12"}}` first replays the messages with a
// greater number. The join rule is the same as everywhere, checked when a client subscribes; topics that are neither a
// room nor a collection are refused, because PocketBase itself would let a guest listen to any string. Each client has
// a limited queue and a write deadline: one that does not read is closed, and never slows the others or grows memory.
//
// PocketBase visits every client of its broker at every save of any record. So clients that listen to rooms only are
// *parked*: they are not in the broker, except while one of their own subscribe requests looks for them there.
package sse

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/realtime"
)

// topicPrefix is what the topic of every room begins with.
const topicPrefix = "rooms/"

// Config configures New.
type Config struct {
	// Room returns a room's settings if the request's user may join it.
	Room func(e *core.RequestEvent, name string) (realtime.Room, error)
	// Options may refuse the options of a collection's topic: filter, expand, fields. Nil refuses nothing.
	Options func(e *core.RequestEvent, collection string, query map[string]string) error
	// Fail makes the answer of an error: Room's, or one of package realtime.
	Fail func(error) error
	// Address is the key by which a client's address is counted; its whole address when nil.
	Address func(e *core.RequestEvent) string
	// Identity returns the user of a request. A guest's User is empty.
	Identity func(e *core.RequestEvent) realtime.Identity
}

// Front binds PocketBase's realtime clients to a hub.
type Front struct {
	app    core.App
	hub    *realtime.Hub
	cfg    Config
	limits realtime.Limits
	drops  atomic.Uint64
	sent   atomic.Uint64

	mu        sync.Mutex
	clients   map[string]*client
	addresses map[string]int
	users     map[string]int
	admitted  uint64 // clients so far
	turn      realtime.Turnover
}

// Stats is what the front has done, and its present state.
type Stats struct {
	Clients int    // connections
	Parked  int    // of these, how many PocketBase does not visit
	Queued  int    // messages that wait to be sent
	Sent    uint64 // messages
	Drops   uint64 // connections closed because they did not read
}

// New makes a front and binds it to an app that has not started: from here on every realtime client is limited and
// every topic is checked.
func New(app core.App, hub *realtime.Hub, config Config) *Front {
	f := &Front{
		app: app, hub: hub, cfg: config, limits: hub.Limits(),
		clients: map[string]*client{}, addresses: map[string]int{}, users: map[string]int{},
	}
	hub.OnKick(f.kick)
	app.OnRealtimeConnectRequest().Bind(&hook.Handler[*core.RealtimeConnectRequestEvent]{Id: "wxRealtimeConnect", Func: f.connect})
	app.OnRealtimeSubscribeRequest().Bind(&hook.Handler[*core.RealtimeSubscribeRequestEvent]{Id: "wxRealtimeSubscribe", Func: f.subscribe})
	app.OnRealtimeMessageSend().Bind(&hook.Handler[*core.RealtimeMessageEvent]{Id: "wxRealtimeSend", Func: f.send})
	app.OnServe().Bind(&hook.Handler[*core.ServeEvent]{Id: "wxRealtimeServe", Func: func(e *core.ServeEvent) error {
		e.Router.BindFunc(f.lend)
		return e.Next()
	}})
	return f
}

// Stats reads the numbers.
func (f *Front) Stats() Stats {
	s := Stats{Sent: f.sent.Load(), Drops: f.drops.Load()}
	for _, c := range f.all() {
		s.Clients++
		s.Queued += c.waiting()
		if c.isParked() {
			s.Parked++
		}
	}
	return s
}

func (f *Front) all() []*client {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]*client, 0, len(f.clients))
	for _, c := range f.clients {
		list = append(list, c)
	}
	return list
}

// kick closes every client of a user, in rooms or not.
func (f *Front) kick(user, _ string) {
	for _, c := range f.all() {
		if c.identity().User == user {
			c.Discard()
		}
	}
}

// connect replaces the client before PocketBase registers it. It omits the check that later requests come from the same
// address: a phone's address changes, and the client id is 40 random characters.
func (f *Front) connect(e *core.RealtimeConnectRequestEvent) error {
	address := e.RealIP()
	if f.cfg.Address != nil {
		address = f.cfg.Address(e.RequestEvent)
	}
	c := newClient(f, address)
	if err := f.admit(c); err != nil {
		return f.cfg.Fail(err)
	}
	defer f.end(c)
	defer c.keepAlive()()
	e.Client = c.loan
	return e.Next()
}

// admit counts a new client, if the limits allow it.
func (f *Front) admit(c *client) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.clients) >= f.limits.Sockets {
		return realtime.ErrServerFull
	}
	if f.addresses[c.address] >= f.limits.SocketsPerAddress {
		return realtime.ErrConnectionLimit
	}
	f.clients[c.Id()] = c
	f.admitted++
	c.order = f.admitted
	f.addresses[c.address]++
	return nil
}

// end is the only place where a client leaves.
func (f *Front) end(c *client) {
	c.Discard()
	c.leaveAll()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.clients, c.Id())
	discount(f.addresses, c.address)
	if c.user != "" {
		discount(f.users, c.user)
	}
}

// discount subtracts one from a key, and deletes the key at zero.
func discount(of map[string]int, key string) {
	if of[key]--; of[key] <= 0 {
		delete(of, key)
	}
}

// dropOldest makes room for a user's new client. The oldest is often one that a phone left silently, and that would
// otherwise stay until the heartbeat ends it. The caller holds mu.
func (f *Front) dropOldest(user string) {
	var oldest *client
	for _, c := range f.clients {
		if c.user == user && (oldest == nil || c.order < oldest.order) {
			oldest = c
		}
	}
	if oldest == nil {
		return
	}
	discount(f.users, user)
	oldest.user = ""
	go oldest.Discard() // not under mu; the connection's handler does the rest
}

// signIn stores a client's user, and closes the user's oldest client above the limit. A client never changes from one
// user to another.
func (f *Front) signIn(c *client, who realtime.Identity) error {
	if who.User == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c.user == who.User || f.clients[c.Id()] != c {
		return nil
	}
	if f.users[who.User] >= f.limits.SocketsPerUser {
		if !f.turn.Allow(who.User, f.limits.SocketsPerUser) {
			return realtime.ErrConnectionLimit
		}
		f.dropOldest(who.User)
	}
	if c.user != "" {
		discount(f.users, c.user)
	}
	c.user = who.User
	f.users[who.User]++
	return nil
}

// lend puts a parked client back into PocketBase's broker for the time of a subscribe request, which looks for it there.
func (f *Front) lend(e *core.RequestEvent) error {
	if e.Request.Method != http.MethodPost || strings.TrimSuffix(e.Request.URL.Path, "/") != "/api/realtime" {
		return e.Next()
	}
	var form struct {
		ClientID string `form:"clientId" json:"clientId"`
	}
	if e.BindBody(&form) != nil { // PocketBase reports the error
		return e.Next()
	}
	f.mu.Lock()
	c := f.clients[form.ClientID]
	f.mu.Unlock()
	if c == nil {
		return e.Next()
	}
	c.borrow()
	defer c.giveBack()
	return e.Next()
}

// subscribe checks the topics and then updates the client's rooms.
func (f *Front) subscribe(e *core.RealtimeSubscribeRequestEvent) error {
	if e.Auth == nil && e.Request.Header.Get("Authorization") != "" { // note: PocketBase would continue as a guest, who hears nothing of the user's orders
		return f.cfg.Fail(realtime.ErrTokenInvalid)
	}
	c := clientOf(e.Client)
	rooms, err := f.guard(e)
	if err != nil {
		return f.cfg.Fail(err)
	}
	who := f.cfg.Identity(e.RequestEvent)
	if c != nil {
		if err := f.signIn(c, who); err != nil {
			return f.cfg.Fail(err)
		}
	}
	if err := e.Next(); err != nil || c == nil {
		return err
	}
	c.settle(who, rooms, e.HasSuperuserAuth())
	if !isCurrent(e) {
		c.Discard()
	}
	return nil
}

// isCurrent checks the token once more, because a kick finds the client only from its first seat on.
func isCurrent(e *core.RealtimeSubscribeRequestEvent) bool {
	if e.Auth == nil {
		return true
	}
	now, err := e.App.FindRecordById(e.Auth.Collection(), e.Auth.Id)
	return err == nil && now.TokenKey() == e.Auth.TokenKey()
}

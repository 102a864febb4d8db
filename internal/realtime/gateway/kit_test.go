package gateway_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wxbase/internal/realtime"
	"wxbase/internal/realtime/gateway"
	"wxbase/internal/realtime/socketio"
)

// patience limits the wait for something that must happen; a passing test does not use it up.
const patience = 20 * time.Second

// doorman is a gate: tokens are users' names, "bad" is invalid, and "u-ends" expires at once. Rooms are named for their
// rules.
type doorman struct {
	mu      sync.Mutex
	revoked map[string]bool
	asked   func() // called within the next Identify
}

func (d *doorman) Identify(_ context.Context, h socketio.Handshake) (gateway.Session, error) {
	token := gateway.Token(h)
	d.mu.Lock()
	revoked, asked := d.revoked[token], d.asked
	d.asked = nil
	d.mu.Unlock()
	if asked != nil {
		asked()
	}
	switch {
	case token == "bad" || revoked:
		return nil, realtime.ErrTokenInvalid
	case token == "broken":
		return nil, errors.New("the database is away")
	case token != "":
		return session{realtime.Identity{User: token, Verified: true}}, nil
	}
	return session{realtime.Identity{User: "guest:" + cmp.Or(h.Query.Get("userId"), "anonymous")}}, nil
}

func (d *doorman) revoke(token string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revoked[token] = true
}

type session struct{ who realtime.Identity }

func (s session) Identity() realtime.Identity { return s.who }

func (s session) Room(_ context.Context, name string) (realtime.Room, error) {
	switch {
	case name == "nowhere":
		return realtime.Room{}, realtime.ErrRoomUnknown
	case name == "members" && !s.who.Verified, name == "private":
		return realtime.Room{}, realtime.ErrRoomForbidden
	case name == "fails":
		return realtime.Room{}, errors.New("disk I/O error")
	}
	room := realtime.Room{Name: name, Presence: name != "discreet"}
	if strings.HasPrefix(name, "kept") {
		room.History = 10_000
	}
	return room, nil
}

func (s session) MayPublish(_ context.Context, name string) error {
	switch {
	case name == "nowhere":
		return realtime.ErrRoomUnknown
	case name == "silent", name == "members" && !s.who.Verified:
		return realtime.ErrPublishForbidden
	}
	return nil
}

func (s session) Expires() time.Time {
	if s.who.User == "u-ends" {
		return time.Now().Add(20 * time.Millisecond)
	}
	return time.Time{}
}

// book is a store in memory.
type book struct {
	mu    sync.Mutex
	pages map[string][]realtime.Message
	next  map[string]int64
}

func (b *book) Append(_ context.Context, list []realtime.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range list {
		b.pages[m.Room] = append(b.pages[m.Room], m)
	}
	return nil
}

func (b *book) After(_ context.Context, room string, seq int64, limit int) ([]realtime.Message, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at, _ := slices.BinarySearchFunc(b.pages[room], seq+1, func(m realtime.Message, n int64) int { return cmp.Compare(m.Seq, n) })
	rest := b.pages[room][at:]
	return slices.Clone(rest[:min(limit, len(rest))]), nil
}

func (b *book) Reserve(_ context.Context, room string, block int64) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	first := b.next[room] + 1
	b.next[room] += block
	return first, nil
}

func (b *book) Trim(_ context.Context, room string, keep int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.pages[room]); n > keep {
		b.pages[room] = b.pages[room][n-keep:]
	}
	return nil
}

// kit is a gateway in front of a hub with history.
type kit struct {
	*gateway.Gateway
	hub  *realtime.Hub
	door *doorman
	t    testing.TB
	url  string
}

func newKit(tb testing.TB, change func(*realtime.Limits, *gateway.Options)) *kit {
	tb.Helper()
	limits, opt := realtime.DefaultLimits(), gateway.Options{Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&limits, &opt)
	}
	hub := realtime.New(realtime.Config{
		Store: &book{pages: map[string][]realtime.Message{}, next: map[string]int64{}}, Limits: limits,
		Rooms: func(ctx context.Context, name string) (realtime.Room, error) { return session{}.Room(ctx, name) },
	})
	k := &kit{hub: hub, door: &doorman{revoked: map[string]bool{}}, t: tb}
	k.Gateway = gateway.New(hub, k.door, opt)
	serve := httptest.NewServer(k.Gateway)
	k.url = "ws" + strings.TrimPrefix(serve.URL, "http") + "/socket.io/?transport=websocket&EIO=4"
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := errors.Join(k.Shutdown(ctx), hub.Close(ctx)); err != nil {
			tb.Errorf("shutdown: %v", err)
		}
		serve.Close()
		if st := k.Stats(); st.Users != 0 || st.Sockets != 0 || hub.Stats().Members != 0 {
			tb.Errorf("got %+v and %d members, want nobody left", st, hub.Stats().Members)
		}
	})
	return k
}

// publish publishes as the server.
func (k *kit) publish(room, event, payload string) {
	k.t.Helper()
	if _, _, err := k.hub.Publish(k.t.Context(), realtime.Message{Room: room, Event: event, Payload: json.RawMessage(payload)}); err != nil {
		k.t.Fatal(err)
	}
}

// client is a socket that speaks in text.
type client struct {
	*websocket.Conn
	t    testing.TB
	acks int
	sid  string
	kept []string // read while looking for something else
}

// open connects, and returns the answer to the connect packet.
func (k *kit) open(query, auth string) (*client, string) {
	k.t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(k.t.Context(), k.url+"&"+query, http.Header{"Origin": {"https://servicewechat.com"}})
	if err != nil {
		k.t.Fatal(err)
	}
	res.Body.Close()
	k.t.Cleanup(func() { ws.Close() })
	c := &client{Conn: ws, t: k.t}
	c.read()
	c.send("40" + auth)
	answer := c.read()
	var hello struct{ SID string }
	if strings.HasPrefix(answer, "40") && json.Unmarshal([]byte(answer[2:]), &hello) == nil {
		c.sid = hello.SID
	}
	return c, answer
}

// in connects a client and waits until it is in its rooms.
func (k *kit) in(query string) *client {
	k.t.Helper()
	c, answer := k.open(query, "")
	if c.sid == "" {
		k.t.Fatalf("got %s, want to be let in", answer)
	}
	c.ask("leave", `{"room":"never-joined"}`) // its callbacks run in order, so now all rooms are joined
	return c
}

func (c *client) read() string {
	c.t.Helper()
	if len(c.kept) > 0 {
		first := c.kept[0]
		c.kept = c.kept[1:]
		return first
	}
	return c.next()
}

func (c *client) next() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, p, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return string(p)
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// ask sends an event and returns its acknowledgement; what arrives before is kept for read.
func (c *client) ask(event, argument string) string {
	c.t.Helper()
	c.acks++
	id := string(json.RawMessage(itoa(c.acks)))
	c.send("42" + id + `["` + event + `",` + argument + "]")
	for {
		p := c.next()
		if rest, ok := strings.CutPrefix(p, "43"+id); ok {
			return rest
		}
		c.kept = append(c.kept, p)
	}
}

func itoa(n int) string { b, _ := json.Marshal(n); return string(b) }

// event reads one event: its name and arguments.
func (c *client) event() (string, []json.RawMessage) {
	c.t.Helper()
	p := c.read()
	var list []json.RawMessage
	var name string
	if !strings.HasPrefix(p, "42") || json.Unmarshal([]byte(p[2:]), &list) != nil || json.Unmarshal(list[0], &name) != nil {
		c.t.Fatalf("got %s, want an event", p)
	}
	return name, list[1:]
}

// info is the second argument of an event.
type info struct {
	Room, Sender string
	Seq          int64
	At           time.Time
}

// push reads an event of a room.
func (c *client) push() (name, payload string, about info) {
	c.t.Helper()
	name, args := c.event()
	if len(args) != 2 || json.Unmarshal(args[1], &about) != nil {
		c.t.Fatalf("got %s %s", name, args)
	}
	return name, string(args[0]), about
}

// rest reads to the end, and returns the packets and the code of the close frame.
func (c *client) rest() (packets []string, code int) {
	c.t.Helper()
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, p, err := c.ReadMessage()
		if err == nil {
			packets = append(packets, string(p))
			continue
		}
		if e, ok := errors.AsType[*websocket.CloseError](err); ok {
			code = e.Code
		}
		return packets, code
	}
}

// eventually waits until something holds.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("%s never came true", what)
		}
	}
}

// who returns the presence of a room.
func (k *kit) who(room string) map[string]int {
	k.t.Helper()
	p, err := k.hub.Presence(k.t.Context(), room)
	if err != nil {
		k.t.Fatal(err)
	}
	m := map[string]int{}
	for _, one := range p.Members {
		m[one.User] = one.Connections
	}
	return m
}

func (k *kit) eventuallyIn(room string, want map[string]int) {
	k.t.Helper()
	eventually(k.t, "the presence", func() bool { return maps.Equal(k.who(room), want) })
}

package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wxbase/internal/apptest/web"
	"wxbase/internal/realtime/socketio"
)

// patience limits the wait for something that must happen; a passing test does not use it up.
const patience = 20 * time.Second

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// kit is a server that behaves as the official test suite demands, and records its callbacks.
type kit struct {
	*socketio.Server
	t     testing.TB
	url   string
	shook chan socketio.Handshake
	in    chan *socketio.Socket
	out   chan string // namespace and reason
	clock *clock
}

func newKit(tb testing.TB, change func(*socketio.Config)) *kit {
	tb.Helper()
	k := &kit{
		t: tb, shook: make(chan socketio.Handshake, 64), in: make(chan *socketio.Socket, 64), out: make(chan string, 64),
		clock: &clock{t: time.Unix(1_800_000_000, 0)},
	}
	cfg := socketio.Config{
		CheckOrigin: func(*http.Request) bool { return true },
		Logger:      slog.New(slog.DiscardHandler), Now: k.clock.now,
		Namespace:  func(name string) bool { return name == "/" || name == "/custom" },
		Connect:    k.connect,
		Connected:  func(s *socketio.Socket) { k.in <- s },
		Event:      k.event,
		Disconnect: func(s *socketio.Socket, reason string) { k.out <- s.Namespace() + " " + reason },
	}
	if change != nil {
		change(&cfg)
	}
	k.Server = socketio.New(cfg)
	serve := httptest.NewServer(k.Server)
	k.url = serve.URL + "/socket.io/"
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := k.Shutdown(ctx); err != nil {
			tb.Errorf("shutdown: %v", err)
		}
		serve.Close()
	})
	return k
}

func (k *kit) connect(_ context.Context, s *socketio.Socket, h socketio.Handshake) error {
	_ = s.Emit("early", "never seen")
	k.shook <- h
	switch h.Query.Get("refuse") {
	case "told":
		return &socketio.ConnectError{Message: "not you"}
	case "data":
		return &socketio.ConnectError{Message: "not you", Data: map[string]string{"code": "room_forbidden"}}
	case "secret":
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (k *kit) event(s *socketio.Socket, event string, args []json.RawMessage, ack func(...any)) {
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	switch {
	case ack != nil:
		ack(list...)
		ack("twice")
	case event == "panic":
		panic("a rule's fault")
	default:
		_ = s.Emit(event+"-back", list...)
	}
}

// take receives from one of the kit's logs, or fails.
func take[T any](tb testing.TB, c <-chan T) T {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		tb.Fatal("nothing came")
		panic("unreachable")
	}
}

// client is a WebSocket that speaks in text.
type client struct {
	*websocket.Conn
	t testing.TB
}

// dial opens a connection, past the open packet.
func (k *kit) dial(protocol, query string) *client {
	k.t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(k.t.Context(),
		"ws"+strings.TrimPrefix(k.url, "http")+"?EIO="+protocol+"&transport=websocket"+query, nil)
	if err != nil {
		k.t.Fatalf("dial: %v", err)
	}
	res.Body.Close()
	k.t.Cleanup(func() { ws.Close() })
	c := &client{ws, k.t}
	if got := c.read(); !strings.HasPrefix(got, "0{") {
		k.t.Fatalf("got %q, want an open packet", got)
	}
	return c
}

// joined is in the main namespace.
func (k *kit) joined(protocol string) (*client, *socketio.Socket) {
	k.t.Helper()
	c := k.dial(protocol, "")
	if protocol == "4" {
		c.send("40")
	}
	if got := c.read(); !strings.HasPrefix(got, "40") {
		k.t.Fatalf("got %q, want a connect packet", got)
	}
	take(k.t, k.shook)
	return c, take(k.t, k.in)
}

func (c *client) read() string {
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

// want sends, if there is something to send, and compares the answer.
func (c *client) want(send, want string) {
	c.t.Helper()
	if send != "" {
		c.send(send)
	}
	if got := c.read(); got != want {
		c.t.Errorf("sent %s, got %s, want %s", send, got, want)
	}
}

// rest reads to the end, and returns the packets and the code of the close frame, 0 if the connection just broke.
func (c *client) rest() (packets []string, code int) {
	c.t.Helper()
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, p, err := c.ReadMessage()
		if err == nil {
			packets = append(packets, string(p))
			continue
		}
		if e, ok := errors.AsType[*websocket.CloseError](err); ok && e.Code != websocket.CloseAbnormalClosure {
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

// poll makes one request of a polling client.
func (k *kit) poll(method, query, body string) string {
	k.t.Helper()
	r, err := http.NewRequestWithContext(k.t.Context(), method, k.url+"?transport=polling&"+query, strings.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	res, err := web.Client.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

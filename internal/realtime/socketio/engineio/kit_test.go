package engineio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"wxbase/internal/apptest/web"
	"wxbase/internal/realtime/socketio/engineio"
)

// patience limits the wait for something that must happen; a passing test does not use it up.
const patience = 20 * time.Second

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_800_000_000, 0)} }

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

// kit is a server that records its callbacks.
type kit struct {
	*engineio.Server
	t      testing.TB
	url    string
	opened chan *engineio.Session
	heard  chan string
	closed chan string
	serve  *httptest.Server
}

func newKit(tb testing.TB, change func(*engineio.Config)) *kit {
	tb.Helper()
	k := &kit{t: tb, opened: make(chan *engineio.Session, 64), heard: make(chan string, 1024), closed: make(chan string, 64)}
	cfg := engineio.Config{
		CheckOrigin: func(*http.Request) bool { return true },
		Open:        func(s *engineio.Session, _ *http.Request) { k.opened <- s },
		Message:     func(_ *engineio.Session, b []byte) { k.heard <- string(b) },
		Close:       func(_ *engineio.Session, reason string) { k.closed <- reason },
	}
	if change != nil {
		change(&cfg)
	}
	k.Server = engineio.New(cfg)
	k.serve = httptest.NewServer(k.Server)
	k.url = k.serve.URL + "/engine.io/"
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := k.Shutdown(ctx); err != nil {
			tb.Errorf("shutdown: %v", err)
		}
		k.serve.Close()
	})
	return k
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

// answer is the answer to a request.
type answer struct {
	status int
	body   string
	header http.Header
}

func (k *kit) do(method, query, body string, header ...string) answer {
	k.t.Helper()
	r, err := http.NewRequestWithContext(k.t.Context(), method, k.url+"?"+query, strings.NewReader(body))
	if err != nil {
		k.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := web.Client.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		k.t.Fatal(err)
	}
	return answer{res.StatusCode, string(text), res.Header}
}

func (k *kit) get(query string) answer { k.t.Helper(); return k.do(http.MethodGet, query, "") }

func (k *kit) post(query, body string) answer {
	k.t.Helper()
	return k.do(http.MethodPost, query, body)
}

// hello is the open packet.
type hello struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

func parseHello(tb testing.TB, packet string) hello {
	tb.Helper()
	var h hello
	if !strings.HasPrefix(packet, "0") || json.Unmarshal([]byte(packet[1:]), &h) != nil {
		tb.Fatalf("got %q, want an open packet", packet)
	}
	return h
}

// polling opens a session and returns the query of its further requests.
func (k *kit) polling(protocol string) (string, *engineio.Session) {
	k.t.Helper()
	query := "EIO=" + protocol + "&transport=polling"
	body := k.get(query).body
	if protocol == "3" {
		_, body, _ = strings.Cut(body, ":")
	}
	return query + "&sid=" + parseHello(k.t, body).SID, take(k.t, k.opened)
}

// wsClient is a WebSocket that speaks in text.
type wsClient struct {
	*websocket.Conn
	t testing.TB
}

func (k *kit) dial(query string) *wsClient {
	k.t.Helper()
	return dialWith(k.t, websocket.DefaultDialer, "ws"+strings.TrimPrefix(k.url, "http")+"?"+query)
}

func dialWith(tb testing.TB, d *websocket.Dialer, url string) *wsClient {
	tb.Helper()
	ws, res, err := d.DialContext(tb.Context(), url, nil)
	if err != nil {
		tb.Fatalf("dial: %v", err)
	}
	res.Body.Close()
	tb.Cleanup(func() { ws.Close() })
	return &wsClient{ws, tb}
}

// websocket opens a session, past its open packet.
func (k *kit) websocket(protocol string) (*wsClient, *engineio.Session) {
	k.t.Helper()
	c := k.dial("EIO=" + protocol + "&transport=websocket")
	parseHello(k.t, c.read())
	return c, take(k.t, k.opened)
}

func (c *wsClient) read() string {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	_, p, err := c.ReadMessage()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return string(p)
}

func (c *wsClient) send(text string) {
	c.t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// closeCode reads to the end and returns the code of the close frame, 0 if the connection just broke.
func (c *wsClient) closeCode() int {
	c.t.Helper()
	for {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		_, _, err := c.ReadMessage()
		if err == nil {
			continue
		}
		if e, ok := errors.AsType[*websocket.CloseError](err); ok && e.Code != websocket.CloseAbnormalClosure {
			return e.Code
		}
		return 0
	}
}

// pipes makes a server whose connections have no buffer: what the client does not read blocks the server's write.
func (k *kit) pipes() *websocket.Dialer {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &http.Server{Handler: k.Server}
	go func() { _ = s.Serve(l) }()
	k.t.Cleanup(func() { s.Close() })
	return &websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		client, server := net.Pipe()
		select {
		case l.conns <- server:
			return client, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

type pipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// eventually waits until something holds.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			buf := make([]byte, 1<<16)
			tb.Fatalf("%s never came true\n%s", what, buf[:runtime.Stack(buf, true)])
		}
	}
}

// rawUpgrade opens a WebSocket by hand, to write frames that libraries do not write.
func (k *kit) rawUpgrade(query string) (net.Conn, *bufio.Reader) {
	k.t.Helper()
	c, err := net.Dial("tcp", k.serve.Listener.Addr().String())
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { c.Close() })
	_, _ = io.WriteString(c, "GET /?"+query+" HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	br := bufio.NewReader(c)
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			k.t.Fatal(err)
		}
		if line == "\r\n" {
			return c, br
		}
	}
}

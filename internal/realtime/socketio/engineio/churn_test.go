package engineio_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"wxbase/internal/realtime/socketio/engineio"
)

// rule 2: after thousands of clients that came, sent, and left in every possible way, all sessions and goroutines are
// gone, and every Open has had its Close
func TestChurn(t *testing.T) {
	var opened, closed atomic.Int64
	var live sync.Map
	k := newKit(t, func(c *engineio.Config) {
		c.Open = func(s *engineio.Session, _ *http.Request) { opened.Add(1); live.Store(s, true) }
		c.Message = func(s *engineio.Session, b []byte) { _ = s.Send(engineio.NewMessage(b)) }
		c.Close = func(s *engineio.Session, _ string) {
			if _, ok := live.LoadAndDelete(s); !ok {
				t.Error("closed twice, or before it was opened")
			}
			closed.Add(1)
		}
	})
	before := runtime.NumGoroutine()
	stop := make(chan struct{})
	var pusher sync.WaitGroup
	pusher.Go(func() {
		f := engineio.NewMessage([]byte("push"))
		for {
			select {
			case <-stop:
				return
			default:
				live.Range(func(s, _ any) bool {
					_ = s.(*engineio.Session).Send(f)
					return true
				})
				runtime.Gosched()
			}
		}
	})
	rounds := 250
	if testing.Short() {
		rounds = 25
	}
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			for range rounds {
				k.visit(transport)
			}
		})
	}
	clients.Wait()
	close(stop)
	pusher.Wait()
	// the rest are pollers that left silently, which the heartbeat would find
	for _, s := range k.list() {
		s.Abort("test is over")
	}
	eventually(t, "all are gone", func() bool { return k.Stats().Sessions == 0 && opened.Load() == closed.Load() })
	k.serve.CloseClientConnections()
	eventually(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= before+2 })
	if n := opened.Load(); n < int64(rounds) {
		t.Errorf("got %d sessions, want more", n)
	}
}

func (k *kit) list() []*engineio.Session { return k.Sessions() }

// visit is one client's life, with one of many endings.
func (k *kit) visit(transport *http.Transport) {
	address := k.serve.Listener.Addr().String()
	protocol := []string{"3", "4"}[rand.IntN(2)]
	switch rand.IntN(8) {
	case 0: // aborts in the middle of the handshake
		if c, err := net.Dial("tcp", address); err == nil {
			_, _ = io.WriteString(c, "GET /?EIO="+protocol+"&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			c.Close()
		}
	case 1, 2: // polls, and leaves silently, or with a close packet
		k.poller(transport, protocol, rand.IntN(2) == 0)
	default:
		ws, res, err := websocket.DefaultDialer.Dial("ws://"+address+"/?EIO="+protocol+"&transport=websocket", nil)
		if err != nil {
			return
		}
		res.Body.Close()
		k.speaker(ws)
	}
}

func (k *kit) speaker(ws *websocket.Conn) {
	defer ws.Close()
	for range rand.IntN(3) {
		_ = ws.WriteMessage(websocket.TextMessage, []byte("4hello"))
		_, _, _ = ws.ReadMessage()
	}
	switch rand.IntN(4) {
	case 0:
		_ = ws.WriteMessage(websocket.TextMessage, []byte("1"))
	case 1:
		_ = ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""))
	case 2:
		_ = ws.WriteMessage(websocket.TextMessage, []byte("garbage"))
		_, _, _ = ws.ReadMessage()
	}
}

func (k *kit) poller(transport *http.Transport, protocol string, polite bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q := k.url + "?EIO=" + protocol + "&transport=polling"
	request := func(method, url, body string) string {
		r, _ := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		res, err := transport.RoundTrip(r)
		if err != nil {
			return ""
		}
		defer res.Body.Close()
		text, _ := io.ReadAll(res.Body)
		return string(text)
	}
	_, rest, found := strings.Cut(request("GET", q, ""), `"sid":"`)
	if !found {
		return
	}
	sid, _, _ := strings.Cut(rest, `"`)
	q += "&sid=" + sid
	if rand.IntN(2) == 0 { // half an upgrade
		if ws, res, err := websocket.DefaultDialer.Dial(strings.Replace("ws"+strings.TrimPrefix(q, "http"), "=polling", "=websocket", 1), nil); err == nil {
			res.Body.Close()
			_ = ws.WriteMessage(websocket.TextMessage, []byte("2probe"))
			if rand.IntN(2) == 0 {
				_ = ws.WriteMessage(websocket.TextMessage, []byte("5"))
			}
			ws.Close()
		}
	}
	if polite {
		request("POST", q, map[string]string{"3": "1:1", "4": "1"}[protocol])
		return
	}
	go cancel()
	request("GET", q, "")
}

package engineio_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"wxbase/internal/realtime/socketio/engineio"
)

func TestWebSocketMessages(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"4", "3"} {
		k := newKit(t, nil)
		c, s := k.websocket(protocol)
		for _, text := range []string{"", "hello", "你好🎉", strings.Repeat("x", 300), strings.Repeat("好", 20_000)} {
			c.send("4" + text)
			if got := take(t, k.heard); got != text {
				t.Errorf("version %s: server got %d bytes, want %d", protocol, len(got), len(text))
			}
			_ = s.Send(engineio.NewMessage([]byte(text)))
			if got := c.read(); got != "4"+text {
				t.Errorf("version %s: client got %d bytes, want %d", protocol, len(got), len(text)+1)
			}
		}
	}
}

func TestWebSocketHeartbeats(t *testing.T) {
	t.Parallel()
	t.Run("version 3: the client pings", func(t *testing.T) {
		t.Parallel()
		c, _ := newKit(t, nil).websocket("3")
		c.send("2")
		if got := c.read(); got != "3" {
			t.Errorf("got %q, want 3", got)
		}
		c.send("2probe")
		if got := c.read(); got != "3probe" {
			t.Errorf("got %q, want 3probe", got)
		}
	})
	t.Run("the WebSocket's own ping", func(t *testing.T) {
		t.Parallel()
		c, s := newKit(t, nil).websocket("4")
		pong := make(chan string, 1)
		c.SetPongHandler(func(data string) error { pong <- data; return nil })
		_ = c.WriteMessage(websocket.PingMessage, []byte("hey"))
		c.send("6") // noop and upgrade are ignored
		c.send("5")
		go func() {
			take(t, pong)
			_ = s.Send(engineio.NewMessage([]byte("after")))
		}()
		if got := c.read(); got != "4after" {
			t.Errorf("got %q", got)
		}
	})
}

func TestWebSocketEnds(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name, protocol string
		do             func(*wsClient)
		code           int
		reason         string
	}{
		{"close packet", "4", func(c *wsClient) { c.send("1") }, 1000, engineio.ReasonTransportClose},
		{"close packet, version 3", "3", func(c *wsClient) { c.send("1") }, 1000, engineio.ReasonTransportClose},
		{"close frame", "4", func(c *wsClient) {
			_ = c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(1001, "interrupted"))
		}, 1000, engineio.ReasonTransportClose},
		{"unknown packet", "4", func(c *wsClient) { c.send("abc") }, 1002, engineio.ReasonParseError},
		{"empty frame", "4", func(c *wsClient) { c.send("") }, 1002, engineio.ReasonParseError},
		{"ping from a version 4 client", "4", func(c *wsClient) { c.send("2") }, 1002, engineio.ReasonParseError},
		{"pong from a version 3 client", "3", func(c *wsClient) { c.send("3") }, 1002, engineio.ReasonParseError},
		{"binary", "4", func(c *wsClient) { _ = c.WriteMessage(websocket.BinaryMessage, []byte{4, 1, 2}) }, 1003, engineio.ReasonBinary},
		{"not UTF-8", "4", func(c *wsClient) { c.send("4[\"a\xff\"]") }, 1007, engineio.ReasonParseError},
		{"too big", "4", func(c *wsClient) { c.send("4" + strings.Repeat("x", 64<<10)) }, 1009, engineio.ReasonTooBig},
		{"too big, and more behind it", "4", func(c *wsClient) {
			for range 20 {
				if c.WriteMessage(websocket.TextMessage, make([]byte, 1<<20)) != nil {
					return
				}
			}
		}, 1009, engineio.ReasonTooBig},
		{"gone without a word", "4", func(c *wsClient) { c.NetConn().Close() }, 0, engineio.ReasonTransportClose},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			c, _ := k.websocket(s.protocol)
			go s.do(c)
			if got := c.closeCode(); got != s.code {
				t.Errorf("got close code %d, want %d", got, s.code)
			}
			if got := take(t, k.closed); got != s.reason {
				t.Errorf("got reason %q, want %q", got, s.reason)
			}
		})
	}
}

// frames that libraries do not send must only end the connection
func TestHostileFrames(t *testing.T) {
	t.Parallel()
	scenarios := []struct{ name, bytes string }{
		{"unmasked", "\x81\x0242"},
		{"reserved opcode", "\x83\x80\x00\x00\x00\x00"},
		{"absurd length", "\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"},
		{"negative length", "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00"},
		{"continuation of nothing", "\x80\x81\x00\x00\x00\x00x"},
		{"long control frame", "\x89\xfe\x01\x00\x00\x00\x00\x00"},
		{"half a header", "\x81"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			c, br := k.rawUpgrade("EIO=4&transport=websocket")
			take(t, k.opened)
			_, _ = io.WriteString(c, s.bytes)
			_ = c.(interface{ CloseWrite() error }).CloseWrite()
			_, _ = io.Copy(io.Discard, br)
			if got := take(t, k.closed); got == "" {
				t.Error("got no reason")
			}
		})
	}
}

func TestCloseSendsWhatIsQueued(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	c, s := k.websocket("4")
	for i := range 300 {
		_ = s.Send(engineio.NewMessage(fmt.Append(nil, i)))
	}
	s.Close(1008, strings.Repeat("好", 100)) // a reason longer than the protocol allows
	for i := range 300 {
		if got := c.read(); got != fmt.Sprint("4", i) {
			t.Fatalf("got %q at %d", got, i)
		}
	}
	if got := c.closeCode(); got != 1008 {
		t.Errorf("got close code %d, want 1008", got)
	}
	if err := s.Send(engineio.NewMessage(nil)); !errors.Is(err, engineio.ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
	take(t, k.closed)
	s.Close(1000, "again")
	s.Abort("again")
}

// a client that does not answer the close frame is cut off after a write's timeout
func TestCloseUnanswered(t *testing.T) {
	t.Parallel()
	clk := newClock()
	k := newKit(t, func(c *engineio.Config) { c.Now = clk.now })
	c, br := k.rawUpgrade("EIO=4&transport=websocket")
	defer c.Close()
	s := take(t, k.opened)
	s.Close(1008, "enough")
	if rest, _ := io.ReadAll(br); !strings.HasSuffix(string(rest), "\x88\x08\x03\xf0enough") {
		t.Errorf("got %q, want it to end in the close frame", rest)
	}
	clk.advance(11_000_000_000)
	k.Pulse()
	if got := take(t, k.closed); got != "enough" {
		t.Errorf("got reason %q", got)
	}
}

func TestCallbackPanics(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(c *engineio.Config) {
		c.Logger = quiet()
		c.Message = func(*engineio.Session, []byte) { panic("a rule's fault") }
	})
	c, _ := k.websocket("4")
	c.send("4x")
	if got := take(t, k.closed); got != engineio.ReasonInternal {
		t.Errorf("got reason %q", got)
	}
	q, _ := k.polling("4")
	k.post(q, "4x")
	if got := take(t, k.closed); got != engineio.ReasonInternal {
		t.Errorf("polling: got reason %q", got)
	}
}

// while a callback runs pongs are not read, and none is missing
func TestSlowCallback(t *testing.T) {
	t.Parallel()
	clk := newClock()
	inside, goOn := make(chan struct{}), make(chan struct{})
	k := newKit(t, func(c *engineio.Config) {
		c.Now = clk.now
		c.Message = func(*engineio.Session, []byte) { close(inside); <-goOn }
	})
	c, s := k.websocket("3")
	eventually(t, "the writer rests", func() bool { return k.Resting(s) })
	c.send("4x")
	take(t, inside)
	clk.advance(100_000_000_000)
	k.Pulse()
	close(goOn)
	c.send("2")
	if got := c.read(); got != "3" {
		t.Errorf("got %q, want 3", got)
	}
	if err := s.Send(engineio.NewMessage(nil)); err != nil {
		t.Errorf("got %v, want the session to be open", err)
	}
}

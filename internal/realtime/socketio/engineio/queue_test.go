package engineio_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"wxbase/internal/realtime/socketio/engineio"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// stalled is a client that reads only the open packet.
func (k *kit) stalled() (*wsClient, *engineio.Session) {
	k.t.Helper()
	c := dialWith(k.t, k.pipes(), "ws://pipe/?EIO=4&transport=websocket")
	parseHello(k.t, c.read())
	s := take(k.t, k.opened)
	eventually(k.t, "the open packet is off the account", func() bool { return k.Resting(s) })
	return c, s
}

// rule 1: the queue is limited, in messages and in bytes, and only reading empties it, not answering pings
func TestSlowReader(t *testing.T) {
	t.Parallel()
	small, big := engineio.NewMessage([]byte("x")), engineio.NewMessage([]byte(strings.Repeat("x", 60_000)))
	scenarios := []struct {
		name  string
		frame engineio.Frame
		pongs bool
		most  int
	}{
		{"by messages", small, false, 512},
		{"by messages, with pongs", small, true, 512},
		{"by bytes", big, false, 17},
		{"by bytes, with pongs", big, true, 17},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			c, x := k.stalled()
			if s.pongs {
				go func() {
					for c.WriteMessage(websocket.TextMessage, []byte("3")) == nil {
					}
				}()
			}
			sent := 0
			for ; x.Send(s.frame) == nil; sent++ {
			}
			if sent != s.most {
				t.Errorf("got %d frames queued, want %d", sent, s.most)
			}
			if got := take(t, k.closed); got != engineio.ReasonSlow {
				t.Errorf("got reason %q, want %q", got, engineio.ReasonSlow)
			}
			eventually(t, "nothing is held", func() bool { return k.Stats().Sessions == 0 })
			if st := k.Stats(); st.Slow != 1 || st.QueuedBytes != 0 {
				t.Errorf("got %+v", st)
			}
		})
	}
}

func TestPollingQueueIsBounded(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	_, s := k.polling("4")
	sent := 0
	for ; s.Send(engineio.NewMessage([]byte("x"))) == nil; sent++ {
	}
	if sent != 512 {
		t.Errorf("got %d, want 512", sent)
	}
	if got := take(t, k.closed); got != engineio.ReasonSlow {
		t.Errorf("got reason %q", got)
	}
}

// rule 1: one write must make progress within its time, whatever else the client does
func TestStuckWrite(t *testing.T) {
	t.Parallel()
	clk := newClock()
	k := newKit(t, func(c *engineio.Config) { c.Now = clk.now })
	c, s := k.stalled()
	_ = s.Send(engineio.NewMessage([]byte("x")))
	eventually(t, "the write is under way", func() bool { return k.Writing(s) })
	clk.advance(5e9)
	c.send("3")
	k.Pulse()
	if err := s.Send(engineio.NewMessage([]byte("y"))); err != nil {
		t.Fatalf("got %v before the time is over", err)
	}
	clk.advance(6e9)
	c.send("3")
	k.Pulse()
	if got := take(t, k.closed); got != engineio.ReasonStuck {
		t.Errorf("got reason %q, want %q", got, engineio.ReasonStuck)
	}
}

func TestSendWait(t *testing.T) {
	t.Parallel()
	frames := make([]engineio.Frame, 3000)
	for i := range frames {
		frames[i] = engineio.NewMessage(fmt.Append(nil, i))
	}
	t.Run("holds back and loses nothing", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, nil)
		c, s := k.stalled()
		done := make(chan error, 1)
		go func() { done <- s.SendWait(t.Context(), frames) }()
		for i := range frames {
			if got := c.read(); got != fmt.Sprint("4", i) {
				t.Fatalf("got %q at %d", got, i)
			}
			if st := k.Stats(); st.Queued > 257 {
				t.Fatalf("got %d queued, want no more than half", st.Queued)
			}
		}
		if err := take(t, done); err != nil {
			t.Error(err)
		}
	})
	t.Run("to a poller", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, nil)
		q, s := k.polling("4")
		done := make(chan error, 1)
		go func() { done <- s.SendWait(t.Context(), frames) }()
		for next := 0; next < len(frames); {
			for p := range strings.SplitSeq(k.get(q).body, "\x1e") {
				if p != fmt.Sprint("4", next) {
					t.Fatalf("got %q at %d", p, next)
				}
				next++
			}
		}
		if err := take(t, done); err != nil {
			t.Error(err)
		}
	})
	t.Run("ends with the context", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, nil)
		_, s := k.stalled()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.SendWait(ctx, frames) }()
		eventually(t, "it waits", func() bool { return k.Stats().Queued > 256 })
		cancel()
		if err := take(t, done); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends with the session", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, nil)
		_, s := k.stalled()
		done := make(chan error, 1)
		go func() { done <- s.SendWait(t.Context(), frames) }()
		eventually(t, "it waits", func() bool { return k.Stats().Queued > 256 })
		s.Abort("enough")
		if err := take(t, done); !errors.Is(err, engineio.ErrClosed) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a frame larger than half of the queue", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, nil)
		c, s := k.websocket("4")
		go func() {
			_ = s.SendWait(t.Context(), []engineio.Frame{engineio.NewMessage(make([]byte, 900_000)), engineio.NewMessage([]byte("x"))})
		}()
		c.read()
		if got := c.read(); got != "4x" {
			t.Errorf("got %d bytes", len(got))
		}
	})
}

// many senders, one client: everything arrives, in each sender's order
func TestConcurrentSend(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(c *engineio.Config) { c.QueueMessages = 100_000 })
	c, s := k.websocket("4")
	for who := range 8 {
		go func() {
			for i := range 200 {
				_ = s.Send(engineio.NewMessage(fmt.Appendf(nil, "%d %d", who, i)))
			}
		}()
	}
	var next [8]int
	for range 1600 {
		var who, i int
		_, _ = fmt.Sscanf(c.read(), "4%d %d", &who, &i)
		if next[who] != i {
			t.Fatalf("sender %d: got %d, want %d", who, i, next[who])
		}
		next[who]++
	}
}

// rule 2: a writer exists only while there is something to write, and starting one is nearly free
func TestSendAllocatesNothing(t *testing.T) {
	k := newKit(t, func(c *engineio.Config) { c.QueueMessages = 100_000; c.QueueBytes = 1 << 30 })
	c, s := k.websocket("4")
	read := make(chan bool)
	go func() {
		defer close(read)
		for {
			if _, _, err := c.NextReader(); err != nil {
				return
			}
			read <- true
		}
	}()
	f := engineio.NewMessage([]byte(`2["res",{"text":"hello"}]`))
	allocs := testing.AllocsPerRun(500, func() {
		_ = s.Send(f)
		<-read
		for !k.Resting(s) {
			runtime.Gosched()
		}
	})
	// note: the reading client allocates in the same process, one reader for each frame
	if allocs > 2 {
		t.Errorf("got %v allocations for a delivery, want at most the client's own", allocs)
	}
}

// TestFramesThatTheSocketTakesInPart: what does not fit at once follows, in order and complete.
func TestFramesThatTheSocketTakesInPart(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(c *engineio.Config) { c.QueueBytes = 1 << 30 })
	c, s := k.websocket("4")
	big := strings.Repeat("第一条", 2<<20)
	for _, text := range []string{"before", big, "between", big, "after"} {
		if err := s.Send(engineio.NewMessage([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"before", big, "between", big, "after"} {
		if got := c.read(); got != "4"+want {
			t.Fatalf("message %d: got %d bytes, want %d", i, len(got), len(want)+1)
		}
	}
}

package engineio_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"wxbase/internal/realtime/socketio/engineio"
)

func TestHeartbeat(t *testing.T) {
	t.Parallel()
	timed := func(t *testing.T) (*clock, *kit) {
		clk := newClock()
		return clk, newKit(t, func(c *engineio.Config) { c.Now = clk.now })
	}
	t.Run("version 4 is pinged and lives while it answers", func(t *testing.T) {
		t.Parallel()
		clk, k := timed(t)
		c, s := k.websocket("4")
		for range 5 {
			eventually(t, "the writer rests", func() bool { return k.Resting(s) })
			clk.advance(25 * time.Second)
			k.Pulse()
			k.Pulse() // one ping at a time
			if got := c.read(); got != "2" {
				t.Fatalf("got %q, want 2", got)
			}
			c.send("3")
			c.send("4x")
			take(t, k.heard)
		}
		if err := s.Send(engineio.NewMessage(nil)); err != nil {
			t.Error(err)
		}
	})
	t.Run("version 4 that does not answer is cut off", func(t *testing.T) {
		t.Parallel()
		clk, k := timed(t)
		_, s := k.websocket("4")
		eventually(t, "the writer rests", func() bool { return k.Resting(s) })
		clk.advance(25 * time.Second)
		k.Pulse()
		eventually(t, "the ping is out", func() bool { return k.Resting(s) })
		clk.advance(20*time.Second - 1)
		k.Pulse()
		if st := k.Stats(); st.Sessions != 1 {
			t.Fatal("cut off before its time")
		}
		clk.advance(1)
		k.Pulse()
		if got := take(t, k.closed); got != engineio.ReasonPingTimeout {
			t.Errorf("got reason %q", got)
		}
		if st := k.Stats(); st.TimedOut != 1 {
			t.Errorf("got %+v", st)
		}
	})
	t.Run("version 3 is not pinged, and lives while it pings", func(t *testing.T) {
		t.Parallel()
		clk, k := timed(t)
		c, s := k.websocket("3")
		for range 3 {
			eventually(t, "the writer rests", func() bool { return k.Resting(s) })
			clk.advance(40 * time.Second)
			k.Pulse()
			c.send("2")
			if got := c.read(); got != "3" {
				t.Fatalf("got %q, want 3", got)
			}
		}
		eventually(t, "the writer rests", func() bool { return k.Resting(s) })
		clk.advance(45 * time.Second)
		k.Pulse()
		if got := take(t, k.closed); got != engineio.ReasonPingTimeout {
			t.Errorf("got reason %q", got)
		}
	})
	t.Run("a poller is pinged", func(t *testing.T) {
		t.Parallel()
		clk, k := timed(t)
		q, _ := k.polling("4")
		for range 3 {
			poll := k.waiting(q)
			clk.advance(25 * time.Second)
			k.Pulse()
			if a := take(t, poll); a.body != "2" {
				t.Fatalf("got %q, want 2", a.body)
			}
			k.post(q, "3")
		}
	})
	t.Run("a poller that is late is told at once", func(t *testing.T) {
		t.Parallel()
		clk, k := timed(t)
		q, _ := k.polling("4")
		clk.advance(45 * time.Second)
		if a := k.get(q); a.status != 400 || !strings.Contains(a.body, `"code":1`) {
			t.Errorf("got %d %s", a.status, a.body)
		}
		if got := take(t, k.closed); got != engineio.ReasonPingTimeout {
			t.Errorf("got reason %q", got)
		}
	})
	t.Run("a deadline of the layer above", func(t *testing.T) {
		t.Parallel()
		clk, k := timed(t)
		c, s := k.websocket("4")
		eventually(t, "the writer rests", func() bool { return k.Resting(s) })
		s.CloseAt(clk.now().Add(time.Second), "first")
		s.CloseAt(time.Time{}, "")
		clk.advance(2 * time.Second)
		k.Pulse()
		s.CloseAt(clk.now().Add(time.Second), "second")
		clk.advance(time.Second)
		k.Pulse()
		if code := c.closeCode(); code != 1008 {
			t.Errorf("got close code %d, want 1008", code)
		}
		if got := take(t, k.closed); got != "second" {
			t.Errorf("got reason %q", got)
		}
	})
}

// rule 4: new clients are refused, all others are told to reconnect, and every session ends
func TestShutdown(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	ws4, s4 := k.websocket("4")
	ws3, _ := k.websocket("3")
	polled, _ := k.polling("4")
	unpolled, _ := k.polling("4")
	probing, _ := k.polling("4")
	probe := k.dial(upgraded(probing))
	probe.send("2probe")
	probe.read()
	waiting := k.waiting(polled)
	_ = s4.Send(engineio.NewMessage([]byte("last")))
	done := make(chan error, 1)
	go func() { done <- k.Shutdown(t.Context()) }()
	if got := ws4.read(); got != "4last" {
		t.Errorf("got %q, want what was queued", got)
	}
	for name, c := range map[string]*wsClient{"version 4": ws4, "version 3": ws3} {
		if code := c.closeCode(); code != 1001 {
			t.Errorf("%s: got close code %d, want 1001", name, code)
		}
	}
	if a := take(t, waiting); a.status != 200 || a.body != "1" {
		t.Errorf("got %d %q, want 1", a.status, a.body)
	}
	if err := take(t, done); err != nil {
		t.Error(err)
	}
	for range 5 {
		if got := take(t, k.closed); got != engineio.ReasonShutdown {
			t.Errorf("got reason %q", got)
		}
	}
	for _, q := range []string{"EIO=4&transport=polling", "EIO=3&transport=polling"} {
		if a := k.get(q); a.status != 503 {
			t.Errorf("newcomer: got %d, want 503", a.status)
		}
	}
	if a := k.get(unpolled); a.status != 400 {
		t.Errorf("got %d, want the session to be gone", a.status)
	}
	if err := k.Shutdown(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
}

// Shutdown does not wait for a client that has read everything but does not answer
func TestShutdownOfTheSilent(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	c, br := k.rawUpgrade("EIO=4&transport=websocket")
	defer c.Close()
	take(t, k.opened)
	done := make(chan error, 1)
	go func() { done <- k.Shutdown(t.Context()) }()
	if rest, _ := io.ReadAll(br); !strings.HasSuffix(string(rest), "server shutting down") {
		t.Errorf("got %q, want it to end in the close frame", rest)
	}
	if err := take(t, done); err != nil {
		t.Error(err)
	}
}

// a client that neither reads nor answers cannot block Shutdown
func TestShutdownCutsOff(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	k.stalled()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Shutdown(ctx) }()
	cancel()
	if err := take(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := take(t, k.closed); got != engineio.ReasonShutdown {
		t.Errorf("got reason %q", got)
	}
}

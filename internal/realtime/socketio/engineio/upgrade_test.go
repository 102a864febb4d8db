package engineio_test

import (
	"fmt"
	"strings"
	"testing"

	"wxbase/internal/realtime/socketio/engineio"
)

// upgraded returns the WebSocket address of a polling session.
func upgraded(query string) string {
	return strings.Replace(query, "transport=polling", "transport=websocket", 1)
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"4", "3"} {
		t.Run("version "+protocol, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			q, s := k.polling(protocol)
			poll := k.waiting(q)
			c := k.dial(upgraded(q))
			c.send("2probe")
			if got := c.read(); got != "3probe" {
				t.Fatalf("got %q, want 3probe", got)
			}
			want := "6"
			if protocol == "3" {
				want = "1:6"
			}
			if a := take(t, poll); a.body != want {
				t.Errorf("got %q, want the poll to be sent away", a.body)
			}
			if a := k.get(q); a.body != want {
				t.Errorf("got %q, want the late poll to be sent away", a.body)
			}
			_ = s.Send(engineio.NewMessage([]byte("between")))
			c.send("5")
			if got := c.read(); got != "4between" {
				t.Errorf("got %q", got)
			}
			c.send("4hello")
			if got := take(t, k.heard); got != "hello" {
				t.Errorf("got %q", got)
			}
			if a := k.get(q); a.status != 400 || !strings.Contains(a.body, `"code":3`) {
				t.Errorf("poll after: got %d %s", a.status, a.body)
			}
			if a := k.post(q, "4x"); a.status != 400 {
				t.Errorf("post after: got %d", a.status)
			}
			c.send("1")
			if got := take(t, k.closed); got != engineio.ReasonTransportClose {
				t.Errorf("got reason %q", got)
			}
			if st := k.Stats(); st.Upgraded != 1 || st.Opened != 1 {
				t.Errorf("got %+v", st)
			}
		})
	}
}

// a poll that is open at the client's last step is refused, and no message is lost
func TestUpgradeKeepsOrder(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	q, s := k.polling("4")
	c := k.dial(upgraded(q))
	c.send("2probe")
	c.read()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 400 {
			_ = s.Send(engineio.NewMessage(fmt.Append(nil, i)))
		}
	}()
	next := 0
	for packet := range strings.SplitSeq(k.get(q).body, "\x1e") {
		if packet != "6" {
			if packet != fmt.Sprint("4", next) {
				t.Fatalf("got %q at %d", packet, next)
			}
			next++
		}
	}
	c.send("5")
	take(t, done)
	for ; next < 400; next++ {
		if got := c.read(); got != fmt.Sprint("4", next) {
			t.Fatalf("got %q at %d", got, next)
		}
	}
}

func TestUpgradeFails(t *testing.T) {
	t.Parallel()
	scenarios := []struct {
		name  string
		steps []string
	}{
		{"wrong probe", []string{"2other"}},
		{"a message instead", []string{"4hello"}},
		{"wrong last step", []string{"2probe", "4hello"}},
		{"too long", []string{strings.Repeat("2", 5000)}},
		{"gone", nil},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			q, x := k.polling("4")
			c := k.dial(upgraded(q))
			for _, step := range s.steps {
				_ = c.WriteMessage(1, []byte(step)) // the server may have disconnected
			}
			if s.steps == nil {
				c.Close()
			} else {
				c.closeCode()
			}
			_ = x.Send(engineio.NewMessage([]byte("still here")))
			if got := k.get(q).body; got != "4still here" {
				t.Errorf("got %q, want the session to poll on", got)
			}
			eventually(t, "another upgrade is possible", func() bool {
				again := k.dial(upgraded(q))
				_ = again.WriteMessage(1, []byte("2probe"))
				_, p, err := again.ReadMessage()
				return err == nil && string(p) == "3probe"
			})
		})
	}
}

func TestUpgradeTwice(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	q, s := k.polling("4")
	first := k.dial(upgraded(q))
	first.send("2probe")
	first.read()
	if code := k.dial(upgraded(q)).closeCode(); code != 1002 {
		t.Errorf("during: got close code %d, want 1002", code)
	}
	first.send("5")
	first.send("4x")
	take(t, k.heard)
	if code := k.dial(upgraded(q)).closeCode(); code != 1002 {
		t.Errorf("after: got close code %d, want 1002", code)
	}
	_ = s.Send(engineio.NewMessage([]byte("mine")))
	if got := first.read(); got != "4mine" {
		t.Errorf("got %q", got)
	}
}

func TestCloseDuringUpgrade(t *testing.T) {
	t.Parallel()
	for _, cut := range []bool{true, false} {
		k := newKit(t, nil)
		q, s := k.polling("4")
		c := k.dial(upgraded(q))
		c.send("2probe")
		c.read()
		if cut {
			s.Abort("enough")
		} else {
			s.Close(1008, "enough")
		}
		c.closeCode()
		if got := take(t, k.closed); got != "enough" {
			t.Errorf("got reason %q", got)
		}
	}
}

package engineio_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"wxbase/internal/realtime/socketio/engineio"
)

// waiting starts a GET and returns once the server holds it.
func (k *kit) waiting(query string) <-chan answer {
	k.t.Helper()
	c := make(chan answer, 1)
	go func() { c <- k.get(query) }()
	// note: this GET would at once take a message that is sent while no poll waits, so use it for idle sessions only
	sid := query[strings.Index(query, "&sid=")+5:]
	eventually(k.t, "the poll waits", func() bool { return k.IsPolled(sid) })
	return c
}

func TestPollingMessages(t *testing.T) {
	k := newKit(t, nil)
	t.Run("version 4", func(t *testing.T) {
		q, s := k.polling("4")
		if a := k.post(q, "4hello\x1e4你好🎉"); a.status != 200 || a.body != "ok" || a.header.Get("Content-Type") != "text/html" {
			t.Errorf("got %d %q", a.status, a.body)
		}
		if one, two := take(t, k.heard), take(t, k.heard); one != "hello" || two != "你好🎉" {
			t.Errorf("got %q and %q", one, two)
		}
		_ = s.Send(engineio.NewMessage([]byte("a好")))
		_ = s.Send(engineio.NewMessage([]byte("b")))
		if got := k.get(q).body; got != "4a好\x1e4b" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("version 3", func(t *testing.T) {
		q, s := k.polling("3")
		if a := k.post(q, "6:4hello4:4好🎉"); a.status != 200 || a.body != "ok" {
			t.Errorf("got %d %q", a.status, a.body)
		}
		if one, two := take(t, k.heard), take(t, k.heard); one != "hello" || two != "好🎉" {
			t.Errorf("got %q and %q", one, two)
		}
		_ = s.Send(engineio.NewMessage([]byte("好🎉")))
		_ = s.Send(engineio.NewMessage([]byte("b")))
		if got := k.get(q).body; got != "4:4好🎉2:4b" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a poll waits until there is something", func(t *testing.T) {
		q, s := k.polling("4")
		got := k.waiting(q)
		_ = s.Send(engineio.NewMessage([]byte("late")))
		if a := take(t, got); a.status != 200 || a.body != "4late" {
			t.Errorf("got %d %q", a.status, a.body)
		}
	})
	t.Run("version 3 pings", func(t *testing.T) {
		q, _ := k.polling("3")
		got := k.waiting(q)
		k.post(q, "1:2")
		if a := take(t, got); a.body != "1:3" {
			t.Errorf("got %q, want 1:3", a.body)
		}
	})
}

func TestPollingEnds(t *testing.T) {
	t.Parallel()
	overBig := strings.Repeat("x", 70_000)
	scenarios := []struct {
		name, protocol, kind, body string
		status                     int
		reason                     string
	}{
		{"malformed packet", "4", "", "abc", 400, engineio.ReasonParseError},
		{"malformed packet, version 3", "3", "", "3:abc", 400, engineio.ReasonParseError},
		{"empty body", "4", "", "", 400, engineio.ReasonParseError},
		{"open packet from a client", "4", "", "0", 400, engineio.ReasonParseError},
		{"ping from a version 4 client", "4", "", "2", 400, engineio.ReasonParseError},
		{"pong from a version 3 client", "3", "", "1:3", 400, engineio.ReasonParseError},
		{"binary record", "4", "", "bAQID", 400, engineio.ReasonBinary},
		{"binary record, version 3", "3", "", "6:b4AQID", 400, engineio.ReasonBinary},
		{"binary body", "3", "application/octet-stream", "\x00\x01\xff4", 400, engineio.ReasonBinary},
		{"not UTF-8", "4", "", "4\xff", 400, engineio.ReasonParseError},
		{"too big", "4", "", "4" + overBig, 413, engineio.ReasonTooBig},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			q, _ := k.polling(s.protocol)
			kind := s.kind
			if kind == "" {
				kind = "text/plain;charset=UTF-8"
			}
			if a := k.do("POST", q, s.body, "Content-Type", kind); a.status != s.status {
				t.Errorf("got %d %s, want %d", a.status, a.body, s.status)
			}
			if got := take(t, k.closed); got != s.reason {
				t.Errorf("got reason %q, want %q", got, s.reason)
			}
			k.get(q) // the close packet, if there is one
			if a := k.get(q); a.status != 400 || !strings.Contains(a.body, "Session ID unknown") {
				t.Errorf("got %d %s, want the session to be gone", a.status, a.body)
			}
		})
	}
}

func TestPollingClosedByClient(t *testing.T) {
	t.Parallel()
	for _, before := range []bool{true, false} {
		t.Run(fmt.Sprintf("poll before %v", before), func(t *testing.T) {
			t.Parallel()
			k := newKit(t, nil)
			q, _ := k.polling("4")
			var a answer
			if before {
				got := k.waiting(q)
				k.post(q, "1")
				a = take(t, got)
			} else {
				k.post(q, "1")
				a = k.get(q)
			}
			if a.status != 200 || a.body != "6" {
				t.Errorf("got %d %q, want 6", a.status, a.body)
			}
			if a := k.get(q); a.status != 400 {
				t.Errorf("got %d, want the session to be gone", a.status)
			}
			if got := take(t, k.closed); got != engineio.ReasonTransportClose {
				t.Errorf("got reason %q", got)
			}
		})
	}
}

func TestPollingOverlap(t *testing.T) {
	t.Parallel()
	t.Run("two polls", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, nil)
		q, _ := k.polling("4")
		first := k.waiting(q)
		if a := k.get(q); a.status != 400 {
			t.Errorf("second: got %d, want 400", a.status)
		}
		if a := take(t, first); a.status != 200 || a.body != "1" {
			t.Errorf("first: got %d %q, want 1", a.status, a.body)
		}
		if got := take(t, k.closed); got != engineio.ReasonOverlap {
			t.Errorf("got reason %q", got)
		}
		if a := k.get(q); a.status != 400 {
			t.Errorf("got %d, want the session to be gone", a.status)
		}
	})
	t.Run("two posts", func(t *testing.T) {
		t.Parallel()
		inside, goOn := make(chan struct{}), make(chan struct{})
		k := newKit(t, func(c *engineio.Config) {
			c.Message = func(*engineio.Session, []byte) { close(inside); <-goOn }
		})
		q, _ := k.polling("4")
		first := make(chan answer, 1)
		go func() { first <- k.post(q, "4a") }()
		take(t, inside)
		if a := k.post(q, "4b"); a.status != 400 {
			t.Errorf("second: got %d, want 400", a.status)
		}
		close(goOn)
		if a := take(t, first); a.status != 200 {
			t.Errorf("first: got %d, want 200", a.status)
		}
		if got := take(t, k.closed); got != engineio.ReasonOverlap {
			t.Errorf("got reason %q", got)
		}
	})
}

func TestPollingServerCloses(t *testing.T) {
	t.Parallel()
	for _, waits := range []bool{true, false} {
		k := newKit(t, nil)
		q, s := k.polling("4")
		var got <-chan answer
		if waits {
			got = k.waiting(q)
		}
		_ = s.Send(engineio.NewMessage([]byte("last")))
		if waits {
			if a := take(t, got); a.body != "4last" {
				t.Errorf("got %q", a.body)
			}
			got = k.waiting(q)
		}
		s.Close(1008, "enough")
		if reason := take(t, k.closed); reason != "enough" {
			t.Errorf("got reason %q; the layer above must be told at once", reason)
		}
		if waits {
			if a := take(t, got); a.body != "1" {
				t.Errorf("got %q, want 1", a.body)
			}
			continue
		}
		if a := k.get(q); a.body != "4last\x1e1" {
			t.Errorf("got %q, want what was queued, then 1", a.body)
		}
	}
}

func TestPollAbandoned(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	q, _ := k.polling("4")
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, k.url+"?"+q, nil)
	tr := &http.Transport{}
	go func() {
		res, err := tr.RoundTrip(r)
		if err == nil {
			res.Body.Close()
		}
	}()
	eventually(t, "the poll waits", func() bool { return k.IsPolled(q[strings.Index(q, "&sid=")+5:]) })
	k.serve.CloseClientConnections()
	if got := take(t, k.closed); got != engineio.ReasonTransportClose {
		t.Errorf("got reason %q", got)
	}
}

func TestPostAbandoned(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	q, _ := k.polling("4")
	body, feed := io.Pipe()
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, k.url+"?"+q, body)
	go func() {
		_, _ = feed.Write([]byte("4ha"))
		feed.CloseWithError(io.ErrUnexpectedEOF)
	}()
	if res, err := (&http.Transport{}).RoundTrip(r); err == nil {
		res.Body.Close()
	}
	if got := take(t, k.closed); got != engineio.ReasonTransportError {
		t.Errorf("got reason %q", got)
	}
}

// a client of version 3 reveals its session's id to everyone
func TestVersion3IsBoundToItsAddress(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(c *engineio.Config) {
		c.Address = func(r *http.Request) string { return r.Header.Get("X-Address") }
	})
	sid := func(protocol string) string {
		body := k.do("GET", "EIO="+protocol+"&transport=polling", "", "X-Address", "a").body
		return parseHello(t, body[strings.Index(body, "0{"):]).SID
	}
	scenarios := []struct {
		protocol, body string
		status         int
	}{{"3", "2:4a", 400}, {"4", "4a", 200}}
	for _, s := range scenarios {
		q := "EIO=" + s.protocol + "&transport=polling&sid=" + sid(s.protocol)
		if a := k.do("POST", q, s.body, "X-Address", "b"); a.status != s.status {
			t.Errorf("version %s: got %d, want %d", s.protocol, a.status, s.status)
		}
	}
}

func TestPollerWhoNeverComesBack(t *testing.T) {
	t.Parallel()
	c := newClock()
	k := newKit(t, func(cfg *engineio.Config) { cfg.Now = c.now })
	q, s := k.polling("4")
	_ = s.Send(engineio.NewMessage([]byte("x")))
	for range 4 { // it posts pongs all the while
		c.advance(15 * time.Second)
		k.post(q, "3")
		k.Pulse()
	}
	if got := take(t, k.closed); got != engineio.ReasonStuck {
		t.Errorf("got reason %q, want %q", got, engineio.ReasonStuck)
	}
}

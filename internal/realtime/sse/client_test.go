package sse_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/realtime"
)

// TestQueueIsBounded: a client that does not read is closed at the first message that does not fit, without blocking
// the sender.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	c := k.quiet(t, "rooms/notice")
	for n := range 512 {
		k.publish(t, "notice", n)
	}
	if c.IsDiscarded() || k.front.Stats().Queued != 512 {
		t.Fatalf("got %+v, want 512 in the queue", k.front.Stats())
	}
	for n := range 256 {
		m, ok := k.read(c)
		if !ok || payload[int](t, m.Data) != n {
			t.Fatalf("message %d: got %s, open %v", n, m.Data, ok)
		}
	}
	for n := range 256 {
		k.publish(t, "notice", 512+n)
	}
	if c.IsDiscarded() {
		t.Fatal("closed although it had read half")
	}
	k.publish(t, "notice", 768)
	if got := k.front.Stats().Drops; !c.IsDiscarded() || got != 1 {
		t.Fatalf("after one too many: discarded %v, %d drops, want it closed and counted", c.IsDiscarded(), got)
	}
	for n := 256; ; n++ { // the messages that the connection had are in order, and then it ends
		m, ok := k.read(c)
		if !ok {
			break
		}
		if payload[int](t, m.Data) != n {
			t.Fatalf("message %d: got %s", n, m.Data)
		}
	}
}

// TestQueueIsBoundedInBytes: big messages fill a queue sooner; a single one always fits.
func TestQueueIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	k := newKit(t, func(l *realtime.Limits) { l.QueueBytes = 1_000 })
	c := k.quiet(t, "rooms/notice")
	k.say(t, "notice", strings.Repeat("x", 2_000))
	if _, ok := k.read(c); !ok {
		t.Fatal("a big message alone: got the end, want it")
	}
	for range 2 {
		k.say(t, "notice", strings.Repeat("x", 400))
	}
	if c.IsDiscarded() {
		t.Fatal("closed within its limit")
	}
	k.say(t, "notice", strings.Repeat("x", 400))
	if !c.IsDiscarded() {
		t.Error("1,200 bytes in a queue of 1,000: got it open, want it closed")
	}
}

func TestDiscardTwice(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	c := k.quiet(t, "rooms/notice")
	c.Discard()
	c.Discard()
	c.Send(subscriptions.Message{Name: "late"})
	if _, ok := <-c.Channel(); ok {
		t.Error("a message arrived after the end")
	}
}

// deadlines is a writer that records its deadlines.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
	err error
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return d.err
}

// TestWriteDeadline: each write has a deadline, and the time between two messages has none. HTTP/2 resets a stream when
// a remaining deadline passes.
func TestWriteDeadline(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	send := func() error {
		e := &core.RealtimeMessageEvent{Message: &subscriptions.Message{}}
		e.RequestEvent = &core.RequestEvent{App: k.TestApp}
		e.Response = w
		return k.OnRealtimeMessageSend().Trigger(e, func(*core.RealtimeMessageEvent) error {
			if len(w.set) != 1 || time.Until(w.set[0]) <= 0 || time.Until(w.set[0]) > 10*time.Second {
				t.Errorf("while writing: got deadlines %v, want one of at most 10 s", w.set)
			}
			return nil
		})
	}
	if err := send(); err != nil {
		t.Fatal(err)
	}
	if len(w.set) != 2 || !w.set[1].IsZero() {
		t.Errorf("after writing: got deadlines %v, want the last one lifted", w.set)
	}
	w.set, w.err = nil, http.ErrNotSupported
	if err := send(); err != nil {
		t.Errorf("a writer without deadlines: got %v, want it forgiven", err)
	}
	w.set, w.err = nil, errors.New("closed")
	if err := send(); err == nil {
		t.Error("a writer that fails: got no error")
	}
}

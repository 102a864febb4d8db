package realtime_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"
)

// TestQueueIsBounded: a client that does not read is closed at its 65th message, without blocking whoever sends.
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	c := k.quiet(t, "rooms/notice")
	for n := range 64 {
		k.publish(t, "notice", n)
	}
	if c.IsDiscarded() || k.hub.Members("notice") != 1 {
		t.Fatal("closed although the queue holds 64")
	}
	k.publish(t, "notice", 64)
	if !c.IsDiscarded() || k.hub.Members("notice") != 0 {
		t.Fatalf("after 65 messages: discarded %v, members %d, want it closed and gone", c.IsDiscarded(), k.hub.Members("notice"))
	}
	for n := range 64 {
		m, ok := <-c.Channel()
		if !ok || payload[int](t, m.Data) != n {
			t.Fatalf("message %d: got %s, open %v", n, m.Data, ok)
		}
	}
	if m, ok := <-c.Channel(); ok {
		t.Errorf("got %s, want the channel closed", m.Data)
	}
}

func TestDiscardTwice(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	c := k.quiet(t, "rooms/notice")
	c.Discard()
	c.Discard()
	c.Send(subscriptions.Message{Name: "late"})
	c.Subscribe("rooms/notice")
	if _, ok := <-c.Channel(); ok {
		t.Error("a message arrived after the end")
	}
	if got := k.hub.Members("notice"); got != 0 {
		t.Errorf("members: got %d, want 0 after the end, whatever is subscribed to", got)
	}
}

// deadlines is a writer that keeps the deadlines it is given.
type deadlines struct {
	*httptest.ResponseRecorder
	set []time.Time
	err error
}

func (d *deadlines) SetWriteDeadline(at time.Time) error {
	d.set = append(d.set, at)
	return d.err
}

// TestWriteDeadline: each write is bounded, and the quiet time between two messages is not. A deadline that stays makes HTTP/2 reset
// the stream when it passes.
func TestWriteDeadline(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
	send := func() error {
		e := &core.RealtimeMessageEvent{Message: &subscriptions.Message{}}
		e.RequestEvent = &core.RequestEvent{App: k.TestApp}
		e.Response = w
		return k.OnRealtimeMessageSend().Trigger(e, func(*core.RealtimeMessageEvent) error {
			if len(w.set) != 1 || time.Until(w.set[0]) <= 0 || time.Until(w.set[0]) > 5*time.Second {
				t.Errorf("while writing: got deadlines %v, want one of at most 5 s", w.set)
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

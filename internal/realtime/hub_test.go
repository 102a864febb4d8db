package realtime_test

import (
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/realtime"
)

func TestGuestListensToNotice(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	s := k.join(t, "", "rooms/notice")
	if n, err := k.hub.Publish("notice", realtime.Message{Event: "hello", Payload: "第一行\nsecond"}); n != 1 || err != nil {
		t.Fatalf("publish: got %d, %v, want 1", n, err)
	}
	e, err := s.next()
	if err != nil || e.name != "rooms/notice" || payload[string](t, []byte(e.data)) != "第一行\nsecond" || !strings.Contains(e.data, `"event":"hello"`) {
		t.Errorf("got %q %s, %v", e.name, e.data, err)
	}
	if got := k.hub.Members("notice"); got != 1 {
		t.Errorf("members: got %d, want 1", got)
	}
	_ = s.body.Close()
	eventually(t, "the member leaves with its connection", func() bool { return k.hub.Members("notice") == 0 })
}

func TestPublishReachesMembersOnly(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	here, both := k.quiet(t, "rooms/a"), k.quiet(t, "rooms/a", "rooms/b", `rooms/b?options={"query":{}}`)
	there, none := k.quiet(t, "rooms/b", "products/*"), k.quiet(t)
	k.publish(t, "a", 1)
	for name, want := range map[string]struct {
		c subscriptions.Client
		n int
	}{"here": {here, 1}, "both": {both, 1}, "there": {there, 0}, "none": {none, 0}} {
		if got := len(want.c.Channel()); got != want.n {
			t.Errorf("%s: got %d messages, want %d", name, got, want.n)
		}
	}
	if n, err := k.hub.Publish("b", realtime.Message{}); n != 3 || err != nil {
		t.Errorf("got %d, %v, want one for each of three subscriptions", n, err)
	}
	here.Unsubscribe()
	both.Unsubscribe("rooms/a")
	if n, _ := k.hub.Publish("a", realtime.Message{}); n != 0 {
		t.Errorf("all have left: got %d, want 0", n)
	}
	if _, err := k.hub.Publish("b", realtime.Message{Payload: func() {}}); err == nil {
		t.Error("a payload that is no JSON: got no error")
	}
}

// TestOrderPerPublisher: many publish at once; what each of them says arrives in its order, and nothing is missing.
func TestOrderPerPublisher(t *testing.T) {
	t.Parallel()
	const publishers, each = 8, 200
	k := newKit(t)
	c := k.quiet(t, "rooms/notice")
	room := make(chan struct{}, 64) // as many as the queue holds may be under way
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for n := range each {
				room <- struct{}{}
				if _, err := k.hub.Publish("notice", realtime.Message{Payload: [2]int{p, n}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var next [publishers]int
	for range publishers * each {
		m, ok := <-c.Channel()
		if !ok {
			t.Fatal("the client was closed")
		}
		<-room
		said := payload[[2]int](t, m.Data)
		if said[1] != next[said[0]] {
			t.Fatalf("publisher %d: got message %d, want %d", said[0], said[1], next[said[0]])
		}
		next[said[0]]++
	}
	wg.Wait()
}

// TestJoinLeavePublish is for the race detector: members come, leave and are closed while others publish.
func TestJoinLeavePublish(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 300 {
				if _, err := k.hub.Publish("notice", realtime.Message{Payload: n}); err != nil {
					t.Error(err)
				}
			}
		})
		for range 8 {
			c := k.quiet(t)
			wg.Go(func() {
				for range 50 {
					c.Subscribe("rooms/notice", "rooms/other")
					c.Unsubscribe()
				}
				c.Subscribe("rooms/notice")
				c.Discard()
			})
		}
	}
	wg.Wait()
	if got := k.hub.Members("notice") + k.hub.Members("other"); got != 0 {
		t.Errorf("members: got %d, want 0", got)
	}
}

func TestDisconnectEndsOneUser(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	id, token := k.account(t, "users", "one@example.com")
	_, other := k.account(t, "users", "other@example.com")
	phone, tablet := k.join(t, token, "rooms/notice"), k.join(t, token, "products/*")
	stays, guest := k.join(t, other, "rooms/notice"), k.join(t, "", "rooms/notice")
	realtime.Disconnect(k, id)
	for _, s := range []*stream{phone, tablet} {
		if e, err := s.next(); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, %v, want the connection ended", e, err)
		}
	}
	k.publish(t, "notice", 7)
	for _, s := range []*stream{stays, guest} {
		if e, err := s.next(); err != nil || payload[int](t, []byte(e.data)) != 7 {
			t.Errorf("another client: got %v, %v, want its message", e, err)
		}
	}
}

package sse_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/subscriptions"

	"wxbase/internal/realtime"
)

func TestGuestListensToNotice(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	s := k.join(t, "", "rooms/notice")
	if n := k.say(t, "notice", "第一行\nsecond"); n != 1 {
		t.Fatalf("publish: got %d, want 1", n)
	}
	e, err := s.next()
	if err != nil || e.name != "rooms/notice" || payload[string](t, []byte(e.data)) != "第一行\nsecond" {
		t.Errorf("got %q %s, %v", e.name, e.data, err)
	}
	for _, want := range []string{`"event":"n"`, `"at":"2`, `"seq":1`} {
		if !strings.Contains(e.data, want) {
			t.Errorf("got %s, want %s in it", e.data, want)
		}
	}
	_ = s.body.Close()
	eventually(t, "the member leaves with its connection", func() bool { return k.hub.Members("notice") == 0 && k.front.Stats().Clients == 0 })
}

func TestPublishReachesMembersOnly(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room(t, "a", `id != ""`)
	k.room(t, "b", `id != ""`)
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
	if n := k.say(t, "b", 1); n != 3 {
		t.Errorf("got %d, want one for each of three subscriptions", n)
	}
	if p, err := k.hub.Presence(t.Context(), "b"); err != nil || p.Count != 2 {
		t.Errorf("presence: got %+v, %v, want two clients, though one listens twice", p, err)
	}
	k.listen(t, here)
	k.listen(t, both, "rooms/b")
	if n := k.say(t, "a", 1); n != 0 {
		t.Errorf("all have left: got %d, want 0", n)
	}
	if n := k.say(t, "b", 1); n != 2 {
		t.Errorf("one subscription less: got %d, want 2", n)
	}
}

// TestOrderPerPublisher: with many concurrent publishers, each one's messages arrive in order, and all arrive.
func TestOrderPerPublisher(t *testing.T) {
	t.Parallel()
	const publishers, each = 8, 200
	k := newKit(t)
	c := k.quiet(t, "rooms/notice")
	room := make(chan struct{}, 512) // as many may be pending as the queue holds
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for n := range each {
				room <- struct{}{}
				k.say(t, "notice", [2]int{p, n})
			}
		})
	}
	var next [publishers]int
	for range publishers * each {
		m, ok := k.read(c)
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
	k.room(t, "other", `id != ""`)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := range 100 {
				k.say(t, "notice", n)
			}
		})
		for range 4 {
			c := k.quiet(t)
			wg.Go(func() {
				for range 20 {
					k.listen(t, c, `rooms/notice?options={"query":{"after":0}}`, "rooms/other")
					k.listen(t, c)
				}
				k.listen(t, c, "rooms/notice")
				c.Discard()
			})
		}
	}
	wg.Wait()
}

func TestKickEndsOneUser(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	id, token := k.account(t, "users", "one@example.com")
	_, other := k.account(t, "users", "other@example.com")
	phone, tablet := k.join(t, token, "rooms/notice"), k.join(t, token, "products/*")
	stays, guest := k.join(t, other, "rooms/notice"), k.join(t, "", "rooms/notice")
	k.hub.Kick(id, "blocked")
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

// TestKickBeforeTheSeat: a user who is signed out between the check of the token and the first seat does not stay.
func TestKickBeforeTheSeat(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	id, token := k.account(t, "users", "one@example.com")
	k.OnRealtimeSubscribeRequest().BindFunc(func(e *core.RealtimeSubscribeRequestEvent) error {
		user, err := k.FindRecordById("users", id)
		if err != nil {
			return err
		}
		user.RefreshTokenKey()
		if err := k.Save(user); err != nil {
			return err
		}
		k.hub.Kick(id, "signed out")
		return e.Next()
	})
	s := k.connect(t)
	k.subscribe(t, s.id, token, "rooms/notice")
	if e, err := s.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, %v, want the connection ended", e, err)
	}
}

// TestSignIn: a client that signs in while it listens has its user's name from then on, and misses nothing.
func TestSignIn(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	id, token := k.account(t, "users", "one@example.com")
	s := k.join(t, "", "rooms/notice")
	if p, _ := k.hub.Presence(t.Context(), "notice"); p.Count != 1 || !strings.HasPrefix(p.Members[0].User, "guest:") || p.Members[0].Verified {
		t.Errorf("before: got %+v, want a guest", p)
	}
	k.subscribe(t, s.id, token, "rooms/notice")
	if p, _ := k.hub.Presence(t.Context(), "notice"); p.Count != 1 || p.Members[0] != (realtime.Present{User: id, Verified: true, Connections: 1}) {
		t.Errorf("after: got %+v, want the user", p)
	}
	k.publish(t, "notice", 1)
	if e, err := s.next(); err != nil || payload[int](t, []byte(e.data)) != 1 {
		t.Errorf("got %v, %v, want the message once", e, err)
	}
	k.hub.Kick(id, "blocked")
	if e, err := s.next(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, %v, want the connection ended", e, err)
	}
}

// TestAnEndedTokenIsNoGuest: PocketBase would continue as a guest, whose stream lacks the user's own orders.
func TestAnEndedTokenIsNoGuest(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	s := k.connect(t)
	if status, code := k.subscribe(t, s.id, "not.a.token", "rooms/notice"); status < 400 || code != "token_invalid" {
		t.Errorf("got %d %s, want token_invalid", status, code)
	}
	if n := k.hub.Members("notice"); n != 0 {
		t.Errorf("got %d members, want none", n)
	}
	if status, code := k.subscribe(t, s.id, "", "rooms/notice"); status != http.StatusNoContent {
		t.Errorf("a guest: got %d %s, want 204", status, code)
	}
}

func after(room string, n any) string {
	return fmt.Sprintf(`rooms/%s?options={"query":{"after":%q}}`, room, fmt.Sprint(n))
}

// TestResume: a client that drops and returns after 1,000 messages gets exactly the missed ones, in order, once, and
// then new ones; also from another address, as after a phone's change of network.
func TestResume(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room(t, "chat", `id != ""`, 5_000)
	first := k.join(t, "", "rooms/chat")
	k.publish(t, "chat", 1, 2, 3)
	var last struct{ Seq int64 }
	for range 3 {
		e, err := first.next()
		if err != nil || json.Unmarshal([]byte(e.data), &last) != nil {
			t.Fatalf("got %v, %v", e, err)
		}
	}
	_ = first.body.Close()
	for n := range 1_000 {
		k.publish(t, "chat", 4+n)
	}
	back := k.connect(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		k.publish(t, "chat", 1_004, 1_005) // while it returns
	}()
	if status, code := k.subscribeFrom(t, back.id, "198.51.100.7", after("chat", last.Seq)); status != http.StatusNoContent {
		t.Fatalf("subscribe from another address: got %d %s", status, code)
	}
	<-done
	k.publish(t, "chat", 1_006)
	// the SDK sends all topics again after each change: that replays nothing
	if status, _ := k.subscribe(t, back.id, "", after("chat", last.Seq), "rooms/notice"); status != http.StatusNoContent {
		t.Fatalf("subscribe again: got %d", status)
	}
	k.publish(t, "chat", 1_007)
	for want := 4; want <= 1_007; want++ {
		e, err := back.next()
		if err != nil || payload[int](t, []byte(e.data)) != want {
			t.Fatalf("got %s, %v, want message %d", e.data, err, want)
		}
	}
}

func TestResumeOptions(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.room(t, "chat", `id != ""`, 100)
	k.publish(t, "chat", 1, 2, 3)
	scenarios := []struct {
		name, topic string
		want        int // the first message
	}{
		{"a number", `rooms/chat?options={"query":{"after":1}}`, 2},
		{"a text", `rooms/chat?options={"query":{"after":"2"}}`, 3},
		{"encoded as the SDK does", `rooms/chat?options=%7B%22query%22%3A%7B%22after%22%3A%220%22%7D%7D`, 1},
		{"nothing", `rooms/chat`, 4},
		{"no number", `rooms/chat?options={"query":{"after":"x"}}`, 4},
		{"a negative number", `rooms/chat?options={"query":{"after":"-1"}}`, 4},
		{"no JSON", `rooms/chat?options={{{`, 4},
		{"another shape", `rooms/chat?options={"query":[1]}`, 4},
		{"a list", `rooms/chat?options={"query":{"after":[1]}}`, 4},
	}
	for _, s := range scenarios {
		c := k.quiet(t, s.topic)
		eventually(t, "the client is up to date", func() bool { return len(c.Channel()) == 4-s.want })
	}
	k.publish(t, "chat", 4)
}

// TestParking: PocketBase does not know clients that listen to rooms only, after any subscriptions in between, and
// knows those that listen to a collection.
func TestParking(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	_, super := k.account(t, "_superusers", "owner@example.com")
	s := k.connect(t)
	wantVisited := func(step string, want int) {
		t.Helper()
		eventually(t, step, func() bool { return k.SubscriptionsBroker().TotalClients() == want && k.front.Stats().Parked == 1-want })
	}
	wantVisited("connected", 0)
	for _, step := range []struct {
		topics  []string
		visited int
	}{
		{[]string{"rooms/notice"}, 0},
		{[]string{"rooms/notice", "products/*"}, 1},
		{[]string{"products/*"}, 1},
		{[]string{"rooms/notice"}, 0},
		{nil, 0},
	} {
		if status, code := k.subscribe(t, s.id, "", step.topics...); status != http.StatusNoContent {
			t.Fatalf("subscribe to %v: got %d %s", step.topics, status, code)
		}
		wantVisited(fmt.Sprint(step.topics), step.visited)
	}
	k.subscribe(t, s.id, super, "rooms/notice")
	wantVisited("a superuser's rooms are records too", 1)
	_ = s.body.Close()
	eventually(t, "nobody is left", func() bool {
		return k.SubscriptionsBroker().TotalClients() == 0 && k.front.Stats().Clients == 0 && k.hub.Stats().Members == 0
	})
}

// TestRecordsStillArrive: PocketBase's own topics work beside rooms.
func TestRecordsStillArrive(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	_, super := k.account(t, "_superusers", "owner@example.com")
	s := k.join(t, super, "rooms/*", "rooms/notice")
	k.room(t, "new", "")
	if e, err := s.next(); err != nil || e.name != "rooms/*" || !strings.Contains(e.data, `"action":"create"`) {
		t.Errorf("got %v, %v, want the record's event", e, err)
	}
	k.publish(t, "notice", 1)
	if e, err := s.next(); err != nil || e.name != "rooms/notice" {
		t.Errorf("got %v, %v, want the room's message", e, err)
	}
}

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	t.Run("by user", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(l *realtime.Limits) { l.SocketsPerUser = 2 })
		_, token := k.account(t, "users", "one@example.com")
		_, other := k.account(t, "users", "two@example.com")
		one := k.join(t, token, "rooms/notice")
		k.join(t, token, "rooms/notice")
		third := k.connect(t)
		if status, code := k.subscribe(t, third.id, token, "rooms/notice"); status != http.StatusNoContent {
			t.Fatalf("the third: got %d %q, want it let in", status, code)
		}
		eventually(t, "the oldest is closed", func() bool { return k.front.Stats().Clients == 2 })
		if status, _ := k.subscribe(t, one.id, token, "rooms/notice"); status != http.StatusNotFound {
			t.Errorf("the first again: got %d, want it gone", status)
		}
		if status, _ := k.subscribe(t, third.id, other, "rooms/notice"); status == http.StatusNoContent {
			t.Error("another user on the same connection: got 204, want a refusal")
		}
		k.join(t, token, "rooms/notice")
		last := k.connect(t)
		if status, code := k.subscribe(t, last.id, token, "rooms/notice"); code != "connection_limit" {
			t.Errorf("a third replacement in a minute: got %d %q, want connection_limit", status, code)
		}
	})
	t.Run("by address", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(l *realtime.Limits) { l.SocketsPerAddress = 2 })
		one := k.connect(t)
		k.connect(t)
		if status := k.connectStatus(t); status == http.StatusOK {
			t.Error("the third: got 200, want a refusal")
		}
		_ = one.body.Close()
		eventually(t, "the first has gone", func() bool { return k.front.Stats().Clients == 1 })
		k.connect(t)
	})
	t.Run("in all", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(l *realtime.Limits) { l.Sockets = 1 })
		k.connect(t)
		if status := k.connectStatus(t); status == http.StatusOK {
			t.Error("the second: got 200, want a refusal")
		}
	})
	t.Run("rooms of a client", func(t *testing.T) {
		t.Parallel()
		k := newKit(t, func(l *realtime.Limits) { l.RoomsPerSocket = 1 })
		k.room(t, "a", `id != ""`)
		s := k.connect(t)
		if status, code := k.subscribe(t, s.id, "", "rooms/notice", "rooms/a"); status == http.StatusNoContent || code != "room_limit" {
			t.Errorf("got %d %q, want room_limit", status, code)
		}
	})
}

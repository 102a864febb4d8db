package redisbus_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/realtime/redisbus/redistest"
)

// TestAddress: an invalid address is an error, which does not quote the password.
func TestAddress(t *testing.T) {
	t.Parallel()
	const secret = "s3cret"
	scenarios := []struct{ name, address string }{
		{"empty", ""},
		{"no scheme", "127.0.0.1:6379"},
		{"another scheme", "http://u:" + secret + "@127.0.0.1:6379"},
		{"port that is none", "redis://u:" + secret + "@127.0.0.1:port"},
		{"password that breaks the address", "redis://u:" + secret + "/%zz@127.0.0.1:6379"},
		{"database that is none", "redis://:" + secret + "@127.0.0.1/" + secret},
		{"unknown option", "redis://:" + secret + "@127.0.0.1/0?" + secret + "=1"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			b, err := redisbus.New(t.Context(), redisbus.Options{URL: s.address})
			if err == nil {
				_ = b.Close()
				t.Fatal("got a bus, want an error")
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("got %q, which shows the password", err)
			}
		})
	}
}

// TestPublish: the publishes of one process reach all others in order and never itself.
func TestPublish(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b, c := join(t, server.URL(), "same"), join(t, server.URL(), "same"), join(t, server.URL(), "same")
	own, second, third := listen(t, a, "room/x"), listen(t, b, "room/x"), listen(t, c, "room/x")
	other := listen(t, b, "room/y")
	again := listen(t, b, "room/x")
	const n = 1000
	want := make([]string, n)
	for i := range want {
		want[i] = fmt.Sprint(i)
		a.Publish("room/x", []byte(want[i]))
	}
	for name, box := range map[string]*inbox{"second process": second, "third process": third, "second handler": again} {
		if got := box.waitFor(t, n); !slices.Equal(got, want) {
			t.Errorf("%s: got %d messages that are not the ones sent, in order", name, len(got))
		}
	}
	if got := len(own.all()) + len(other.all()); got != 0 {
		t.Errorf("got %d messages at home or in another subject, want 0", got)
	}
	eventually(t, "all counted", func() bool { return a.Stats().Published == n && b.Stats().Received == n })
	if s := a.Stats(); s.Dropped != 0 || s.Received != 0 || !s.Up {
		t.Errorf("stats: got %+v, want nothing dropped", s)
	}
}

// TestPrefix: programs with different prefixes at one Redis are separate.
func TestPrefix(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := joinWith(t, redisbus.Options{URL: server.URL(), Prefix: "a:"})
	b := joinWith(t, redisbus.Options{URL: server.URL(), Prefix: "b:"})
	c := joinWith(t, redisbus.Options{URL: server.URL(), Prefix: "b:"})
	foreign, own := listen(t, a, "x"), listen(t, c, "x")
	b.Publish("x", []byte("1"))
	own.waitFor(t, 1)
	settle(t, a)
	if got := foreign.all(); len(got) != 0 {
		t.Errorf("got %v, want nothing", got)
	}
}

// TestUnsubscribe: only wanted subjects are subscribed, and each handler ends by itself.
func TestUnsubscribe(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	tap := wiretap(t, server)
	channels := func() int {
		all, err := tap.PubSubChannels(t.Context(), "wxbase:msg/*").Result()
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	var first, second inbox
	stopFirst, stopSecond := b.Subscribe("room/x", first.take), b.Subscribe("room/x", second.take)
	settle(t, b)
	if got := channels(); got != 1 {
		t.Errorf("two handlers: got %d channels, want 1", got)
	}
	stopFirst()
	stopFirst() // calling it twice is harmless
	a.Publish("room/x", []byte("1"))
	second.waitFor(t, 1)
	if got := first.all(); len(got) != 0 {
		t.Errorf("after its end: got %v", got)
	}
	stopSecond()
	settle(t, b)
	if got := channels(); got != 0 {
		t.Errorf("no handler: got %d channels, want 0", got)
	}
	for range 200 { // a subject that comes and goes ends in the last wanted state
		b.Subscribe("room/x", first.take)()
	}
	b.Subscribe("room/x", first.take)
	settle(t, b)
	a.Publish("room/x", []byte("2"))
	if got := first.waitFor(t, 1); !slices.Equal(got, []string{"2"}) {
		t.Errorf("got %v, want [2]", got)
	}
}

// TestManySubjects: thousands of subjects at once, and all work.
func TestManySubjects(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	const n = 2500
	var count atomic.Int64
	for i := range n {
		b.Subscribe(fmt.Sprint("room/", i), func([]byte) { count.Add(1) })
	}
	settle(t, b)
	for i := range n {
		a.Publish(fmt.Sprint("room/", i), []byte("x"))
	}
	eventually(t, "a message in each", func() bool { return count.Load() == n })
}

// TestForeign: foreign data is counted and harmless.
func TestForeign(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	box := listen(t, b, "x")
	b.Respond("ask", func([]byte) ([]byte, bool) { return nil, true })
	settle(t, b)
	tap := wiretap(t, server)
	junk := []string{"", "hello", "\x01M", "\x01M\xff", "\x01M\x00", "\x01?\x01a12345678", "\x02M\x01a12345678x", strings.Repeat("\x01", 200)}
	for _, channel := range []string{"wxbase:msg/x", "wxbase:ask/ask", "wxbase:node/" + b.Node()} {
		for _, j := range junk {
			if err := tap.Publish(t.Context(), channel, j).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	tap.Publish(t.Context(), "wxbase:node/"+b.Node(), "\x01A\x01a\x00\x00\x00\x00\x00\x00\x00\x63x") // an answer without a question
	a.Publish("x", []byte("1"))
	if got := box.waitFor(t, 1); !slices.Equal(got, []string{"1"}) {
		t.Errorf("got %v, want [1]", got)
	}
	if got, want := b.Stats().Unreadable, uint64(3*len(junk)); got != want {
		t.Errorf("unreadable: got %d, want %d", got, want)
	}
}

// TestClose: the queue is sent, and nothing stays behind.
func TestClose(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := join(t, server.URL(), "b")
	box := listen(t, b, "x")
	a, err := redisbus.New(t.Context(), redisbus.Options{URL: server.URL()})
	if err != nil {
		t.Fatal(err)
	}
	a.Subscribe("y", func([]byte) {})
	const n = 1000
	for i := range n {
		a.Publish("x", []byte(fmt.Sprint(i)))
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := a.Close(); err != nil {
		t.Errorf("twice: %v", err)
	}
	a.Publish("x", []byte("too late"))
	if got := box.waitFor(t, n); len(got) != n {
		t.Errorf("got %d messages, want %d", len(got), n)
	}
	if a.Up() || a.Stats().Dropped != 1 {
		t.Errorf("after Close: up %t, %d dropped, want down and 1", a.Up(), a.Stats().Dropped)
	}
	if _, _, err := a.Request(t.Context(), "x", nil); err == nil {
		t.Error("Request after Close: got no error")
	}
	tap := wiretap(t, server)
	eventually(t, "Redis has let go of its channels", func() bool {
		return tap.PubSubNumSub(t.Context(), "wxbase:msg/y").Val()["wxbase:msg/y"] == 0
	})
}

// TestNoLeak: buses leave no goroutine behind.
func TestNoLeak(t *testing.T) { //nolint:paralleltest // counts goroutines
	server := redistest.Start(t)
	before := runtime.NumGoroutine()
	for range 20 {
		b, err := redisbus.New(t.Context(), redisbus.Options{URL: server.URL()})
		if err != nil {
			t.Fatal(err)
		}
		b.Subscribe("x", func([]byte) {})
		settle(t, b)
		_ = b.Close()
	}
	eventually(t, "no goroutine more than before", func() bool { return runtime.NumGoroutine() <= before })
}

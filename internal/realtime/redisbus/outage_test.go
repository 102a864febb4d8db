package redisbus_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/realtime/redisbus/redistest"
)

// TestStartsWithoutRedis: the bus comes up by itself once Redis is running.
func TestStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	server, log := redistest.Stopped(t), &journal{}
	a := joinWith(t, redisbus.Options{URL: server.URL(), Node: "a", Logger: log.logger()})
	var ups atomic.Int64
	a.OnUp(func() { ups.Add(1) })
	var box inbox
	a.Subscribe("x", box.take)
	a.Publish("x", []byte("lost"))
	if a.Up() || a.Stats().Dropped != 1 {
		t.Errorf("without Redis: up %t, %d dropped, want down and 1", a.Up(), a.Stats().Dropped)
	}
	server.Start()
	eventually(t, "called back", func() bool { return ups.Load() == 1 })
	b := join(t, server.URL(), "b")
	b.Publish("x", []byte("1"))
	if got := box.waitFor(t, 1); !slices.Equal(got, []string{"1"}) {
		t.Errorf("got %v, want [1]", got)
	}
	if down, back := log.count("is down"), log.count("is back"); down != 1 || back != 1 {
		t.Errorf("log: got %d times down, %d back, want one each:\n%s", down, back, log)
	}
}

// TestOutage: Redis is killed and comes back empty. Subscriptions are restored before OnUp is called; one log line
// tells each change.
func TestOutage(t *testing.T) {
	t.Parallel()
	server, log := redistest.Start(t), &journal{}
	a := joinWith(t, redisbus.Options{URL: server.URL(), Node: "a", Logger: log.logger()})
	b := join(t, server.URL(), "b")
	box := listen(t, b, "x")
	b.Respond("who", echo("b"))
	tap := wiretap(t, server)
	inPlace := make(chan bool, 10)
	b.OnUp(func() { inPlace <- tap.PubSubNumSub(t.Context(), "wxbase:msg/x").Val()["wxbase:msg/x"] == 1 })
	<-inPlace // it is up already
	for round := range 3 {
		server.Kill()
		eventually(t, "down", func() bool { return !a.Up() && !b.Up() })
		before := a.Stats().Dropped
		for range 100 {
			a.Publish("x", []byte("lost"))
		}
		if got := a.Stats().Dropped - before; got != 100 {
			t.Errorf("round %d: got %d dropped, want 100", round, got)
		}
		b.Subscribe("room/joined while down", func([]byte) {})
		server.Start()
		if !<-inPlace {
			t.Errorf("round %d: OnUp was called before the subscription was in place", round)
		}
		eventually(t, "up", a.Up)
		a.Publish("x", []byte(fmt.Sprint(round)))
		box.waitFor(t, round+1)
		if got, complete := ask(t, a, "who"); !slices.Equal(got, []string{"b:?"}) || !complete {
			t.Errorf("round %d: who: got %v, %t", round, got, complete)
		}
	}
	if got := box.all(); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("got %v, want [0 1 2]", got)
	}
	if down, back := log.count("is down"), log.count("is back"); down != 3 || back != 3 {
		t.Errorf("log: got %d times down, %d back, want three each:\n%s", down, back, log)
	}
	if strings.Contains(log.String()+fmt.Sprintf("%v %+v %#v", a, a, a), redistest.Password) {
		t.Errorf("the password is shown:\n%s", log)
	}
}

// TestConnectionCut: the connections end, Redis lives.
func TestConnectionCut(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	var ups atomic.Int64
	a.OnUp(func() { ups.Add(1) })
	listen(t, a, "x")
	eventually(t, "called because it is up already", func() bool { return ups.Load() == 1 })
	tap := wiretap(t, server)
	for i := range 3 {
		was := ups.Load()
		if err := tap.Do(t.Context(), "client", "kill", "type", "pubsub").Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, fmt.Sprint("back ", i), func() bool { return ups.Load() > was && a.Up() })
	}
	if err := tap.Do(t.Context(), "client", "kill", "type", "normal").Err(); err != nil { // the publishing connections
		t.Fatal(err)
	}
	box := listen(t, join(t, server.URL(), "b"), "x")
	eventually(t, "a message gets through again", func() bool { a.Publish("x", []byte("1")); return len(box.all()) > 0 })
}

// TestFrozen: a Redis that keeps its connections but is silent counts as down. The queue stays limited meanwhile.
func TestFrozen(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a := join(t, server.URL(), "a")
	box := listen(t, join(t, server.URL(), "b"), "x")
	server.Freeze()
	body := bytes.Repeat([]byte("x"), 4000)
	for range 6000 {
		a.Publish("x", body)
	}
	if s := a.Stats(); s.Queued > 4096 || s.QueuedBytes > 8<<20 || s.Dropped < 1000 {
		t.Errorf("frozen: got %+v, want at most 4096 and 8 MiB queued, the rest dropped", s)
	}
	eventually(t, "down", func() bool { return !a.Up() })
	if s := a.Stats(); s.Queued != 0 {
		t.Errorf("down: got %d queued, want 0", s.Queued)
	}
	server.Thaw()
	eventually(t, "up", a.Up)
	eventually(t, "a message gets through", func() bool {
		a.Publish("x", []byte("after"))
		return slices.Contains(box.all(), "after")
	})
}

// TestQueueFull: what does not fit is counted, logged once, and followed by OnUp; the rest is sent in order.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	server, log := redistest.Start(t), &journal{}
	a := joinWith(t, redisbus.Options{URL: server.URL(), Logger: log.logger()})
	var box inbox
	join(t, server.URL(), "b").Subscribe("x", box.take)
	listen(t, a, "y")
	up := make(chan struct{}, 10)
	a.OnUp(func() { up <- struct{}{} })
	<-up // it is up already
	server.Freeze()
	for i := range 6000 {
		a.Publish("x", []byte(fmt.Sprintf("%06d", i)))
	}
	dropped := a.Stats().Dropped
	server.Thaw()
	<-up
	if dropped < 6000-4096-256 || dropped > 6000-4096 {
		t.Errorf("got %d dropped, want all but the 4096 that fit and a batch under way", dropped)
	}
	eventually(t, "all others have left", func() bool { s := a.Stats(); return s.Published+s.Dropped >= 6000 })
	if got := box.all(); !slices.IsSorted(got) {
		t.Errorf("got %d messages out of order", len(got))
	}
	if log.count("some are lost")+log.count("is down") != 1 {
		t.Errorf("log: got\n%swant one line", log)
	}
}

// TestSlowHandler: messages that a handler cannot take in time are counted, logged once, and followed by OnUp; the
// others arrive in order.
func TestSlowHandler(t *testing.T) {
	t.Parallel()
	server, log := redistest.Start(t), &journal{}
	a, b := join(t, server.URL(), "a"), joinWith(t, redisbus.Options{URL: server.URL(), Logger: log.logger()})
	release, up := make(chan struct{}), make(chan struct{}, 10)
	var box inbox
	b.Subscribe("slow", func(data []byte) { <-release; box.take(data) })
	settle(t, b)
	quick := listen(t, b, "quick")
	b.OnUp(func() { up <- struct{}{} })
	<-up // it is up already
	const n = 4000
	for i := range n {
		a.Publish("slow", []byte(fmt.Sprintf("%06d", i)))
	}
	a.Publish("quick", []byte("1"))
	quick.waitFor(t, 1) // a slow subject does not delay another
	eventually(t, "all have come", func() bool { return b.Stats().Received == n+1 })
	lost := int(b.Stats().Overflowed)
	if lost < n-1025-1 || lost >= n {
		t.Errorf("overflowed: got %d of %d, want all but about 1024", lost, n)
	}
	close(release)
	<-up
	got := box.waitFor(t, n-lost)
	if len(got) != n-lost || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("got %d messages, want %d, each once and in order", len(got), n-lost)
	}
	if log.count("some are lost") != 1 {
		t.Errorf("log: got\n%swant one line", log)
	}
}

// TestNoRedis: with any other server at the address, the bus stays down, says why, and neither panics nor shows the
// password.
func TestNoRedis(t *testing.T) {
	t.Parallel()
	const pong = "+PONG\r\n"
	scenarios := []struct{ name, hello, subscribe string }{
		{"a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", ""},
		{"binary junk", "\x16\x03\x01\x00\xff\xfe\r\n", ""},
		{"nothing", "", ""},
		{"a redis that repeats what it does not know", "-ERR unknown command, with args beginning with: " + redistest.Password + "\r\n", ""},
		{"an empty list for a message", pong, "*0\r\n"},
		{"a number for a kind", pong, "*1\r\n:5\r\n"},
		{"a short message", pong, "*1\r\n$7\r\nmessage\r\n"},
		{"a confirmation without a count", pong, "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n$1\r\nx\r\n"},
		{"a length that no machine has", pong, "$9223372036854775800\r\n"},
		{"an error", pong, "-NOPERM this user has no permissions to access one of the channels\r\n"},
		{"a word", pong, "+what\r\n+" + redistest.Password + "\r\n!\r\n"},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			log := &journal{}
			address := impostor(t, s.hello, s.subscribe)
			b := joinWith(t, redisbus.Options{URL: "redis://:" + redistest.Password + "@" + address, Logger: log.logger()})
			if b.Up() {
				t.Error("got up, want down")
			}
			if s.subscribe != "" && log.count("subscribe: ") != 1 {
				t.Errorf("log: got\n%swant that it got as far as subscribing", log)
			}
			if log.count("is down") != 1 {
				t.Errorf("log: got\n%swant one line", log)
			}
			if log.count(redistest.Password) != 0 {
				t.Errorf("log shows the password:\n%s", log)
			}
		})
	}
}

// impostor answers the first commands of a connection with hello, and a SUBSCRIBE with subscribe. For an empty answer
// it disconnects.
func impostor(t *testing.T, hello, subscribe string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() { pretend(conn, hello, subscribe) })
		}
	})
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

func pretend(conn net.Conn, hello, subscribe string) {
	defer func() { _ = conn.Close() }()
	begins := false // the next word is the name of a command
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "*") {
			begins = true
		}
		if !begins || strings.ContainsAny(line[:1], "*$") {
			continue
		}
		begins = false
		say := hello
		switch {
		case line == "subscribe":
			say = subscribe
		case line == "hello" && hello == "+PONG\r\n":
			say = "-ERR unknown command\r\n"
		case line == "auth" && hello == "+PONG\r\n":
			say = "+OK\r\n"
		}
		if _, err := io.WriteString(conn, say); err != nil || say == "" {
			return
		}
	}
}

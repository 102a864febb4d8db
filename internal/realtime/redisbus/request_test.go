package redisbus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/realtime/redisbus/redistest"
)

func echo(name string) func([]byte) ([]byte, bool) {
	return func(data []byte) ([]byte, bool) { return append([]byte(name+":"), data...), true }
}

func ask(tb testing.TB, b *redisbus.Bus, subject string) (answers []string, complete bool) {
	tb.Helper()
	raw, complete, err := b.Request(tb.Context(), subject, []byte("?"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, r := range raw {
		answers = append(answers, string(r))
	}
	slices.Sort(answers)
	return answers, complete
}

// TestRequest: every other process that responds is heard, and the asker itself is not asked.
func TestRequest(t *testing.T) { //nolint:tparallel // the rows and what follows them share the buses
	t.Parallel()
	server := redistest.Start(t)
	a, b, c, d := join(t, server.URL(), "a"), join(t, server.URL(), "b"), join(t, server.URL(), "c"), join(t, server.URL(), "d")
	if got, complete := ask(t, a, "who"); len(got) != 0 || !complete {
		t.Errorf("nobody there: got %v, %t, want none and complete", got, complete)
	}
	stops := map[string]func(){}
	for name, bus := range map[string]*redisbus.Bus{"a": a, "b": b, "c": c} {
		stops[name] = bus.Respond("who", echo(name))
		settle(t, bus)
	}
	d.Respond("who", func([]byte) ([]byte, bool) { return []byte("not sent"), false })
	settle(t, d)
	scenarios := []struct {
		name string
		from *redisbus.Bus
		want []string
	}{
		{"one of those who respond", a, []string{"b:?", "c:?"}},
		{"another", c, []string{"a:?", "b:?"}},
		{"one that has no answer", d, []string{"a:?", "b:?", "c:?"}},
	}
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			if got, complete := ask(t, s.from, "who"); !slices.Equal(got, s.want) || !complete {
				t.Errorf("got %v, %t, want %v and complete", got, complete, s.want)
			}
		})
	}
	stops["b"]()
	settle(t, b)
	if got, complete := ask(t, a, "who"); !slices.Equal(got, []string{"c:?"}) || !complete {
		t.Errorf("one stopped: got %v, %t", got, complete)
	}
	c.Respond("who", echo("new"))
	stops["c"]() // belongs to the replaced responder
	settle(t, c)
	if got, complete := ask(t, a, "who"); !slices.Equal(got, []string{"new:?"}) || !complete {
		t.Errorf("one replaced: got %v, %t", got, complete)
	}
}

// TestRequestSilent: a dead process is not waited for, a hanging one only for a limited time, and the others are heard.
func TestRequestSilent(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	b.Respond("who", echo("b"))
	settle(t, b)
	hung := wiretap(t, server).Subscribe(t.Context(), "wxbase:ask/who") // takes questions and is silent
	if _, err := hung.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, complete := ask(t, a, "who"); !slices.Equal(got, []string{"b:?"}) || complete {
		t.Errorf("one hangs: got %v, %t, want b's answer and incomplete", got, complete)
	}
	_ = hung.Close()
	eventually(t, "complete", func() bool { _, complete := ask(t, a, "who"); return complete })
}

// TestRequestBusy: a slow process that reports it is waited for.
func TestRequestBusy(t *testing.T) {
	t.Parallel()
	const silence = 2 * time.Second
	server := redistest.Start(t)
	a, b := joinWith(t, redisbus.Options{URL: server.URL(), Silence: silence}), join(t, server.URL(), "b")
	release := make(chan struct{})
	b.Respond("work", func([]byte) ([]byte, bool) { <-release; return []byte("done"), true })
	settle(t, b)
	type result struct {
		answers  []string
		complete bool
	}
	got := make(chan result, 1)
	go func() {
		answers, complete := ask(t, a, "work")
		got <- result{answers, complete}
	}()
	select {
	case r := <-got:
		t.Fatalf("got %v before the work is done", r)
	case <-time.After(silence + silence/4): // note: the limit itself is tested
	}
	close(release)
	if r := <-got; !slices.Equal(r.answers, []string{"done"}) || !r.complete {
		t.Errorf("got %v, want the answer", r)
	}
}

// TestRequestEnds: with the caller's context, with the bus, and at once while the bus is down.
func TestRequestEnds(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	asked, release := make(chan struct{}, 2), make(chan struct{})
	defer close(release)
	b.Respond("work", func([]byte) ([]byte, bool) { asked <- struct{}{}; <-release; return nil, true })
	settle(t, b)

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, complete, err := a.Request(ctx, "work", nil); !errors.Is(err, context.Canceled) || complete {
		t.Errorf("cancelled: got %t, %v, want context.Canceled", complete, err)
	}
	if !a.Up() {
		t.Error("a caller that gave up has brought the bus down")
	}
	killed := make(chan struct{})
	go func() { defer close(killed); <-asked; server.Kill() }()
	if _, complete, err := a.Request(t.Context(), "work", nil); !errors.Is(err, redisbus.ErrDown) || complete {
		t.Errorf("redis killed: got %t, %v, want ErrDown", complete, err)
	}
	<-killed
	eventually(t, "down", func() bool { return !a.Up() })
	if _, _, err := a.Request(t.Context(), "work", nil); !errors.Is(err, redisbus.ErrDown) {
		t.Errorf("down: got %v, want ErrDown", err)
	}
	if _, _, err := a.Request(t.Context(), "work", make([]byte, 9<<20)); err == nil || errors.Is(err, redisbus.ErrDown) {
		t.Errorf("too big: got %v, want an error of its own", err)
	}
}

// TestSubscribeThenRequest: a process that subscribes and then asks gets everything that is published after the answer
// was made.
func TestSubscribeThenRequest(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	a, b := join(t, server.URL(), "a"), join(t, server.URL(), "b")
	b.Respond("state", func(subject []byte) ([]byte, bool) {
		b.Publish(string(subject), []byte("after"))
		return nil, true
	})
	settle(t, b)
	for i := range 300 {
		subject, box := fmt.Sprint("room/", i), &inbox{}
		stop := a.Subscribe(subject, box.take)
		if _, complete, err := a.Request(t.Context(), "state", []byte(subject)); err != nil || !complete {
			t.Fatalf("got %t, %v", complete, err)
		}
		box.waitFor(t, 1)
		stop()
	}
}

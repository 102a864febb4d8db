package redisbus_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wxbase/internal/realtime/redisbus"
	"wxbase/internal/realtime/redisbus/redistest"
)

// patience limits every wait for something that must happen.
const patience = 30 * time.Second

// join makes a bus that ends with the test.
func join(tb testing.TB, address, node string) *redisbus.Bus {
	tb.Helper()
	return joinWith(tb, redisbus.Options{URL: address, Node: node})
}

func joinWith(tb testing.TB, o redisbus.Options) *redisbus.Bus {
	tb.Helper()
	b, err := redisbus.New(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	return b
}

// eventually waits for a condition that must become true.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(end) {
			tb.Fatalf("never: %s", what)
		}
	}
}

// inbox collects a subject's messages.
type inbox struct {
	mu  sync.Mutex
	got []string
}

func (i *inbox) take(data []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, string(data))
}

func (i *inbox) all() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string{}, i.got...)
}

func (i *inbox) waitFor(tb testing.TB, n int) []string {
	tb.Helper()
	eventually(tb, fmt.Sprintf("%d messages", n), func() bool { return len(i.all()) >= n })
	return i.all()
}

// listen subscribes and returns when Redis has confirmed it: a request is sent after the subscriptions before it.
func listen(tb testing.TB, b *redisbus.Bus, subject string) *inbox {
	tb.Helper()
	i := &inbox{}
	b.Subscribe(subject, i.take)
	settle(tb, b)
	return i
}

func settle(tb testing.TB, b *redisbus.Bus) {
	tb.Helper()
	if _, _, err := b.Request(tb.Context(), "nobody-answers-this", nil); err != nil {
		tb.Fatal(err)
	}
}

// wiretap is another program at the same Redis.
func wiretap(tb testing.TB, s *redistest.Server) *redis.Client {
	tb.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), Password: redistest.Password, Protocol: 2, DisableIdentity: true})
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

// journal collects log lines.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

func (j *journal) count(words string) int { return strings.Count(j.String(), words) }

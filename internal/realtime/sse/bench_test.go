package sse_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/realtime"
)

// stub is the other end of a stream, without a network.
type stub struct {
	header http.Header
	mu     sync.Mutex
	first  bytes.Buffer
	id     chan string
}

func newStub() *stub { return &stub{header: http.Header{}, id: make(chan string, 1)} }

func (s *stub) Header() http.Header { return s.header }
func (s *stub) WriteHeader(int)     {}
func (s *stub) Flush()              {}

func (s *stub) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first.Len() < 60 { // id:<40 characters>\n comes first
		s.first.Write(data)
		if id, _, ok := strings.Cut(strings.TrimPrefix(s.first.String(), "id:"), "\n"); ok {
			s.id <- id
		}
	}
	return len(data), nil
}

// crowd connects n guests that listen to a topic.
func (k *kit) crowd(tb testing.TB, n int, topic string) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	tb.Cleanup(func() { cancel(); wg.Wait() })
	for range n {
		s := newStub()
		wg.Go(func() {
			k.server.Config.Handler.ServeHTTP(s, httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/realtime", nil))
		})
		body, _ := json.Marshal(map[string]any{"clientId": <-s.id, "subscriptions": []string{topic}})
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/api/realtime", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		k.server.Config.Handler.ServeHTTP(answer, req)
		if answer.Code != http.StatusNoContent {
			tb.Fatalf("subscribe: got %d %s", answer.Code, answer.Body)
		}
	}
}

func roomy(l *realtime.Limits) { l.SocketsPerAddress = 100_000 }

// BenchmarkRecordSaveWithRooms saves a record without listeners: with no clients, with clients in rooms, which
// PocketBase does not visit, and with clients of another collection, which it visits.
func BenchmarkRecordSaveWithRooms(b *testing.B) {
	for _, s := range []struct {
		people int
		topic  string
	}{{0, ""}, {2_000, "rooms/notice"}, {2_000, "products/*"}} {
		b.Run(fmt.Sprintf("%d %s", s.people, strings.ReplaceAll(s.topic, "/", " ")), func(b *testing.B) {
			k := newKit(b, roomy)
			k.crowd(b, s.people, s.topic)
			c, err := k.FindCollectionByNameOrId("rooms")
			if err != nil {
				b.Fatal(err)
			}
			r := core.NewRecord(c)
			r.Set("name", "saved")
			for b.Loop() {
				if err := k.Save(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPublish publishes to clients of server-sent events, into their queues.
func BenchmarkPublish(b *testing.B) {
	for _, people := range []int{1, 1_000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			k := newKit(b, roomy, func(l *realtime.Limits) { l.QueueMessages, l.QueueBytes = 1<<30, 1<<40 })
			k.room(b, "plain", `id != ""`)
			k.crowd(b, people, "rooms/plain")
			b.ReportAllocs()
			for b.Loop() {
				k.say(b, "plain", 1)
			}
		})
	}
}

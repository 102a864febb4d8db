package realtime_test

import (
	"context"
	"fmt"
	"testing"

	"wxbase/internal/realtime"
)

// sink takes frames like a transport, which shares the encoding.
type sink struct {
	who   realtime.Identity
	bytes int
}

func (s *sink) Identity() realtime.Identity { return s.who }

func (s *sink) Deliver(f *realtime.Frame) {
	data, _ := f.Encoded("sink", func(m realtime.Message) any { return []byte(m.Payload) }).([]byte)
	s.bytes += len(data)
}

func (s *sink) Replay(context.Context, []*realtime.Frame) error { return nil }

func (s *sink) Close(string) {}

func filled(b *testing.B, config realtime.Config, name string, members int) *realtime.Hub {
	b.Helper()
	h := realtime.New(config)
	for i := range members {
		join(b, h, name, &sink{who: realtime.Identity{User: fmt.Sprint("u", i)}}, -1)
	}
	return h
}

// BenchmarkPublish is a publish to a room without history: only the walk. Allocations must not grow with the members.
func BenchmarkPublish(b *testing.B) {
	for _, members := range []int{1, 1_000, 5_000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			h := filled(b, realtime.Config{Rooms: rooms}, "a", members)
			m := message("a", "hello")
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := h.Publish(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*members), "ns/delivery")
		})
	}
}

// BenchmarkPublishHistory has many publishers in a room with history; the store costs nothing.
func BenchmarkPublishHistory(b *testing.B) {
	for _, members := range []int{1, 1_000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			h := filled(b, realtime.Config{Rooms: rooms, Store: newMemory()}, "k", members)
			m := message("k", "hello")
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, _, err := h.Publish(context.Background(), m); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkJoinLeave is the cost of a member without its transport.
func BenchmarkJoinLeave(b *testing.B) {
	h := filled(b, realtime.Config{Rooms: rooms}, "a", 1_000)
	m := &sink{who: realtime.Identity{User: "u"}}
	b.ReportAllocs()
	for b.Loop() {
		join(b, h, "a", m, -1)
		h.LeaveAll(m)
	}
}

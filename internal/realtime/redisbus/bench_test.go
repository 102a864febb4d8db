package redisbus_test

import (
	"sync/atomic"
	"testing"
	"time"

	"wxbase/internal/realtime/redisbus/redistest"
)

// BenchmarkPublish sends messages of 200 bytes from one process to another, as many at once as the queue holds.
func BenchmarkPublish(b *testing.B) {
	server := redistest.Start(b)
	from, to := join(b, server.URL(), "a"), join(b, server.URL(), "b")
	var got atomic.Int64
	to.Subscribe("x", func([]byte) { got.Add(1) })
	settle(b, to)
	data, sent := make([]byte, 200), int64(0)
	for b.Loop() {
		for sent-got.Load() >= 1000 { // as many as a handler has room for
			time.Sleep(20 * time.Microsecond)
		}
		from.Publish("x", data)
		sent++
	}
	eventually(b, "all have come", func() bool { return got.Load() == sent })
}

// BenchmarkRequest asks two other processes one question.
func BenchmarkRequest(b *testing.B) {
	server := redistest.Start(b)
	from := join(b, server.URL(), "a")
	for _, name := range []string{"b", "c"} {
		to := join(b, server.URL(), name)
		to.Respond("who", echo(name))
		settle(b, to)
	}
	for b.Loop() {
		if answers, complete, err := from.Request(b.Context(), "who", nil); err != nil || !complete || len(answers) != 2 {
			b.Fatalf("got %d answers, %t, %v", len(answers), complete, err)
		}
	}
}

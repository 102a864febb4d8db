package hooks_test

import (
	"testing"

	"wxbase/internal/apptest"
)

// BenchmarkRoomHistory is many publishers in a room with history, each of whom waits until the message is on the disk.
func BenchmarkRoomHistory(b *testing.B) {
	app := apptest.New(b)
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := app.WX.Publish("notice", "n", map[string]any{"text": "hello"}); err != nil {
				b.Error(err)
			}
		}
	})
}

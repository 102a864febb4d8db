package hooks

import (
	"testing"
	"time"
)

// TestMinuteGuard: no sixty seconds see more than the limit by much, and a quiet minute gives all of it back.
func TestMinuteGuard(t *testing.T) {
	t.Parallel()
	var g minuteGuard
	start := time.Unix(1_700_000_040, 0) // a full minute
	let := func(at time.Time, n int) (passed int) {
		for range n {
			if g.allow("a", 10, at) {
				passed++
			}
		}
		return passed
	}
	scenarios := []struct {
		name      string
		after     time.Duration
		ask, want int
	}{
		{"all of a fresh minute", 0, 12, 10},
		{"nothing more in it", 59 * time.Second, 3, 0},
		{"nothing at the start of the next", time.Minute, 3, 0},
		{"a half in the middle of it", 90 * time.Second, 9, 5},
		{"all after a pause", 5 * time.Minute, 12, 10},
		{"all when the clock goes back", -time.Hour, 12, 10},
	}
	for _, s := range scenarios {
		if got := let(start.Add(s.after), s.ask); got != s.want {
			t.Errorf("%s: got %d, want %d", s.name, got, s.want)
		}
	}
	if !g.allow("b", 10, start) {
		t.Error("another key: got no, want yes")
	}
}

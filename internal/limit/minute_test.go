package limit

import (
	"strconv"
	"testing"
	"time"
)

// TestMinuteGuard: a minute gives so many, at once or one by one, and a quiet minute gives all of it back.
func TestMinuteGuard(t *testing.T) {
	t.Parallel()
	var g Minute
	start := time.Unix(1_700_000_040, 0)
	let := func(at time.Time, n int) (passed int) {
		for range n {
			if g.Allow("a", 10, at) {
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
		{"all of a minute at once", 0, 12, 10},
		{"nothing more at once", 0, 3, 0},
		{"one after a tenth of it", 6 * time.Second, 3, 1},
		{"what is refused is not counted", 12 * time.Second, 3, 1},
		{"a half after a half", 42 * time.Second, 9, 5},
		{"nothing when the clock goes back", -time.Hour, 3, 0},
		{"all after a pause, and not more", 5 * time.Minute, 30, 10},
	}
	for _, s := range scenarios {
		if got := let(start.Add(s.after), s.ask); got != s.want {
			t.Errorf("%s: got %d, want %d", s.name, got, s.want)
		}
	}
	if !g.Allow("b", 10, start) {
		t.Error("another key: got no, want yes")
	}
	if !g.Allow("c", -1, start) || g.Allow("d", 0, start) {
		t.Error("below 0 is no limit, and 0 is none at all")
	}
}

// TestMinuteGuardForgets: strangers with many addresses take no more memory than its keys.
func TestMinuteGuardForgets(t *testing.T) {
	t.Parallel()
	var g Minute
	for n := range guardKeys + 1000 {
		g.Allow(strconv.Itoa(n), 1, time.Unix(1_700_000_040, 0))
	}
	if got := g.buckets.Len(); got != guardKeys {
		t.Errorf("got %d keys, want %d", got, guardKeys)
	}
}

func TestWiden(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::9": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "nonsense": "nonsense", "": "",
	} {
		if got := Widen(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

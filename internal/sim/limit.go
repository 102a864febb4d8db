package sim

import "time"

// limiter counts events in fixed windows of WeChat's time. Sim.mu guards it; a restart forgets it.
type limiter struct {
	windows map[string]window
	sweepAt int // size at which old windows are thrown away
}

// window is one span of time and what happened in it.
type window struct {
	start time.Time
	count int
}

func newLimiter() *limiter { return &limiter{windows: map[string]window{}, sweepAt: 10_000} }

// allow counts one event of key and tells whether it is within max per span.
func (l *limiter) allow(key string, limit int, span time.Duration, now time.Time) bool {
	l.sweep(now)
	start := now.Truncate(span)
	w := l.windows[key]
	if !w.start.Equal(start) {
		w = window{start: start}
	}
	w.count++
	l.windows[key] = w
	return w.count <= limit
}

// used is how many events of key were counted in the span of now.
func (l *limiter) used(key string, span time.Duration, now time.Time) int {
	if w := l.windows[key]; w.start.Equal(now.Truncate(span)) {
		return w.count
	}
	return 0
}

// sweep keeps the map from growing with every person that ever logged in.
func (l *limiter) sweep(now time.Time) {
	if len(l.windows) < l.sweepAt {
		return
	}
	for key, w := range l.windows {
		if now.Sub(w.start) > 24*time.Hour {
			delete(l.windows, key)
		}
	}
	l.sweepAt = 2*len(l.windows) + 10_000
}

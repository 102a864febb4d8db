package book

import "time"

// Limiter counts events in fixed windows of WeChat's time. Sim.mu guards it; a restart forgets it.
type Limiter struct {
	Windows map[string]Window
	sweepAt int // size at which old windows are dropped
}

// Window is one span of time and the number of its events.
type Window struct {
	start time.Time
	count int
}

// NewLimiter starts at zero.
func NewLimiter() *Limiter { return &Limiter{Windows: map[string]Window{}, sweepAt: 10_000} }

// Allow counts one event of key and tells whether it is within max per span.
func (l *Limiter) Allow(key string, limit int, span time.Duration, now time.Time) bool {
	l.sweep(now)
	start := now.Truncate(span)
	w := l.Windows[key]
	if !w.start.Equal(start) {
		w = Window{start: start}
	}
	w.count++
	l.Windows[key] = w
	return w.count <= limit
}

// Used is how many events of key were counted in the span of now.
func (l *Limiter) Used(key string, span time.Duration, now time.Time) int {
	if w := l.Windows[key]; w.start.Equal(now.Truncate(span)) {
		return w.count
	}
	return 0
}

// sweep bounds the map, which gets an entry for every person.
func (l *Limiter) sweep(now time.Time) {
	if len(l.Windows) < l.sweepAt {
		return
	}
	for key, w := range l.Windows {
		if now.Sub(w.start) > 24*time.Hour {
			delete(l.Windows, key)
		}
	}
	l.sweepAt = 2*len(l.Windows) + 10_000
}

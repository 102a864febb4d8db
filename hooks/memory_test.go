package hooks_test

import (
	"math"
	"runtime/debug"
	"testing"

	"wxbase/hooks"
)

// TestTuneMemory is not parallel: the settings are the process's.
func TestTuneMemory(t *testing.T) {
	scenarios := map[string]struct {
		env     map[string]string
		percent int
		limit   int64
	}{
		"nothing said":           {nil, 200, 1 << 30},
		"the owner says GOGC":    {map[string]string{"GOGC": "50"}, 77, 1 << 30},
		"the owner says a limit": {map[string]string{"GOMEMLIMIT": "300MiB"}, 200, math.MaxInt64},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			percent, limit := debug.SetGCPercent(77), debug.SetMemoryLimit(math.MaxInt64)
			hooks.TuneMemory(func(name string) string { return s.env[name] })
			if got := debug.SetMemoryLimit(limit); got != s.limit {
				t.Errorf("limit: got %d, want %d", got, s.limit)
			}
			if got := debug.SetGCPercent(percent); got != s.percent {
				t.Errorf("percent: got %d, want %d", got, s.percent)
			}
		})
	}
}

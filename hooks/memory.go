package hooks

import (
	"math"
	"runtime/debug"
)

// What a machine of 2 GB carries with room for the system and a proxy: the heap may grow to three times of what is in use before the
// collector runs (about a tenth more requests a second for 15 MB), and from 1 GB on it runs as often as it must.
//
// note: SQLite's page caches are outside of Go's heap; cacheKB bounds them.
const (
	gcPercent   = 200
	memoryLimit = 1 << 30
)

// TuneMemory sets the collector for a whole process, so it belongs into a main function. GOGC and GOMEMLIMIT of the environment win.
func TuneMemory(env func(string) string) {
	if env("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if env("GOMEMLIMIT") == "" && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(memoryLimit)
	}
}

package groupcommit

import (
	"sync"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	chunk      = 1 << 16 // what modernc's allocator takes from the system at a time, for blocks of one size
	blockHead  = 8       // what SQLite puts before each block
	chunkStart = ^uintptr(chunk - 1)
)

// keptChunks is how many chunks are kept by the size of their blocks, a power of two. A job that writes 30 pages in a savepoint copies them
// to 120 blocks of 2 KB; pages and cursors have 8 KB, moves of rows between pages up to 16 KB.
var keptChunks = map[int]int{1 << 10: 4, 1 << 11: 32, 1 << 12: 8, 1 << 13: 16, 1 << 14: 4}

// keepMemory keeps 4 MB of SQLite's memory from going back to the system after each savepoint. The allocator returns a chunk when its last
// block is freed, so every job took its memory from the system, and the first touch of each page of it was a fault: 18 for an order, 25 for a
// notification, 3 and none since. One block in each chunk stays allocated.
var keepMemory = sync.OnceFunc(func() {
	thread := libc.NewTLS()
	defer thread.Close()
	for size, chunks := range keptChunks {
		kept := map[uintptr]bool{}
		var free []uintptr
		for range chunks * chunk / size {
			block := sqlite3.Xsqlite3_malloc(thread, int32(size-blockHead))
			if in := block & chunkStart; block != 0 && !kept[in] {
				kept[in] = true
				continue
			}
			free = append(free, block)
		}
		for _, block := range free {
			sqlite3.Xsqlite3_free(thread, block)
		}
	}
})

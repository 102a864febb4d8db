//go:build !linux

package groupcommit

import "os"

// datasync is the strongest sync that Go has: F_FULLFSYNC on macOS, FlushFileBuffers on Windows.
func datasync(f *os.File) error { return f.Sync() }

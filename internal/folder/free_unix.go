//go:build !windows

package folder

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FreeBytes is how much a program may still write to the disk that a folder lies on.
func FreeBytes(dir string) (uint64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	return uint64(s.Bavail) * uint64(s.Bsize), nil //nolint:gosec,unconvert // the types differ from system to system
}

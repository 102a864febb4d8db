//go:build unix

package replica

import (
	"fmt"
	"os"
	"syscall"
)

// fileID is what a file keeps when it is written anew or moved, and a copy of it does not have; empty where it is not known.
func fileID(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return fmt.Sprint(stat.Ino)
	}
	return ""
}

//go:build !windows

package backup

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// isMount tells whether a folder lies on another disk than the one it is in, or is bound there from elsewhere.
func isMount(dir string, info fs.FileInfo) bool {
	above, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return false
	}
	inner, ok := info.Sys().(*syscall.Stat_t)
	outer, also := above.Sys().(*syscall.Stat_t)
	return ok && also && (inner.Dev != outer.Dev || isBound(dir))
}

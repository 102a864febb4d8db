package backup

import (
	"os"
	"path/filepath"
	"strings"
)

// isBound tells whether something is mounted at a folder: a folder that is bound from the same disk has its number.
func isBound(dir string) bool {
	full, err := filepath.Abs(dir)
	if err != nil {
		return false
	}
	if full, err = filepath.EvalSymlinks(full); err != nil {
		return false
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	spaced := strings.NewReplacer(" ", `\040`, "\t", `\011`, `\`, `\134`).Replace(full)
	for line := range strings.Lines(string(mounts)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == spaced {
			return true
		}
	}
	return false
}

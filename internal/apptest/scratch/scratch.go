// Package scratch has the folders that all tests of a process share: no test can remove one at its end.
package scratch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const prefix = "wxbase-test-"

// Dir makes a folder of this process, and removes those of processes that have ended: a server's binary is 80 MB, and a day of tests filled a disk.
func Dir(name string) (string, error) {
	all, err := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range all {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), prefix), "-")
		if pid, err := strconv.Atoi(owner); err == nil && hasEnded(pid) {
			_ = os.RemoveAll(dir) // another process may be at it too
		}
	}
	return os.MkdirTemp("", fmt.Sprintf("%s%d-%s-", prefix, os.Getpid(), name))
}

func hasEnded(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

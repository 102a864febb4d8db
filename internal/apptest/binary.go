package apptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Binary builds wxbase once per process and returns the path of the executable, for tests that need to kill one.
func Binary(tb testing.TB) string {
	tb.Helper()
	return Program(tb, "wxbase")
}

// Program is Binary for any main package of this module, by its import path.
func Program(tb testing.TB, program string) string {
	tb.Helper()
	once, _ := binaries.LoadOrStore(program, sync.OnceValues(func() (string, error) { return build(program) }))
	path, err := once.(func() (string, error))()
	if err != nil {
		tb.Fatalf("build %s: %v", program, err)
	}
	return path
}

// binaries holds what has been built, by program.
var binaries sync.Map

func build(program string) (string, error) {
	dir, err := os.MkdirTemp("", "wxbase-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, filepath.Base(program))
	out, err := exec.Command("go", "build", "-o", path, program).CombinedOutput() //nolint:gosec,noctx // our own program, as long as a build takes
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
}

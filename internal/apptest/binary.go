package apptest

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"wxbase/internal/apptest/scratch"
)

// Binary builds wxbase once per process and returns the path of the executable, for tests that need to kill one.
func Binary(tb testing.TB) string {
	tb.Helper()
	return Program(tb, "wxbase")
}

// Program is Binary for any main package of this module, by its import path. Under the race detector the test is skipped: what happens in a program
// of its own is not watched, so that nothing would be tested that was not tested without it.
func Program(tb testing.TB, program string) string {
	tb.Helper()
	if watched {
		tb.Skip("a program of its own is not watched by the race detector")
	}
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
	dir, err := scratch.Dir("binary")
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

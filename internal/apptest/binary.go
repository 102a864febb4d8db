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
	path, err := binary()
	if err != nil {
		tb.Fatalf("build wxbase: %v", err)
	}
	return path
}

var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wxbase-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "wxbase")
	out, err := exec.Command("go", "build", "-o", path, "wxbase").CombinedOutput() //nolint:noctx // as long as a build takes
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

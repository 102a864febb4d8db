package scratch

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestDirRemovesThoseOfTheDead(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	dead := exec.Command(os.Args[0], "-test.run", "^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(os.TempDir(), fmt.Sprintf("%s%d-binary-1", prefix, dead.Process.Pid))
	other := filepath.Join(os.TempDir(), prefix+"of-somebody")
	for _, dir := range []string{left, other} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	first, err := Dir("binary")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Dir("seed"); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{left: false, other: true, first: true} {
		if _, err := os.Stat(dir); (err == nil) != want {
			t.Errorf("%s: got %v, want it there: %t", dir, err, want)
		}
	}
}

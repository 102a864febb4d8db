//go:build unix

package folder_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"wxbase/internal/folder"
)

// TestGiveToOwner: what root makes in somebody's data folder becomes that one's, and nothing outside does. Another user than root changes nothing.
func TestGiveToOwner(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	want := os.Geteuid()
	if want == 0 {
		want = 12345
		if err := os.Chown(dir, want, want); err != nil {
			t.Fatal(err)
		}
	}
	made := []string{filepath.Join(dir, "data.db"), filepath.Join(dir, "storage"), filepath.Join(dir, "storage", "picture.png"), filepath.Join(dir, "link")}
	for _, err := range []error{
		os.WriteFile(outside, nil, 0o600), os.WriteFile(made[0], nil, 0o600), os.Mkdir(made[1], 0o700), os.WriteFile(made[2], nil, 0o600), os.Symlink(outside, made[3]),
		folder.GiveToOwner(dir), folder.GiveToOwner(filepath.Join(dir, "missing")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range made {
		if got := ownerOf(t, path); got != want {
			t.Errorf("%s: got owner %d, want %d", path, got, want)
		}
	}
	if got := ownerOf(t, outside); got != os.Geteuid() {
		t.Errorf("a file outside that a link names: got owner %d, want %d", got, os.Geteuid())
	}
	lock, err := folder.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	for _, name := range []string{folder.LockFile, folder.HolderFile} {
		if got := ownerOf(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s: got owner %d, want %d", name, got, want)
		}
	}
}

// TestLookingMakesNoLock: to ask who serves a folder leaves nothing in it.
func TestLookingMakesNoLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if at, err := folder.ServedAt(dir); err == nil {
		t.Errorf("got %s, want nobody", at)
	}
	if _, err := os.Lstat(filepath.Join(dir, folder.LockFile)); err == nil {
		t.Error("got a lock, want none")
	}
}

func ownerOf(t *testing.T, path string) int {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("%s: no owner", path)
	}
	return int(stat.Uid)
}

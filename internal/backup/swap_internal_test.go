package backup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wxbase/internal/folder"
)

// halves makes a data folder and what shall come into it.
func halves(t *testing.T) (dir, fresh string) {
	t.Helper()
	dir, fresh = t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		filepath.Join(dir, "data.db"): "old", filepath.Join(dir, "data.db-wal"): "old log", filepath.Join(dir, "storage", "a"): "old file",
		filepath.Join(fresh, "data.db"): "new", filepath.Join(fresh, "auxiliary.db"): "new log", filepath.Join(fresh, "storage", "b"): "new file",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, fresh
}

func wantFolder(t *testing.T, dir string, want map[string]string) {
	t.Helper()
	for _, name := range []string{"data.db", "data.db-wal", "auxiliary.db", "storage/a", "storage/b"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if there := err == nil; there != (want[name] != "") || string(text) != want[name] {
			t.Errorf("%s: got %q %v, want %q", name, text, err, want[name])
		}
	}
}

func old() map[string]string {
	return map[string]string{"data.db": "old", "data.db-wal": "old log", "storage/a": "old file"}
}

// A restore that is killed anywhere leaves a folder that no server starts on, and that the next restore puts back.
func TestSwapIsUndoneAfterAKill(t *testing.T) {
	t.Parallel()
	for steps := range 7 {
		dir, fresh := halves(t)
		s, err := newSwap(dir, fresh, "now")
		if err != nil {
			t.Fatal(err)
		}
		if err := folder.WriteNote(dir, folder.RestoringFile, s); err != nil {
			t.Fatal(err)
		}
		p, done := s.Places[len(s.Places)-1], 0
		if err := os.MkdirAll(p.Aside, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, move := range [][2]string{{p.Root, p.Aside}, {p.fresh, p.Root}} { // as exchange does, cut off after some steps
			for _, name := range p.Names {
				if done == steps {
					break
				}
				if os.Rename(filepath.Join(move[0], name), filepath.Join(move[1], name)) == nil {
					done++
				}
			}
		}
		if err := folder.RefuseHalf(dir); err == nil || !strings.Contains(err.Error(), "wxbase restore") {
			t.Errorf("after %d steps: got %v, want no server to start", steps, err)
		}
		if undone, err := undoHalf(dir); err != nil || !undone {
			t.Fatalf("after %d steps: undo: %v %v", steps, undone, err)
		}
		wantFolder(t, dir, old())
		if err := folder.RefuseHalf(dir); err != nil {
			t.Errorf("after the undo: %v", err)
		}
	}
}

func TestSwapIsUndoneAfterAnError(t *testing.T) {
	t.Parallel()
	dir, fresh := halves(t)
	s, err := newSwap(dir, fresh, "now")
	if err != nil {
		t.Fatal(err)
	}
	s.Places[0].fresh = string([]byte{'x', 0}) // a name that no system opens: after everything was put aside
	if err := s.run(); err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("got %v", err)
	}
	wantFolder(t, dir, old())
}

func TestSwap(t *testing.T) {
	t.Parallel()
	dir, fresh := halves(t)
	s, err := newSwap(dir, fresh, "now")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.run(); err != nil {
		t.Fatal(err)
	}
	wantFolder(t, dir, map[string]string{"data.db": "new", "auxiliary.db": "new log", "storage/b": "new file"})
	wantFolder(t, filepath.Join(dir, Before+"now"), old())
	if err := folder.RefuseHalf(dir); err != nil {
		t.Error(err)
	}
}

package backup_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/backup"
)

// A disk that a backup would fill is left alone.
func TestBackupWantsRoom(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	huge, err := os.Create(filepath.Join(s.DataDir(), core.LocalStorageDirName, "film.mp4"))
	if err != nil {
		s.must(os.MkdirAll(filepath.Join(s.DataDir(), core.LocalStorageDirName), 0o700))
		huge, err = os.Create(filepath.Join(s.DataDir(), core.LocalStorageDirName, "film.mp4"))
	}
	s.must(err)
	s.must(huge.Truncate(1 << 42)) // it takes no room
	s.must(huge.Close())
	if err := s.CreateBackup(t.Context(), "one.zip"); err == nil || !strings.Contains(err.Error(), "make room") {
		t.Errorf("got %v, want it refused for room", err)
	}
	if made, err := filepath.Glob(filepath.Join(s.DataDir(), core.LocalBackupsDirName, "*")); err != nil || len(made) != 0 {
		t.Errorf("made %v %v, want nothing", made, err)
	}
}

// Books that do not hold are said, of a backup that can be restored.
func TestVerifyReadsTheBooks(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good := s.make("good.zip")
	report, err := backup.Verify(good, t.TempDir())
	if err != nil || len(report.Wrong) > 0 {
		t.Fatalf("a new shop: got %v %v", report.Wrong, err)
	}
	broken := withSQL(t, good, "INSERT INTO orders (id, payState, refunded) VALUES ('o11111111111111', 'PAID', 0)")
	report, err = backup.Verify(broken, t.TempDir())
	if err != nil || len(report.Wrong) != 1 || !strings.Contains(report.Wrong[0], "a paid order without an attempt that paid it: 1") {
		t.Errorf("a paid order without a payment: got %v %v", report.Wrong, err)
	}
	withKey := rewrite(t, good, func(_ string, content []byte) []byte { return content })
	if report, err = backup.Verify(withKey, t.TempDir()); err != nil || len(report.Keys) != 0 {
		t.Errorf("without a key: got %v %v", report.Keys, err)
	}
}

func TestListAndFetch(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	path := s.make("one.zip")
	list, err := backup.List(s.App)
	if err != nil || len(list) != 1 || list[0].Name != "one.zip" || list[0].Bytes == 0 {
		t.Errorf("list: got %v %v", list, err)
	}
	for _, name := range []string{"one.zip", path} {
		got, done, err := backup.Fetch(t.Context(), s.App, name)
		if err != nil || got != path {
			t.Errorf("%s: got %s %v", name, got, err)
		}
		done()
	}
	for _, name := range []string{"two.zip", "../one.zip", "/nowhere/one.zip"} {
		if got, _, err := backup.Fetch(t.Context(), s.App, name); err == nil {
			t.Errorf("%s: got %s, want an error", name, got)
		}
	}
}

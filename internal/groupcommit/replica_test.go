package groupcommit

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"wxbase/internal/replica"
)

// TestRepairBesideReplica: an fsync that failed is repaired by a checkpoint of the whole log, for which Litestream has to let go of it. Writing fails
// until then, and goes on by itself.
func TestRepairBesideReplica(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db := openAt(t, filepath.Join(dir, "data.db"), "")
	place, err := replica.Parse(func(name string) string {
		return map[string]string{replica.EnvPlace: "file://" + filepath.ToSlash(t.TempDir())}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	copied, err := replica.Start(t.Context(), dir, place, replica.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = copied.Stop(t.Context()) }()
	for end := time.Now().Add(time.Minute); copied.Sync(t.Context()) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not copy")
		}
	}
	must(t, db, "INSERT INTO rows (id) VALUES ('before')")
	var fails atomic.Int32
	fails.Store(1)
	poolOf(db).syncer.datasync = func(f *os.File) error {
		if fails.Add(-1) >= 0 {
			return errors.New("the disk says no")
		}
		return datasync(f)
	}
	began := time.Now()
	for write(db, "after") != nil && !has(t, db, "after") {
		if time.Since(began) > 2*time.Minute {
			t.Fatal("writing does not come back")
		}
		time.Sleep(50 * time.Millisecond)
	}
	for end := time.Now().Add(2 * time.Minute); write(db, "later") != nil && !has(t, db, "later"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("writing does not come back")
		}
	}
	t.Logf("repaired after %s", time.Since(began))
}

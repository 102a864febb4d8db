package groupcommit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// disk is what a power cut leaves: the log at the end of the last fsync.
type disk struct {
	path  string // of the database, which does not change during the test
	log   atomic.Pointer[[]byte]
	syncs atomic.Int32
}

// datasync copies the log when the fsync begins; the copy counts as on the disk when it ends.
func (d *disk) datasync(f *os.File) error {
	raw, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	d.syncs.Add(1)
	d.log.Store(&raw)
	return nil
}

// cut returns the rows that exist after the power returns.
func (d *disk) cut(t *testing.T) map[string]bool {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data.db")
	raw, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, raw, 0o600), os.WriteFile(path+"-wal", *d.log.Load(), 0o600)); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	found, err := db.QueryContext(t.Context(), "SELECT id FROM rows")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	ids := map[string]bool{}
	for found.Next() {
		var id string
		if err := found.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids[id] = true
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestPowerCut: everything answered is on the disk, by a transaction, alone or shared, by a single statement, and by
// one that returns rows; and the answers share their fsyncs.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	const writers, each = 16, 60
	path := filepath.Join(t.TempDir(), "data.db")
	db := openPlain(t, path, "&_pragma=wal_autocheckpoint(0)")
	d := &disk{path: path}
	poolOf(db).syncer.datasync = d.datasync
	must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
	var mu sync.Mutex
	var answered []string
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				id := fmt.Sprintf("%d-%d", w, n)
				if err := writeSomehow(db, n, id); err != nil {
					t.Errorf("write %s: %v", id, err)
					return
				}
				mu.Lock()
				answered = append(answered, id)
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for over := false; !over; {
		select {
		case <-done:
			over = true
		default:
		}
		mu.Lock()
		promised := slices.Clip(answered)
		mu.Unlock()
		if len(promised) == 0 {
			continue
		}
		left := d.cut(t)
		for _, id := range promised {
			if !left[id] {
				t.Fatalf("row %s was answered and is not on the disk", id)
			}
		}
	}
	if got := int(d.syncs.Load()); got >= writers*each {
		t.Errorf("syncs: got %d for %d answers, want them shared", got, writers*each)
	}
}

func writeSomehow(db *sql.DB, n int, id string) error {
	ctx := context.Background()
	switch n % 5 {
	case 0:
		return write(db, id)
	case 2, 3:
		return writeShared(db, id)
	case 1:
		_, err := db.ExecContext(ctx, "INSERT INTO rows (id) VALUES (?)", id)
		return err
	default:
		var back string
		return db.QueryRowContext(ctx, "INSERT INTO rows (id) VALUES (?) RETURNING id", id).Scan(&back)
	}
}

// TestSyncFails: a checkpoint repairs a failed fsync; when that fails too, nothing is answered or written until it
// works.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	db := openAt(t, path, "")
	p := poolOf(db)
	broken := errors.New("input/output error")
	var fails atomic.Bool
	p.syncer.datasync = func(f *os.File) error {
		if fails.Load() {
			return broken
		}
		return datasync(f)
	}
	fails.Store(true)
	if err := write(db, "repaired"); err != nil {
		t.Errorf("with a checkpoint that works: got %v, want the answer", err)
	}
	if raw, err := os.ReadFile(path); err != nil || !contains(raw, "repaired") {
		t.Errorf("the row is not in the database's file (%v)", err)
	}
	repair := p.syncer.repair
	p.syncer.repair = func() error { return broken }
	if err := write(db, "lost"); !errors.Is(err, broken) {
		t.Errorf("with a checkpoint that fails: got %v, want the error", err)
	}
	fails.Store(false)
	if err := write(db, "refused"); !errors.Is(err, broken) {
		t.Errorf("after that: got %v, want the error, because a second fsync proves nothing", err)
	}
	p.syncer.repair = repair
	if err := write(db, "again"); err != nil {
		t.Errorf("after a repair: got %v", err)
	}
	if has(t, db, "refused") || !has(t, db, "again") {
		t.Error("got the refused row, or not the one after the repair")
	}
}

func contains(raw []byte, text string) bool {
	for i := range len(raw) - len(text) {
		if string(raw[i:i+len(text)]) == text {
			return true
		}
	}
	return false
}

// TestLogIsMadeAnew: SQLite removes the log with the last connection, and the next connection makes another file.
func TestLogIsMadeAnew(t *testing.T) {
	t.Parallel()
	db := open(t)
	p := poolOf(db)
	for n := range 3 {
		var synced os.FileInfo
		p.syncer.datasync = func(f *os.File) (err error) {
			synced, err = f.Stat()
			return err
		}
		db.SetMaxIdleConns(1)
		if err := write(db, fmt.Sprint(n)); err != nil {
			t.Fatal(err)
		}
		now, err := os.Stat(p.syncer.path)
		if err != nil || synced == nil || !os.SameFile(now, synced) {
			t.Errorf("round %d: the sync was of another file than the log (%v)", n, err)
		}
		db.SetMaxIdleConns(-1) // closes the last connection
		if _, err := os.Stat(p.syncer.path); !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("round %d: the log is still there (%v), so that this test proves nothing", n, err)
		}
	}
}

// TestSyncFailsBesideAReader: a reader that does not end, such as a replica's, keeps the repair from ending. Nothing is written until another process has
// mended the log, and that one does so before it writes.
func TestSyncFailsBesideAReader(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	impatient := strings.Replace(options, "60000", "50", 1)
	db := openWith(t, path, impatient)
	p := poolOf(db)
	if err := write(db, "before"); err != nil {
		t.Fatal(err)
	}
	reader, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Close() }()
	reading := begin(t, reader)
	if err := reading.QueryRowContext(t.Context(), "SELECT count(*) FROM rows").Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("input/output error")
	p.syncer.datasync = func(*os.File) error { return broken }
	if err := write(db, "lost"); !errors.Is(err, broken) || !errors.Is(Health(db), broken) {
		t.Errorf("got %v, health %v, want the disk's error", err, Health(db))
	}
	p.syncer.datasync = datasync
	if err := write(db, "refused"); err == nil || Health(db) == nil {
		t.Errorf("after that: got %v, health %v, want it refused", err, Health(db))
	}
	other := openWith(t, path, impatient)
	if err := write(other, "beside the reader"); err == nil {
		t.Error("another process begins behind the hole")
	}
	if err := reading.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := write(other, "mended"); err != nil {
		t.Errorf("another process, without the reader: got %v", err)
	}
	if raw, err := os.ReadFile(path); err != nil || !contains(raw, "before") {
		t.Errorf("the log is not in the database's file (%v)", err)
	}
	if _, err := os.Stat(p.syncer.hole()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the note of the hole: got %v, want it gone", err)
	}
	if !has(t, other, "mended") || has(t, other, "beside the reader") {
		t.Error("got the refused row, or not the one after the repair")
	}
}

func openWith(t *testing.T, path, options string) *sql.DB {
	t.Helper()
	db, err := Open(path + options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := os.Stat(path); err != nil {
		must(t, db, "CREATE TABLE rows (id TEXT PRIMARY KEY)")
	}
	if err := Enable(db); err != nil {
		t.Fatal(err)
	}
	return db
}

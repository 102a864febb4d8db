package groupcommit

import (
	"context"
	"database/sql"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

const options = "?_txlock=immediate&_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)"

// patience is how long a test waits for something that must happen.
const patience = time.Minute

// open makes a database with one table, and an enabled pool on it.
func open(t *testing.T) *sql.DB {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "data.db"), "")
}

func openAt(t *testing.T, path, more string) *sql.DB {
	t.Helper()
	db, err := Open(path + options + more)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	must(t, db, "CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, up TEXT REFERENCES rows (id) DEFERRABLE INITIALLY DEFERRED)")
	if err := Enable(db); err != nil {
		t.Fatal(err)
	}
	return db
}

type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func must(t *testing.T, db execer, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func begin(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// has tells whether other connections see a row.
func has(t *testing.T, db *sql.DB, id string) bool {
	t.Helper()
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM rows WHERE id = ?", id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n == 1
}

// write writes one row in a transaction.
func write(db *sql.DB, id string) error {
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(context.Background(), "INSERT INTO rows (id) VALUES (?)", id); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// queued waits until so many jobs wait for the writer.
func queued(t *testing.T, db *sql.DB, want int) {
	t.Helper()
	p := poolOf(db)
	until(t, "jobs in the queue", func() bool {
		p.mu.Lock()
		w := p.writer
		p.mu.Unlock()
		if w == nil {
			return false
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.queue) == want
	})
}

func poolOf(db *sql.DB) *pool {
	p, _ := db.Driver().(*pool)
	return p
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("no %s after %s", what, patience)
		}
	}
}

func receive[T any](t *testing.T, what string, from <-chan T) (got T) {
	t.Helper()
	select {
	case got = <-from:
	case <-time.After(patience):
		t.Fatalf("no %s after %s", what, patience)
	}
	return got
}

// later runs a job in the background and returns its result.
func later(job func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- job() }()
	return done
}

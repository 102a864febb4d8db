package hooks_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pocketbase/dbx"

	"wxbase/hooks"
)

func connect(t *testing.T, path string) *dbx.DB {
	t.Helper()
	db, err := hooks.Connect(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConnectPragmas(t *testing.T) {
	t.Parallel()
	db := connect(t, filepath.Join(t.TempDir(), "data.db"))
	scenarios := []struct{ pragma, want, why string }{
		{"synchronous", "2", "FULL: a commit survives a power cut"},
		{"journal_mode", "wal", "readers and the writer do not wait for each other"},
		{"foreign_keys", "1", ""},
		{"busy_timeout", "10000", "another process may write for a moment"},
		{"temp_store", "2", ""},
		{"cache_size", "-300", "in KB: PocketBase opens up to 120 connections"},
	}
	for _, s := range scenarios {
		t.Run(s.pragma, func(t *testing.T) {
			t.Parallel()
			var got string
			if err := db.NewQuery("PRAGMA " + s.pragma).Row(&got); err != nil || got != s.want {
				t.Errorf("got %q, %v, want %q (%s)", got, err, s.want, s.why)
			}
		})
	}
}

// TestDefensive: where the driver knows the setting, no statement writes the schema past SQLite. A driver that knows it refuses nonsense.
func TestDefensive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	db := connect(t, path)
	if _, err := db.NewQuery("CREATE TABLE a (b)").Execute(); err != nil {
		t.Fatal(err)
	}
	_, err := db.NewQuery("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE a (b, c)' WHERE name = 'a'").Execute()
	nonsense, openErr := sql.Open("sqlite", path+"?_defensive=nonsense")
	if openErr != nil {
		t.Fatal(openErr)
	}
	t.Cleanup(func() { _ = nonsense.Close() })
	if knows := nonsense.PingContext(t.Context()) != nil; knows != (err != nil) {
		t.Errorf("the schema was written: got %v, and a driver that knows _defensive: %t", err, knows)
	}
}

// TestTransactionsAreImmediate: two processes that read and then write do not fail, and lose no count. A transaction that begins
// DEFERRED fails with SQLITE_BUSY_SNAPSHOT when the other has written in between, and no waiting helps.
func TestTransactionsAreImmediate(t *testing.T) {
	t.Parallel()
	const each = 100
	path := filepath.Join(t.TempDir(), "data.db")
	one, two := connect(t, path), connect(t, path)
	if _, err := one.NewQuery("CREATE TABLE counter AS SELECT 0 AS n").Execute(); err != nil {
		t.Fatal(err)
	}
	count := func(db *dbx.DB) error {
		return db.Transactional(func(tx *dbx.Tx) error {
			var n int
			if err := tx.NewQuery("SELECT n FROM counter").Row(&n); err != nil {
				return fmt.Errorf("read: %w", err)
			}
			_, err := tx.NewQuery("UPDATE counter SET n = {:n}").Bind(dbx.Params{"n": n + 1}).Execute()
			return err
		})
	}
	var wg sync.WaitGroup
	for _, db := range []*dbx.DB{one, two} {
		wg.Go(func() {
			for range each {
				if err := count(db); err != nil {
					t.Errorf("count: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	var n int
	if err := one.NewQuery("SELECT n FROM counter").Row(&n); err != nil || n != 2*each {
		t.Errorf("got %d, %v, want %d", n, err, 2*each)
	}
}

package groupcommit

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// openPlain is open without a deferred foreign key.
func openPlain(t *testing.T, path, more string) *sql.DB {
	t.Helper()
	made, err := Open(path + options)
	if err != nil {
		t.Fatal(err)
	}
	must(t, made, "CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY)")
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	return openAt(t, path, more)
}

// sharing runs a job that begins with Share.
func sharing(db *sql.DB, job func(*sql.Tx) error) error {
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(context.Background(), Share); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := job(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func insert(tx *sql.Tx, ids ...string) error {
	for _, id := range ids {
		if _, err := tx.ExecContext(context.Background(), "INSERT INTO rows (id) VALUES (?)", id); err != nil {
			return err
		}
	}
	return nil
}

func writeShared(db *sql.DB, id string) error {
	return sharing(db, func(tx *sql.Tx) error { return insert(tx, id) })
}

// inLine queues jobs behind each other and returns their results in order.
func inLine(t *testing.T, db *sql.DB, jobs ...func() error) []error {
	t.Helper()
	block := begin(t, db)
	ends := make([]<-chan error, len(jobs))
	for i, job := range jobs {
		ends[i] = later(job)
		queued(t, db, i+1)
	}
	if err := block.Commit(); err != nil {
		t.Fatal(err)
	}
	outcomes := make([]error, len(jobs))
	for i, end := range ends {
		outcomes[i] = receive(t, fmt.Sprint("end of job ", i), end)
	}
	return outcomes
}

// commits counts the transactions in the log since it was restarted.
func commits(t *testing.T, path string) (n int) {
	t.Helper()
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader = 32, 24
	size := int(binary.BigEndian.Uint32(log[8:])) + frameHeader
	for at := header; at+size <= len(log) && bytes.Equal(log[at+8:at+16], log[16:24]); at += size {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			n++
		}
	}
	return n
}

// TestSharedJobsAreOneTransaction: jobs that wait together are committed together, and a job that wants its own
// transaction gets one.
func TestSharedJobsAreOneTransaction(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data.db")
	db := openPlain(t, path, "&_pragma=wal_autocheckpoint(0)")
	must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
	var jobs []func() error
	for n := range 10 {
		jobs = append(jobs, func() error { return writeShared(db, fmt.Sprint(n)) })
	}
	jobs = append(jobs,
		func() error { return write(db, "alone") },
		func() error { return writeShared(db, "x") },
		func() error { return writeShared(db, "y") },
		func() error {
			_, err := db.ExecContext(t.Context(), "INSERT INTO rows (id) VALUES ('bare')")
			return err
		})
	for i, err := range inLine(t, db, jobs...) {
		if err != nil {
			t.Errorf("job %d: %v", i, err)
		}
	}
	for _, id := range []string{"0", "9", "alone", "x", "y", "bare"} {
		if !has(t, db, id) {
			t.Errorf("row %s is not there", id)
		}
	}
	if got := commits(t, path); got != 4 {
		t.Errorf("got %d transactions, want 4: ten jobs, one alone, two jobs, one bare statement", got)
	}
}

// TestSharedJobFailsAlone: the jobs before and behind a failing one succeed or fail as the table says.
func TestSharedJobFailsAlone(t *testing.T) {
	t.Parallel()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	scenarios := map[string]struct {
		job    func(*sql.Tx) error
		before string // the error of the job before it; its row exists exactly if this is empty
	}{
		"a business error": {job: func(tx *sql.Tx) error { return errors.Join(insert(tx, "bad"), errors.New("no stock")) }},
		"a broken index":   {job: func(tx *sql.Tx) error { return insert(tx, "bad", "before") }},
		"an open savepoint": {job: func(tx *sql.Tx) error {
			_, err := tx.Exec("SAVEPOINT mine")
			return errors.Join(err, insert(tx, "bad"), errors.New("gives up"))
		}},
		"nothing was done": {job: func(*sql.Tx) error { return errors.New("no stock") }},
		"a context that has ended": {job: func(tx *sql.Tx) error {
			_, err := tx.ExecContext(over, "INSERT INTO rows (id) VALUES ('bad')")
			return errors.Join(err, errors.New("gives up"))
		}},
		"a trigger that rolls back, and a job that goes on": {before: "no", job: func(tx *sql.Tx) error {
			_ = insert(tx, "refused")
			_ = insert(tx, "bad")
			return nil
		}},
	}
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openPlain(t, filepath.Join(t.TempDir(), "data.db"), "")
			must(t, db, "CREATE TRIGGER no BEFORE INSERT ON rows WHEN new.id = 'refused' BEGIN SELECT RAISE(ROLLBACK, 'no'); END")
			got := inLine(t, db,
				func() error { return writeShared(db, "before") },
				func() error { return sharing(db, s.job) },
				func() error { return writeShared(db, "behind") },
				func() error { return write(db, "alone") })
			if (got[0] == nil) != (s.before == "") || has(t, db, "before") != (got[0] == nil) {
				t.Errorf("the job before: got %v, its row %v", got[0], has(t, db, "before"))
			}
			if got[1] == nil || has(t, db, "bad") {
				t.Errorf("the failed job: got %v, its row %v", got[1], has(t, db, "bad"))
			}
			for i, id := range map[int]string{2: "behind", 3: "alone"} {
				if got[i] != nil || !has(t, db, id) {
					t.Errorf("the job %s: got %v, its row %v", id, got[i], has(t, db, id))
				}
			}
		})
	}
}

// TestDeferredKeyForbidsSharing: a violation of a deferred foreign key would fail all jobs at the COMMIT. Such keys
// come and go with the schema.
func TestDeferredKeyForbidsSharing(t *testing.T) {
	t.Parallel()
	db := openPlain(t, filepath.Join(t.TempDir(), "data.db"), "")
	for round, deferred := range []bool{false, true, false} {
		must(t, db, "DROP TABLE IF EXISTS keys")
		if deferred {
			must(t, db, "CREATE TABLE keys (up TEXT REFERENCES rows (id) DEFERRABLE INITIALLY DEFERRED)")
		}
		before := fmt.Sprint("before", round)
		bad := func(tx *sql.Tx) error {
			if !deferred {
				return errors.New("no stock")
			}
			_, err := tx.ExecContext(context.Background(), "INSERT INTO keys (up) VALUES ('nobody')")
			return err
		}
		got := inLine(t, db, func() error { return writeShared(db, before) }, func() error { return sharing(db, bad) })
		if got[0] != nil || !has(t, db, before) || got[1] == nil {
			t.Errorf("round %d: got %v for the job before and %v for the bad one", round, got[0], got[1])
		}
	}
}

// TestSharedJobWaitsForNobodySlow: a transaction that begins behind a batch and runs no statement does not delay the
// batch.
func TestSharedJobWaitsForNobodySlow(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{"no statement": "", "a statement": "INSERT INTO rows (id) VALUES ('slow')"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openPlain(t, filepath.Join(t.TempDir(), "data.db"), "")
			block := begin(t, db)
			finished := later(func() error { return writeShared(db, "finished") })
			queued(t, db, 1)
			answered := make(chan struct{})
			slow := later(func() error {
				tx, err := db.BeginTx(context.Background(), nil)
				if err != nil {
					return err
				}
				if first != "" {
					if _, err := tx.ExecContext(context.Background(), first); err != nil {
						return err
					}
				}
				<-answered
				return errors.Join(insert(tx, "end"), tx.Commit())
			})
			queued(t, db, 2)
			if err := block.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := receive(t, "answer to the finished job", finished); err != nil || !isSeen(t, db, "finished") {
				t.Errorf("the finished job: got %v", err)
			}
			close(answered)
			if err := receive(t, "end of the slow job", slow); err != nil || !has(t, db, "end") {
				t.Errorf("the slow job: got %v", err)
			}
		})
	}
}

// isSeen is has over a connection that does not wait for the writer.
func isSeen(t *testing.T, db *sql.DB, id string) bool {
	t.Helper()
	other, err := Open(poolOf(db).dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	return has(t, other, id)
}

// TestNobodyFollows: the next job gives up, rolls back or only reads, and the batch before it is answered.
func TestNobodyFollows(t *testing.T) {
	t.Parallel()
	scenarios := map[string]func(context.Context, *sql.DB) error{
		"rolls back at once": func(ctx context.Context, db *sql.DB) error {
			tx, err := db.BeginTx(ctx, nil)
			return errors.Join(err, tx.Rollback())
		},
		"commits nothing": func(ctx context.Context, db *sql.DB) error {
			tx, err := db.BeginTx(ctx, nil)
			return errors.Join(err, tx.Commit())
		},
		"only reads": func(ctx context.Context, db *sql.DB) error {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
			return errors.Join(err, tx.Commit())
		},
		"a checkpoint": func(_ context.Context, db *sql.DB) error { return poolOf(db).repair() },
	}
	for name, next := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openPlain(t, filepath.Join(t.TempDir(), "data.db"), "")
			got := inLine(t, db, func() error { return writeShared(db, "one") }, func() error { return next(context.Background(), db) })
			if err := errors.Join(got...); err != nil || !has(t, db, "one") {
				t.Errorf("got %v, its row %v", err, has(t, db, "one"))
			}
		})
	}
}

// TestSharedUnderLoad: many jobs of all kinds at once; each job's row exists exactly if its commit succeeded, and the
// count is right.
func TestSharedUnderLoad(t *testing.T) {
	t.Parallel()
	const workers, each = 24, 100
	path := filepath.Join(t.TempDir(), "data.db")
	db := openPlain(t, path, "")
	must(t, db, "CREATE TABLE counter AS SELECT 0 AS n")
	var mu sync.Mutex
	told := map[string]error{}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := range each {
				id := fmt.Sprintf("%d-%d", w, n)
				err := oneOfMany(db, n, id)
				mu.Lock()
				told[id] = err
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	good := 0
	for id, err := range told {
		if has(t, db, id) != (err == nil) {
			t.Errorf("%s: was told %v, and its row is %v", id, err, has(t, db, id))
		}
		if err == nil {
			good++
		}
	}
	var n int
	if err := db.QueryRowContext(t.Context(), "SELECT n FROM counter").Scan(&n); err != nil || n != good || good < workers*each/2 {
		t.Errorf("counter: got %d, %v, want %d", n, err, good)
	}
}

// oneOfMany is a job that counts and writes a row, or fails after that.
func oneOfMany(db *sql.DB, n int, id string) error {
	job := func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(context.Background(), "UPDATE counter SET n = n + 1"); err != nil {
			return err
		}
		if n%7 == 3 {
			return errors.Join(insert(tx, id), errors.New("no stock"))
		}
		return insert(tx, id)
	}
	if n%5 != 0 {
		return sharing(db, job)
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	if err := job(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

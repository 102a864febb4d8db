package groupcommit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"modernc.org/sqlite"
)

// among runs a job between two harmless ones that wait for the writer together with it, and returns its result.
func among(t *testing.T, db *sql.DB, job func(*sql.Tx) error) error {
	t.Helper()
	block := begin(t, db)
	before := later(func() error { return write(db, "before") })
	queued(t, db, 1)
	outcome := later(func() error {
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			return err
		}
		if err := job(tx); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	})
	queued(t, db, 2)
	after := later(func() error { return write(db, "after") })
	queued(t, db, 3)
	if err := block.Commit(); err != nil {
		t.Fatal(err)
	}
	for name, done := range map[string]<-chan error{"before": before, "after": after} {
		if err := receive(t, name, done); err != nil || !has(t, db, name) {
			t.Errorf("the innocent job %s: got %v, want its row", name, err)
		}
	}
	return receive(t, "outcome", outcome)
}

// TestFailedJobIsAlone: each of these jobs fails, and its neighbours succeed.
func TestFailedJobIsAlone(t *testing.T) {
	t.Parallel()
	if err := watchStatements(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	insert := func(tx *sql.Tx, id string) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO rows (id) VALUES (?)", id)
		return err
	}
	fill := "INSERT INTO rows (id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) SELECT i FROM n"
	scenarios := map[string]func(*sql.Tx) error{
		"a business error": func(tx *sql.Tx) error {
			return errors.Join(insert(tx, "bad"), errors.New("no stock"))
		},
		"a deferred foreign key, broken at the commit": func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "INSERT INTO rows (id, up) VALUES ('bad', 'nobody')")
			return err
		},
		"a context that ends in a statement": func(tx *sql.Tx) error {
			return errors.Join(insert(tx, "bad"), endless(tx))
		},
		"a context that ended, and a job that goes on": func(tx *sql.Tx) error {
			if err := insert(tx, "bad"); err != nil {
				return err
			}
			if endless(tx) == nil {
				return errors.New("the context did not end it")
			}
			_ = insert(tx, "bad too")
			return nil
		},
		"a full disk": func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(ctx, "PRAGMA max_page_count = 20"); err != nil {
				return err
			}
			if err := insert(tx, "bad"); err != nil {
				return err
			}
			_, full := tx.ExecContext(ctx, fill)
			_, err := tx.ExecContext(ctx, "PRAGMA max_page_count = 1000000")
			return errors.Join(full, err)
		},
		"a trigger that rolls back, and a job that goes on": func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "CREATE TEMP TRIGGER no BEFORE INSERT ON rows WHEN new.id = 'refused' BEGIN SELECT RAISE(ROLLBACK, 'no'); END")
			if err != nil {
				return err
			}
			_ = insert(tx, "refused")
			_ = insert(tx, "bad")
			return nil
		},
		"a savepoint left open": func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "SAVEPOINT mine")
			return errors.Join(err, insert(tx, "bad"), errors.New("gives up"))
		},
	}
	for name, job := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			if err := among(t, db, job); err == nil {
				t.Error("got no error")
			}
			for _, id := range []string{"bad", "bad too"} {
				if has(t, db, id) {
					t.Errorf("row %q of the failed job is there", id)
				}
			}
			if err := write(db, "later"); err != nil || !has(t, db, "later") {
				t.Errorf("the next job: got %v", err)
			}
		})
	}
}

// endless runs a statement that never ends, and cancels its context meanwhile.
func endless(tx *sql.Tx) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	key := fmt.Sprintf("%p", tx)
	running.Store(key, cancel)
	defer running.Delete(key)
	_, err := tx.ExecContext(ctx, "INSERT INTO rows (id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT statement_runs(?) || i FROM n", key)
	return err
}

// running holds what the SQL function statement_runs calls.
var running sync.Map

// watchStatements registers the function once per process, before the connections that use it.
var watchStatements = sync.OnceValue(func() error {
	return sqlite.RegisterScalarFunction("statement_runs", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		if end, ok := running.Load(args[0]); ok {
			end.(context.CancelFunc)()
		}
		return args[0], nil
	})
})

// TestGoodJobs: what a job may do inside of its transaction.
func TestGoodJobs(t *testing.T) {
	t.Parallel()
	scenarios := map[string][]string{
		"savepoints of its own": {
			"INSERT INTO rows (id) VALUES ('good')", "SAVEPOINT mine", "INSERT INTO rows (id) VALUES ('bad')", "ROLLBACK TO mine", "RELEASE mine",
		},
		"a changed schema": {
			"ALTER TABLE rows ADD COLUMN more TEXT", "ALTER TABLE rows RENAME COLUMN more TO most", "CREATE INDEX i ON rows (most)",
			"INSERT INTO rows (id, most) VALUES ('good', 'x')",
		},
		"an error that ends a statement only": {
			"INSERT INTO rows (id) VALUES ('good')", "INSERT OR IGNORE INTO rows (id) VALUES ('good')",
		},
		"a deferred foreign key, mended before the commit": {
			"INSERT INTO rows (id, up) VALUES ('good', 'parent')", "INSERT INTO rows (id) VALUES ('parent')",
		},
	}
	for name, statements := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t)
			err := among(t, db, func(tx *sql.Tx) error {
				for _, s := range statements {
					if _, err := tx.ExecContext(context.Background(), s); err != nil {
						return fmt.Errorf("%s: %w", s, err)
					}
				}
				return nil
			})
			if err != nil || !has(t, db, "good") || has(t, db, "bad") {
				t.Errorf("got %v, want the good row and not the bad one", err)
			}
		})
	}
}

// TestJobOutlivesFailedStatement: a violated unique index ends a statement, not the transaction.
func TestJobOutlivesFailedStatement(t *testing.T) {
	t.Parallel()
	db := open(t)
	tx := begin(t, db)
	must(t, tx, "INSERT INTO rows (id) VALUES ('one')")
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO rows (id) VALUES ('one')"); err == nil {
		t.Fatal("got no error for the second row")
	}
	must(t, tx, "INSERT INTO rows (id) VALUES ('two')")
	if err := tx.Commit(); err != nil || !has(t, db, "one") || !has(t, db, "two") {
		t.Errorf("got %v, want both rows", err)
	}
}

// TestSlowJobHoldsNobody: a finished job is answered while the next one still runs.
func TestSlowJobHoldsNobody(t *testing.T) {
	t.Parallel()
	db := open(t)
	block := begin(t, db)
	finished := later(func() error { return write(db, "finished") })
	queued(t, db, 1)
	answered, began := make(chan struct{}), make(chan struct{})
	slow := later(func() error {
		tx, err := db.BeginTx(context.Background(), nil)
		if err != nil {
			return err
		}
		close(began)
		<-answered
		return tx.Commit()
	})
	queued(t, db, 2)
	if err := block.Commit(); err != nil {
		t.Fatal(err)
	}
	receive(t, "begin of the slow job", began)
	if err := receive(t, "answer to the finished job", finished); err != nil {
		t.Error(err)
	}
	close(answered)
	if err := receive(t, "end of the slow job", slow); err != nil {
		t.Error(err)
	}
}

// TestOrder: jobs get the writer in order of arrival. database/sql alone serves them at random.
func TestOrder(t *testing.T) {
	t.Parallel()
	const jobs = 50
	db := open(t)
	block := begin(t, db)
	var mu sync.Mutex
	var got []int
	var wg sync.WaitGroup
	for n := range jobs {
		wg.Go(func() {
			tx, err := db.BeginTx(context.Background(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			got = append(got, n)
			mu.Unlock()
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
		})
		queued(t, db, n+1)
	}
	if err := block.Commit(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if !slices.IsSorted(got) || len(got) != jobs {
		t.Errorf("got the order %v", got)
	}
}

// TestGivesUpInTheQueue: a job whose context ends before its turn leaves the queue, and the jobs behind it move up.
func TestGivesUpInTheQueue(t *testing.T) {
	t.Parallel()
	db := open(t)
	block := begin(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	gone := later(func() error {
		_, err := db.BeginTx(ctx, nil)
		return err
	})
	queued(t, db, 1)
	next := later(func() error { return write(db, "next") })
	queued(t, db, 2)
	cancel()
	if err := receive(t, "end of the wait", gone); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
	if err := block.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, "next job", next); err != nil || !has(t, db, "next") {
		t.Errorf("got %v, want the row", err)
	}
}

// TestCloseWithFullQueue: every job that succeeded is in the file after Close, and no job waits without end.
func TestCloseWithFullQueue(t *testing.T) {
	t.Parallel()
	const jobs = 100
	path := filepath.Join(t.TempDir(), "data.db")
	db := openAt(t, path, "")
	block := begin(t, db)
	outcomes := make([]<-chan error, jobs)
	for n := range jobs {
		outcomes[n] = later(func() error { return write(db, fmt.Sprint(n)) })
	}
	queued(t, db, jobs)
	closed := later(db.Close)
	if err := block.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := receive(t, "end of Close", closed); err != nil {
		t.Errorf("close: %v", err)
	}
	again := openAt(t, path, "")
	for n, outcome := range outcomes {
		if err := receive(t, "outcome", outcome); (err == nil) != has(t, again, fmt.Sprint(n)) {
			t.Errorf("job %d: got %v, and its row %v", n, err, has(t, again, fmt.Sprint(n)))
		}
	}
}

// TestRowsHoldTheWriter: rows outside of a transaction are read to their end before the next job begins.
func TestRowsHoldTheWriter(t *testing.T) {
	t.Parallel()
	db := open(t)
	must(t, db, "INSERT INTO rows (id) VALUES ('a'), ('b'), ('c')")
	found, err := db.QueryContext(t.Context(), "DELETE FROM rows RETURNING id")
	if err != nil {
		t.Fatal(err)
	}
	next := later(func() error { return write(db, "next") })
	queued(t, db, 1)
	defer func() { _ = found.Close() }()
	n := 0
	for found.Next() { // which closes them at their end
		n++
	}
	if err := found.Err(); err != nil || n != 3 {
		t.Errorf("got %d rows, %v, want 3", n, err)
	}
	if err := receive(t, "next job", next); err != nil || !has(t, db, "next") {
		t.Errorf("got %v, want the row", err)
	}
}

// TestBesideOthers: a second pool of the process, and ordinary connections, write to the same file, and no increment is
// lost.
func TestBesideOthers(t *testing.T) {
	t.Parallel()
	const each = 100
	path := filepath.Join(t.TempDir(), "data.db")
	one, two := openAt(t, path, ""), openAt(t, path, "")
	plain, err := Open(path + options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = plain.Close() })
	plain.SetMaxOpenConns(1)
	must(t, one, "CREATE TABLE counter AS SELECT 0 AS n")
	var wg sync.WaitGroup
	for _, db := range []*sql.DB{one, one, two, two, plain} {
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
	if err := plain.QueryRowContext(t.Context(), "SELECT n FROM counter").Scan(&n); err != nil || n != 5*each {
		t.Errorf("got %d, %v, want %d", n, err, 5*each)
	}
}

func count(db *sql.DB) error {
	ctx := context.Background()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, "SELECT n FROM counter").Scan(&n); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if _, err := tx.ExecContext(ctx, "UPDATE counter SET n = ?", n+1); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// TestBackupBesideWriters: VACUUM INTO, VACUUM and checkpoints do their work while others write, and the copy is whole.
func TestBackupBesideWriters(t *testing.T) {
	t.Parallel()
	db := open(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := write(db, fmt.Sprintf("%d-%d", w, n)); err != nil {
					t.Errorf("write: %v", err)
					return
				}
			}
		})
	}
	for n := range 3 {
		must(t, db, "INSERT INTO rows (id) VALUES (?)", fmt.Sprintf("mark-%d", n))
		copied := filepath.Join(t.TempDir(), "copy.db")
		must(t, db, "VACUUM INTO ?", copied)
		must(t, db, "VACUUM")
		must(t, db, "PRAGMA wal_checkpoint(TRUNCATE)")
		other := openAt(t, copied, "")
		var check string
		if err := other.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" || !has(t, other, fmt.Sprintf("mark-%d", n)) {
			t.Errorf("copy %d: got %q, %v, want it whole", n, check, err)
		}
	}
	close(stop)
	wg.Wait()
}

// TestEnableRefusesOthers: Enable leaves a pool of another driver unchanged.
func TestEnableRefusesOthers(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "data.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := Enable(db); err == nil {
		t.Error("got no error")
	}
}

package groupcommit

import (
	"strings"
	"syscall"
	"testing"
)

// TestSavepointsKeepTheirMemory counts the pages that the system has to give while savepoints copy 30 pages of the database each. Without
// keepMemory there are 50 for each savepoint.
func TestSavepointsKeepTheirMemory(t *testing.T) { //nolint:paralleltest // it counts what the whole process does
	const savepoints, limit = 300, 10
	db := openAt(t, t.TempDir()+"/data.db", "&_pragma=temp_store(MEMORY)")
	must(t, db, "CREATE TABLE wide (id INTEGER PRIMARY KEY, body TEXT, n INTEGER DEFAULT 0)")
	tx := begin(t, db)
	defer func() { _ = tx.Rollback() }()
	for range 30 {
		must(t, tx, "INSERT INTO wide (body) VALUES (?)", strings.Repeat("x", 3000)) // a page each
	}
	update := func(times int) {
		for range times {
			must(t, tx, "SAVEPOINT one")
			must(t, tx, "UPDATE wide SET n = n + 1")
			must(t, tx, "RELEASE one")
		}
	}
	update(10)
	before := faults(t)
	update(savepoints)
	if n := faults(t) - before; n > savepoints*limit {
		t.Errorf("%d page faults in %d savepoints", n, savepoints)
	}
}

func faults(t *testing.T) int64 {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return usage.Minflt
}

package groupcommit

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"time"
)

// Share is a statement. As the first of a transaction it says that the transaction is short and waits only for the
// database. The transaction may then be committed together with its neighbours, whose pages are written once. Anywhere
// else, and with any other driver, it does nothing.
const Share = "SELECT 'wxbase: share'"

const (
	// maxBatch is how many jobs one SQLite transaction holds. With all of them in one, 32 clients waited together for the
	// disk, and then nobody wrote: half of them write while the others wait and are answered.
	maxBatch = 16

	// undecidedFor is how long a job may hold the shared transaction of others before its first statement. A backup
	// begins a transaction to keep writers out, and runs no statement in it.
	undecidedFor = time.Millisecond
)

// batch is one SQLite transaction that several jobs share, each in a savepoint. The goroutine that holds the writer
// uses it.
type batch struct {
	jobs int
	done chan struct{} // closed when the batch is on the disk, or has failed
	err  error         // set before done is closed
}

// fail tells the jobs of a batch that nothing of them was written.
func (b *batch) fail(err error) {
	b.err = fmt.Errorf("groupcommit: the shared transaction failed: %w", err)
	close(b.done)
}

// end waits for the disk and tells the jobs.
func (b *batch) end(s *syncer) error {
	b.err = s.wait()
	close(b.done)
	return b.err
}

// join adds the job that holds the writer to the open batch, or starts a batch with the job's transaction.
func (w *writer) join() *batch {
	if w.open == nil {
		w.open = &batch{done: make(chan struct{})}
	}
	w.open.jobs++
	return w.open
}

// flush commits the open batch, when a job wants its own transaction or no job follows.
func (w *writer) flush() {
	b := w.open
	if b == nil {
		return
	}
	w.open = nil
	if err := w.Commit(); err != nil {
		b.fail(err)
		return
	}
	go func() { _ = b.end(w.syncer) }()
}

// lose ends the open batch with the error that made SQLite roll it back.
func (w *writer) lose(err error) {
	if b := w.open; b != nil {
		w.open = nil
		b.fail(err)
	}
}

// isWanted tells whether another job may join the open batch.
func (w *writer) isWanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0 && (w.open == nil || w.open.jobs < maxBatch-1)
}

// mayShare is false in a database with deferred foreign keys: a violation appears only at the COMMIT, which would fail
// for all jobs.
func (w *writer) mayShare() bool {
	if seen := w.conn.forgotten.Load(); w.judged != seen || !w.wasJudged {
		w.shareable, w.judged, w.wasJudged = !w.hasDeferred(), seen, true
	}
	return w.shareable
}

// hasDeferred looks for deferred foreign keys. It reports true when it cannot read the schema.
func (w *writer) hasDeferred() bool {
	rows, err := w.conn.QueryContext(context.Background(), "SELECT count(*) FROM sqlite_schema WHERE sql LIKE '%DEFERR%'", nil)
	if err != nil {
		return true
	}
	defer func() { _ = rows.Close() }()
	row := make([]driver.Value, 1)
	if err := rows.Next(row); err != nil && err != io.EOF { //nolint:errorlint // drivers return io.EOF itself
		return true
	}
	n, ok := row[0].(int64)
	return !ok || n > 0
}

package groupcommit

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"time"
)

// Share is a statement. Run as the first of a transaction, it says that this is short and waits for nothing but the database. It may then be
// committed together with its neighbours: their pages are written once for all of them. Anywhere else, and by any other driver, it does nothing.
const Share = "SELECT 'wxbase: share'"

const (
	// maxBatch is how many jobs one transaction of SQLite holds. More gain nothing, and the first waits for the last.
	maxBatch = 64

	// undecidedFor is how long a job may hold a shared transaction of others without a statement that tells what it is. A backup begins a
	// transaction to keep writers out, and runs none.
	undecidedFor = time.Millisecond
)

// batch is one transaction of SQLite that several jobs share, each in a savepoint. The one who holds the writer uses it.
type batch struct {
	jobs int
	done chan struct{} // closed when it is on the disk, or has failed
	err  error         // read after done
}

// fail tells the jobs of a batch that nothing of theirs was written.
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

// join adds the holder of the writer to the open batch, or makes one of the holder's transaction.
func (w *writer) join() *batch {
	if w.open == nil {
		w.open = &batch{done: make(chan struct{})}
	}
	w.open.jobs++
	return w.open
}

// flush commits the open batch, for a job that wants a transaction of its own or because nobody comes any more.
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

// lose ends the open batch with the error by which SQLite has rolled it back.
func (w *writer) lose(err error) {
	if b := w.open; b != nil {
		w.open = nil
		b.fail(err)
	}
}

// isWanted tells whether the next job may follow in the same transaction.
func (w *writer) isWanted() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) > 0 && (w.open == nil || w.open.jobs < maxBatch-1)
}

// mayShare is false in a database with deferred foreign keys: one that is broken is seen at the COMMIT, which would fail for all.
func (w *writer) mayShare() bool {
	if seen := w.conn.forgotten.Load(); w.judged != seen || !w.wasJudged {
		w.shareable, w.judged, w.wasJudged = !w.hasDeferred(), seen, true
	}
	return w.shareable
}

// hasDeferred looks for deferred foreign keys. What cannot be read is taken for one.
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

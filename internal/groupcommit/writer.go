package groupcommit

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// realConn is what we use of modernc's connections.
type realConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

// writerCache is the page cache of the writer, in KB below zero. There is one writer, and the indexes that it writes
// are larger than what a reader needs.
const writerCache = "-8000"

// writer is the one real connection and the queue in front of it.
type writer struct {
	conn     *statements
	brackets map[string]realStatement // BEGIN, COMMIT, SAVEPOINT and similar, prepared once
	begin    string
	syncer   *syncer
	seats    int // guarded by the pool

	mu    sync.Mutex
	busy  bool
	queue []chan struct{}

	// of the goroutine that holds the writer
	open                 *batch // left open by the jobs before, which wait for its end
	shareable, wasJudged bool
	judged               int64 // the schema version for which shareable was computed
}

func openWriter(d driver.Driver, dsn string, s *syncer) (*writer, error) {
	keepMemory()
	conn, err := openConn(d, dsn, keptStatements)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, syncer: s, begin: beginOf(dsn), brackets: map[string]realStatement{}}
	for _, pragma := range []string{"PRAGMA synchronous = NORMAL", "PRAGMA cache_size = " + writerCache} {
		if err := w.do(pragma); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	if err := w.mend(); err != nil {
		return nil, errors.Join(fmt.Errorf("groupcommit: mend the log after a failed fsync: %w", err), conn.Close())
	}
	return w, nil
}

// mend writes a log with a hole into the database's file, before anything is appended to it.
func (w *writer) mend() error {
	if _, err := os.Stat(w.syncer.hole()); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := w.checkpoint("TRUNCATE"); err != nil {
		return err
	}
	return w.syncer.fill()
}

// beginOf returns the BEGIN that the dsn asks for.
func beginOf(dsn string) string {
	for _, mode := range []string{"immediate", "exclusive"} {
		if strings.Contains(dsn, "_txlock="+mode) {
			return "BEGIN " + strings.ToUpper(mode)
		}
	}
	return "BEGIN"
}

// bracket runs one of the statements around a transaction or a job. The caller holds the lock.
func (w *writer) bracket(query string) error {
	kept, ok := w.brackets[query]
	if !ok {
		var err error
		if kept, err = w.conn.prepare(context.Background(), query); err != nil {
			return err
		}
		w.brackets[query] = kept
	}
	_, err := kept.ExecContext(context.Background(), nil)
	return err
}

// Commit ends the transaction. It rolls back when the commit fails, because database/sql then treats the connection as
// free.
func (w *writer) Commit() error {
	err := w.bracket("COMMIT")
	if err != nil && w.inTransaction() {
		_ = w.bracket("ROLLBACK") // the commit's error matters more
	}
	return err
}

// Rollback undoes the transaction.
func (w *writer) Rollback() error { return w.bracket("ROLLBACK") }

// close ends the connection.
func (w *writer) close() error {
	for _, kept := range w.brackets {
		_ = kept.Close()
	}
	return w.conn.Close()
}

// lock waits for the connection, in order of arrival.
func (w *writer) lock(ctx context.Context) error {
	w.mu.Lock()
	if !w.busy {
		w.busy = true
		w.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	w.queue = append(w.queue, turn)
	w.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		w.giveUp(turn)
		return ctx.Err()
	}
}

// giveUp leaves the queue. If its turn came at the same moment, it passes the turn on.
func (w *writer) giveUp(turn chan struct{}) {
	w.mu.Lock()
	at := slices.Index(w.queue, turn)
	if at >= 0 {
		w.queue = slices.Delete(w.queue, at, at+1)
	}
	w.mu.Unlock()
	if at < 0 {
		w.unlock()
	}
}

// unlock passes the connection on. It commits an open batch when no job follows.
func (w *writer) unlock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 && w.open != nil {
		w.mu.Unlock()
		w.flush()
		w.mu.Lock()
	}
	if len(w.queue) == 0 {
		w.busy = false
		return
	}
	close(w.queue[0])
	w.queue = slices.Delete(w.queue, 0, 1)
}

// do runs one of our own statements. The caller holds the lock.
func (w *writer) do(query string) error {
	_, err := w.conn.ExecContext(context.Background(), query, nil)
	return err
}

// inTransaction asks SQLite, which ends a transaction by itself after some errors: a full disk, an interrupt, a
// trigger's ROLLBACK.
func (w *writer) inTransaction() bool {
	if w.bracket("BEGIN") != nil {
		return true // a transaction within a transaction
	}
	_ = w.bracket("ROLLBACK") // of a transaction that did nothing
	return false
}

// checkpoint writes the whole log into the database's file, waits for the disk, and for the readers: only when none reads the log any more does the
// next transaction begin it anew, and not behind what may be lost.
func (w *writer) checkpoint(mode string) error {
	rows, err := w.conn.QueryContext(context.Background(), "PRAGMA wal_checkpoint("+mode+")", nil)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("groupcommit: a checkpoint says nothing")
		}
		return err
	}
	if busy, _ := row[0].(int64); busy != 0 {
		return errors.New("groupcommit: a reader keeps a checkpoint from ending")
	}
	return nil
}

package groupcommit

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
)

// realConn is what modernc's connections can do.
type realConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

// writer is the one real connection and the queue in front of it.
type writer struct {
	conn  realConn
	seats int // guarded by the pool

	mu    sync.Mutex
	busy  bool
	queue []chan struct{}
}

func openWriter(d driver.Driver, dsn string) (*writer, error) {
	opened, err := d.Open(dsn)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(realConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("groupcommit: %T cannot begin transactions", opened), opened.Close())
	}
	w := &writer{conn: conn}
	if err := w.do("PRAGMA synchronous = NORMAL"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return w, nil
}

// lock waits for the connection, in the order of arrival.
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

// giveUp leaves the queue. A turn that has come in the same moment is passed on.
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

func (w *writer) unlock() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.busy = false
		return
	}
	close(w.queue[0])
	w.queue = slices.Delete(w.queue, 0, 1)
}

// do runs a statement of our own. The caller holds the lock.
func (w *writer) do(query string) error {
	_, err := w.conn.ExecContext(context.Background(), query, nil)
	return err
}

// inTransaction asks SQLite, which ends a transaction by itself after some errors: a full disk, an interrupt, a trigger's ROLLBACK.
func (w *writer) inTransaction() bool {
	if w.do("BEGIN") != nil {
		return true // a transaction within a transaction
	}
	_ = w.do("ROLLBACK") // of a transaction that did nothing
	return false
}

// checkpoint writes the whole log into the database's file and waits for the disk.
func (w *writer) checkpoint() error {
	rows, err := w.conn.QueryContext(context.Background(), "PRAGMA wal_checkpoint(FULL)", nil)
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

// Package groupcommit lets many transactions of a SQLite database share one fsync. It sits below database/sql, on modernc's driver, so
// that PocketBase and everything that uses it stay as they are.
//
//	db := groupcommit.Open("data.db?_txlock=immediate&_pragma=journal_mode(WAL)&...")  // an ordinary pool
//	groupcommit.Enable(db)                                                             // now the pool of the writers
//
// By default every transaction is a transaction of SQLite, alone on the one real connection, and is committed before
// the next begins. Transactions share the wait for the disk: the connection runs with synchronous=NORMAL, so that a
// COMMIT writes to the log (the -wal file) without waiting, and Commit returns when an fsync that began after the
// COMMIT has ended. Transactions that commit while an fsync runs share the next one.
//
// The words: the *writer* owns the real connection; a *seat* is what database/sql takes for a connection; a *job* is a
// transaction on a seat, or one statement outside of a transaction; a *batch* is one SQLite transaction that several
// jobs share, because each began with [Share]; the *syncer* owns the fsync. Jobs get the writer in order of arrival.
//
// A reader may see a row a moment before it is durable. docs/adr/0017-group-commit.md has the consequences.
package groupcommit

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	_ "modernc.org/sqlite" // registers the driver
)

// maxIdle is how many seats stay in the pool. They cost nothing, and one of them keeps the real connection open.
const maxIdle = 64

// Open opens a pool of ordinary connections of modernc's driver.
func Open(dsn string) (*sql.DB, error) {
	plain, err := sql.Open("sqlite", dsn) // note: this opens no file; it only gives access to the driver, which has the program's SQL functions
	if err != nil {
		return nil, err
	}
	p := &pool{driver: plain.Driver(), dsn: dsn}
	if err := plain.Close(); err != nil {
		return nil, err
	}
	p.syncer.datasync, p.syncer.path = datasync, pathOf(dsn)+"-wal"
	p.syncer.repair = p.repair
	return sql.OpenDB(p), nil
}

// IsOurs tells whether Open made the pool.
func IsOurs(db *sql.DB) bool {
	_, ok := db.Driver().(*pool)
	return ok
}

// Health is why nothing can be written since an fsync failed; nil when all is well. Beside a reader that does not end, such as a replica's, only
// another process can mend it.
func Health(db *sql.DB) error {
	if p, ok := db.Driver().(*pool); ok {
		return p.syncer.health()
	}
	return nil
}

// Enable turns a pool made by Open into the pool of the writers. Connections in use stay ordinary ones, which are
// slower and as safe.
func Enable(db *sql.DB) error {
	p, ok := db.Driver().(*pool)
	if !ok {
		return errors.New("groupcommit: the pool was not opened by this package")
	}
	p.enabled.Store(true)
	db.SetMaxIdleConns(0) // closes the ordinary ones
	db.SetMaxOpenConns(0)
	db.SetMaxIdleConns(maxIdle)
	return nil
}

// pathOf returns the database's file.
func pathOf(dsn string) string {
	path, _, _ := strings.Cut(dsn, "?")
	return strings.TrimPrefix(path, "file:")
}

// pool makes connections: ordinary ones, or seats at the writer.
type pool struct {
	driver  driver.Driver
	dsn     string
	enabled atomic.Bool
	syncer  syncer

	mu     sync.Mutex // guards writer, and the number of its seats
	writer *writer
}

// Interface guards.
var (
	_ driver.Connector = (*pool)(nil)
	_ driver.Driver    = (*pool)(nil)
)

// Driver returns the pool itself, so that Enable finds it.
func (p *pool) Driver() driver.Driver { return p }

// Open opens an ordinary connection to another database; database/sql does not call it.
func (p *pool) Open(dsn string) (driver.Conn, error) { return p.driver.Open(dsn) }

// Connect opens an ordinary connection, or takes a seat.
func (p *pool) Connect(context.Context) (driver.Conn, error) {
	if !p.enabled.Load() {
		return openConn(p.driver, p.dsn, keptByReaders)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writer == nil {
		w, err := openWriter(p.driver, p.dsn, &p.syncer)
		if err != nil {
			return nil, err
		}
		p.writer = w
	}
	p.writer.seats++
	return &seat{pool: p, writer: p.writer}, nil
}

// leave returns a seat; the last one closes the real connection.
func (p *pool) leave(w *writer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w.seats--; w.seats > 0 {
		return nil
	}
	p.writer = nil
	return errors.Join(p.syncer.close(), w.close())
}

// repair makes durable what a failed fsync did not: a checkpoint writes everything into the database's file.
func (p *pool) repair() error {
	p.mu.Lock()
	w := p.writer
	p.mu.Unlock()
	if w == nil {
		return errors.New("groupcommit: the connection is closed")
	}
	if err := w.lock(context.Background()); err != nil {
		return err
	}
	defer w.unlock()
	w.flush()
	return w.checkpoint("RESTART")
}

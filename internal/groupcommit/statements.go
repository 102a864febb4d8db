package groupcommit

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// How many statements a connection keeps: the writer, which is one, the server's own hot ones; readers, of which there may be forty, less. One costs
// some 10 KB.
const (
	keptStatements = 64
	keptByReaders  = 24
)

// statements is a connection that keeps what SQLite has made of the texts it was given: reading a text again is a sixth of what a small query
// costs. SQLite reads a kept one anew by itself when the schema has changed since.
//
// Only statements on rows are kept. Anything else (ALTER, PRAGMA, VACUUM, ATTACH) runs as it is, and forgets all: some of these want no other
// statement to be open.
type statements struct {
	realConn

	mu   sync.Mutex // note: database/sql may close rows of a transaction that has ended while the next one runs
	kept *simplelru.LRU[string, *statement]

	forgotten atomic.Int64 // how often all were dropped: the schema may be another one
}

// realStatement is what modernc's statements can do.
type realStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// statement is one that is kept. While its rows are read nobody else may run it.
type statement struct {
	realStatement

	busy bool
	gone bool // dropped while it was busy: whoever uses it ends it
}

// Interface guards.
var (
	_ realConn               = (*statements)(nil)
	_ driver.Pinger          = (*statements)(nil)
	_ driver.SessionResetter = (*statements)(nil)
	_ driver.Validator       = (*statements)(nil)
)

// openConn opens a real connection.
func openConn(d driver.Driver, dsn string, kept int) (*statements, error) {
	opened, err := d.Open(dsn)
	if err != nil {
		return nil, err
	}
	conn, ok := opened.(realConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("groupcommit: %T cannot begin transactions", opened), opened.Close())
	}
	s := &statements{realConn: conn}
	s.kept, err = simplelru.NewLRU(kept, func(_ string, dropped *statement) {
		if dropped.gone = true; !dropped.busy {
			_ = dropped.Close()
		}
	})
	return s, err
}

// isAboutRows tells whether a text is one statement that reads or changes rows.
func isAboutRows(query string) bool {
	query = strings.TrimSpace(query)
	verb, _, _ := strings.Cut(query, " ")
	switch strings.ToUpper(verb) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return !strings.Contains(strings.TrimSuffix(query, ";"), ";")
	default:
		return false
	}
}

// take finds the statement of a text, or makes it.
func (s *statements) take(ctx context.Context, query string) (*statement, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.kept.Get(query)
	if ok && !found.busy {
		found.busy = true
		return found, nil
	}
	fresh, err := s.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	made := &statement{realStatement: fresh, busy: true, gone: ok} // note: a second one of a text that is being read is not kept
	if !ok {
		s.kept.Add(query, made)
	}
	return made, nil
}

// prepare has SQLite read a text.
func (s *statements) prepare(ctx context.Context, query string) (realStatement, error) {
	prepared, err := s.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	fresh, can := prepared.(realStatement)
	if !can {
		return nil, errors.Join(fmt.Errorf("groupcommit: %T has no contexts", prepared), prepared.Close())
	}
	return fresh, nil
}

// release gives a statement back. One that failed is not used again.
func (s *statements) release(query string, used *statement, failed bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	used.busy = false
	switch {
	case used.gone:
		return used.Close()
	case failed:
		s.kept.Remove(query)
	}
	return nil
}

// forget drops all statements.
func (s *statements) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.Purge()
	s.forgotten.Add(1)
}

// ExecContext runs a statement.
func (s *statements) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if !isAboutRows(query) {
		s.forget()
		return s.realConn.ExecContext(ctx, query, args)
	}
	used, err := s.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := used.ExecContext(ctx, args)
	if closing := s.release(query, used, err != nil); err == nil {
		err = closing
	}
	return result, err
}

// QueryContext runs a statement that has rows; closing them gives it back.
func (s *statements) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !isAboutRows(query) {
		s.forget()
		return s.realConn.QueryContext(ctx, query, args)
	}
	used, err := s.take(ctx, query)
	if err != nil {
		return nil, err
	}
	found, err := used.QueryContext(ctx, args)
	if err != nil {
		_ = s.release(query, used, true) // the error says more than what ends the statement
		return nil, err
	}
	return &keptRows{typedRows: typedRows{found}, conn: s, query: query, used: used}, nil
}

// Ping asks the real connection.
func (s *statements) Ping(ctx context.Context) error {
	if p, ok := s.realConn.(driver.Pinger); ok {
		return p.Ping(ctx)
	}
	return nil
}

// ResetSession is called before database/sql uses the connection again.
func (s *statements) ResetSession(ctx context.Context) error {
	if r, ok := s.realConn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid tells whether database/sql may keep the connection.
func (s *statements) IsValid() bool {
	v, ok := s.realConn.(driver.Validator)
	return !ok || v.IsValid()
}

// Close ends the statements, and the connection.
func (s *statements) Close() error {
	s.forget()
	return s.realConn.Close()
}

// keptRows give their statement back when they are closed.
type keptRows struct {
	typedRows

	conn  *statements
	query string
	used  *statement // nil: closed
}

// Close ends the reading.
func (r *keptRows) Close() error {
	if r.used == nil {
		return nil
	}
	err := r.Rows.Close()
	closing := r.conn.release(r.query, r.used, err != nil)
	if r.used = nil; err == nil {
		err = closing
	}
	return err
}

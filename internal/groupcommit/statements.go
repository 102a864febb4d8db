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

// How many statements a connection keeps. The only writer keeps all of the server's frequent ones; the
// readers, of which there are more, keep fewer. One costs some 10 KB.
const (
	keptStatements = 64
	keptByReaders  = 24
)

// statements is a connection that keeps its prepared statements: preparing is a sixth of the cost of a small query.
// SQLite prepares a kept one again by itself after a change of the schema.
//
// It keeps only statements on rows. Any other (ALTER, PRAGMA, VACUUM, ATTACH) runs unkept and drops all kept ones,
// because some of these fail while another statement is open.
type statements struct {
	realConn

	mu   sync.Mutex // note: database/sql may close the rows of an ended transaction while the next one runs
	kept *simplelru.LRU[string, *statement]

	forgotten atomic.Int64 // how often all were dropped, each a possible change of the schema
}

// realStatement is what we use of modernc's statements.
type realStatement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// statement is a kept one. While it is busy, its rows are being read and it cannot run again.
type statement struct {
	realStatement

	busy bool
	gone bool // dropped while busy: release ends it
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

// take returns the kept statement of a text, or prepares one.
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
	made := &statement{realStatement: fresh, busy: true, gone: ok} // note: a second statement of a text whose first is busy is not kept
	if !ok {
		s.kept.Add(query, made)
	}
	return made, nil
}

// prepare lets SQLite parse a text.
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

// release returns a statement. A failed one is not used again.
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
		_ = s.release(query, used, true) // this error matters more than that of closing
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

// keptRows release their statement on Close.
type keptRows struct {
	typedRows

	conn  *statements
	query string
	used  *statement // nil: closed
}

// Close ends the reading and releases the statement.
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

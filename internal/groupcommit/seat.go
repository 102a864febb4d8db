package groupcommit

import (
	"context"
	"database/sql/driver"
	"errors"
)

// seat is a connection as database/sql sees it. It holds the writer during a transaction, or during one statement outside of one.
type seat struct {
	pool   *pool
	writer *writer
	tx     driver.Tx // nil outside of a transaction
	lost   error     // why SQLite has ended the transaction by itself
}

// Interface guards.
var (
	_ driver.ConnBeginTx        = (*seat)(nil)
	_ driver.ConnPrepareContext = (*seat)(nil)
	_ driver.ExecerContext      = (*seat)(nil)
	_ driver.QueryerContext     = (*seat)(nil)
	_ driver.Pinger             = (*seat)(nil)
)

// enter takes the writer, unless what was written last cannot be made durable.
func (s *seat) enter(ctx context.Context) error {
	if s.pool.syncer.health() != nil {
		if err := s.pool.syncer.wait(); err != nil { // which tries the repair again
			return err
		}
	}
	return s.writer.lock(ctx)
}

// BeginTx begins a transaction when the ones before have ended.
func (s *seat) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	tx, err := s.writer.conn.BeginTx(ctx, opts)
	if err != nil {
		s.writer.unlock()
		return nil, err
	}
	s.tx, s.lost = tx, nil
	return s, nil
}

// Begin is BeginTx for those who have no context.
func (s *seat) Begin() (driver.Tx, error) { return s.BeginTx(context.Background(), driver.TxOptions{}) }

// Commit commits, lets the next job have the writer, and returns when the transaction is on the disk.
func (s *seat) Commit() error {
	if s.lost != nil {
		return errors.Join(s.lost, s.Rollback())
	}
	err := s.tx.Commit()
	s.tx = nil
	s.writer.unlock()
	if err != nil {
		return err
	}
	return s.pool.syncer.wait()
}

// Rollback undoes the transaction. One that SQLite has undone itself is no error.
func (s *seat) Rollback() (err error) {
	if s.lost == nil {
		err = s.tx.Rollback()
	}
	s.tx = nil
	s.writer.unlock()
	return err
}

// note remembers that an error has ended the transaction, so that what follows in the same job does not run outside of one.
func (s *seat) note(err error) {
	if err != nil && !s.writer.inTransaction() {
		s.lost = err
	}
}

// ExecContext runs a statement. Outside of a transaction it returns when the change is on the disk.
func (s *seat) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if s.tx != nil {
		if s.lost != nil {
			return nil, s.lost
		}
		result, err := s.writer.conn.ExecContext(ctx, query, args)
		s.note(err)
		return result, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	result, err := s.writer.conn.ExecContext(ctx, query, args)
	s.writer.unlock()
	if err != nil {
		return nil, err
	}
	return result, s.pool.syncer.wait()
}

// QueryContext runs a statement that has rows. Outside of a transaction the writer is held until they are closed.
func (s *seat) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if s.tx != nil {
		if s.lost != nil {
			return nil, s.lost
		}
		found, err := s.writer.conn.QueryContext(ctx, query, args)
		if err != nil {
			s.note(err)
			return nil, err
		}
		return &rows{Rows: found, seat: s}, nil
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	found, err := s.writer.conn.QueryContext(ctx, query, args)
	if err != nil {
		s.writer.unlock()
		return nil, err
	}
	return &rows{Rows: found, seat: s, alone: true}, nil
}

// Close gives the seat back.
func (s *seat) Close() error {
	var err error
	if s.tx != nil {
		err = s.Rollback()
	}
	return errors.Join(err, s.pool.leave(s.writer))
}

// Ping succeeds while the real connection is open, which is as long as there is a seat.
func (s *seat) Ping(context.Context) error { return nil }

// Prepare is PrepareContext for those who have no context.
func (s *seat) Prepare(query string) (driver.Stmt, error) {
	return s.PrepareContext(context.Background(), query)
}

// PrepareContext remembers the text. SQLite reads it when it is run, because another seat may have changed the schema by then.
func (s *seat) PrepareContext(_ context.Context, query string) (driver.Stmt, error) {
	return &stmt{seat: s, query: query}, nil
}

type stmt struct {
	seat  *seat
	query string
}

// Interface guards.
var (
	_ driver.StmtExecContext  = (*stmt)(nil)
	_ driver.StmtQueryContext = (*stmt)(nil)
)

func (s *stmt) Close() error  { return nil }
func (s *stmt) NumInput() int { return -1 } // not known before it runs

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.seat.ExecContext(ctx, s.query, args)
}

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.seat.QueryContext(ctx, s.query, args)
}

func (s *stmt) Exec(args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), numbered(args))
}

func (s *stmt) Query(args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), numbered(args))
}

func numbered(args []driver.Value) []driver.NamedValue {
	all := make([]driver.NamedValue, len(args))
	for i, value := range args {
		all[i] = driver.NamedValue{Ordinal: i + 1, Value: value}
	}
	return all
}

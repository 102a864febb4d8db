package groupcommit

import (
	"context"
	"database/sql/driver"
	"errors"
)

// seat is a connection as database/sql sees it. It holds the writer during a job: a transaction, or one statement
// outside of a transaction.
type seat struct {
	pool   *pool
	writer *writer
	job    *job // nil outside of a transaction
}

// Interface guards.
var (
	_ driver.ConnBeginTx        = (*seat)(nil)
	_ driver.ConnPrepareContext = (*seat)(nil)
	_ driver.ExecerContext      = (*seat)(nil)
	_ driver.QueryerContext     = (*seat)(nil)
	_ driver.Pinger             = (*seat)(nil)
)

// enter takes the writer, and fails when the last write cannot be made durable.
func (s *seat) enter(ctx context.Context) error {
	if s.pool.syncer.health() != nil {
		if err := s.pool.syncer.wait(); err != nil { // tries the repair again
			return err
		}
	}
	return s.writer.lock(ctx)
}

// enterAlone takes the writer outside of any transaction.
func (s *seat) enterAlone(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	s.writer.flush()
	return nil
}

// BeginTx begins a job after the jobs before it.
func (s *seat) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	j, err := s.writer.start(ctx, opts)
	if err != nil {
		s.writer.unlock()
		return nil, err
	}
	s.job = j
	return s, nil
}

// Begin is BeginTx without a context.
func (s *seat) Begin() (driver.Tx, error) { return s.BeginTx(context.Background(), driver.TxOptions{}) }

// Commit ends the job, passes the writer on, and returns when the job is on the disk.
func (s *seat) Commit() error {
	j := s.job
	s.job = nil
	return j.commit()
}

// Rollback undoes the job. It returns nil when SQLite has already undone it.
func (s *seat) Rollback() error {
	j := s.job
	s.job = nil
	return j.rollback()
}

// ExecContext runs a statement. Outside of a transaction it returns when the change is on the disk.
func (s *seat) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if s.job != nil {
		return s.job.exec(ctx, query, args)
	}
	if err := s.enterAlone(ctx); err != nil {
		return nil, err
	}
	result, err := s.writer.conn.ExecContext(ctx, query, args)
	s.writer.unlock()
	if err != nil {
		return nil, err
	}
	return result, s.pool.syncer.wait()
}

// QueryContext runs a statement that has rows. Outside of a transaction it holds the writer until they are closed.
func (s *seat) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if s.job != nil {
		found, err := s.job.query(ctx, query, args)
		if err != nil {
			return nil, err
		}
		return &rows{typedRows: typedRows{found}, seat: s, job: s.job}, nil
	}
	if err := s.enterAlone(ctx); err != nil {
		return nil, err
	}
	found, err := s.writer.conn.QueryContext(ctx, query, args)
	if err != nil {
		s.writer.unlock()
		return nil, err
	}
	return &rows{typedRows: typedRows{found}, seat: s}, nil
}

// Close returns the seat.
func (s *seat) Close() error {
	var err error
	if s.job != nil {
		err = s.Rollback()
	}
	return errors.Join(err, s.pool.leave(s.writer))
}

// Ping always succeeds: a seat keeps the real connection open.
func (s *seat) Ping(context.Context) error { return nil }

// Prepare is PrepareContext without a context.
func (s *seat) Prepare(query string) (driver.Stmt, error) {
	return s.PrepareContext(context.Background(), query)
}

// PrepareContext stores the text. SQLite parses it when it runs, because another seat may change the schema in between.
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

package groupcommit

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"time"
)

// job is a transaction as database/sql sees it: its own SQLite transaction, or a savepoint in one that it shares with
// the jobs before it.
type job struct {
	w     *writer
	tx    driver.Tx // the job's own; nil in a savepoint
	lost  error     // the error with which SQLite ended the transaction by itself
	share bool      // the job began with Share

	mu        sync.Mutex // guards what follows, until the job is decided
	undecided bool       // the transaction of the jobs before it is open, and this job's first statement is still to come
	timer     *time.Timer
}

// start begins a job. The caller holds the writer. While a batch is open, the job's first statement decides whether it
// joins the batch.
func (w *writer) start(ctx context.Context, opts driver.TxOptions) (*job, error) {
	j := &job{w: w}
	switch {
	case opts != driver.TxOptions{}:
		w.flush()
		tx, err := w.conn.BeginTx(ctx, opts)
		j.tx = tx
		return j, err
	case w.open == nil:
		j.tx = w
		return j, w.bracket(w.begin)
	default:
		j.mu.Lock()
		defer j.mu.Unlock()
		j.undecided = true
		j.timer = time.AfterFunc(undecidedFor, func() { j.decide(false) })
		return j, nil
	}
}

// decide settles whether a job that began behind an open batch joins it.
func (j *job) decide(share bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.undecided {
		return
	}
	j.undecided = false
	j.timer.Stop()
	if share {
		j.lost = j.w.bracket("SAVEPOINT wxbase_job")
		return
	}
	j.w.flush()
	j.tx, j.lost = j.w, j.w.bracket(j.w.begin)
}

// isShare handles the Share statement.
func (j *job) isShare(query string) bool {
	if query != Share {
		j.decide(false)
		return false
	}
	j.decide(true)
	j.share = j.tx == nil || j.w.mayShare()
	return true
}

// exec runs a statement of the job.
func (j *job) exec(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if j.isShare(query) || j.lost != nil {
		return driver.ResultNoRows, j.lost
	}
	result, err := j.w.conn.ExecContext(j.within(ctx), query, args)
	j.note(err)
	return result, err
}

// query runs a statement of the job that has rows.
func (j *job) query(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if j.decide(false); j.lost != nil {
		return nil, j.lost
	}
	found, err := j.w.conn.QueryContext(j.within(ctx), query, args)
	j.note(err)
	return found, err
}

// within returns the context of a statement. NB! A context that ends during a statement makes SQLite roll back the
// whole transaction, including the jobs before.
func (j *job) within(ctx context.Context) context.Context {
	if j.tx == nil {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// note remembers an error that ended the transaction, so that later statements of the job do not run outside of one.
func (j *job) note(err error) {
	if err == nil || j.w.inTransaction() {
		return
	}
	j.lost = err
	if j.tx == nil {
		j.w.lose(err)
	}
}

// commit ends the job and returns when it is on the disk.
func (j *job) commit() error {
	j.decide(false)
	if j.lost != nil {
		return errors.Join(j.lost, j.rollback())
	}
	if j.tx == nil {
		if err := j.w.bracket("RELEASE wxbase_job"); err != nil {
			return errors.Join(err, j.rollback())
		}
	}
	if j.share && j.w.isWanted() {
		b := j.w.join()
		j.w.unlock()
		<-b.done
		return b.err
	}
	return j.commitAll()
}

// commitAll commits the SQLite transaction with all its jobs.
func (j *job) commitAll() error {
	w, b := j.w, j.w.open
	if b == nil {
		err := j.tx.Commit()
		if w.unlock(); err != nil {
			return err
		}
		return w.syncer.wait()
	}
	w.open = nil
	err := w.Commit()
	if w.unlock(); err != nil {
		b.fail(err)
		return b.err
	}
	return b.end(w.syncer)
}

// rollback undoes the job, and keeps the jobs before it.
func (j *job) rollback() (err error) {
	j.mu.Lock()
	begun := !j.undecided
	if j.undecided = false; j.timer != nil {
		j.timer.Stop()
	}
	j.mu.Unlock()
	switch {
	case !begun || j.lost != nil:
	case j.tx != nil:
		err = j.tx.Rollback()
	default:
		err = j.leave()
	}
	j.w.unlock()
	return err
}

// leave takes the job out of the shared transaction. When that fails, the content of the transaction is unknown, and
// all of it is undone.
func (j *job) leave() error {
	err := j.w.bracket("ROLLBACK TO wxbase_job")
	if err == nil {
		err = j.w.bracket("RELEASE wxbase_job")
	}
	if err != nil {
		j.w.lose(errors.Join(err, j.w.Rollback()))
	}
	return err
}

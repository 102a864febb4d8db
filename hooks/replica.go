package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/backup"
	"wxbase/internal/explain"
	"wxbase/internal/redact"
	"wxbase/internal/replica"
	"wxbase/internal/standby"
	"wxbase/internal/vitals"
)

// replication copies the database to WXBASE_REPLICA while a server runs, and fetches it from there for an empty folder. Without the variable
// it does nothing.
type replication struct {
	app   core.App
	place *replica.Place // nil without
	now   func() time.Time
	out   io.Writer

	end  chan struct{} // closed when the server ends
	once sync.Once

	mu      sync.Mutex
	running *replica.Replica
	failed  error     // why it does not run
	since   time.Time // when it was to begin
}

const (
	startWithin = 30 * time.Second // another server may have to be watched first
	tryEvery    = 15 * time.Second // where the place did not answer at the start
	stopWithin  = 6 * time.Second  // bounds the last copy: the whole end of a server has ten seconds
)

func (r *replication) bind() {
	r.app.OnBootstrap().Bind(&hook.Handler[*core.BootstrapEvent]{Id: "wxStandby", Priority: -10000, Func: refuseStandby})
	if r.place == nil {
		return
	}
	r.app.OnBootstrap().Bind(&hook.Handler[*core.BootstrapEvent]{Id: "wxReplicaRestore", Priority: -9999, Func: r.fetch})
}

// refuseStandby keeps a new shop out of a folder in which a standby follows another server.
func refuseStandby(e *core.BootstrapEvent) error {
	if err := standby.Refuse(e.App.DataDir()); err != nil {
		return err
	}
	return e.Next()
}

// fetch brings the database into a folder that has none, before anybody opens it. A place that does not answer stops the start: a new shop
// in the stead of the old one would be worse.
func (r *replication) fetch(e *core.BootstrapEvent) error {
	dir := e.App.DataDir()
	if _, err := os.Stat(filepath.Join(dir, "data.db")); !errors.Is(err, fs.ErrNotExist) {
		return e.Next()
	}
	if err := r.place.CheckApart(dir); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(r.out, "  replica: this folder is empty; looking into %s\n", r.place)
	report, found, err := backup.FromReplica(context.Background(), r.place, dir, time.Time{}, r.now)
	if err != nil {
		return err
	}
	if found {
		_, _ = fmt.Fprintf(r.out, "  replica: restored; newest change %s, %d files\n", report.Newest.Local().Format(time.DateTime), report.Files)
	} else {
		_, _ = fmt.Fprintln(r.out, "  replica: there is nothing yet; a new shop begins")
	}
	return e.Next()
}

// start begins to copy.
//
// note: PocketBase's nightly checkpoint would wait ten seconds for Litestream's reader, and hold up all writes meanwhile. Litestream makes
// the checkpoints of data.db; what else that job does is done here.
func (r *replication) start(e *core.ServeEvent) error {
	if r.place == nil {
		return nil
	}
	r.since = r.now()
	e.App.Cron().Remove("__pbDBOptimize__")
	e.App.Cron().MustAdd("wxOptimize", "0 20 * * *", func() { r.optimize(e.App) })
	err := r.begin(e.App)
	if err == nil || isTaken(err) {
		return err
	}
	_, _ = fmt.Fprintf(r.out, "  warning: %v; the shop serves, and it is tried again\n", err)
	go r.tryAgain(e.App)
	return nil
}

func (r *replication) begin(app core.App) error {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	running, err := replica.Start(ctx, app.DataDir(), r.place, replica.Options{
		Logger: app.Logger(), Files: filepath.Join(app.DataDir(), core.LocalStorageDirName),
		FilesWanted: func() bool { return !app.Settings().S3.Enabled }, Fenced: r.giveWay,
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running, r.failed = running, err
	return err
}

// tryAgain goes on until the place answers: a bucket that is away is no reason to sell nothing.
func (r *replication) tryAgain(app core.App) {
	for {
		select {
		case <-r.end:
			return
		case <-time.After(tryEvery):
		}
		err := r.begin(app)
		if err == nil {
			return
		}
		if isTaken(err) {
			r.giveWay(err)
			return
		}
	}
}

// isTaken tells that another server has the place.
func isTaken(err error) bool {
	return errors.Is(err, replica.ErrHeld) || errors.Is(err, replica.ErrReplaced)
}

// giveWay ends the process: what two servers sell at once nobody can put into one book. The next start is refused.
func (r *replication) giveWay(err error) {
	_, _ = fmt.Fprintf(r.out, "  error: %v; this server ends\n", err)
	if self, err := os.FindProcess(os.Getpid()); err == nil && self.Signal(syscall.SIGTERM) == nil {
		return
	}
	os.Exit(1) // note: Windows knows no such signal
}

func (r *replication) optimize(app core.App) {
	for _, job := range []func() error{
		func() error { _, err := app.NonconcurrentDB().NewQuery("PRAGMA optimize").Execute(); return err },
		func() error {
			_, err := app.AuxNonconcurrentDB().NewQuery("PRAGMA wal_checkpoint(TRUNCATE)").Execute()
			return err
		},
	} {
		if err := job(); err != nil {
			app.Logger().Warn("nightly work on the databases failed", "error", err.Error())
		}
	}
}

// stop copies the rest.
func (r *replication) stop() {
	if r.place == nil {
		return
	}
	r.once.Do(func() { close(r.end) })
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	r.mu.Lock()
	running := r.running
	r.running = nil
	r.mu.Unlock()
	if running == nil {
		return
	}
	if err := running.Stop(ctx); err != nil {
		_, _ = fmt.Fprintf(r.out, "  warning: %v\n", err)
	}
}

// status is what health, metrics and alerts tell.
func (r *replication) status() vitals.Replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.running != nil:
		s := r.running.Status()
		return vitals.Replica{
			On: true, Place: r.place.String(), Lag: s.Lag, Problem: s.Problem,
			FilesOff: s.Files.Off, FilesLag: s.Files.Lag, FilesProblem: explain.OneLine(redact.Text(s.Files.Problem)),
		}
	case r.failed != nil:
		return vitals.Replica{On: true, Place: r.place.String(), Lag: r.now().Sub(r.since), FilesOff: true, Problem: explain.OneLine(redact.Text(r.failed.Error()))}
	}
	return vitals.Replica{}
}

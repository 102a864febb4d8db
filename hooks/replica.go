package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/hook"

	"wxbase/internal/backup"
	"wxbase/internal/replica"
	"wxbase/internal/vitals"
)

// replication copies the database to WXBASE_REPLICA while a server runs, and fetches it from there for an empty folder. Without the variable
// it does nothing.
type replication struct {
	app     core.App
	place   *replica.Place // nil without
	running *replica.Replica
	now     func() time.Time
	out     io.Writer
}

// stopWithin bounds the last copy: the whole end of a server has ten seconds.
const stopWithin = 6 * time.Second

func (r *replication) bind() {
	if r.place == nil {
		return
	}
	r.app.OnBootstrap().Bind(&hook.Handler[*core.BootstrapEvent]{Id: "wxReplicaRestore", Priority: -9999, Func: r.fetch})
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
		_, _ = fmt.Fprintf(r.out, "  replica: restored; newest change %s\n", report.Newest.Local().Format(time.DateTime))
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
	if r.place == nil || e.Server == nil {
		return nil
	}
	e.App.Cron().Remove("__pbDBOptimize__")
	e.App.Cron().MustAdd("wxOptimize", "0 20 * * *", func() { r.optimize(e.App) })
	running, err := replica.Start(context.Background(), e.App.DataDir(), r.place, replica.Options{Logger: e.App.Logger()})
	if err != nil {
		return err
	}
	r.running = running
	return nil
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

func (r *replication) stop() {
	if r.running == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if err := r.running.Stop(ctx); err != nil {
		_, _ = fmt.Fprintf(r.out, "  warning: %v\n", err)
	}
}

// status is what health, metrics and alerts tell.
func (r *replication) status() vitals.Replica {
	if r.running == nil {
		return vitals.Replica{}
	}
	s := r.running.Status()
	return vitals.Replica{On: true, Place: r.place.String(), Lag: s.Lag, Problem: s.Problem}
}

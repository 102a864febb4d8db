package hooks

import (
	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/groupcommit"
	"wxbase/internal/vitals"
)

// newVitals gives what looks at the server what it needs.
func (p *Plugin) newVitals() *vitals.Vitals {
	return vitals.New(vitals.Deps{
		App: p.app, Now: p.Now, Books: p.books, Accounts: p.accounts, Out: p.cfg.Out, Simulated: p.cfg.Sim, SweepEvery: p.cfg.SweepEvery,
		ProbeEvery: p.cfg.ProbeEvery, ProbeFresh: p.cfg.ProbeFresh, DiskFreeMB: p.cfg.DiskFreeMB, BackupHours: p.cfg.BackupHours,
		Advice: p.refusals.advice, Scripts: func() []string { return p.scripts.Advice() }, Replica: p.replication.status, Unsynced: func() error { return unsynced(p.app) },
	})
}

// unsynced is why the database takes nothing since an fsync failed; nil when it does.
func unsynced(app core.App) error {
	if db, ok := app.NonconcurrentDB().(*dbx.DB); ok {
		return groupcommit.Health(db.DB())
	}
	return nil
}

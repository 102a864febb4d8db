package hooks

import "wxbase/internal/vitals"

// newVitals gives what looks at the server what it needs.
func (p *Plugin) newVitals() *vitals.Vitals {
	return vitals.New(vitals.Deps{
		App: p.app, Now: p.Now, Books: p.books, Accounts: p.accounts, Out: p.cfg.Out, Simulated: p.cfg.Sim, SweepEvery: p.cfg.SweepEvery,
		ProbeEvery: p.cfg.ProbeEvery, ProbeFresh: p.cfg.ProbeFresh, DiskFreeMB: p.cfg.DiskFreeMB, BackupHours: p.cfg.BackupHours,
		Advice: p.refusals.advice, Scripts: func() []string { return p.scripts.Advice() }, Replica: p.replication.status,
	})
}

package hooks

import (
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Sweep runs one round of the sweep.
func (p *Plugin) Sweep(ctx context.Context) error { return p.sweep(ctx) }

// Drain carries out everything in the outbox that is due.
func (p *Plugin) Drain(ctx context.Context) error { return p.drain(ctx) }

// SweepRefunds runs one round of the sweep of refunds.
func (p *Plugin) SweepRefunds(ctx context.Context) error { return p.sweepRefunds(ctx) }

// EdgeKeys is what GET /api/wx/edges/key answers.
func (p *Plugin) EdgeKeys() ([]byte, error) {
	signer, err := p.ticketSigner()
	if err != nil {
		return nil, err
	}
	return signer.PublicKeys(), nil
}

// SetEffects changes how many effects go at a time and how long one may take; for a test that begins.
func (p *Plugin) SetEffects(places int, timeout time.Duration) {
	p.outbox.lanes.mu.Lock()
	defer p.outbox.lanes.mu.Unlock()
	p.outbox.lanes.slots, p.outbox.lanes.timeout = make(chan struct{}, places), timeout
}

// ScriptAdvice is what the owner is told about JavaScript hooks.
func (p *Plugin) ScriptAdvice() []string { return p.scripts.advice() }

// StopScripts interrupts every script, as the end of the process does.
func (p *Plugin) StopScripts() { p.scripts.guard.stopAll() }

// ResealSecrets is what a start does with the stored secrets.
func (p *Plugin) ResealSecrets(app core.App) error {
	return p.resealSecrets(&core.ServeEvent{App: app})
}

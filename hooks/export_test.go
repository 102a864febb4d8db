package hooks

import "context"

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

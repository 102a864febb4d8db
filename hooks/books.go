package hooks

import (
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// books writes what may not be lost: the inbox of what WeChat sent, the outbox of what is still to do, alerts and counted allowances.
type books struct {
	app     core.App
	now     func() time.Time
	every   time.Duration // how often the worker looks by itself
	outbox  *outbox
	effects map[string]effect
	webhook *webhook
	address func() string // of this server, for the webhook
}

// newBooks makes the books of an app. every is how often the outbox is looked at, told whom a new alert calls (nil: nobody), address the public
// address of this server.
func newBooks(app core.App, now func() time.Time, every time.Duration, told *webhook, address func() string) *books {
	b := &books{app: app, now: now, every: every, outbox: newOutbox(), effects: map[string]effect{}, webhook: told, address: address}
	b.handle(effectAlert, effect{do: b.raiseOld})
	b.handle(effectWebhook, effect{do: b.tellWebhook, alert: b.alertForWebhook, lane: effectWebhook})
	return b
}

// idleFor is how long the worker has not looked.
func (b *books) idleFor() time.Duration { return b.outbox.lanes.idleFor() }

// tellUnkept calls about something that cannot be written down, a few times, without waiting for it.
func (b *books) tellUnkept(kind alertKind, subject, reason string) {
	b.webhook.tellUnkept(kind, subject, reason)
}

// carryOut puts a row of the outbox as it was read into its lane, and waits.
func (b *books) carryOut(ctx context.Context, row *core.Record) error {
	b.enter(ctx, row)
	return b.outbox.lanes.wait()
}

// setPlaces changes how many effects go at a time and how long one may take. It is called before the worker starts.
func (b *books) setPlaces(places int, timeout time.Duration) {
	l := b.outbox.lanes
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots, l.timeout = make(chan struct{}, places), timeout
}

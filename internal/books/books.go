// Package books writes what may not be lost: the inbox of what WeChat sent, the outbox of what is still to do, the alerts that a person must see,
// and counted allowances. Features reach these tables through it only.
//
// An effect is queued in the transaction that causes it (QueueEffect) and carried out after the commit by a worker, in lanes: effects of one
// order go one after the other, several orders go at once. What fails is tried again, later and later. What must not happen twice has to be safe
// to repeat: a process that dies between the act and its note does it again.
package books

import (
	"context"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Books writes what may not be lost: the inbox of what WeChat sent, the outbox of what is still to do, alerts and counted allowances.
type Books struct {
	app     core.App
	now     func() time.Time
	every   time.Duration // how often the worker looks by itself
	outbox  *outbox
	effects map[string]Effect
	webhook *Webhook
	address func() string // of this server, for the webhook
}

// New makes the books of an app. every is how often the outbox is looked at, told whom a new alert calls (nil: nobody), address the public
// address of this server.
func New(app core.App, now func() time.Time, every time.Duration, told *Webhook, address func() string) *Books {
	b := &Books{app: app, now: now, every: every, outbox: newOutbox(), effects: map[string]Effect{}, webhook: told, address: address}
	b.Handle(effectAlert, Effect{Do: b.raiseOld})
	b.Handle(effectWebhook, Effect{Do: b.tellWebhook, Alert: b.alertForWebhook, lane: effectWebhook})
	return b
}

// IdleFor is how long the worker has not looked.
func (b *Books) IdleFor() time.Duration { return b.outbox.lanes.idleFor() }

// TellUnkept calls about something that cannot be written down, a few times, without waiting for it.
func (b *Books) TellUnkept(kind AlertKind, subject, reason string) {
	b.webhook.tellUnkept(kind, subject, reason)
}

// CarryOut puts a row of the outbox as it was read into its lane, and waits.
func (b *Books) CarryOut(ctx context.Context, row *core.Record) error {
	b.enter(ctx, row)
	return b.outbox.lanes.wait()
}

// SetPlaces changes how many effects go at a time and how long one may take. It is called before the worker starts.
func (b *Books) SetPlaces(places int, timeout time.Duration) {
	l := b.outbox.lanes
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots, l.timeout = make(chan struct{}, places), timeout
}

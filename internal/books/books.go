// Package books writes what may not be lost: the inbox of what WeChat sent, the outbox of what is still to do, the alerts that a person must see,
// and counted allowances. Features reach these tables through it only.
//
// An effect is queued in the transaction that causes it (QueueEffect) and carried out after the commit by a worker, in lanes: effects of one
// order go one after the other, several orders go at once. What fails is tried again, later and later. What must not happen twice has to be safe
// to repeat: a process that dies between the act and its note does it again.
package books

import (
	"context"
	"errors"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Books writes what may not be lost: the inbox of what WeChat sent, the outbox of what is still to do, alerts and counted allowances.
type Books struct {
	*base
	*alerts
	*inbox
	*outbox
	*quotas
}

// base is what each of the books works with.
type base struct {
	app core.App
	now func() time.Time
}

// New makes the books of an app. every is how often the outbox is looked at, told whom a new alert calls (nil: nobody), address the public
// address of this server.
func New(app core.App, now func() time.Time, every time.Duration, told *Webhook, address func() string) *Books {
	Watch(app, "", nil) // from now on Write knows the app
	base := &base{app: app, now: now}
	alerts := &alerts{base: base, webhook: told, address: address}
	b := &Books{base: base, alerts: alerts, inbox: &inbox{base}, outbox: newOutbox(base, alerts, every), quotas: &quotas{base}}
	b.Handle(effectAlert, Effect{Do: b.raiseOld})
	b.Handle(effectWebhook, Effect{Do: b.tellWebhook, Alert: b.alertForWebhook, lane: effectWebhook})
	return b
}

// LogError logs an error that nobody else hears of; none, and that of an ended context, it leaves out.
func (b *base) LogError(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		b.app.Logger().Error(what+" stopped", "error", err.Error())
	}
}

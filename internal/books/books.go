// Package books writes what may not be lost: the *inbox* of what WeChat sent, the *outbox* of what is still to do, the
// *alerts* that a person must see, and the *quotas* that limit uses. Features reach these tables only through it.
//
// An *effect* is queued in the transaction that causes it (QueueEffect) and carried out after the commit by a worker,
// in *lanes*: effects of one order run in sequence, those of several orders concurrently. A failed effect is repeated
// at growing intervals. Effects must be safe to repeat: a process that dies between the act and its note repeats it.
package books

import (
	"context"
	"errors"
	"time"

	"github.com/pocketbase/pocketbase/core"
)

// Books writes what may not be lost: inbox, outbox, alerts and quotas.
type Books struct {
	*base
	*alerts
	*inbox
	*outbox
	*quotas
}

// base is what all parts share.
type base struct {
	app core.App
	now func() time.Time
}

// New makes the books of an app. The worker looks into the outbox at least at this interval; webhook receives new
// alerts (nil: none), address is the public address of this server.
func New(app core.App, now func() time.Time, every time.Duration, webhook *Webhook, address func() string) *Books {
	Watch(app, "", nil) // so that Write knows the app
	base := &base{app: app, now: now}
	alerts := &alerts{base: base, webhook: webhook, address: address}
	b := &Books{base: base, alerts: alerts, inbox: &inbox{base}, outbox: newOutbox(base, alerts, every), quotas: &quotas{base}}
	b.Handle(effectAlert, Effect{Do: b.raiseOld})
	b.Handle(effectWebhook, Effect{Do: b.tellWebhook, Alert: b.alertForWebhook, lane: effectWebhook})
	return b
}

// LogError logs an error that is not returned to anyone. It skips nil and the error of an ended context.
func (b *base) LogError(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		b.app.Logger().Error(what+" stopped", "error", err.Error())
	}
}

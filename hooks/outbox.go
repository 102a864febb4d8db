package hooks

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"

	"wxbase/internal/redact"
)

// Effects of the outbox.
const (
	effectNotice       = "order.paid.notice" // the banner in the room notice
	effectPaidHooks    = "order.paid.hooks"  // OnOrderPaid
	effectRefundHooks  = "refund.succeeded"  // OnRefundSucceeded
	effectClosePayment = "payment.close"     // another attempt has paid the order
	effectAutoRefund   = "refund.auto"       // money that nobody wants goes back
	effectImport       = "refund.import"     // WeChat knows of refunds that we have not made
	effectUpload       = "shipping.upload"   // shipping information goes to WeChat
	effectAlert        = "alert"             // a person must look; rows of versions before wx_alerts
	effectWebhook      = "alert.webhook"     // somebody is called about an alert
	effectMessage      = "message.send"      // a buyer is told of it
	effectPush         = "push.handle"       // what WeChat pushed is worked on
	effectCheck        = "check.record"      // what somebody wrote goes to WeChat's check
	effectCheckLate    = "check.late"        // and is asked for again when no result comes
)

// outbox wakes the worker that carries out what a transaction has queued.
type outbox struct {
	woken chan struct{}
	soon  atomic.Bool // somebody has woken the worker, and it has not been told yet
	stop  context.CancelFunc
	done  sync.WaitGroup
	lanes *lanes
}

func newOutbox() *outbox { return &outbox{woken: make(chan struct{}, 1), lanes: newLanes()} }

// wakeAfter is how long the worker is left alone after somebody wants it, so that under load it looks once for many.
const wakeAfter = 5 * time.Millisecond

// wake makes the worker look in a moment. It never blocks.
func (o *outbox) wake() {
	if !o.soon.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(wakeAfter, func() {
		o.soon.Store(false) // note: before the worker looks, so that what comes from now on wakes it again
		select {
		case o.woken <- struct{}{}:
		default:
		}
	})
}

// queueEffect adds an effect in the transaction of the transition that causes it. The key is unique, so it is there once however
// often the transition is tried.
func queueEffect(tx core.App, effect, about string, payload map[string]any) error {
	key := effect + "/" + about
	if _, err := tx.FindFirstRecordByData("wx_outbox", "key", key); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err := insert(tx, "wx_outbox", map[string]any{"effect": effect, "key": key, "payload": payload, "nextAt": types.NowDateTime()})
	return err
}

// startWorker runs the outbox, and beside it the sweep, until the app ends.
func (p *Plugin) startWorker() {
	ctx, cancel := context.WithCancel(context.Background())
	p.outbox.stop = cancel
	p.outbox.done.Go(func() { defer p.outliveApp(); p.workOutbox(ctx) })
	p.outbox.done.Go(func() { defer p.outliveApp(); p.workSweep(ctx) })
	p.outbox.wake() // what an earlier process left
}

// outliveApp lets a worker end when its app has been taken apart under it: PocketBase has no database then, and says so by a nil pointer. That is
// a step that was still under way after outboxGrace, or a program that resets the app without ending it.
func (p *Plugin) outliveApp() {
	if p.app.IsBootstrapped() {
		return
	}
	_ = recover()
}

func (p *Plugin) workOutbox(ctx context.Context) {
	tick := time.NewTicker(p.cfg.SweepEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		_, err := p.dispatch(ctx)
		p.logErr("outbox", errors.Join(err, p.outbox.lanes.fault()))
		select {
		case <-ctx.Done():
			return
		case <-p.outbox.woken:
		case <-tick.C:
		}
	}
}

func (p *Plugin) workSweep(ctx context.Context) {
	tick := time.NewTicker(p.cfg.SweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.logErr("sweep", p.sweep(ctx))
			p.logErr("sweep of refunds", p.sweepRefunds(ctx))
		}
	}
}

// stopWorker waits for the steps at hand, but not for ever: what is not noted as done is done again at the next start.
func (p *Plugin) stopWorker() {
	if p.outbox.stop == nil {
		return
	}
	p.outbox.stop()
	ended := make(chan struct{})
	go func() { defer close(ended); p.outbox.done.Wait() }()
	select {
	case <-ended:
	case <-time.After(outboxGrace):
		p.app.Logger().Warn("the server ends while effects are under way; they are carried out again")
	}
}

func (p *Plugin) logErr(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		p.app.Logger().Error(what+" stopped", "error", err.Error())
	}
}

// carryDue is carry for the worker. Effects that a request may be carrying out at the same time take turns with it.
func (p *Plugin) carryDue(ctx context.Context, row *core.Record) error {
	if row.GetString("effect") == effectUpload {
		return p.carryShipment(ctx, row)
	}
	return p.carry(ctx, row)
}

// finalError is why an effect is given up: trying again without a change would fail in the same way.
type finalError struct{ error }

// Unwrap returns the cause.
func (e finalError) Unwrap() error { return e.error }

func isFinal(err error) bool {
	_, ok := errors.AsType[finalError](err)
	return ok
}

// carry does one effect and notes the outcome.
func (p *Plugin) carry(ctx context.Context, row *core.Record) error {
	return p.noteOutcome(row, p.perform(ctx, row))
}

// noteOutcome notes the outcome of an effect. One that failed is tried again, later and later, for ever, unless its error is final: it is
// visible in wx_outbox with its error.
func (p *Plugin) noteOutcome(row *core.Record, outcome error) error {
	attempts := row.GetInt("attempts") + 1
	row.Set("attempts", attempts)
	text := ""
	if outcome != nil {
		text = redact.Text(outcome.Error())
	}
	row.Set("error", text[:min(len(text), 1_000)])
	if outcome == nil || isFinal(outcome) {
		row.Set("doneAt", p.now())
	} else {
		row.Set("nextAt", p.now().Add(min(time.Hour, time.Second<<min(attempts, 12))))
	}
	if err := save(p.app, row); err != nil {
		return fmt.Errorf("save outbox: %w", err)
	}
	return p.alertForEffect(row, outcome)
}

// alertForEffect tells a person of an effect that was given up or keeps failing. Shipping has an alert of its own. A message that a buyer
// cannot be sent needs nobody, and of checks that WeChat refuses, or of a webhook that is away, one alert is enough.
func (p *Plugin) alertForEffect(row *core.Record, outcome error) error {
	effect, key, attempts := row.GetString("effect"), row.GetString("key"), row.GetInt("attempts")
	switch {
	case effect == effectUpload, effect == effectMessage && isFinal(outcome):
		return nil
	case effect == effectWebhook && outcome != nil && attempts >= effectAlerts, effect == effectCheck && isFinal(outcome):
		return p.raise(p.app, alertEffect, effect, map[string]any{"last": key, "error": row.GetString("error")})
	case effect == effectWebhook && outcome != nil:
		return nil //nolint:nilerr // it is noted on its row
	case effect == effectWebhook:
		return p.settle(p.app, alertEffect, effect, "the webhook was taken")
	case isFinal(outcome), outcome != nil && attempts >= effectAlerts:
		return p.raise(p.app, alertEffect, key, map[string]any{
			"effect": effect, "error": row.GetString("error"), "attempts": attempts, "givenUp": isFinal(outcome),
		})
	case outcome == nil && attempts > 1:
		return p.settle(p.app, alertEffect, key, "it has worked")
	default:
		return nil
	}
}

func (p *Plugin) perform(ctx context.Context, row *core.Record) error {
	var about struct {
		Order   string `json:"order"`
		Payment string `json:"payment"`
		Refund  string `json:"refund"`
		Wants   string `json:"wants"`
		State   string `json:"state"`
	}
	if err := row.UnmarshalJSONField("payload", &about); err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	switch effect := row.GetString("effect"); effect {
	case effectNotice:
		return p.announce(about.Order)
	case effectPaidHooks:
		return p.tellPaid(about.Order)
	case effectRefundHooks:
		return p.tellRefunded(about.Refund)
	case effectClosePayment:
		return p.closeReplaced(ctx, about.Payment)
	case effectAutoRefund:
		return p.refundAutomatically(ctx, about.Payment)
	case effectImport:
		return p.importByEffect(ctx, about.Payment)
	case effectUpload:
		return p.uploadShipment(ctx, row)
	case effectMessage:
		return p.tellBuyer(ctx, row)
	case effectPush:
		return p.handlePush(ctx, row)
	case effectCheck:
		return p.runCheck(ctx, row)
	case effectCheckLate:
		return p.checkAgain(ctx, row)
	case effectWebhook:
		return p.tellWebhook(ctx, row)
	case effectAlert:
		return p.raise(p.app, alertPayment, cmp.Or(about.Refund, about.Payment, about.Order), map[string]any{
			"payment": about.Payment, "refund": about.Refund, "order": about.Order, "wants": about.Wants, "state": about.State,
		})
	default:
		return fmt.Errorf("unknown effect %q", effect)
	}
}

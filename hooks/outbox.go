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

// Effects of the books themselves.
const (
	effectAlert   = "alert"         // a person must look; rows of versions before wx_alerts
	effectWebhook = "alert.webhook" // somebody is called about an alert
)

// effect is what one kind of row in wx_outbox means.
type effect struct {
	do    func(ctx context.Context, row *core.Record) error // makes one try
	carry func(ctx context.Context, row *core.Record) error // nil: carry; for an effect that a request may try at the same time
	alert func(row *core.Record, outcome error) error       // nil: alertForEffect; tells a person of what was given up or keeps failing
	lane  string                                            // of all rows of the kind; empty: that of the order they are about
}

// handle says what is done for the rows of an effect. All effects are registered before the worker starts.
func (p *Plugin) handle(name string, e effect) { p.effects[name] = e }

// about is what the payload of an effect may name.
type about struct {
	Order   string `json:"order"`
	Payment string `json:"payment"`
	Refund  string `json:"refund"`
	Wants   string `json:"wants"`
	State   string `json:"state"`
}

func aboutOf(row *core.Record) (about, error) {
	var a about
	if err := row.UnmarshalJSONField("payload", &a); err != nil {
		return about{}, fmt.Errorf("read payload: %w", err)
	}
	return a, nil
}

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
func (p *Plugin) wake() { p.outbox.wake() }

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

// startWorker runs the outbox, and beside it other work, until the app ends.
func (p *Plugin) startWorker(beside ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	p.outbox.stop = cancel
	p.outbox.done.Go(func() { defer p.outliveApp(); p.workOutbox(ctx) })
	for _, work := range beside {
		p.outbox.done.Go(func() { defer p.outliveApp(); work(ctx) })
	}
	p.wake() // what an earlier process left
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
	tick := time.NewTicker(p.every)
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
	if own := p.effects[row.GetString("effect")].carry; own != nil {
		return own(ctx, row)
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
	if own := p.effects[row.GetString("effect")].alert; own != nil {
		return own(row, outcome)
	}
	return p.alertForEffect(row, outcome)
}

// alertForEffect tells a person of an effect that was given up or keeps failing.
func (p *Plugin) alertForEffect(row *core.Record, outcome error) error {
	key, attempts := row.GetString("key"), row.GetInt("attempts")
	switch {
	case isFinal(outcome), outcome != nil && attempts >= effectAlerts:
		return p.raise(p.app, alertEffect, key, map[string]any{
			"effect": row.GetString("effect"), "error": row.GetString("error"), "attempts": attempts, "givenUp": isFinal(outcome),
		})
	case outcome == nil && attempts > 1:
		return p.settle(p.app, alertEffect, key, "it has worked")
	default:
		return nil
	}
}

// alertTogether raises one alert for all rows of an effect.
func (p *Plugin) alertTogether(row *core.Record) error {
	return p.raise(p.app, alertEffect, row.GetString("effect"), map[string]any{"last": row.GetString("key"), "error": row.GetString("error")})
}

func (p *Plugin) perform(ctx context.Context, row *core.Record) error {
	name := row.GetString("effect")
	known, ok := p.effects[name]
	if !ok {
		return fmt.Errorf("unknown effect %q", name)
	}
	return known.do(ctx, row)
}

// raiseOld turns a row of a version before wx_alerts into an alert.
func (p *Plugin) raiseOld(_ context.Context, row *core.Record) error {
	a, err := aboutOf(row)
	if err != nil {
		return err
	}
	return p.raise(p.app, alertPayment, cmp.Or(a.Refund, a.Payment, a.Order), map[string]any{
		"payment": a.Payment, "refund": a.Refund, "order": a.Order, "wants": a.Wants, "state": a.State,
	})
}

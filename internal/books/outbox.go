package books

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

// Effect is what one kind of row in wx_outbox means.
type Effect struct {
	Do    func(ctx context.Context, row *core.Record) error // makes one try
	Carry func(ctx context.Context, row *core.Record) error // nil: carry; for an effect that a request may try at the same time
	Alert func(row *core.Record, outcome error) error       // nil: AlertForEffect; tells a person of what was given up or keeps failing
	lane  string                                            // of all rows of the kind; empty: that of the order they are about
}

// Handle says what is done for the rows of an effect. All effects are registered before the worker starts.
func (b *Books) Handle(name string, e Effect) { b.effects[name] = e }

// About is what the payload of an effect may name.
type About struct {
	Order   string `json:"order"`
	Payment string `json:"payment"`
	Refund  string `json:"refund"`
	Wants   string `json:"wants"`
	State   string `json:"state"`
}

// AboutOf reads the payload of an effect.
func AboutOf(row *core.Record) (About, error) {
	var a About
	if err := row.UnmarshalJSONField("payload", &a); err != nil {
		return About{}, fmt.Errorf("read payload: %w", err)
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

// Wake makes the worker look in a moment. It never blocks.
func (b *Books) Wake() { b.outbox.wake() }

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

// QueueEffect adds an effect in the transaction of the transition that causes it. The key is unique, so it is there once however
// often the transition is tried.
func QueueEffect(tx core.App, effect, about string, payload map[string]any) error {
	key := effect + "/" + about
	if _, err := tx.FindFirstRecordByData("wx_outbox", "key", key); !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	_, err := Insert(tx, "wx_outbox", map[string]any{"effect": effect, "key": key, "payload": payload, "nextAt": types.NowDateTime()})
	return err
}

// StartWorker runs the outbox, and beside it other work, until the app ends.
func (b *Books) StartWorker(beside ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	b.outbox.stop = cancel
	b.outbox.done.Go(func() { defer b.OutliveApp(); b.workOutbox(ctx) })
	for _, work := range beside {
		b.outbox.done.Go(func() { defer b.OutliveApp(); work(ctx) })
	}
	b.Wake() // what an earlier process left
}

// OutliveApp lets a worker end when its app has been taken apart under it: PocketBase has no database then, and says so by a nil pointer. That is
// a step that was still under way after outboxGrace, or a program that resets the app without ending it.
func (b *Books) OutliveApp() {
	if b.app.IsBootstrapped() {
		return
	}
	_ = recover()
}

func (b *Books) workOutbox(ctx context.Context) {
	tick := time.NewTicker(b.every)
	defer tick.Stop()
	for ctx.Err() == nil {
		_, err := b.dispatch(ctx)
		b.LogError("outbox", errors.Join(err, b.outbox.lanes.fault()))
		select {
		case <-ctx.Done():
			return
		case <-b.outbox.woken:
		case <-tick.C:
		}
	}
}

// StopWorker waits for the steps at hand, but not for ever: what is not noted as done is done again at the next start.
func (b *Books) StopWorker() {
	if b.outbox.stop == nil {
		return
	}
	b.outbox.stop()
	ended := make(chan struct{})
	go func() { defer close(ended); b.outbox.done.Wait() }()
	select {
	case <-ended:
	case <-time.After(outboxGrace):
		b.app.Logger().Warn("the server ends while effects are under way; they are carried out again")
	}
}

// LogError logs an error that nobody else hears of; none, and that of an ended context, it leaves out.
func (b *Books) LogError(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		b.app.Logger().Error(what+" stopped", "error", err.Error())
	}
}

// carryDue is carry for the worker. Effects that a request may be carrying out at the same time take turns with it.
func (b *Books) carryDue(ctx context.Context, row *core.Record) error {
	if own := b.effects[row.GetString("effect")].Carry; own != nil {
		return own(ctx, row)
	}
	return b.carry(ctx, row)
}

// finalError is why an effect is given up: trying again without a change would fail in the same way.
type finalError struct{ error }

// Unwrap returns the cause.
func (e finalError) Unwrap() error { return e.error }

// Final says of an error of an effect that no further try can work, so that the effect is given up.
func Final(cause error) error { return finalError{cause} }

// IsFinal tells whether an effect with this outcome is given up.
func IsFinal(err error) bool {
	_, ok := errors.AsType[finalError](err)
	return ok
}

// carry does one effect and notes the outcome.
func (b *Books) carry(ctx context.Context, row *core.Record) error {
	return b.NoteOutcome(row, b.Perform(ctx, row))
}

// NoteOutcome notes the outcome of an effect. One that failed is tried again, later and later, for ever, unless its error is final: it is
// visible in wx_outbox with its error.
func (b *Books) NoteOutcome(row *core.Record, outcome error) error {
	attempts := row.GetInt("attempts") + 1
	row.Set("attempts", attempts)
	text := ""
	if outcome != nil {
		text = redact.Text(outcome.Error())
	}
	row.Set("error", text[:min(len(text), 1_000)])
	if outcome == nil || IsFinal(outcome) {
		row.Set("doneAt", b.now())
	} else {
		row.Set("nextAt", b.now().Add(min(time.Hour, time.Second<<min(attempts, 12))))
	}
	if err := Save(b.app, row); err != nil {
		return fmt.Errorf("save outbox: %w", err)
	}
	if own := b.effects[row.GetString("effect")].Alert; own != nil {
		return own(row, outcome)
	}
	return b.AlertForEffect(row, outcome)
}

// AlertForEffect tells a person of an effect that was given up or keeps failing.
func (b *Books) AlertForEffect(row *core.Record, outcome error) error {
	key, attempts := row.GetString("key"), row.GetInt("attempts")
	switch {
	case IsFinal(outcome), outcome != nil && attempts >= effectAlerts:
		return b.Raise(b.app, AlertEffect, key, map[string]any{
			"effect": row.GetString("effect"), "error": row.GetString("error"), "attempts": attempts, "givenUp": IsFinal(outcome),
		})
	case outcome == nil && attempts > 1:
		return b.Settle(b.app, AlertEffect, key, "it has worked")
	default:
		return nil
	}
}

// AlertTogether raises one alert for all rows of an effect.
func (b *Books) AlertTogether(row *core.Record) error {
	return b.Raise(b.app, AlertEffect, row.GetString("effect"), map[string]any{"last": row.GetString("key"), "error": row.GetString("error")})
}

// Perform makes one try of an effect. The caller notes the outcome by NoteOutcome.
func (b *Books) Perform(ctx context.Context, row *core.Record) error {
	name := row.GetString("effect")
	known, ok := b.effects[name]
	if !ok {
		return fmt.Errorf("unknown effect %q", name)
	}
	return known.Do(ctx, row)
}

// raiseOld turns a row of a version before wx_alerts into an alert.
func (b *Books) raiseOld(_ context.Context, row *core.Record) error {
	a, err := AboutOf(row)
	if err != nil {
		return err
	}
	return b.Raise(b.app, AlertPayment, cmp.Or(a.Refund, a.Payment, a.Order), map[string]any{
		"payment": a.Payment, "refund": a.Refund, "order": a.Order, "wants": a.Wants, "state": a.State,
	})
}

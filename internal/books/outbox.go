package books

import (
	"context"
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

	Wanted func() bool // nil: always; whether anybody listens, so that QueueWanted spares the row otherwise

	lane string // of all rows of the kind; empty: that of the order they are about
}

// Handle says what is done for the rows of an effect. All effects are registered before the worker starts.
func (o *outbox) Handle(name string, e Effect) { o.effects[name] = e }

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

// outbox carries out what a transaction has queued.
type outbox struct {
	*base
	alerts  *alerts
	every   time.Duration // how often the worker looks by itself
	effects map[string]Effect

	woken chan struct{}
	soon  atomic.Bool // somebody has woken the worker, and it has not been told yet
	stop  context.CancelFunc
	done  sync.WaitGroup
	lanes *lanes
}

func newOutbox(b *base, a *alerts, every time.Duration) *outbox {
	return &outbox{base: b, alerts: a, every: every, effects: map[string]Effect{}, woken: make(chan struct{}, 1), lanes: newLanes()}
}

// wakeAfter is how long the worker is left alone after somebody wants it, so that under load it looks once for many.
const wakeAfter = 5 * time.Millisecond

// Wake makes the worker look in a moment. It never blocks.
func (o *outbox) Wake() {
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
	_, err := InsertOnce(tx, "wx_outbox", map[string]any{"effect": effect, "key": effect + "/" + about, "payload": payload, "nextAt": types.NowDateTime()}, "key")
	return err
}

// QueueWanted is QueueEffect for an effect that somebody wants, and nothing for another.
func (o *outbox) QueueWanted(tx core.App, effect, about string, payload map[string]any) error {
	if wanted := o.effects[effect].Wanted; wanted != nil && !wanted() {
		return nil
	}
	return QueueEffect(tx, effect, about, payload)
}

// StartWorker runs the outbox, and beside it other work, until the app ends.
func (o *outbox) StartWorker(beside ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	o.stop = cancel
	o.done.Go(func() { defer o.OutliveApp(); o.work(ctx) })
	for _, work := range beside {
		o.done.Go(func() { defer o.OutliveApp(); work(ctx) })
	}
	o.Wake() // what an earlier process left
}

// OutliveApp lets a worker end when its app has been taken apart under it: PocketBase has no database then, and says so by a nil pointer. That is
// a step that was still under way after outboxGrace, or a program that resets the app without ending it.
func (o *outbox) OutliveApp() {
	if cause := recover(); cause != nil && o.app.IsBootstrapped() {
		panic(cause)
	}
}

func (o *outbox) work(ctx context.Context) {
	tick := time.NewTicker(o.every)
	defer tick.Stop()
	for ctx.Err() == nil {
		_, err := o.dispatch(ctx)
		o.LogError("outbox", errors.Join(err, o.lanes.fault()))
		select {
		case <-ctx.Done():
			return
		case <-o.woken:
		case <-tick.C:
		}
	}
}

// StopWorker waits for the steps at hand, but not for ever: what is not noted as done is done again at the next start.
func (o *outbox) StopWorker() {
	if o.stop != nil {
		o.stop()
	}
	ended := make(chan struct{})
	go func() { defer close(ended); o.done.Wait() }()
	select {
	case <-ended:
	case <-time.After(outboxGrace):
		o.app.Logger().Warn("the server ends while effects are under way; they are carried out again")
	}
}

// carryDue is carry for the worker. Effects that a request may be carrying out at the same time take turns with it.
func (o *outbox) carryDue(ctx context.Context, row *core.Record) error {
	if own := o.effects[row.GetString("effect")].Carry; own != nil {
		return own(ctx, row)
	}
	return o.carry(ctx, row)
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
func (o *outbox) carry(ctx context.Context, row *core.Record) error {
	return o.NoteOutcome(row, o.Perform(ctx, row))
}

// NoteOutcome notes the outcome of an effect. One that failed is tried again, later and later, for ever, unless its error is final: it is
// visible in wx_outbox with its error.
func (o *outbox) NoteOutcome(row *core.Record, outcome error) error {
	attempts := row.GetInt("attempts") + 1
	row.Set("attempts", attempts)
	text := ""
	if outcome != nil {
		text = redact.Text(outcome.Error())
	}
	row.Set("error", text[:min(len(text), 1_000)])
	if outcome == nil || IsFinal(outcome) {
		row.Set("doneAt", o.now())
	} else {
		row.Set("nextAt", o.now().Add(min(time.Hour, time.Second<<min(attempts, 12))))
	}
	if err := Write(o.app, row); err != nil {
		return fmt.Errorf("save outbox: %w", err)
	}
	if own := o.effects[row.GetString("effect")].Alert; own != nil {
		return own(row, outcome)
	}
	return o.alerts.AlertForEffect(row, outcome)
}

// Perform makes one try of an effect. The caller notes the outcome by NoteOutcome.
func (o *outbox) Perform(ctx context.Context, row *core.Record) error {
	name := row.GetString("effect")
	known, ok := o.effects[name]
	if !ok {
		return fmt.Errorf("unknown effect %q", name)
	}
	return known.Do(ctx, row)
}

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

// Effects of the package itself.
const (
	effectAlert   = "alert"         // raise an alert; rows from versions without wx_alerts
	effectWebhook = "alert.webhook" // call the webhook about an alert
)

// Effect is the meaning of one kind of row in wx_outbox.
type Effect struct {
	Do    func(ctx context.Context, row *core.Record) error // makes one try
	Carry func(ctx context.Context, row *core.Record) error // nil: carry; for an effect that a request may try at the same time
	Alert func(row *core.Record, outcome error) error       // nil: AlertForEffect; raises an alert for an effect that was given up or keeps failing

	Wanted func() bool // nil: always; false lets QueueWanted skip the row, because there is no listener

	lane string // of all rows of the kind; empty: the order of each row
}

// Handle registers the code of an effect. All effects are registered before the worker starts.
func (o *outbox) Handle(name string, e Effect) { o.effects[name] = e }

// About is what the payload of an effect may contain.
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

// outbox carries out what transactions have queued.
type outbox struct {
	*base
	alerts  *alerts
	every   time.Duration // how often the worker looks without being woken
	effects map[string]Effect

	woken chan struct{}
	soon  atomic.Bool // a Wake is pending
	stop  context.CancelFunc
	done  sync.WaitGroup
	lanes *lanes
}

func newOutbox(b *base, a *alerts, every time.Duration) *outbox {
	return &outbox{base: b, alerts: a, every: every, effects: map[string]Effect{}, woken: make(chan struct{}, 1), lanes: newLanes()}
}

// wakeAfter delays the worker after a Wake, so that under load it looks once for many.
const wakeAfter = 5 * time.Millisecond

// Wake makes the worker look soon. It never blocks.
func (o *outbox) Wake() {
	if !o.soon.CompareAndSwap(false, true) {
		return
	}
	time.AfterFunc(wakeAfter, func() {
		o.soon.Store(false) // note: before the worker looks, so that a later Wake wakes it again
		select {
		case o.woken <- struct{}{}:
		default:
		}
	})
}

// QueueEffect adds an effect in the transaction of its cause. The key is unique, so repeating the transition adds it
// only once.
func QueueEffect(tx core.App, effect, about string, payload map[string]any) error {
	_, err := InsertOnce(tx, "wx_outbox", map[string]any{"effect": effect, "key": effect + "/" + about, "payload": payload, "nextAt": types.NowDateTime()}, "key")
	return err
}

// QueueWanted is QueueEffect for an effect with listeners, and does nothing for others.
func (o *outbox) QueueWanted(tx core.App, effect, about string, payload map[string]any) error {
	if wanted := o.effects[effect].Wanted; wanted != nil && !wanted() {
		return nil
	}
	return QueueEffect(tx, effect, about, payload)
}

// StartWorker runs the outbox, and the other given work, until the app ends.
func (o *outbox) StartWorker(beside ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	o.stop = cancel
	o.done.Go(func() { defer o.OutliveApp(); o.work(ctx) })
	for _, work := range beside {
		o.done.Go(func() { defer o.OutliveApp(); work(ctx) })
	}
	o.Wake() // for what an earlier process left
}

// OutliveApp recovers the panic of a worker whose app was taken apart: PocketBase then has no database and panics with
// a nil pointer. That happens to a step that runs longer than outboxGrace, and in a program that resets the app without
// ending it.
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

// StopWorker waits a limited time for the running steps: a step that is not noted as done runs again at the next start.
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

// carryDue is carry for the worker. It takes turns with a request that may carry out the same effect.
func (o *outbox) carryDue(ctx context.Context, row *core.Record) error {
	if own := o.effects[row.GetString("effect")].Carry; own != nil {
		return own(ctx, row)
	}
	return o.carry(ctx, row)
}

// finalError is why an effect is given up: a repeat without a change would fail in the same way.
type finalError struct{ error }

// Unwrap returns the cause.
func (e finalError) Unwrap() error { return e.error }

// Final marks an error of an effect as final: a repeat cannot succeed, and the effect is given up.
func Final(cause error) error { return finalError{cause} }

// IsFinal tells whether this outcome gives the effect up.
func IsFinal(err error) bool {
	_, ok := errors.AsType[finalError](err)
	return ok
}

// carry does one effect and notes the outcome.
func (o *outbox) carry(ctx context.Context, row *core.Record) error {
	return o.NoteOutcome(row, o.Perform(ctx, row))
}

// NoteOutcome notes the outcome of an effect. A failed one is repeated at growing intervals, without end, unless its
// error is final; wx_outbox shows it with its error.
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

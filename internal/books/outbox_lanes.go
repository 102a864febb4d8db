package books

// How the outbox is carried out. Effects of one order run in sequence, in their own lane; several lanes run
// concurrently, so that a slow hook delays only its own order.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase/core"
)

const (
	outboxLanes  = 8                // concurrent effects
	outboxBatch  = 50               // rows read at a time, besides those in a lane
	outboxMost   = 1_000            // rows in lanes
	outboxGrace  = 5 * time.Second  // how long the end of the process waits for effects
	outboxPause  = 10 * time.Second // before an effect whose outcome could not be noted is repeated
	effectAlerts = 10               // tries before an alert
)

// effectTimeout limits one effect. A slower one gives its place to others; it is not started a second time while it
// runs.
const effectTimeout = 2 * time.Minute

// lanes holds the running and waiting effects.
type lanes struct {
	slots   chan struct{}
	timeout time.Duration

	mu     sync.Mutex
	taken  map[string]struct{}       // ids of rows in a lane
	queues map[string][]*core.Record // waiting rows by lane; a lane in the map is running
	idle   *sync.Cond                // signals that a lane has ended
	failed error                     // error of noting an outcome, until it is read
	beat   time.Time                 // when the worker last looked
}

func newLanes() *lanes {
	l := &lanes{
		slots: make(chan struct{}, outboxLanes), timeout: effectTimeout,
		taken: map[string]struct{}{}, queues: map[string][]*core.Record{},
	}
	l.idle = sync.NewCond(&l.mu)
	return l
}

// dispatch puts all due rows into lanes, the oldest first, and returns the number of new ones.
func (o *outbox) dispatch(ctx context.Context) (int, error) {
	l := o.lanes
	l.mu.Lock()
	taken := slices.Collect(maps.Keys(l.taken))
	l.beat = time.Now()
	l.mu.Unlock()
	if len(taken) >= outboxMost {
		return 0, nil
	}
	var due []*core.Record
	if err := OtherEffects(o.app, o.now(), taken).All(&due); err != nil {
		return 0, fmt.Errorf("read outbox: %w", err)
	}
	added := 0
	for _, row := range due {
		if o.enter(ctx, row) {
			added++
		}
	}
	return added, nil
}

// enter puts a row into its lane, unless it is in a lane.
func (o *outbox) enter(ctx context.Context, row *core.Record) bool {
	l := o.lanes
	l.mu.Lock()
	_, taken := l.taken[row.Id]
	l.mu.Unlock()
	if taken || ctx.Err() != nil {
		return false
	}
	key := o.laneOf(row)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken[row.Id] = struct{}{}
	queue, busy := l.queues[key]
	l.queues[key] = append(queue, row)
	if !busy {
		o.done.Go(func() { defer o.OutliveApp(); o.runLane(ctx, key) })
	}
	return true
}

// laneOf is the order that an effect is about, or the effect itself.
func (o *outbox) laneOf(row *core.Record) string {
	if lane := o.effects[row.GetString("effect")].lane; lane != "" {
		return lane
	}
	about, err := AboutOf(row)
	if err != nil {
		return row.Id
	}
	for _, of := range []struct{ table, id string }{{"refunds", about.Refund}, {"payments", about.Payment}} {
		if about.Order != "" || of.id == "" {
			continue
		}
		_ = o.app.DB().Select("order").From(of.table).Where(dbx.HashExp{"id": of.id}).Row(&about.Order) // an unknown row shares no lane
	}
	if about.Order == "" {
		return row.Id
	}
	return "order/" + about.Order
}

// runLane carries out a lane until it is empty.
func (o *outbox) runLane(ctx context.Context, key string) {
	l := o.lanes
	for {
		l.mu.Lock()
		queue := l.queues[key]
		if len(queue) == 0 {
			delete(l.queues, key)
			l.idle.Broadcast()
			l.mu.Unlock()
			o.Wake() // there may be more than was read
			return
		}
		row := queue[0]
		l.queues[key] = queue[1:]
		l.mu.Unlock()
		err := o.runEffect(ctx, row)
		l.leave(row.Id, err)
	}
}

// leave takes a row out of its lane. A row whose outcome could not be noted is still due: the worker skips it for a
// while, because a full disk would otherwise repeat it endlessly.
func (l *lanes) leave(id string, err error) {
	forget := func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.taken, id)
	}
	if err == nil {
		forget()
		return
	}
	l.mu.Lock()
	l.failed = errors.Join(l.failed, err)
	l.mu.Unlock()
	time.AfterFunc(outboxPause, forget)
}

// runEffect carries out one row within its time, in its own place. A Go hook that does not return cannot be stopped: it
// keeps its lane and gives up its place.
func (o *outbox) runEffect(ctx context.Context, row *core.Record) error {
	l := o.lanes
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	var free sync.Once
	release := func() { free.Do(func() { <-l.slots }) }
	defer release()
	limited, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	key := row.GetString("key")
	row, due, err := o.stillDue(row.Id)
	if err != nil || !due {
		return err
	}
	late := time.AfterFunc(l.timeout, func() {
		release()
		o.LogError("alert", o.alerts.Raise(o.app, AlertEffect, key, map[string]any{"error": "it has not come back for " + l.timeout.String()}))
	})
	err = o.carryDue(limited, row)
	if !late.Stop() && err == nil && row.GetString("error") == "" {
		err = o.alerts.Settle(o.app, AlertEffect, key, "it has come back")
	}
	return err
}

// stillDue reads a row again at its turn. NB! another lane may have carried it out between the reading of due rows and
// the entering of a lane; without this it would be carried out twice.
func (o *outbox) stillDue(id string) (*core.Record, bool, error) {
	row, err := ByID(o.app, "wx_outbox", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read outbox: %w", err)
	}
	return row, row.GetDateTime("doneAt").IsZero() && !row.GetDateTime("nextAt").Time().After(o.now()), nil
}

// Drain carries out everything that is due and waits for it.
func (o *outbox) Drain(ctx context.Context) error {
	for {
		added, err := o.dispatch(ctx)
		if err != nil {
			return err
		}
		if err := o.lanes.wait(); err != nil {
			return err
		}
		if added == 0 || ctx.Err() != nil {
			return nil //nolint:nilerr // the rest runs at the next start
		}
	}
}

// wait returns when all lanes have ended, with the error of noting an outcome.
func (l *lanes) wait() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queues) > 0 {
		l.idle.Wait()
	}
	err := l.failed
	l.failed = nil
	return err
}

// idleFor is how long the worker has not looked.
func (l *lanes) idleFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.beat.IsZero() { // it is just starting
		l.beat = time.Now()
	}
	return time.Since(l.beat)
}

// fault returns the error of noting an outcome, and clears it.
func (l *lanes) fault() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.failed
	l.failed = nil
	return err
}

// IdleFor is how long the worker has not looked.
func (o *outbox) IdleFor() time.Duration { return o.lanes.idleFor() }

// CarryOut puts a row of the outbox into its lane, and waits.
func (o *outbox) CarryOut(ctx context.Context, row *core.Record) error {
	o.enter(ctx, row)
	return o.lanes.wait()
}

// SetPlaces sets the number of concurrent effects and the timeout of one. Call it before the worker starts.
func (o *outbox) SetPlaces(places int, timeout time.Duration) {
	l := o.lanes
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slots, l.timeout = make(chan struct{}, places), timeout
}

package scripts

// How long a script may run. A loop in a handler that runs inside a transaction holds the one writer, and so stops every payment; one
// outside holds a request or an effect. So each run of a runtime has a limit, a short one as long as a transaction is open, after which
// goja is interrupted: the handler fails, the transaction is rolled back, and a person is told.
//
// PocketBase's plugin makes the runtimes and runs the handlers, and has no place for a limit. What it does around each run is visible
// from inside of the runtime, though: it sets the globals __args and $app. They are made accessors here. A test fails should that change.
//
// note: time that a handler spends in e.next() is not its own and does not count, or a realtime connection would be cut.

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// scriptLimits are how long a handler may run by itself.
type scriptLimits struct {
	load, usual, transaction time.Duration
}

// scriptGuard watches all runtimes.
type scriptGuard struct {
	limits scriptLimits
	tell   func(what string, after time.Duration, inTransaction bool) // of a run that was stopped

	mu      sync.Mutex
	running map[*scriptRun]struct{}
	closing bool
}

func newScriptGuard(limits scriptLimits, tell func(string, time.Duration, bool)) *scriptGuard {
	return &scriptGuard{limits: limits, tell: tell, running: map[*scriptRun]struct{}{}}
}

// stopAll interrupts what runs now, for the end of the process. What begins later is interrupted at once.
func (g *scriptGuard) stopAll() {
	g.mu.Lock()
	g.closing = true
	runs := make([]*scriptRun, 0, len(g.running))
	for r := range g.running {
		runs = append(runs, r)
	}
	g.mu.Unlock()
	for _, r := range runs {
		r.stop("the server ends")
	}
}

// add notes a run, and tells whether the process ends.
func (g *scriptGuard) add(r *scriptRun) (closing bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running[r] = struct{}{}
	return g.closing
}

func (g *scriptGuard) remove(r *scriptRun) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, r)
}

// loadingScripts names the run that loads files: its error goes to the loader.
const loadingScripts = "loading"

// scriptRun is one run of a handler, from the moment at which its arguments are set.
type scriptRun struct {
	guard *scriptGuard
	vm    *goja.Runtime
	what  string
	ended chan struct{} // closed when the run is over or has been interrupted, so that a sleep ends too

	mu     sync.Mutex
	open   bool           // interrupting makes sense
	clocks []*scriptClock // the limits in force: the run's own, and one per transaction that it has begun
	away   int            // depth of e.next()
}

// scriptClock counts the time of a limit; it stands still during e.next().
type scriptClock struct {
	limit, left time.Duration
	since       time.Time
	timer       *time.Timer
	tx          bool
}

func (g *scriptGuard) begin(vm *goja.Runtime, what string, limit time.Duration, inTransaction bool) *scriptRun {
	r := &scriptRun{guard: g, vm: vm, what: what, ended: make(chan struct{}), open: true}
	closing := g.add(r)
	r.addClock(limit, inTransaction)
	if closing {
		r.stop("the server ends")
	}
	return r
}

// addClock puts a limit in force and returns what lifts it.
func (r *scriptRun) addClock(limit time.Duration, inTransaction bool) (lift func()) {
	c := &scriptClock{limit: limit, left: limit, since: time.Now(), tx: inTransaction}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clocks = append(r.clocks, c)
	c.timer = time.AfterFunc(limit, func() { r.expire(c) })
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		c.timer.Stop()
		c.left = -1
	}
}

// expire stops a run whose time is up.
func (r *scriptRun) expire(c *scriptClock) {
	r.mu.Lock()
	due := r.open && r.away == 0 && c.left >= 0
	r.mu.Unlock()
	if due && r.stop(fmt.Sprintf("it has run for %s, which is as long as it may", c.limit)) && r.what != loadingScripts {
		r.guard.tell(r.what, c.limit, c.tx)
	}
}

// stop interrupts a run once, and tells whether there was something to stop.
func (r *scriptRun) stop(why string) bool {
	r.guard.remove(r) // note: a run that is interrupted may never come to its end
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open {
		return false
	}
	r.open = false
	r.vm.Interrupt(errors.New("stopped: " + why))
	close(r.ended)
	return true
}

// end is the end of a run; the runtime is clean for the next one.
func (r *scriptRun) end() {
	r.guard.remove(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open {
		close(r.ended)
	}
	r.open = false
	for _, c := range r.clocks {
		c.timer.Stop()
	}
	r.vm.ClearInterrupt()
}

// leave and arrive stand around what a handler waits for but does not do.
func (r *scriptRun) leave() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away++; r.away > 1 {
		return
	}
	for _, c := range r.clocks {
		c.timer.Stop()
		if c.left >= 0 {
			c.left = max(0, c.left-time.Since(c.since))
		}
	}
}

func (r *scriptRun) arrive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away--; r.away > 0 {
		return
	}
	for _, c := range r.clocks {
		if c.left >= 0 {
			c.since = time.Now()
			c.timer.Reset(c.left)
		}
	}
}

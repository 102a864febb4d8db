package hooks

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
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/plugins/jsvm"
	"github.com/pocketbase/pocketbase/tools/hook"
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

// loadingScripts is what a run is called while files are loaded: who loads them hears of the error.
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

// scriptRuntime is one goja runtime under watch.
type scriptRuntime struct {
	guard *scriptGuard
	vm    *goja.Runtime
	run   *scriptRun // nil while it is idle; runtimes are used by one goroutine at a time
	args  goja.Value
	app   goja.Value
}

// watch prepares a runtime that PocketBase's plugin has just made.
func (g *scriptGuard) watch(vm *goja.Runtime) (*scriptRuntime, error) {
	s := &scriptRuntime{guard: g, vm: vm, args: goja.Undefined(), app: goja.Undefined()}
	vm.SetFieldNameMapper(scriptNames{})
	if app := vm.Get("$app"); app != nil { // a runtime of migrations has none
		s.app = s.limited(app)
	}
	return s, errors.Join(
		s.accessor("__args", func() goja.Value { return s.args }, s.setArgs),
		s.accessor("$app", func() goja.Value { return s.app }, s.setApp),
		s.guardEvents(), s.guardCron(), s.guardWaits(),
	)
}

func (s *scriptRuntime) accessor(name string, get func() goja.Value, set func(goja.Value)) error {
	return s.vm.GlobalObject().DefineAccessorProperty(name, s.vm.ToValue(get), s.vm.ToValue(func(call goja.FunctionCall) goja.Value {
		set(call.Argument(0))
		return goja.Undefined()
	}), goja.FLAG_TRUE, goja.FLAG_TRUE)
}

// setArgs is the begin of a run, and with undefined its end.
func (s *scriptRuntime) setArgs(v goja.Value) {
	s.args = v
	if s.run != nil {
		s.run.end()
		s.run = nil
	}
	if goja.IsUndefined(v) {
		return
	}
	what, inTransaction := aboutRun(v)
	limit := s.guard.limits.usual
	if inTransaction {
		limit = s.guard.limits.transaction
	}
	s.run = s.guard.begin(s.vm, what, limit, inTransaction)
}

// aboutRun says what a handler handles, and whether a transaction is open around it.
func aboutRun(args goja.Value) (what string, inTransaction bool) {
	list, _ := args.Export().([]any)
	if len(list) == 0 || list[0] == nil {
		return "a handler without an event", false
	}
	if id, ok := list[0].(string); ok {
		return "cron job " + id, false
	}
	what = strings.TrimPrefix(fmt.Sprintf("%T", list[0]), "*")
	event := reflect.Indirect(reflect.ValueOf(list[0]))
	if event.Kind() != reflect.Struct {
		return what, false
	}
	for _, field := range []string{"Type", "Record"} {
		switch v := fieldOf(event, field).(type) {
		case string:
			what += " " + v
		case *core.Record:
			if v != nil {
				what += " " + v.Collection().Name
			}
		}
	}
	app, ok := fieldOf(event, "App").(core.App)
	return what, ok && app != nil && app.IsTransactional()
}

func fieldOf(event reflect.Value, name string) any {
	if f := event.FieldByName(name); f.IsValid() && f.CanInterface() {
		return f.Interface()
	}
	return nil
}

// setApp gives scripts an app whose transactions have the short limit.
func (s *scriptRuntime) setApp(v goja.Value) { s.app = s.limited(v) }

func (s *scriptRuntime) limited(v goja.Value) goja.Value {
	app, ok := v.Export().(core.App)
	if !ok {
		return v
	}
	if _, ok := app.(limitedApp); ok {
		return v
	}
	return s.vm.ToValue(limitedApp{app, s})
}

// limitedApp is an app inside of a runtime.
type limitedApp struct {
	core.App
	runtime *scriptRuntime
}

// RunInTransaction is PocketBase's, with the short limit from the moment at which the writer is held.
func (a limitedApp) RunInTransaction(fn func(tx core.App) error) error {
	return a.App.RunInTransaction(func(tx core.App) error {
		if run := a.runtime.run; run != nil {
			defer run.addClock(a.runtime.guard.limits.transaction, true)()
		}
		return fn(tx)
	})
}

// scriptNames gives the members of events that are guarded another name; guardEvents puts the guarded ones in their place.
type scriptNames struct{ jsvm.FieldMapper }

// MethodName implements goja.FieldNameMapper.
func (n scriptNames) MethodName(t reflect.Type, m reflect.Method) string {
	if m.Name == "Next" && t.Implements(reflect.TypeFor[hook.Resolver]()) {
		return "__next"
	}
	return n.FieldMapper.MethodName(t, m)
}

// FieldName implements goja.FieldNameMapper.
func (n scriptNames) FieldName(t reflect.Type, f reflect.StructField) string {
	if f.Name == "App" && f.Type == reflect.TypeFor[core.App]() {
		return "__app"
	}
	return n.FieldMapper.FieldName(t, f)
}

// guardEvents defines `next` and `app` of events. They are looked up in the prototype of all objects, where nothing else has them.
func (s *scriptRuntime) guardEvents() error {
	next := func(_ *goja.Object, inner goja.Value) goja.Value {
		call, ok := goja.AssertFunction(inner)
		if !ok {
			return inner
		}
		return s.vm.ToValue(func(c goja.FunctionCall) goja.Value { return s.callNext(call, c) })
	}
	app := func(_ *goja.Object, inner goja.Value) goja.Value { return s.limited(inner) }
	return errors.Join(s.shade("next", "__next", next), s.shade("app", "__app", app))
}

func (s *scriptRuntime) callNext(next goja.Callable, c goja.FunctionCall) goja.Value {
	if run := s.run; run != nil {
		run.leave()
		defer run.arrive()
	}
	v, err := next(c.This, c.Arguments...)
	if err != nil {
		panic(err) // goja turns it into the exception that it was
	}
	return v
}

// shade defines a member for all Go values that have the inner name. Other objects are as they would be without.
func (s *scriptRuntime) shade(name, inner string, wrap func(*goja.Object, goja.Value) goja.Value) error {
	get := func(c goja.FunctionCall) goja.Value {
		this, ok := c.This.(*goja.Object)
		if !ok {
			return goja.Undefined()
		}
		v := this.Get(inner)
		if v == nil || goja.IsUndefined(v) {
			return goja.Undefined()
		}
		return wrap(this, v)
	}
	set := func(c goja.FunctionCall) goja.Value {
		this, ok := c.This.(*goja.Object)
		if !ok {
			return goja.Undefined()
		}
		var err error
		if v := this.Get(inner); v != nil && !goja.IsUndefined(v) {
			err = this.Set(inner, c.Argument(0))
		} else {
			err = this.DefineDataProperty(name, c.Argument(0), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE)
		}
		if err != nil {
			panic(err)
		}
		return goja.Undefined()
	}
	proto := s.vm.Get("Object").ToObject(s.vm).Get("prototype").ToObject(s.vm)
	return proto.DefineAccessorProperty(name, s.vm.ToValue(get), s.vm.ToValue(set), goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// guardCron makes a cron job a run: PocketBase's plugin calls it without arguments, and with them the clock begins.
func (s *scriptRuntime) guardCron() error {
	var add goja.Value
	wrapped := s.vm.ToValue(func(c goja.FunctionCall) goja.Value {
		call, ok := goja.AssertFunction(add)
		if !ok {
			panic(s.vm.NewTypeError("cronAdd is not ready"))
		}
		id := strconv.Quote(c.Argument(0).String())
		handler := "function() { __args = [" + id + "]; try { return (" + c.Argument(2).String() + ").apply(undefined) } finally { __args = undefined } }"
		v, err := call(goja.Undefined(), c.Argument(0), c.Argument(1), s.vm.ToValue(handler))
		if err != nil {
			panic(err)
		}
		return v
	})
	return s.accessor("cronAdd", func() goja.Value {
		if add == nil {
			return goja.Undefined()
		}
		return wrapped
	}, func(v goja.Value) { add = v })
}

// guardWaits makes the calls that wait outside of the runtime end with its time: goja cannot interrupt them.
func (s *scriptRuntime) guardWaits() error {
	sleep := func(milliseconds int64) {
		var ended <-chan struct{}
		if s.run != nil {
			ended = s.run.ended
		}
		select {
		case <-ended:
		case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		}
	}
	if err := s.vm.Set("sleep", sleep); err != nil {
		return err
	}
	return s.guardSend()
}

// guardSend shortens the timeout of $http.send to what is left of the run.
func (s *scriptRuntime) guardSend() error {
	http, ok := s.vm.Get("$http").(*goja.Object)
	if !ok {
		return nil
	}
	send, ok := goja.AssertFunction(http.Get("send"))
	if !ok {
		return nil
	}
	return http.Set("send", func(c goja.FunctionCall) goja.Value {
		params, ok := c.Argument(0).(*goja.Object)
		if ok && s.run != nil {
			copied := s.vm.NewObject()
			for _, key := range params.Keys() {
				_ = copied.Set(key, params.Get(key))
			}
			_ = copied.Set("timeout", s.run.seconds(copied.Get("timeout")))
			c.Arguments = append([]goja.Value{copied}, c.Arguments[1:]...)
		}
		v, err := send(c.This, c.Arguments...)
		if err != nil {
			panic(err)
		}
		return v
	})
}

// seconds is a timeout that ends with the run; PocketBase's own is two minutes.
func (r *scriptRun) seconds(asked goja.Value) int64 {
	left := 120 * time.Second
	if asked != nil {
		if n := asked.ToInteger(); n > 0 {
			left = time.Duration(n) * time.Second
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.clocks {
		if c.left >= 0 {
			left = min(left, c.left-time.Since(c.since))
		}
	}
	return max(1, int64((left+time.Second-1)/time.Second))
}

package scripts

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/dop251/goja"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/plugins/jsvm"
	"github.com/pocketbase/pocketbase/tools/hook"
)

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
	if ours, ok := strings.CutPrefix(what, "events."); ok {
		what = "hooks." + ours // the name by which embedders and the documentation know it
	}
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
